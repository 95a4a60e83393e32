"""Results of two networks mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan import Upscaler
from srgan.engine.mix import MixedUpscaler, check_denoise
from srgan.engine.sizes import Target
from srgan.errors import UsageError
from support import tiny_models


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Upscaler, Upscaler]:
    clean = Upscaler(tiny_models.nearest(tmp_path / "clean.onnx", scale=4, name="clean"), precision="fp32")
    other = Upscaler(tiny_models.residual(tmp_path / "other.onnx", name="other"), precision="fp32", memory=10**8)
    return clean, other


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("target", [Target(), Target(scale=1), Target(width=100)])
def test_it_is_the_mean_by_shares_whole_and_in_bands(
    pair: tuple[Upscaler, Upscaler], dtype: type, target: Target
) -> None:
    random = np.random.default_rng(0).random((40, 30, 4))
    full = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    picture = (random * full).astype(dtype)
    clean, other = (one.sized(target)(picture).astype(np.float64) for one in pair)
    mixed = MixedUpscaler(*pair, 0.25).sized(target)
    told: list[tuple[int, int]] = []
    result = mixed(picture, progress=lambda done, total: told.append((done, total)))
    assert result.dtype == dtype
    np.testing.assert_allclose(result, 0.75 * clean + 0.25 * other, atol=0.51 if full > 1 else 1e-6)
    np.testing.assert_array_equal(np.concatenate(list(mixed.bands(picture))), result)
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert np.abs(clean - other).max() > 0.01 * full


def test_it_keeps_rank_and_says_what_it_is(pair: tuple[Upscaler, Upscaler]) -> None:
    mixed = MixedUpscaler(*pair, 0.5)
    assert mixed(np.zeros((6, 5), np.uint8)).shape == (24, 20)
    assert mixed.name == "clean + 50% other"
    assert mixed.label == "x4"
    assert not mixed.takes_rows(1000, 1000)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_strength_is_from_0_to_1(wrong: float) -> None:
    with pytest.raises(UsageError, match="denoise is"):
        check_denoise(wrong)
