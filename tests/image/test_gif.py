"""The blocks of a GIF file beside its pixels, wherever they lie in it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.image import gif

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def with_blocks(*blocks: bytes) -> bytes:
    """Return a GIF file with these before its pixels."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(file, "GIF")
    data = file.getvalue()
    head = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    return data[:head] + b"".join(blocks) + data[head:]


def pieces(data: bytes) -> bytes:
    return b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255)) + b"\0"


@pytest.mark.parametrize("buffer", [io.DEFAULT_BUFFER_SIZE, 8192, 131_072])
def test_a_block_at_the_end_of_what_was_read_ahead_is_read_whole(buffer: int, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    before = len(with_blocks()) - len(pieces(b"")) - 20
    for room in range(buffer - before - 60, buffer - before + 60):
        size = room - room // 256  # each piece has a byte for its length
        data = with_blocks(b"\x21\xfe" + pieces(b"c" * size), b"\x21\xff\x0bXMP DataXMP" + XMP + gif._TRAILER)
        path.write_bytes(data)
        with path.open("rb") as file:
            found = gif.read(file)
        assert (found.xmp, found.unknown, found.comments) == (XMP, set(), [b"c" * size])


def test_repetition_is_nothing_unknown_and_other_programs_have_a_name() -> None:
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    other = b"\x21\xff\x0bMYPROGRA1.0" + pieces(b"data")
    found = gif.read(io.BytesIO(with_blocks(loop, other)))
    assert found.unknown == {"the data 'MYPROGRA1.0'"}
    assert gif.read(io.BytesIO(with_blocks(loop))).unknown == set()


def test_what_is_cut_short_says_what_lies_before() -> None:
    whole = with_blocks(b"\x21\xfe" + pieces(b"hello"), b"\x21\xff\x0bXMP DataXMP" + XMP + gif._TRAILER)
    for end in range(len(whole)):
        found = gif.read(io.BytesIO(whole[:end]))
        assert found.xmp in (None, XMP)
    assert found.comments == [b"hello"]
