"""From a stored picture to an enlarged, upright one: points, extents and factors by EXIF's orientation."""

from __future__ import annotations

import numpy as np
import pytest

from srgan.image.change import Change, Origin
from srgan.image.pixels import upright


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_go_where_the_pixels_go(orientation: int) -> None:
    stored = np.zeros((6, 9, 1), np.uint8)
    stored[1, 7] = 255
    shown = upright(stored, orientation).repeat(2, axis=0).repeat(3, axis=1)
    height, width = upright(stored, orientation).shape[:2]
    change = Change(Origin(width, height, orientation), width * 3, height * 2)
    assert change.origin.stored == (9, 6)
    x, y = change.point(7.5, 1.5)
    assert shown[int(y), int(x)] == 255
    assert np.argwhere(shown[:, :, 0])[:, 0].mean() == pytest.approx(y - 0.5)
    assert np.argwhere(shown[:, :, 0])[:, 1].mean() == pytest.approx(x - 0.5)
    assert change.extent(9, 6) == (width * 3, height * 2)
    assert change.along_stored() == ((2.0, 3.0) if orientation >= 5 else (3.0, 2.0))
    assert not change.is_none


def test_the_same_size_and_no_turn_is_no_change() -> None:
    assert Change(Origin(9, 6), 9, 6).is_none
    assert not Change(Origin(9, 6, 3), 9, 6).is_none
