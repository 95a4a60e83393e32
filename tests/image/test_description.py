"""Descriptions of microscopes' programs follow the pixels."""

from __future__ import annotations

import json

import pytest

from srgan.image import description
from srgan.image.change import Change, Origin

CHANGE = Change(Origin(30, 20), 60, 80)  # twice as wide, four times as high
IMAGEJ = b"ImageJ=1.53k\nimages=3\nslices=3\nunit=micron\nspacing=0.7\nxorigin=10\nyorigin=5.5\n"
OME = b'<?xml version="1.0"?><OME><Pixels SizeX="30" SizeY="20" SizeZ="3" PhysicalSizeX="0.5" PhysicalSizeY="1"/></OME>'


def test_imagejs_origin_is_counted_in_pixels_and_the_rest_is_not() -> None:
    expected = IMAGEJ.replace(b"xorigin=10", b"xorigin=20").replace(b"yorigin=5.5", b"yorigin=22")
    assert description.corrected(IMAGEJ, CHANGE) == expected


def test_ome_has_the_new_size_and_smaller_pixels() -> None:
    expected = OME.replace(b'X="30"', b'X="60"').replace(b'Y="20"', b'Y="80"')
    expected = expected.replace(b'SizeX="0.5"', b'SizeX="0.25"').replace(b'PhysicalSizeY="1"', b'PhysicalSizeY="0.25"')
    assert description.corrected(OME, CHANGE) == expected


def test_tifffiles_shape_has_the_new_size() -> None:
    found = description.corrected(json.dumps({"shape": [3, 20, 30]}).encode(), CHANGE)
    assert json.loads(found) == {"shape": [3, 80, 60]}


@pytest.mark.parametrize("text", [b"A caption of 30 x 20", b"", b'{"shape": 3}', b"<OME"])
def test_what_is_of_no_program_stays(text: bytes) -> None:
    assert description.corrected(text, CHANGE) == text


@pytest.mark.parametrize(
    ("text", "counts"), [(IMAGEJ, True), (OME, True), (b"ImageJ=1.53k\nunit=cm\n", False), (b"a caption", False)]
)
def test_which_descriptions_count_pages(text: bytes, counts: bool) -> None:
    assert description.counts_planes(text) == counts


@pytest.mark.parametrize(("unit", "length"), [(b"um", 1e-3), (b"\\u00B5m", 1e-3), (b"inch", 25.4), (b"pixel", None)])
def test_units(unit: bytes, length: float | None) -> None:
    assert description.millimetres(b"ImageJ=1.53k\nunit=" + unit + b"\n") == length
