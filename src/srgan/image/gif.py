"""The blocks of a GIF file beside its pixels: comments, and XMP.

(GIF89a; Adobe XMP specification, part 3.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP = b"XMP DataXMP"
_PROFILE = b"ICCRGBG1012"
_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
"""Behind XMP, which is not cut into pieces: wherever a reader of pieces comes in, it is led to the end."""
_MOST_BLOCKS = 200_000
_MOST_BYTES = 16 << 20


def read(file: BinaryIO) -> tuple[list[bytes], bytes | None, bytes | None]:
    """Return comments, XMP and ICC profile of an open GIF file; its place is left anywhere. Damage ends the reading."""
    comments: list[bytes] = []
    xmp = icc = None
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return comments, xmp, icc
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
            label = file.read(1)
            if label == bytes([_COMMENT]):
                comments.append(b"".join(_pieces(file)))
            elif label == bytes([_APPLICATION]) and file.peek(12)[1:12] == _XMP:  # type: ignore[attr-defined]
                xmp = xmp or _xmp(file)
            elif label == bytes([_APPLICATION]) and file.peek(12)[1:12] == _PROFILE:  # type: ignore[attr-defined]
                file.seek(12, os.SEEK_CUR)
                icc = icc or b"".join(_pieces(file))
            else:
                for _ in _pieces(file):
                    pass
        else:
            break
    return comments, xmp, icc


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

    def __init__(self, comments: list[bytes], xmp: bytes | None) -> None:
        self._blocks = b""
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
        return data[:head] + self._blocks + data[head:] if len(data) >= head else None
