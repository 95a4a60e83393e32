"""Pictures of other bands than RGB's through the engine: nothing is alpha, nothing is padded, tiles are exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan import Upscaler
from srgan.engine.consistency import Consistency
from srgan.errors import ModelError, UsageError
from srgan.evaluation.benchmark import evaluate
from srgan.models.export import build_onnx, save_onnx, set_card
from srgan.models.metadata import read_info
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.resize.resample import resample
from support.bands import levels, plain, random, save_network, wanted


@pytest.fixture(scope="module", params=[1, 2, 4, 5, 13])
def network(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return save_network(tmp_path_factory.mktemp("net") / "net.onnx", request.param), request.param


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiles_give_what_the_network_gives_for_the_whole(network: tuple[Path, int], dtype: Any) -> None:
    path, bands = network
    pixels = random((150, 130, bands), dtype)
    upscaler = Upscaler(path)
    config = upscaler._config
    object.__setattr__(config.budget, "memory", config.budget.least(upscaler._networks.first) * 3 // 2)
    plan = upscaler.plan(150, 130, dtype, bands)
    assert len(plan.tiles) > 2
    assert plan.halo == upscaler._networks.first.radius
    found = upscaler(pixels)
    assert (found.dtype, found.shape) == (dtype, (300, 260, bands))
    assert np.abs(found.astype(int) - wanted(path, pixels)).max() <= levels(dtype)
    assert found.std() > 0.05 * np.iinfo(dtype).max


def test_four_bands_are_no_alpha(tmp_path: Path) -> None:
    """The fourth one goes through the network, and a 0 in it hides nothing, at any size."""
    path = save_network(tmp_path / "net.onnx", 4)
    pixels = random((30, 40, 4), np.uint16)
    pixels[:, :20, 3] = 0
    larger = wanted(path, pixels)
    assert np.abs(Upscaler(path)(pixels).astype(int) - larger).max() <= levels(np.uint16)
    found = Upscaler(path, width=60)(pixels)
    by_band = [resample(larger[:, :, band : band + 1], 45, 60) for band in range(4)]
    assert np.abs(found.astype(int) - np.concatenate(by_band, axis=2)).max() <= levels(np.uint16) + 1
    dark = Consistency(pixels, (60, 80), channels=4)
    dark.feed(np.where(np.arange(80)[None, :, None] < 40, 0, larger).astype(np.uint16))
    assert dark.psnr < 10  # where the fourth band is 0, too


def test_tta_and_wrap_do_as_for_photographs(tmp_path: Path) -> None:
    path = save_network(tmp_path / "net.onnx", 5)
    pixels = random((24, 32, 5), np.uint8)
    turned = [np.rot90(plain(path, np.rot90(pixels, n)), -n) for n in range(4)]
    mirrored = [np.rot90(plain(path, np.rot90(pixels[:, ::-1], n)), -n)[:, ::-1] for n in range(4)]
    mean = np.clip(np.mean(turned + mirrored, axis=0), 0, 255)
    assert np.abs(Upscaler(path, tta=True)(pixels) - mean).max() < 1
    around = wanted(path, np.tile(pixels, (3, 3, 1)))[48:96, 64:128]
    assert np.abs(Upscaler(path, wrap=True)(pixels).astype(int) - around).max() <= 1


def test_a_flat_corner_stays_as_it_is_and_a_dark_one_is_not_taken_for_flat(tmp_path: Path) -> None:
    path = save_network(tmp_path / "net.onnx", 2)
    pixels = random((60, 60, 2), np.uint16) // 200  # within 2 of 255 levels: photographs' tolerance
    pixels[:30, :30] = 0
    found = Upscaler(path)(pixels)
    assert not found[:20, :20].any()
    assert np.abs(found[80:].astype(int) - wanted(path, pixels)[80:]).max() <= levels(np.uint16)


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"memory of 0 MB is too little for many-x2: give \d+ MB"):
        Upscaler(save_network(tmp_path / "net.onnx", 5), memory=100_000)


def test_only_fitting_arrays_are_taken(tmp_path: Path) -> None:
    five, one = (Upscaler(save_network(tmp_path / f"{bands}.onnx", bands)) for bands in (5, 1))
    with pytest.raises(ValueError, match=r"for pictures of 5 bands, and this array has shape \(20, 30, 3\)"):
        five(random((20, 30, 3), np.uint8))
    with pytest.raises(ValueError, match="for pictures of one band"):
        one(random((20, 30, 3), np.uint8))
    assert one(random((20, 30), np.uint8)).shape == (40, 60)


def test_what_is_for_rgb_says_so(tmp_path: Path) -> None:
    path = save_network(tmp_path / "net.onnx", 5)
    assert (read_info(path).bands, Upscaler(path).channels, Upscaler("srresnet-x4").channels) == (5, 5, 3)
    with pytest.raises(
        ModelError, match="many-x2 is a network for pictures of 5 bands, and benchmarks are of RGB pictures"
    ):
        evaluate(path, [tmp_path])


def test_a_network_whose_card_says_nothing_of_its_bands_is_named(tmp_path: Path) -> None:
    config = GeneratorConfig(features=4, blocks=1, scale=2, bands=5, norm="none", output="linear")
    model = build_onnx({key: value.numpy() for key, value in Generator(config).state_dict().items()}, config)
    set_card(model, name="silent-x2", scale=2, card={})
    save_onnx(model, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="but of 5 bands, and its card does not say so"):
        Upscaler(tmp_path / "net.onnx")
