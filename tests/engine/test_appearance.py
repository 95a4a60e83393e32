"""What is seen in pictures: photographs with known damage, and those that look damaged and are not."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from srgan.engine.appearance import PART, Appearance, look
from srgan.image import read_rgb8, read_rows
from srgan.image.pixels import Rows
from srgan.models.catalogue import THRESHOLDS

EXAMPLES = Path(__file__).parents[2] / "examples"
Bytes = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos() -> list[Bytes]:
    """Clean photographs; the second has fur all over, the third powders."""
    names = ("colosseum.jpg", "indri.png", "spices.jpg")
    return [read_rgb8(EXAMPLES / name) for name in names]


def noisy(picture: Bytes, sigma: float) -> Bytes:
    noise = np.random.default_rng(3).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def saved(picture: Bytes, quality: int, down: int = 0, right: int = 0) -> Bytes:
    """Return what comes out of JPEG, with some rows and columns cut off, as a crop would."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))[down:, right:]


@pytest.mark.parametrize("sigma", [3, 5, 10, 15, 25])
def test_known_noise_is_estimated_within_a_quarter(photos: list[Bytes], sigma: float) -> None:
    for photo in photos:
        expected = math.hypot(sigma, look(photo).noise)  # with what looks like noise already
        assert look(noisy(photo, sigma)).noise == pytest.approx(expected, rel=0.25)
    assert look(noisy(photos[0], sigma)).noise == pytest.approx(sigma, rel=0.25)


def test_noise_is_told_from_texture(photos: list[Bytes]) -> None:
    flat = np.full((96, 96, 3), 128, np.uint8)
    for sigma in (3, 5, 10):
        assert look(noisy(flat, sigma)).texture < THRESHOLDS.texture
        assert look(noisy(photos[1], sigma)).texture > THRESHOLDS.texture  # fur
    assert all(look(photo).texture > THRESHOLDS.texture for photo in photos)


def test_clean_photographs_show_nothing(photos: list[Bytes]) -> None:
    for photo in photos:
        seen = look(photo)
        assert seen.blocks < THRESHOLDS.blocks
        assert seen.sharpness > THRESHOLDS.sharpness
    # Texture is not noise, even where it is everywhere.
    assert [look(photo).noise for photo in photos] == pytest.approx([0.4, 3.5, 5], abs=0.3)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 5), (7, 1)])
def test_jpeg_shows_on_any_grid_and_through_a_second_one(photos: list[Bytes], down: int, right: int) -> None:
    for photo in photos:
        assert look(saved(photo, 85, down, right)).blocks > THRESHOLDS.blocks
        assert look(saved(saved(photo, 50, down, right), 95)).blocks > THRESHOLDS.blocks
        assert look(saved(photo, 30, down, right)).blocks > look(saved(photo, 80, down, right)).blocks


def test_small_clean_pictures_are_not_taken_for_compressed(photos: list[Bytes]) -> None:
    """Where there are few blocks, chance alone tells the grid's offsets apart."""
    seen, saved_ones = [], []
    for photo in photos:
        for top, left in ((0, 0), (24, 40), (60, 20), (70, 70)):
            crop = np.ascontiguousarray(photo[top : top + 48, left : left + 48])
            seen.append(look(crop).blocks)
            saved_ones.append(look(saved(crop, 50)).blocks)
    assert max(seen) < THRESHOLDS.blocks
    assert np.median(saved_ones) > THRESHOLDS.blocks


def test_blur_shows(photos: list[Bytes]) -> None:
    for photo in photos:
        soft = Image.fromarray(photo).filter(ImageFilter.GaussianBlur(1))
        assert look(np.asarray(soft)).sharpness < THRESHOLDS.sharpness


def test_gray_alpha_and_depth_are_seen_alike(photos: list[Bytes]) -> None:
    photo = noisy(photos[0], 10)
    gray = photo[:, :, 1:2]
    opaque = np.full_like(gray, 255)
    expected = look(gray)
    assert expected.noise == pytest.approx(10, rel=0.25)
    assert look(np.concatenate([gray, opaque], 2)) == expected
    assert look(gray.astype(np.uint16) * 257).noise == pytest.approx(expected.noise, rel=1e-4)
    assert look(gray.astype(np.float32) / 255).noise == pytest.approx(expected.noise, rel=1e-4)
    # What lies under transparency is not the picture.
    hidden = np.concatenate([noisy(gray, 40), opaque * 0], 2)
    assert look(hidden).noise == 0


def test_drawings_and_flat_pictures_are_not_noisy() -> None:
    page = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(page)
    for line in range(18):
        draw.text((10, 10 + 16 * line), "The quick brown fox jumps over the lazy dog, and again", fill="black")
    assert look(np.asarray(page)).noise < 1
    assert look(np.asarray(page)).blocks < THRESHOLDS.blocks
    cartoon = Image.new("RGB", (300, 200), (90, 160, 220))
    draw = ImageDraw.Draw(cartoon)
    for number in range(12):
        draw.ellipse(
            (20 * number, 15 * number, 20 * number + 60, 15 * number + 40), fill=(200, 20 * number, 90), outline="black"
        )
    assert look(np.asarray(cartoon)).noise < 1
    for colour in (0, 128, 255):
        assert look(np.full((64, 64, 3), colour, np.uint8)) == Appearance()


def test_dark_pictures_whose_noise_is_cut_off_are_still_noisy(photos: list[Bytes]) -> None:
    dark = (photos[0].astype(np.float64) * 0.25).astype(np.uint8)
    assert look(noisy(dark, 10)).noise == pytest.approx(10, rel=0.3)


def test_tiny_pictures_say_nothing() -> None:
    random = np.random.default_rng(0)
    for shape in ((1, 1, 1), (8, 8, 3), (1, 500, 3), (31, 200, 4)):
        assert look(random.integers(0, 256, shape, np.uint8)) == Appearance()


def test_large_pictures_are_looked_at_in_parts_and_by_rows(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    flat = np.clip(np.rint(128 + random.normal(0, 8, (9 * PART, 5 * PART, 3))), 0, 255).astype(np.uint8)
    place = tmp_path / "flat.png"
    Image.fromarray(flat).save(place)
    picture = read_rows(place)
    assert picture is not None
    assert isinstance(picture.pixels, Rows)
    assert look(picture.pixels) == look(flat)
    assert look(flat).noise == pytest.approx(8, rel=0.1)
