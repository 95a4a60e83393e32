"""Between the picture's numbers and the network's: layout, range, rounding, and what is no picture.

Transparency is tested where it is seen, in test_upscaler.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

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


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_which_channels_have_alpha(channels: int) -> None:
    assert pixels.has_alpha(channels) == (channels in (2, 4))


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (np.zeros((4, 4), bool), "pixels are bool: convert to uint8"),
        (np.zeros((4, 4), np.int64), "pixels are int64"),
        (np.zeros(4, np.uint8), "2 or 3 axes"),
        (np.zeros((4, 4, 0), np.uint8), "1 to 4 channels"),
        (np.zeros((4, 0), np.uint8), r"empty: its shape is \(4, 0, 1\)"),
        (np.full((2, 2), np.inf, np.float32), "NaN or infinity"),
    ],
)
def test_what_is_no_picture_is_refused(picture: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pixels.check(picture)


def test_a_picture_without_channels_gets_an_axis_and_nothing_is_copied() -> None:
    picture = np.zeros((2, 3), np.uint8)
    checked = pixels.check(picture)
    assert checked.shape == (2, 3, 1)
    assert np.shares_memory(checked, picture)


def test_filling_under_transparency_changes_no_visible_pixel() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (19, 23, 4), np.uint8)
    picture[:, :, 3] *= random.random((19, 23)) < 0.1
    filled = pixels.bleed(picture)
    visible = picture[:, :, 3] > 0
    assert 0 < visible.sum() < 60
    np.testing.assert_array_equal(filled[visible], picture[visible, :3])
    low, high = picture[visible, :3].min(axis=0), picture[visible, :3].max(axis=0)
    assert (filled >= low).all()
    assert (filled <= high).all()  # means of visible pixels lie between them


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("seed", range(4))
def test_a_part_is_filled_as_the_whole_is(monkeypatch: pytest.MonkeyPatch, dtype: str, seed: int) -> None:
    monkeypatch.setattr(pixels, "_STRIP_PIXELS", 700)  # so that the coarse blocks are summed in several strips
    random = np.random.default_rng(seed)
    picture = random.integers(0, FULL[dtype], (61, 83, 4), dtype, endpoint=True)
    picture[:, :, 3] *= random.random((61, 83)) < (0.002, 0.05, 0.5, 0.999)[seed]
    picture[20:, 30:, 3] = 0
    whole = pixels.bleed(picture)
    bled = pixels.Bled(picture)
    assert (bled.shape, bled.dtype) == (whole.shape, whole.dtype)
    for top, left, bottom, right in [(0, 0, 61, 83), (0, 0, 1, 1), (7, 9, 40, 41), (33, 50, 61, 83), (60, 82, 61, 83)]:
        np.testing.assert_array_equal(bled[top:bottom, left:right], whole[top:bottom, left:right])


def test_filling_never_has_the_whole_picture_in_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_STRIP_PIXELS", 1 << 17)
    picture = np.ones((1600, 1500, 4), np.uint16)
    picture[100:, :, 3] = 0
    tracemalloc.start()
    try:
        bled = pixels.Bled(picture)
        bled[700:900, 700:900]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < picture.nbytes / 2  # 19 MB; in floats it would be twice as much


def test_rows_are_decoded_once_and_forgotten() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 5, 3), np.uint8)
    decoded: list[tuple[int, int]] = []

    def decode(first: int, end: int) -> Any:
        decoded.append((first, end))
        return picture[first:end]

    rows = pixels.Rows(picture.shape, picture.dtype, decode)
    for top, bottom, left in [(0, 10, 0), (0, 10, 3), (5, 70, 1), (5, 6, 0), (60, 300, 2)]:
        rows.forget(top)
        np.testing.assert_array_equal(rows[top:bottom, left:5], picture[top:bottom, left:5])
    assert decoded == [(0, 64), (64, 128), (128, 300)]
    with pytest.raises(ValueError, match="before 60 are forgotten"):
        rows[59:70, :]
