"""How many frames a PNG says it has: the chunk acTL, before the pixels, makes it an animation (APNG)."""

from __future__ import annotations

import struct
from typing import BinaryIO

_MOST_CHUNKS = 1000
"""Chunks that are looked at; before the pixels, files have a dozen of them."""


def frame_count(file: BinaryIO) -> int:
    """Return the number of frames, 1 for a still picture; the file's place is where it was."""
    before = file.tell()
    try:
        file.seek(8)
        for _ in range(_MOST_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head)
            if kind == b"IDAT":
                break
            if kind == b"acTL" and len(data := file.read(4)) == 4:
                return max(int(struct.unpack(">I", data)[0]), 1)
            file.seek(length + 4, 1)  # its data and its checksum
        return 1
    finally:
        file.seek(before)
