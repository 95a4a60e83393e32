"""The walk through boxes: their three ways to give a size, what is inside, and sizes that cannot be."""

from __future__ import annotations

import io
import struct

import pytest

from srgan.image import bmff, boxes
from srgan.image.boxes import Box, BoxError, of_bytes, of_file
from support.picture_samples import box


def large(kind: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(body) if size is None else size) + body


def both(data: bytes) -> tuple[list[Box], list[Box]]:
    """Return what is found in the bytes, and in a file of them, whose place moves meanwhile."""
    file, found = io.BytesIO(data), []
    for each in of_file(file):
        file.seek(3)
        found.append(each)
    return list(of_bytes(data)), found


def test_a_size_is_short_or_long_or_until_the_end() -> None:
    data = box(b"ftyp", b"avif") + large(b"mdat", b"12345") + box(b"free") + box(b"last", b"abc", size=0)
    wanted = [Box(b"ftyp", 0, 8, 12), Box(b"mdat", 12, 28, 33), Box(b"free", 33, 41, 41), Box(b"last", 41, 49, 52)]
    assert both(data) == (wanted, wanted)
    assert both(data[:41] + bytes(7)) == (wanted[:3], wanted[:3])  # too few bytes for a box
    assert both(b"") == ([], [])


@pytest.mark.parametrize(
    "bad",
    [
        box(b"free", size=7),
        box(b"free", size=2),
        box(b"free", b"abc", size=12),
        box(b"free", size=0xFFFFFFFF),
        large(b"free", size=15),
        large(b"free", size=1 << 63),
        large(b"free")[:12],
    ],
)
def test_what_lies_before_a_wrong_size_is_found(bad: bytes) -> None:
    data = box(b"good", b"12") + bad
    for walk in (of_bytes(data), of_file(io.BytesIO(data))):
        assert next(walk) == Box(b"good", 0, 8, 10)
        with pytest.raises(BoxError):
            next(walk)


def test_inside_of_a_box_its_end_counts() -> None:
    inner = box(b"ispe", b"1234")
    data = box(b"ipco", inner) + box(b"ipma")
    outer, _ = of_bytes(data)
    assert list(of_bytes(data, outer.body, outer.end)) == [Box(b"ispe", 8, 16, 20)]
    broken = box(b"ipco", box(b"ispe", b"1234", size=16)) + box(b"ipma")
    with pytest.raises(BoxError):
        list(of_bytes(broken, 8, 20))


def test_of_some_boxes_what_is_inside_comes_instead() -> None:
    data = box(b"jp2h", box(b"ihdr", b"1") + box(b"res ", box(b"resc", b"2"))) + box(b"jp2c")
    assert [each.kind for each in of_file(io.BytesIO(data), into=(b"jp2h", b"res "))] == [b"ihdr", b"resc", b"jp2c"]


def test_there_is_an_end_to_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MOST", 3)
    with pytest.raises(BoxError, match="too many"):
        list(of_bytes(4 * box(b"free")))


@pytest.mark.parametrize("meta", [box(b"meta", size=4), box(b"meta", size=0), box(b"meta", b"abcd"), large(b"meta")])
def test_a_box_of_metadata_without_any_says_nothing(meta: bytes) -> None:
    assert bmff.read(io.BytesIO(box(b"moov") + meta)) == bmff.Contents(has_film=True)
