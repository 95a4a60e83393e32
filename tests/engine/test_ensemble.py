"""The eight positions of a picture: all of them, as views, and where a box lies in each."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan.engine.ensemble import TURNS, Turn
from srgan.engine.tiling import Box


def numbered(height: int, width: int) -> np.ndarray:
    return np.arange(height * width, dtype=np.float32).reshape(1, 1, height, width)


def test_the_eight_positions_by_hand() -> None:
    """1 2 over 3 4: each position once, and no other."""
    seen = [tuple(turn.of(numbered(2, 2) + 1).astype(int).ravel()) for turn in TURNS]
    assert set(seen) == {
        (1, 2, 3, 4),
        (2, 4, 1, 3),  # a quarter counterclockwise
        (4, 3, 2, 1),
        (3, 1, 4, 2),
        (2, 1, 4, 3),  # mirrored left to right
        (4, 2, 3, 1),
        (3, 4, 1, 2),
        (1, 3, 2, 4),
    }
    assert len(seen) == 8


def test_a_quarter_swaps_the_sides() -> None:
    assert Turn(1, mirrored=False).of(numbered(2, 3)).shape == (1, 1, 3, 2)
    assert Turn(2, mirrored=True).of(numbered(2, 3)).shape == (1, 1, 2, 3)


@given(st.sampled_from(TURNS), st.integers(1, 6), st.integers(1, 6))
@settings(deadline=None)
def test_what_is_written_to_a_position_lies_in_the_picture(turn: Turn, height: int, width: int) -> None:
    """Sums are collected through these views: added up over all positions, each pixel must come back to its place."""
    picture, total = numbered(height, width), np.zeros((1, 1, height, width), np.float32)
    turn.of(total)[...] += turn.of(picture)
    np.testing.assert_array_equal(total, picture)


@given(st.sampled_from(TURNS), st.data())
@settings(deadline=None)
def test_a_box_turns_with_the_picture(turn: Turn, data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    box = Box(top, left, data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width)))
    picture = numbered(height, width)
    turned_box = turn.box(box, height, width)
    np.testing.assert_array_equal(turn.of(picture)[:, :, *turned_box.slices], turn.of(picture[:, :, *box.slices]))
