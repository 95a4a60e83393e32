"""Pictures of other bands than colours, as people look at them."""

import numpy as np
import pytest

import srgan.image
from srgan.image import Picture, bands_of, read_shown
from srgan.image.shown import visible
from support.bands import random, save


def test_the_first_three_bands_are_colours_and_fewer_are_gray():
    pixels = random((6, 8, 5), np.uint8)
    assert np.array_equal(visible(pixels), pixels[:, :, :3])
    assert np.array_equal(visible(pixels[:, :, :2]), pixels[:, :, :1])
    assert np.array_equal(visible(pixels[:, :, 3:4]), pixels[:, :, 3:4])


def test_deep_values_are_brightened_together():
    pixels = np.full((10, 100, 4), 2000, np.uint16)
    pixels[..., 1] = 1000
    pixels[0, 0] = 60_000  # a lamp
    shown = visible(pixels)
    assert (shown.dtype, shown.shape) == (np.uint8, (10, 100, 3))
    assert shown[5, 5].tolist() == [255, 128, 255]
    assert shown[0, 0].tolist() == [255, 255, 255]
    assert visible(np.zeros((4, 4, 3), np.uint16)).max() == 0


def test_files_are_read_for_their_network(tmp_path):
    five = save(tmp_path / "five.tif", random((6, 8, 5), np.uint8))
    assert np.array_equal(read_shown(tmp_path / "five.tif", 5).pixels, five[:, :, :3])
    rgb = random((6, 8, 4), np.uint8)
    srgan.image.write(Picture(rgb), tmp_path / "rgba.png")
    assert np.array_equal(read_shown(tmp_path / "rgba.png").pixels, rgb)
    assert read_shown(tmp_path / "rgba.png", 1).pixels.shape == (6, 8, 1)
    with pytest.raises(srgan.errors.ImageReadError, match="4 bands, not 5"):
        read_shown(tmp_path / "rgba.png", 5)


def test_whose_a_file_is(tmp_path):
    import tifffile

    for bands in (1, 3, 4, 5):
        save(tmp_path / f"{bands}.tif", random((6, 8, bands), np.uint8))
    tifffile.imwrite(tmp_path / "pages.tif", random((5, 6, 8), np.uint8))
    srgan.image.write(Picture(random((6, 8, 4), np.uint8)), tmp_path / "rgba.png")
    cases = {
        ("5.tif", (3, 5)): 5,
        ("5.tif", (5,)): 5,
        ("pages.tif", (3, 5)): 5,
        ("4.tif", (3, 4)): 3,  # its fourth band is taken for transparency
        ("4.tif", (4,)): 4,
        ("rgba.png", (4,)): 3,
        ("1.tif", (1,)): 1,
        ("1.tif", (1, 3)): 3,
        ("3.tif", (3, 5)): 3,
        ("5.tif", (3,)): 3,
    }
    assert {case: bands_of(tmp_path / case[0], case[1]) for case in cases} == cases
