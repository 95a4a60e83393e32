from itertools import pairwise

import pytest

from srgan.video.mux import decode_times


@pytest.mark.parametrize(
    ("shown", "decoded"),
    [
        ([], []),
        ([7], [7]),
        ([0, 10, 20], [0, 10, 20]),
        # I P B B P B B, shown 0 3 1 2 6 4 5: each B waits for the P behind it, one place.
        ([0, 30, 10, 20, 60, 40, 50], [-10, 0, 10, 20, 30, 40, 50]),
        # A pyramid of B-frames, two places, at a variable rate.
        ([0, 90, 50, 20, 70], [-40, -20, 0, 20, 50]),
    ],
)
def test_decoding_times_grow_and_are_never_later_than_showing(shown, decoded):
    found = decode_times(shown)
    assert found == decoded
    assert all(a < b for a, b in pairwise(found))
    assert all(a <= b for a, b in zip(found, shown, strict=True))
