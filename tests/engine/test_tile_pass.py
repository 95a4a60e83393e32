"""One pass through a network: what it plans, how far it says that it is, and what is on the other side of an edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan import Upscaler
from srgan.engine.budget import Budget
from srgan.engine.tile_pass import Meter, TilePass, wrapped
from srgan.engine.tiling import Box
from srgan.runtime.network import open_network
from srgan.runtime.openvino_part import CompiledPart
from support import tiny_models
from support.bands import random


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.residual(tmp_path_factory.mktemp("net") / "net.onnx")


def test_the_meter_tells_whole_pixels_and_never_more_than_all() -> None:
    told: list[tuple[int, int]] = []
    meter = Meter(lambda done, total: told.append((done, total)), 10)
    for done in (0.2, 3.5, 9.9, 10.4, 11):
        meter.tell(done)
    assert told == [(0, 10), (4, 10), (10, 10), (10, 10), (10, 10)]
    Meter(None, 10).tell(5)  # nobody listens


def test_wrapped_is_the_middle_of_the_pattern_laid_out() -> None:
    picture = random((5, 4, 3), np.uint8)
    assert np.array_equal(wrapped(picture, 7), np.tile(picture, (5, 5, 1))[10 - 7 : 15 + 7, 8 - 7 : 12 + 7])
    assert np.array_equal(wrapped(picture[:, :, 0], 2), np.tile(picture[:, :, 0], (3, 3))[3:12, 2:10])
    assert wrapped(picture, 0) is picture


@pytest.mark.parametrize("margin", [0, 3])
def test_a_pass_gives_its_region_in_bands(model: Path, margin: int) -> None:
    """With a margin the region is larger than the picture by what goes on beyond its edges."""
    picture = random((160, 40, 3), np.uint8)
    least = Budget(0, exact=False, tta=False).least(open_network(model, precision="fp32"))
    upscaler = Upscaler(model, wrap=True, precision="fp32", memory=least, device="cpu")
    one = TilePass(upscaler._config, picture, Meter(None, picture.size), margin)
    region = one.plan.region
    assert (region.height, region.width) == (160 + 2 * margin, 40 + 2 * margin)
    parts = []
    for band in one.plan.bands:
        rows = np.empty((band[0].core.height * upscaler.scale, region.width * upscaler.scale, 3), np.uint8)
        one.compute(band, rows)
        parts.append(rows)
    assert len(parts) > 1
    edge = margin * upscaler.scale
    made = np.concatenate(parts)
    inside = made[edge : made.shape[0] - edge, edge : made.shape[1] - edge]
    assert np.abs(inside.astype(int) - upscaler(picture)).max() <= 1


def test_alpha_is_no_colour_of_the_network(model: Path) -> None:
    picture = random((20, 30, 4), np.uint8)
    picture[:, :, 3] = 255
    upscaler = Upscaler(model, precision="fp32", device="cpu")
    out = np.empty((80, 120, 4), np.uint8)
    one = TilePass(upscaler._config, picture, Meter(None, 600))
    assert one.plan.region == Box(0, 0, 20, 30)
    one.compute(one.plan.bands[0], out)
    assert (out[:, :, 3] == 255).all()
    assert np.array_equal(out[:, :, :3], upscaler(picture[:, :, :3]))


def test_the_memory_stays_for_pictures_of_one_size_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    assert network.body is not None
    upscaler = Upscaler(network.path, precision="fp32")
    released: list[bool] = []
    release = CompiledPart.release

    def releasing(part: CompiledPart) -> None:
        released.append(part.scale > 1)
        release(part)

    monkeypatch.setattr(CompiledPart, "release", releasing)
    once = [False, True]  # the body's, then the tail's
    for side, expected in ((8, once), (8, []), (8, []), (9, once), (8, once), (8, [])):
        released.clear()
        upscaler(np.zeros((side, 8, 3), np.uint8))
        assert released == expected
