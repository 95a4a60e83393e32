"""Between the picture's numbers and the network's: layout, range, rounding, and what is no picture.

Transparency is tested where it is seen, in test_upscaler.
"""

from __future__ import annotations

import numpy as np
import pytest

from srgan.engine import pixels

FULL = {"uint8": 255, "uint16": 65535}


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_value_goes_to_the_network_and_back(dtype: str, channels: int) -> None:
    values = np.arange(FULL[dtype] + 1, dtype=dtype)
    picture = np.stack([np.roll(values, 7 * channel) for channel in range(channels)], axis=1)[None]
    out = np.empty_like(picture)
    pixels.from_network(pixels.to_network(picture), out)
    np.testing.assert_array_equal(out, picture)


def test_channels_become_planes_from_0_to_1() -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[1, 2] = 255, 51, 0
    batch = pixels.to_network(picture)
    assert (batch.shape, batch.dtype) == ((1, 3, 2, 3), np.float32)
    assert batch.flags.c_contiguous
    np.testing.assert_allclose(batch[0, :, 1, 2], [1, 0.2, 0], atol=1e-7)
    assert not batch[:, :, 0].any()


def test_gray_is_seen_as_three_equal_channels() -> None:
    batch = pixels.to_network(np.full((2, 2, 1), 51, np.uint8))
    np.testing.assert_allclose(batch, np.full((1, 3, 2, 2), 0.2), atol=1e-7)


def test_floats_beyond_the_range_are_clipped_on_the_way_in() -> None:
    picture = np.array([[[-0.5], [0.25], [1.5]]], np.float32)
    np.testing.assert_array_equal(pixels.to_network(picture)[0, 0, 0], [0, 0.25, 1])


@pytest.mark.parametrize(
    ("value", "level"), [(-1.0, 0), (0.0019, 0), (0.0020, 1), (0.5, 128), (0.9979, 254), (0.9981, 255), (9.0, 255)]
)
def test_the_networks_numbers_are_rounded_and_clipped(value: float, level: int) -> None:
    """Half a level of 255 is 0.00196; 0.5 is 127.5, and that goes to the even 128."""
    out = np.full((1, 1, 3), 77, np.uint8)
    pixels.from_network(np.full((1, 3, 1, 1), value, np.float32), out)
    assert out.tolist() == [[[level] * 3]]


def test_gray_is_the_mean_before_it_is_rounded() -> None:
    batch = np.array([10.4, 10.4, 11.0], np.float32).reshape(1, 3, 1, 1) / 255  # rounded first: 10, 10, 11
    out = np.empty((1, 1, 1), np.uint8)
    pixels.from_network(batch, out)
    assert out.item() == 11


def test_a_part_of_a_larger_picture_is_written_in_place() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    pixels.from_network(np.ones((1, 3, 2, 2), np.float32), picture[1:3, 1:3, :3])
    assert picture.sum() == 255 * 3 * 4
    assert (picture[1:3, 1:3, :3] == 255).all()
