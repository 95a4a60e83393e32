"""Transparency: what is under it is filled, and alpha itself is enlarged by bicubic."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.engine import alpha as transparency
from srgan.engine.tiling import Box

DEPTHS = {"uint8": 255, "uint16": 65535, "float32": 1}
FULL = {"uint8": 255, "uint16": 65535}


def noise(height: int, width: int, channels: int | None = 3, dtype: str = "uint8", seed: int = 0) -> Any:
    shape = (height, width) if channels is None else (height, width, channels)
    return (np.random.default_rng(seed).random(shape) * DEPTHS[dtype]).astype(dtype)


def test_filling_under_transparency_changes_no_visible_pixel() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (19, 23, 4), np.uint8)
    picture[:, :, 3] *= random.random((19, 23)) < 0.1
    filled = transparency.bleed(picture)
    visible = picture[:, :, 3] > 0
    assert 0 < visible.sum() < 60
    np.testing.assert_array_equal(filled[visible], picture[visible, :3])
    low, high = picture[visible, :3].min(axis=0), picture[visible, :3].max(axis=0)
    assert (filled >= low).all()
    assert (filled <= high).all()  # means of visible pixels lie between them


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("seed", range(4))
def test_a_part_is_filled_as_the_whole_is(monkeypatch: pytest.MonkeyPatch, dtype: str, seed: int) -> None:
    monkeypatch.setattr(transparency, "_STRIP_PIXELS", 700)  # so that the coarse blocks are summed in several strips
    random = np.random.default_rng(seed)
    picture = random.integers(0, FULL[dtype], (61, 83, 4), dtype, endpoint=True)
    picture[:, :, 3] *= random.random((61, 83)) < (0.002, 0.05, 0.5, 0.999)[seed]
    picture[20:, 30:, 3] = 0
    whole = transparency.bleed(picture)
    bled = transparency.AlphaBleed(picture)
    assert (bled.shape, bled.dtype) == (whole.shape, whole.dtype)
    for top, left, bottom, right in [(0, 0, 61, 83), (0, 0, 1, 1), (7, 9, 40, 41), (33, 50, 61, 83), (60, 82, 61, 83)]:
        np.testing.assert_array_equal(bled[top:bottom, left:right], whole[top:bottom, left:right])


def test_filling_never_has_the_whole_picture_in_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transparency, "_STRIP_PIXELS", 1 << 17)
    picture = np.ones((1600, 1500, 4), np.uint16)
    picture[100:, :, 3] = 0
    tracemalloc.start()
    try:
        bled = transparency.AlphaBleed(picture)
        bled[700:900, 700:900]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < picture.nbytes / 2  # 19 MB; in floats it would be twice as much


def test_visible_pixels_are_not_touched_by_filling_the_others() -> None:
    image = noise(37, 21, 4)
    image[:, :, 3] = np.where(noise(37, 21, None, seed=1) < 90, 0, image[:, :, 3] | 1)
    filled = transparency.bleed(image)
    seen = image[:, :, 3] > 0
    np.testing.assert_array_equal(filled[seen], image[:, :, :3][seen])
    assert filled.dtype == image.dtype


def test_filling_takes_the_nearest_block_by_hand() -> None:
    image = np.zeros((2, 4, 2), np.uint8)
    image[0, 0] = 100, 255
    image[1, 1] = 50, 1
    # The left block of 2 x 2 has 100 and 50; the right one has nothing, the next larger block has the same two.
    np.testing.assert_array_equal(transparency.bleed(image)[:, :, 0], [[100, 75, 75, 75], [75, 50, 75, 75]])


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("dtype", DEPTHS)
def test_alpha_is_bicubic_whole_or_in_tiles(dtype: str, scale: int) -> None:
    alpha = noise(19, 27, None, dtype)
    out = np.empty((19 * scale, 27 * scale), dtype)
    transparency.enlarge_alpha(alpha, Box(0, 0, 19, 27), scale, out)
    expected = np.asarray(
        Image.fromarray((alpha / DEPTHS[dtype]).astype(np.float32)).resize(out.shape[::-1], Image.Resampling.BICUBIC)
    )
    inner = (slice(2 * scale, -2 * scale),) * 2  # Pillow renormalises at the border where we repeat it
    tolerance = 1e-6 + (0.5 / DEPTHS[dtype] if dtype != "float32" else 0)
    np.testing.assert_allclose(out[inner] / DEPTHS[dtype], expected.clip(0, 1)[inner], atol=tolerance * 1.1)
    for box in [Box(0, 0, 5, 27), Box(5, 3, 19, 20), Box(18, 26, 19, 27)]:
        part = np.empty((box.height * scale, box.width * scale), dtype)
        transparency.enlarge_alpha(alpha, box, scale, part)
        np.testing.assert_allclose(part, out[box.scaled(scale).slices], rtol=0, atol=1e-6 if dtype == "float32" else 1)
