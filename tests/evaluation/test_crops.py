"""The crop with the most detail, against the definition itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan.evaluation.crops import most_detailed


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 60), (52, 0), (52, 60), (23, 31)])
def test_it_finds_the_texture_in_a_sky(top: int, left: int) -> None:
    picture = np.full((72, 80, 3), 130, np.uint8)
    picture[top : top + 20, left : left + 20] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    found = most_detailed(picture, 20)
    # The step from texture to sky counts to the last pixel of the sky, so a window may take one row of it.
    assert abs(found[0] - top) <= 1
    assert abs(found[1] - left) <= 1


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 14),
    st.none() | st.integers(1, 14),
    st.sampled_from([1, 3]),
    st.integers(0, 99),
)
@settings(deadline=None)
def test_no_window_has_more_gradient(
    height: int, width: int, high: int, wide: int | None, channels: int, seed: int
) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    gray = picture.mean(axis=2)
    gradient = np.zeros((height, width))
    gradient[:-1] += abs(gray[1:] - gray[:-1])
    gradient[:, :-1] += abs(gray[:, 1:] - gray[:, :-1])
    sums = {
        (top, left): gradient[top : top + high, left : left + (wide or high)].sum()
        for top in range(max(height - high, 0) + 1)
        for left in range(max(width - (wide or high), 0) + 1)
    }
    assert sums[most_detailed(picture, high, wide)] == pytest.approx(max(sums.values()), rel=1e-5)


def test_a_flat_picture_gives_its_corner() -> None:
    assert most_detailed(np.zeros((9, 9, 1), np.uint8), 4) == (0, 0)
