"""The choice of the network, with tiny ones in the place of the shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.engine.choice import ModelChooser, as_chooser
from srgan.engine.sizes import Target
from srgan.errors import UnknownModelError
from srgan.image import read
from srgan.jobs.access import Access
from srgan.jobs.estimate import estimate
from srgan.jobs.plan import plan
from srgan.models.catalogue import CLEAN, COMPRESSED
from support import tiny_models


class Counted(Upscaler):
    """Counts its calls."""

    calls = 0

    def __call__(self, image, **options):  # type: ignore[no-untyped-def]
        type(self).calls += 1
        return super().__call__(image, **options)


@pytest.fixture
def chooser(tmp_path: Path) -> ModelChooser:
    return ModelChooser.among(
        {
            CLEAN: Upscaler(tiny_models.nearest(tmp_path / "clean.onnx", scale=4)),
            COMPRESSED: Counted(tiny_models.nearest(tmp_path / "photo.onnx", scale=4)),
        }
    )


@pytest.fixture
def coarse(tmp_path: Path) -> Path:
    place = tmp_path / "coarse.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)).save(place, quality=30)
    return place


def test_the_estimate_of_a_job_asks_for_each_picture(chooser: ModelChooser, coarse: Path, tmp_path: Path) -> None:
    Counted.calls = 0
    expected = estimate(plan([coarse], tmp_path / "out.png", scale=chooser.label), chooser, Access())
    assert expected.pixels == 32 * 40 * 16
    assert Counted.calls == 2  # once to warm up


def test_another_size_shares_the_open_networks(chooser: ModelChooser, coarse: Path) -> None:
    picture = read(coarse)
    narrow = chooser.sized(Target(width=80))
    assert narrow.label == "w80"
    assert narrow.upscaler_for(picture)(picture.pixels).shape == (64, 80, 3)
    assert narrow.upscaler_for(picture)._networks is chooser.upscaler_for(picture)._networks
    assert chooser.upscaler_for(picture)(picture.pixels).shape == (128, 160, 3)


def test_an_open_network_is_for_every_picture(coarse: Path, tmp_path: Path) -> None:
    upscaler = Upscaler(tiny_models.nearest(tmp_path / "own.onnx", scale=4))
    assert as_chooser(upscaler).upscaler_for(read(coarse)) is upscaler
    assert ModelChooser(tmp_path / "own.onnx").upscaler_for(read(coarse)).name == upscaler.name
    with pytest.raises(UnknownModelError):
        ModelChooser("no-such-network")
