"""What is a picture, and rows that are decoded while they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from srgan.image import pixels


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
