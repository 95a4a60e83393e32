"""The blocks of a GIF file beside its pixels: comments, and XMP.

(GIF89a; Adobe XMP specification, part 3.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_SQUARE = 49
_COMMENT, _APPLICATION, _PLAIN_TEXT = 0xFE, 0xFF, 0x01
_XMP = b"XMP DataXMP"
_PROFILE = b"ICCRGBG1012"
_REPETITION = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
"""Behind XMP, which is not cut into pieces: wherever a reader of pieces comes in, it is led to the end."""
_MOST_BLOCKS = 200_000
_MOST_BYTES = 16 << 20


@dataclass
class Blocks:
    """What a GIF file says beside its pixels."""

    comments: list[bytes] = field(default_factory=list)
    xmp: bytes | None = None
    icc: bytes | None = None
    aspect: float | None = None
    """Width of a pixel by its height, where they differ."""
    unknown: set[str] = field(default_factory=set)
    """Words for blocks that no result has."""


def read(file: BinaryIO) -> Blocks:
    """Return the blocks of an open GIF file; its place is left anywhere. Damage ends the reading."""
    found = Blocks()
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return found
    if head[12] not in (0, _SQUARE):
        found.aspect = (head[12] + 15) / 64
    if head[10] & 0x80:
        file.seek(3 << (head[10] & 7) + 1, os.SEEK_CUR)
    for _ in range(_MOST_BLOCKS):
        kind = file.read(1)
        if kind == b"\x2c":  # pixels
            place = file.read(9)
            if len(place) < 9:
                break
            file.seek((3 << (place[8] & 7) + 1 if place[8] & 0x80 else 0) + 1, os.SEEK_CUR)
            for _ in _pieces(file):
                pass
        elif kind == b"\x21":
            _take(file, file.read(1), found)
        else:
            break
    return found


def _take(file: BinaryIO, label: bytes, found: Blocks) -> None:
    """Read one block for programs, behind its label."""
    program = b""
    if label == bytes([_APPLICATION]):
        head = file.read(12)
        file.seek(-len(head), os.SEEK_CUR)
        program = head[1:]
    if label == bytes([_COMMENT]):
        found.comments.append(b"".join(_pieces(file)))
    elif program == _XMP:
        found.xmp = found.xmp or _xmp(file)
    elif program == _PROFILE:
        file.seek(12, os.SEEK_CUR)
        found.icc = found.icc or b"".join(_pieces(file))
    else:
        if label == bytes([_PLAIN_TEXT]):
            found.unknown.add("text that GIF's decoders should draw into the picture, and do not")
        elif program and program not in _REPETITION:
            found.unknown.add(f"the data {program.decode('latin-1').strip()!r}")
        for _ in _pieces(file):
            pass


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    room = _MOST_BYTES
    while (size := file.read(1)) and size[0]:
        data = file.read(size[0])
        room -= len(data)
        if room > 0:
            yield data


def _xmp(file: BinaryIO) -> bytes | None:
    file.seek(12, os.SEEK_CUR)
    start = file.tell()
    data = file.read(_MOST_BYTES)
    end = data.find(_TRAILER[:32])
    if end < 0:
        return None
    file.seek(start + end + len(_TRAILER))
    return data[:end]


class Beginning:
    """Puts comments and XMP before the pixels of a GIF file.

    Call it with the bytes of the file's beginning that there are; it returns the new beginning, or None where it needs more.
    """

    def __init__(self, comments: list[bytes], xmp: bytes | None, aspect: float | None = None) -> None:
        self._blocks = b""
        self._aspect = b"\0" if aspect is None else bytes([aspect_byte(aspect)])
        for comment in comments:
            pieces = (comment[at : at + 255] for at in range(0, len(comment), 255))
            self._blocks += b"\x21\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
        if xmp is not None:
            self._blocks += b"\x21\xff\x0b" + _XMP + xmp + _TRAILER

    def __call__(self, data: bytes) -> bytes | None:
        """Return the new beginning and what follows of ``data``."""
        if len(data) < 13:
            return None
        head = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
        return data[:12] + self._aspect + data[13:head] + self._blocks + data[head:] if len(data) >= head else None


def aspect_byte(aspect: float) -> int:
    """Return how GIF writes the width of a pixel by its height: in 64ths, from 1/4 to 4; 0 for what it cannot say."""
    number = round(64 * aspect) - 15
    return number if 1 <= number <= 255 and number != _SQUARE else 0
