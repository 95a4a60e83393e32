"""The result reduced again against the input: figures by hand, in bands, with alpha; the map."""

from __future__ import annotations

import math

import numpy as np
import pytest

from srgan.engine.consistency import Consistency
from srgan.resize.imresize import downscale


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(60, 200, (height, width, channels), np.uint8)


def test_it_is_the_psnr_of_matlabs_reduction() -> None:
    large = noise(80, 64)
    small = noise(20, 16)
    check = Consistency(small, (80, 64))
    check.feed(large)
    error = np.mean((downscale(large, 4).astype(float) - small) ** 2)
    assert check.psnr == pytest.approx(10 * math.log10(255**2 / error), abs=0.02)  # which rounds once more


def test_an_input_that_is_the_reduction_agrees() -> None:
    flat = np.full((60, 60, 3), 99, np.uint8)
    check = Consistency(flat[:20, :20], (60, 60))
    check.feed(flat)
    assert check.psnr == math.inf
    assert not check.map().any()


def test_bands_are_as_the_whole() -> None:
    large, small = noise(90, 60), noise(61, 40)
    whole, banded = Consistency(small, (90, 60)), Consistency(small, (90, 60))
    whole.feed(large)
    for top in range(0, 90, 7):
        banded.feed(large[top : top + 7])
    assert banded.psnr == whole.psnr
    np.testing.assert_array_equal(banded.map(), whole.map())


def test_the_map_shows_where() -> None:
    flat = np.full((80, 80, 3), 99, np.uint8)
    wrong = flat.copy()
    wrong[40:60, 20:40] = 140
    check = Consistency(flat[:20, :20], (80, 80))
    check.feed(wrong)
    heat = check.map()
    assert (heat[12, 7] == 255).all()
    assert not heat[:8].any()
    assert not heat[:, 13:].any()


def test_what_is_transparent_does_not_count() -> None:
    image = noise(20, 20, 4)
    image[:, :, 3] = 0
    check = Consistency(image, (40, 40))
    check.feed(np.zeros((40, 40, 4), np.uint8))
    assert check.psnr == math.inf
