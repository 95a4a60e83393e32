"""IPTC captions: a bare record in TIFF files, the same wrapped into Photoshop's blocks in JPEG files.

In memory they are as JPEG has them; libvips hands over each file's own form, and writes what it is given. (IPTC-IIM 4.2;
Adobe Photoshop File Formats Specification, "Image Resource Blocks".)
"""

from __future__ import annotations

import struct

HEAD = b"Photoshop 3.0\0"
"""What Photoshop's blocks begin with in a JPEG file; in a TIFF file it is left out."""
_IPTC_BLOCK = 0x0404


def wrapped(record: bytes) -> bytes:
    """Return a bare record as JPEG has it; what is wrapped already stays as it is."""
    if record.startswith(HEAD):
        return record
    return HEAD + struct.pack(">4sHHI", b"8BIM", _IPTC_BLOCK, 0, len(record)) + record + bytes(len(record) % 2)


def bare(blocks: bytes) -> bytes | None:
    """Return the record alone, or None if the blocks have none or are damaged."""
    if not blocks.startswith(HEAD):
        return blocks
    at = len(HEAD)
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        number, name = struct.unpack_from(">HB", blocks, at + 4)
        at += 7 + name + (name + 1) % 2  # a name with its length takes an even number of bytes
        if at + 4 > len(blocks):
            return None
        size = struct.unpack_from(">I", blocks, at)[0]
        if number == _IPTC_BLOCK:
            return blocks[at + 4 : at + 4 + size] if at + 4 + size <= len(blocks) else None
        at += 4 + size + size % 2
    return None
