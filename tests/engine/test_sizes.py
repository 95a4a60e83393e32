"""Which size is meant, what it is called, and by which passes it is reached."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srgan.engine.sizes import Target, parse_fit, passes
from srgan.errors import UsageError


@pytest.mark.parametrize(
    ("wanted", "size", "label"),
    [
        ({}, (1280, 1920), "x4"),
        ({"scale": 3}, (960, 1440), "x3"),
        ({"scale": 1.5}, (480, 720), "x1.5"),
        ({"scale": 2.01}, (643, 965), "x2.01"),  # 643.2, 964.8
        ({"width": 1000}, (667, 1000), "w1000"),  # 666.67
        ({"height": 1000}, (1000, 1500), "h1000"),
        ({"fit": (1920, 1080)}, (1080, 1620), "1920x1080"),
        ({"fit": (1000, 1080)}, (667, 1000), "1000x1080"),
        ({"fit": (100, 50)}, (50, 75), "100x50"),
    ],
)
def test_sizes_of_a_picture_of_480_by_320(wanted: dict[str, Any], size: tuple[int, int], label: str) -> None:
    target = Target(**wanted)
    assert target.of(320, 480, 4) == size
    assert target.label(4) == label


def test_a_thin_picture_keeps_one_pixel() -> None:
    assert Target(width=10).of(1, 1000, 4) == (1, 10)
    assert Target(fit=(10, 10)).of(1000, 1, 4) == (10, 1)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"scale": 2.0, "width": 100}, "scale and width"),
        ({"width": 100, "height": 100}, "may distort"),
        ({"height": 100, "fit": (1, 1)}, "height and fit"),
        ({"scale": 0.99}, "scale is 0.99: give 1 "),
        ({"scale": float("nan")}, "scale is nan"),
        ({"scale": 65.0}, "at most 64"),
        ({"width": 0}, "width is 0"),
        ({"fit": (100, -1)}, "fit is -1"),
        ({"height": 1_000_001}, "height is 1000001"),
    ],
)
def test_contradictions_and_nonsense_are_refused(wanted: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Target(**wanted)


def test_a_box_is_written_with_an_x() -> None:
    assert parse_fit("1920x1080") == parse_fit(" 1920 X 1080") == parse_fit("1920×1080") == (1920, 1080)
    for wrong in ["1920", "x1080", "1920x", "1920x-5", "1e3x5", "1920x1080x3", ""]:
        with pytest.raises(UsageError, match="is no size"):
            parse_fit(wrong)


def test_passes_by_hand() -> None:
    assert passes((100, 100), (300, 300), 4) == [(300, 300)]
    assert passes((100, 100), (400, 400), 4) == [(400, 400)]
    assert passes((100, 100), (800, 800), 4) == [(200, 200), (800, 800)]
    assert passes((100, 100), (1700, 1700), 4) == [(107, 107), (425, 425), (1700, 1700)]
    assert passes((100, 100), (100, 90), 4) == []
    assert passes((100, 100), (300, 300), 1) == [(300, 300)]


def test_passes_through_two_networks_by_hand() -> None:
    assert passes((100, 100), (300, 300), 4, 2) == [(300, 300)]
    assert passes((100, 100), (800, 800), 4, 2) == [(200, 200), (800, 800)]
    assert passes((100, 100), (800, 800), 2, 4) == [(400, 400), (800, 800)]
    assert passes((100, 100), (500, 600), 2, 4) == [(250, 300), (500, 600)]
    assert passes((100, 100), (900, 900), 4, 2) == [(113, 113), (225, 225), (900, 900)]
    assert passes((100, 100), (1700, 1700), 2, 4) == [(213, 213), (850, 850), (1700, 1700)]
    assert passes((100, 100), (100, 90), 2, 4) == []
    assert Target(scale=8).passes((30, 40), 2, 4) == [(120, 160), (240, 320)]
    assert Target(scale=1).passes((30, 40), 2, 4) == [(30, 40)]


def test_the_scale_1_goes_through_the_network_and_what_is_large_enough_does_not() -> None:
    assert Target(scale=1).of(30, 40, 4) == (30, 40)
    assert Target(scale=1).passes((30, 40), 4) == [(30, 40)]
    assert Target().passes((30, 40), 1) == [(30, 40)]  # a network that keeps the size
    assert Target(width=40).passes((30, 40), 4) == []
    assert Target(scale=1).label(4) == "x1"


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.floats(1.01, 64),
    st.sampled_from([2, 4, 8]),
    st.sampled_from([2, 4, 8, None]),
)
def test_every_pass_can_reach_its_size_and_none_goes_below_the_picture(
    before: tuple[int, int], scale: float, native: int, earlier: int | None
) -> None:
    after = Target(scale=scale).of(*before, native)
    now = before
    steps = passes(before, after, native, earlier)
    for size in steps:
        reach = native if size is steps[-1] else earlier or native
        for axis in (0, 1):
            assert before[axis] <= size[axis] <= reach * now[axis]
        now = size
    assert now == after
