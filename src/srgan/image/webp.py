"""Blocks in a finished WebP file that is no single picture: libvips does not write animations for us.

(WebP container specification; RFC 9649, section 2.7.)
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

_KNOWN = {b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP", b"EXIF", b"XMP "}
_MOST_CHUNKS = 100_000


def unknown(file: BinaryIO) -> dict[str, int]:
    """Return the bytes in chunks of an open WebP file that no result has, by their names; its place is left anywhere."""
    found: dict[str, int] = {}
    file.seek(12)
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        kind, size = struct.unpack("<4sI", head)
        if kind not in _KNOWN:
            name = kind.decode("latin-1").strip()
            found[name] = found.get(name, 0) + size
        file.seek(size + size % 2, os.SEEK_CUR)
    return dict(list(found.items())[:8])


_FLAGS = {b"EXIF": 0x08, b"XMP ": 0x04}


def with_blocks(data: bytes, exif: bytes | None, xmp: bytes | None) -> bytes | None:
    """Return the bytes of a file with other EXIF data and XMP; None for a file without an extended header (VP8X)."""
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8X":
        return None
    new = {b"EXIF": exif and exif.removeprefix(b"Exif\0\0"), b"XMP ": xmp}
    out = b""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size + size % 2
        if kind not in new:
            out += data[at:end]
        at = end
    flags = out[8] & ~0x0C
    for kind, body in new.items():
        if body:
            flags |= _FLAGS[kind]
            out += struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)
    out = out[:8] + bytes([flags]) + out[9:]
    return b"RIFF" + struct.pack("<I", len(out) + 4) + b"WEBP" + out
