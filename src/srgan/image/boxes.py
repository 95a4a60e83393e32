"""The boxes of which AVIF, HEIC, JPEG 2000 and JPEG XL files are made: a size, a kind, and what is inside.

(ISO/IEC 14496-12, 4.2; 15444-1, I.4; 18181-2, 9.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST = 65_536
"""Boxes beside each other that are looked at."""
_HEAD = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")


class BoxError(ValueError):
    """The boxes are not what their sizes say."""


@dataclass(frozen=True)
class Box:
    """One box: its kind, and its places in the file or the bytes."""

    kind: bytes
    start: int
    body: int
    """Where what is inside begins."""
    end: int


def of_bytes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes that lie one behind the other between two places; fewer than 8 bytes at the end are none.

    Raises
    ------
    BoxError
        where a box is smaller than its head or goes beyond ``end``, or if there are more than :data:`MOST`
    """
    return _walk(lambda place: data[place : place + 16], at, len(data) if end is None else end)


def of_file(file: BinaryIO, into: Collection[bytes] = ()) -> Iterator[Box]:
    """Yield the boxes of an open file, whose place may be moved between them; of those ``into``, what is inside instead.

    Raises
    ------
    BoxError
        as :func:`of_bytes`
    """

    def head(place: int) -> bytes:
        file.seek(place)
        return file.read(16)

    return _walk(head, 0, file.seek(0, os.SEEK_END), into)


def _walk(head: Callable[[int], bytes], at: int, end: int, into: Collection[bytes] = ()) -> Iterator[Box]:
    for _ in range(MOST):
        if at + _HEAD.size > end:
            return
        data = head(at)
        size, kind = _HEAD.unpack_from(data)
        body = at + _HEAD.size
        if size == 1:  # a larger number follows
            body += _LARGE.size
            if body > end:
                raise BoxError("a box is cut short")
            (size,) = _LARGE.unpack_from(data, _HEAD.size)
        following = at + size if size else end  # 0: to the end
        if not body <= following <= end:
            raise BoxError("a box has an impossible size")
        if kind in into:
            at = body
            continue
        yield Box(kind, at, body, following)
        at = following
    raise BoxError("there are too many boxes")
