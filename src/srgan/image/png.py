"""The chunks of a PNG file beside its pixels: what libvips neither reads nor writes, or makes up.

(PNG specification, third edition; APNG's acTL is part of it.)
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MOST_CHUNKS = 2_000_000
_MOST_BYTES = 64 << 20
"""Of all chunks that are kept, and of one text when it is unpacked."""

_PIXELS = (b"IDAT", b"fdAT")
_HEAD = struct.Struct(">I4s")


@dataclass(frozen=True)
class Chunk:
    """A chunk's kind, four letters, and its data."""

    kind: bytes
    data: bytes

    def to_bytes(self) -> bytes:
        """Return it as it stands in a file, with its length and checksum."""
        return (
            _HEAD.pack(len(self.data), self.kind)
            + self.data
            + struct.pack(">I", zlib.crc32(self.data, zlib.crc32(self.kind)))
        )


def read_chunks(file: BinaryIO) -> list[Chunk]:
    """Return the chunks of an open PNG file without those of its pixels; the file's place is where it was.

    What is damaged there is for whoever decodes it to report: here the list ends.
    """
    before = file.tell()
    found, room = [], _MOST_BYTES
    try:
        for kind, length, at in _walk(file):
            if kind in _PIXELS or length > room:
                continue
            file.seek(at)
            data = file.read(length)
            checksum = file.read(4)
            if checksum != struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))):
                continue
            room -= length
            found.append(Chunk(kind, data))
        return found
    finally:
        file.seek(before)


def all_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield all chunks of an open PNG file, those of its pixels too, up to the end or to the first that is cut short."""
    for kind, length, at in _walk(file):
        file.seek(at)
        data = file.read(length)
        if len(data) < length:
            return
        yield Chunk(kind, data)


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, length and place of the data of each chunk."""
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        length, kind = _HEAD.unpack(head)
        yield kind, length, at + _HEAD.size
        if kind == b"IEND":
            return
        at += _HEAD.size + length + 4


def frame_count(chunks: list[Chunk]) -> int:
    """Return the number of frames that a PNG says it has; 1 for a still picture."""
    for chunk in chunks:
        if chunk.kind == b"acTL" and len(chunk.data) >= 4:
            return max(int(struct.unpack_from(">I", chunk.data)[0]), 1)
    return 1


def density(chunks: list[Chunk]) -> tuple[int, int, int] | None:
    """Return pixels a unit, horizontally and vertically, and the unit (1 is a metre, 0 none), or None without pHYs."""
    for chunk in chunks:
        if chunk.kind == b"pHYs" and len(chunk.data) == 9:
            across, down, unit = struct.unpack(">IIB", chunk.data)
            return (across, down, unit) if across and down else None
    return None


def density_chunk(across: float, down: float, unit: int) -> Chunk:
    """Return pHYs; see :func:`density`."""
    values = (min(max(round(value), 1), 2**31 - 1) for value in (across, down))
    return Chunk(b"pHYs", struct.pack(">IIB", *values, unit))


class Beginning:
    """Replaces what a PNG encoder puts before the pixels: its own pHYs goes, ``chunks`` come behind the header.

    Call it with the bytes of the file's beginning that there are; it returns the new beginning, or None where it needs more.
    """

    def __init__(self, chunks: list[Chunk], *, drop: tuple[bytes, ...] = (b"pHYs", b"eXIf", b"tEXt")) -> None:
        self._first = [chunk for chunk in chunks if chunk.kind in _BEFORE_PROFILE]
        self._then = [chunk for chunk in chunks if chunk.kind not in _BEFORE_PROFILE]
        self._drop = drop

    def __call__(self, data: bytes) -> bytes | None:
        """Return the new beginning up to the first chunk of pixels, and what followed it."""
        at, kept = len(SIGNATURE), b""
        header = b""
        while True:
            if len(data) < at + _HEAD.size:
                return None
            length, kind = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + length + 4
            if kind == b"IDAT":
                own = [b"".join(chunk.to_bytes() for chunk in part) for part in (self._first, self._then)]
                return data[: len(SIGNATURE)] + header + own[0] + kept + own[1] + data[at:]
            if len(data) < end:
                return None
            if kind == b"IHDR":
                header = data[at:end]
            elif kind not in self._drop:
                kept += data[at:end]
            at = end


_BEFORE_PROFILE = (b"iCCP", b"cICP", b"mDCV", b"cLLI", b"gAMA", b"cHRM", b"sRGB")
"""Chunks that stand before the palette."""
