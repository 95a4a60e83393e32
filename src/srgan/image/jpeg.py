"""How hard a JPEG file was compressed, from the quantisation table in its header.

The quality of 1 to 100 that programs ask for is that of the Independent JPEG Group's library: it scales the example table of
the standard (ITU-T T.81, annex K.1). Whose tables are others (cameras', Photoshop's) has the quality of the scaled table that
is as coarse.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import BinaryIO

# fmt: off
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
# fmt: on
"""Table K.1, row by row."""

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a segment: TEM, RST0 to RST7, SOI."""

_TABLES, _SCAN, _END = 0xDB, 0xDA, 0xD9


def quality(file: BinaryIO) -> int | None:
    """Return the quality, 1 to 100, that a JPEG file was saved with; None if its header does not say.

    Parameters
    ----------
    file : open for reading bytes; read from its start to the picture's data, and left anywhere. What is damaged there is
        for whoever decodes it to report
    """
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return None
    while (marker := _next_marker(file)) is not None and marker not in (_SCAN, _END):
        if marker in _STANDALONE:
            continue
        length = file.read(2)
        if len(length) < 2 or (size := struct.unpack(">H", length)[0] - 2) < 0:
            return None
        if marker != _TABLES:
            file.seek(size, 1)
        elif (total := _first_table(file.read(size))) is not None:
            return min(range(1, 101), key=lambda q: abs(_sum_of(q) - total))
    return None


def _next_marker(file: BinaryIO) -> int | None:
    if file.read(1) != b"\xff":
        return None
    byte = b"\xff"
    while byte == b"\xff":  # fill bytes
        byte = file.read(1)
    return byte[0] if byte else None


def _first_table(segment: bytes) -> int | None:
    """Return the sum of table 0, the one of luminance, if the segment has it."""
    while segment:
        deep, number = divmod(segment[0], 16)
        size = 128 if deep else 64
        values = segment[1 : 1 + size]
        if len(values) < size:
            return None
        if number == 0:
            return sum(struct.unpack(">64H", values) if deep else values)
        segment = segment[1 + size :]
    return None


@lru_cache(maxsize=100)
def _sum_of(quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((value * scale + 50) // 100, 1), 255) for value in _LUMINANCE)
