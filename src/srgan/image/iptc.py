"""Photoshop's blocks, with the IPTC caption among them: bare records in TIFF files, wrapped into blocks in JPEG files.

In memory they are as JPEG has them. (IPTC-IIM 4.2; Adobe Photoshop File Formats Specification, "Image Resource Blocks".)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from srgan.image.change import Change
from srgan.image.text import RAW_PROFILE, Text

HEAD = b"Photoshop 3.0\0"
"""What Photoshop's blocks begin with in a JPEG file; in a TIFF file it is left out."""

_CAPTION = 0x0404
_RESOLUTION, _GUIDES = 0x03ED, 0x0408
PATHS = range(0x07D0, 0x0BB7)
"""Numbers of blocks that are paths."""
_RECORD, _KNOTS = 26, (1, 2, 4, 5)
"""Of a path: the bytes of a record, and the kinds of those that are points of a line, closed or open."""
_STALE = {0x0409, 0x040C, 0x041A, 0x0422, 0x0423, 0x0424}
"""Blocks of the old picture: thumbnails, slices counted in its pixels, and copies of its EXIF data and XMP."""


@dataclass(frozen=True)
class Block:
    """One of Photoshop's blocks; ``number`` says what ``data`` is."""

    kind: bytes
    number: int
    name: bytes
    data: bytes


def wrapped(record: bytes) -> bytes:
    """Return a bare record as JPEG has it; what is wrapped already stays as it is."""
    if record.startswith(HEAD):
        return record
    return HEAD + packed(Block(b"8BIM", _CAPTION, b"", record))


def bare(blocks: bytes) -> bytes | None:
    """Return the record alone, or None if the blocks have none or are damaged."""
    if not blocks.startswith(HEAD):
        return blocks
    return next((block.data for block in parsed(blocks) if block.number == _CAPTION), None)


def others(blocks: bytes) -> bool:
    """Return whether there is more than the caption."""
    return blocks.startswith(HEAD) and any(block.number != _CAPTION for block in parsed(blocks))


def corrected(blocks: bytes, change: Change, resolution: tuple[float, float] | None = None) -> bytes | None:
    """Return the blocks for the changed picture: resolution and guides brought along, old thumbnails and slices left out.

    Damaged blocks, and a bare record, are returned as they are; None if nothing is left.

    Parameters
    ----------
    resolution : pixels a millimetre of the new picture, where that is known
    """
    if not blocks.startswith(HEAD):
        return blocks
    found = list(parsed(blocks))
    if sum(len(packed(block)) for block in found) + len(HEAD) < len(blocks.rstrip(b"\0")):
        return blocks
    kept = []
    for block in found:
        if block.number in _STALE:
            continue
        data = block.data
        if block.number == _RESOLUTION:
            data = _resolution(data, change, resolution)
        elif block.number == _GUIDES:
            data = _guides(data, change)
        elif block.number in PATHS and change.origin.orientation != 1:
            data = _path(data, change)
        kept.append(packed(Block(block.kind, block.number, block.name, data)))
    return HEAD + b"".join(kept) if kept else None


def _resolution(data: bytes, change: Change, resolution: tuple[float, float] | None) -> bytes:
    """Return ResolutionInfo: 16.16 fixed pixels an inch, with the units that they are shown in."""
    if len(data) < 16:
        return data
    across, shown, wide, down, shown_too, high = struct.unpack_from(">I2HI2H", data)
    values = change.extent(across, down)
    if resolution is not None:
        values = 25.4 * 65536 * resolution[0], 25.4 * 65536 * resolution[1]
    across, down = (min(max(round(value), 1), 2**32 - 1) for value in values)
    return struct.pack(">I2HI2H", across, shown, wide, down, shown_too, high) + data[16:]


def _path(data: bytes, change: Change) -> bytes:
    """Return a path, whose knots are points down and across in shares of the picture (8.24 fixed), turned with it."""
    out = bytearray(data)
    for at in range(0, len(data) - _RECORD + 1, _RECORD):
        if struct.unpack_from(">H", data, at)[0] not in _KNOTS:
            continue
        numbers = struct.unpack_from(">6i", data, at + 2)
        for place in range(0, 6, 2):
            x, y = change.turned_unit(numbers[place + 1] / (1 << 24), numbers[place] / (1 << 24))
            new = (min(max(round(value * (1 << 24)), -(2**31)), 2**31 - 1) for value in (y, x))
            struct.pack_into(">2i", out, at + 2 + 4 * place, *new)
    return bytes(out)


def _guides(data: bytes, change: Change) -> bytes:
    """Return guides, whose places are in 32nds of a pixel, where they were in the picture."""
    if len(data) < 16:
        return data
    version, grid_x, grid_y, count = struct.unpack_from(">4I", data)
    wide, high = change.origin.stored
    grid_x, grid_y = (round(value) for value in change.extent(grid_x, grid_y))
    out = struct.pack(">4I", version, min(grid_x, 2**31 - 1), min(grid_y, 2**31 - 1), count)
    turned = change.origin.orientation >= 5
    for number in range(min(count, (len(data) - 16) // 5)):
        place, level = struct.unpack_from(">iB", data, 16 + 5 * number)  # level 0: a line from top to bottom
        x, y = change.point(*((place / 32, high / 2) if level == 0 else (wide / 2, place / 32)))
        level = 1 - level if turned and level in (0, 1) else level
        out += struct.pack(">iB", min(round(32 * (x if level == 0 else y)), 2**31 - 1), level)
    return out


def parsed(blocks: bytes, at: int = len(HEAD)) -> Iterator[Block]:
    """Yield the blocks from a place on, up to the first one that is damaged."""
    while blocks[at : at + 4] in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR") and at + 12 <= len(blocks):
        kind = blocks[at : at + 4]
        number, length = struct.unpack_from(">HB", blocks, at + 4)
        name = blocks[at + 7 : at + 7 + length]
        at += 7 + length + (length + 1) % 2  # a name with its length takes an even number of bytes
        if at + 4 > len(blocks):
            return
        size = struct.unpack_from(">I", blocks, at)[0]
        if at + 4 + size > len(blocks):
            return
        yield Block(kind, number, name, blocks[at + 4 : at + 4 + size])
        at += 4 + size + size % 2


def packed(block: Block) -> bytes:
    """Return a block as it stands in a file."""
    name = bytes([len(block.name)]) + block.name
    size = len(block.data)
    head = block.kind + struct.pack(">H", block.number) + name + bytes(len(name) % 2) + struct.pack(">I", size)
    return head + block.data + bytes(size % 2)


# --- In PNG files ----------------------------------------------------------------------------------------------------


def to_text(blocks: bytes) -> Text:
    """Return blocks as the text that holds them in a PNG file."""
    name = "8bim" if blocks.startswith(HEAD) else "iptc"
    body = blocks.removeprefix(HEAD)
    digits = body.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return Text(RAW_PROFILE + name, f"\n{name}\n{len(body):8d}\n{lines}\n")


def from_block(body: bytes) -> bytes:
    """Return the blocks that such a text holds: a bare IPTC record, or blocks without their head."""
    return HEAD + body if body.startswith(b"8BIM") else wrapped(body)
