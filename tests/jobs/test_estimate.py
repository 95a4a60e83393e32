"""What a job will take: counted from headers, tried on parts, scaled up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.jobs import estimate as module
from srgan.jobs.access import Access
from srgan.jobs.estimate import estimate
from srgan.jobs.job import Job
from support import tiny_models


@pytest.fixture
def upscaler(tmp_path: Path) -> Upscaler:
    return Upscaler(tiny_models.nearest(tmp_path / "n.onnx"), precision="fp32")


def jobs(folder: Path, count: int, size: tuple[int, int]) -> list[Job]:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return [Job(folder / f"{n}.png", folder / f"{n}_x.png") for n in range(count)]


def test_pixels_bytes_and_what_cannot_be_read(tmp_path: Path, upscaler: Upscaler) -> None:
    work = jobs(tmp_path / "in", 3, (40, 30))
    work[1].source.write_bytes(b"no picture")
    found = estimate(work, upscaler, Access())
    scale = upscaler.scale
    assert (found.pictures, found.pixels, found.unreadable) == (3, 2 * 40 * 30 * scale**2, 1)
    assert found.seconds > 0
    # Noise that is repeated scale times each way: a PNG of it has between a tenth of a byte and four bytes a pixel.
    assert 0.1 < found.nbytes / found.pixels < 4
    assert estimate([], upscaler, Access()).pixels == 0
    assert sorted(file.suffix for file in (tmp_path / "in").iterdir()) == [".png"] * 3


def test_many_are_scaled_up_from_some(tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    work = jobs(tmp_path / "in", 6, (20, 10))
    monkeypatch.setattr(module, "HEADERS", 3)
    found = estimate(work, upscaler, Access())
    assert (found.pictures, found.pixels) == (6, 6 * 20 * 10 * upscaler.scale**2)


def test_of_a_large_picture_a_part_is_tried(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []
    monkeypatch.setattr(Upscaler, "__call__", lambda _, pixels: (shapes.append(pixels.shape), pixels)[1])
    estimate(jobs(tmp_path / "in", 1, (300, 100)), upscaler, Access())
    assert set(shapes) == {(100, module.TRY_SIDE, 3)}
