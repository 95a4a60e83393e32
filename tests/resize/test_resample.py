"""The kernel's reduction: against Pillow and MATLAB's, in bands, with alpha, beyond the border."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srgan.resize.imresize import downscale
from srgan.resize.resample import CUBIC, Resampler, resample


def noise(height: int, width: int, channels: int = 3, dtype: str = "uint8") -> Any:
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    return (np.random.default_rng(height).random((height, width, channels)) * full).astype(dtype)


@pytest.mark.parametrize("size", [(97, 61), (40, 120), (130, 33), (7, 5)])
def test_lanczos_is_pillows(size: tuple[int, int]) -> None:
    image = noise(137, 121, 1, "float32")
    ours = resample(image, *size)[:, :, 0]
    theirs = np.asarray(Image.fromarray(image[:, :, 0]).resize(size[::-1], Image.Resampling.LANCZOS)).clip(0, 1)
    inner = (slice(3, -3),) * 2  # at the border Pillow weighs less where we repeat
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=2e-6)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_cubic_is_matlabs(factor: int) -> None:
    """MATLAB rounds between rows and columns, we do not: one level, seldom two where the first pass was clipped."""
    image = noise(60, 48) // 2 + 64
    ours = resample(image, 60 // factor, 48 // factor, kernel=CUBIC)
    assert abs(ours.astype(int) - downscale(image, factor)).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_each_value_survives_where_nothing_changes(dtype: str) -> None:
    image = noise(70, 90, 3, dtype)
    np.testing.assert_array_equal(resample(image, 70, 90), image)
    flat = np.full((50, 50, 1), 12345 if dtype == "uint16" else 123, dtype)
    assert (resample(flat, 37, 21) == flat[0, 0, 0]).all()


def test_16_bits_are_not_squeezed_through_8() -> None:
    ramp = np.linspace(1000, 2000, 400).astype(np.uint16)[None, :, None].repeat(30, 0)
    small = resample(ramp, 15, 200)[5, 5:-5, 0].astype(float)
    np.testing.assert_allclose(small, (ramp[0, 10:-10:2, 0] + ramp[0, 11:-9:2, 0].astype(float)) / 2, atol=1.5)
    assert len(np.unique(small)) > 180


@given(st.integers(1, 300), st.integers(1, 200), st.integers(1, 90), st.data())
@settings(max_examples=40, deadline=None)
def test_in_bands_it_is_the_same(height: int, after: int, width: int, data: st.DataObject) -> None:
    image = noise(height, 20, 4)
    cuts = sorted(data.draw(st.lists(st.integers(0, height), max_size=5)))
    resampler = Resampler((height, 20), (after, width))
    parts = [
        rows
        for start, end in zip([0, *cuts], [*cuts, height], strict=True)
        for rows in resampler.feed(image[start:end])
    ]
    found, whole = np.concatenate(parts).astype(int), resample(image, after, width).astype(int)
    assert found.shape == whole.shape
    # Sums of bands may be added in another order: now and then a value between two levels is rounded to the other one.
    assert np.abs(found - whole).max() <= 1
    assert np.count_nonzero(found != whole) <= 2 + found.size // 1000


def test_with_a_margin_the_picture_goes_on_beyond_its_border() -> None:
    image = noise(90, 70)
    padded = np.pad(image, ((20, 20), (20, 20), (0, 0)), mode="wrap")
    ours = resample(padded, 45, 40, margin=20).astype(int)
    # 3 x 3 of it reduced without a margin: the middle one has its continuation on all sides.
    middle = resample(np.tile(image, (3, 3, 1)), 135, 120)[45:90, 40:80]
    assert abs(ours - middle).max() <= 1
    assert abs(ours - resample(image, 45, 40)).max() > 8


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("hidden", [0, 1])
def test_what_lies_under_transparency_does_not_bleed(dtype: str, hidden: int) -> None:
    """A bright disc: its colour stays what it is up to its edge, over whatever background."""
    full = np.iinfo(dtype).max
    y, x = np.mgrid[:80, :80] - 39.5
    inside = x * x + y * y < 900
    image = np.full((80, 80, 4), hidden * full, dtype)
    image[inside] = [full // 2, full // 4, full // 8, full]
    image[~inside, 3] = 0
    small = resample(image, 31, 31).astype(float)
    alpha = small[:, :, 3:] / full
    for background in (0.0, 1.0):
        seen = small[:, :, :3] * alpha + background * full * (1 - alpha)
        right = np.array([full // 2, full // 4, full // 8]) * alpha + background * full * (1 - alpha)
        assert abs(seen - right).max() <= 0.006 * full
    assert 0 < alpha.mean() < 1


def test_colours_under_full_transparency_stay() -> None:
    image = np.full((40, 40, 4), 200, np.uint8)
    image[:, :, 3] = 0
    assert (resample(image, 17, 13)[:, :, :3] == 200).all()
