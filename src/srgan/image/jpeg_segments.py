"""The segments of a JPEG file beside its pixels, and where the picture ends.

(ITU-T T.81; JFIF 1.02; CIPA DC-008; Adobe XMP specification, part 3, for packets above 64 kB; CIPA DC-007 for what follows.)
"""

from __future__ import annotations

import hashlib
import mmap
import re
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
MULTI_PICTURE = b"MPF\0"
GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"

_MOST = 65_533
"""Bytes of a segment's contents."""
_MOST_BYTES = 64 << 20
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN, _END = 0xDA, 0xD9
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
_NOTE = re.compile(rb"""HasExtendedXMP\s*(?:=\s*["']|>)\s*([0-9A-Fa-f]{32})""")


@dataclass
class Segments:
    """What a JPEG file says beside its pixels."""

    jfif: tuple[int, int, int] | None = None
    """Density's unit (0 none, 1 an inch, 2 a centimetre), horizontally, vertically."""
    exif: bytes | None = None
    xmp: bytes | None = None
    extended: bytes | None = None
    """The rest of the XMP, a packet of its own."""
    photoshop: bytes | None = None
    """Photoshop's blocks, with their head once."""
    comments: list[bytes] = field(default_factory=list)
    multi_picture: tuple[bytes, int] | None = None
    """The index of the pictures in the file, and the place in the file that its offsets count from."""
    gain_map: list[bytes] = field(default_factory=list)
    """Contents of segments of ISO 21496-1: parameters of a gain map, or in the picture itself that there is one."""
    other: set[str] = field(default_factory=set)
    """Names of what is there and belongs to no picture that is made from it."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Bytes in segments for applications that are not known here, by what they begin with, else by their number (``APP4``)."""
    end: int = 0
    """Behind the picture's last byte; 0 if it is not found."""


def read(file: BinaryIO) -> Segments:
    """Read the segments of an open JPEG file; its place is where it was. Damage ends the reading."""
    before = file.tell()
    found = Segments()
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _walk(data, found)
    except (ValueError, OSError):
        pass
    finally:
        file.seek(before)
    return found


def read_bytes(data: bytes) -> Segments:
    """Read the segments of a JPEG file in memory."""
    found = Segments()
    _walk(data, found)
    return found


def end_of(data: bytes, at: int) -> int:
    """Return where the JPEG picture that begins at a place ends; 0 if its end is missing."""
    found = Segments()
    _walk(memoryview(data)[at:].tobytes() if at else data, found)
    return at + found.end if found.end else 0


def _walk(data: mmap.mmap | bytes, found: Segments) -> None:
    parts: dict[str, dict[int, bytes]] = {}
    at, size, room = 2, len(data), _MOST_BYTES
    while at + 4 <= size and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _END:
            found.end = at + 2
            break
        length = int(struct.unpack(">H", data[at + 2 : at + 4])[0])
        end = at + 2 + length
        if length < 2 or end > size:
            break
        if marker == _SCAN:
            following = _MARKER_IN_SCAN.search(data, end)
            if following is None:
                break
            at = following.start()
            continue
        if (0xE0 <= marker <= 0xEF or marker == 0xFE) and length <= room:
            room -= length
            _take(marker, data[at + 4 : end], at + 4, found, parts)
        at = end
    guid = _NOTE.search(found.xmp or b"")
    pieces = parts.get(guid[1].decode().upper(), {}) if guid else {}
    whole = b"".join(pieces[place] for place in sorted(pieces))
    if guid and hashlib.md5(whole, usedforsecurity=False).hexdigest().upper() == guid[1].decode().upper():
        found.extended = whole


def _take(marker: int, data: bytes, at: int, found: Segments, parts: dict[str, dict[int, bytes]]) -> None:
    if marker == 0xE0 and data[:5] == b"JFIF\0" and len(data) >= 12 and found.jfif is None:
        found.jfif = struct.unpack_from(">BHH", data, 7)
    elif marker == 0xE1 and data.startswith(EXIF) and found.exif is None:
        found.exif = data
    elif marker == 0xE1 and data.startswith(XMP) and found.xmp is None:
        found.xmp = data[len(XMP) :]
    elif marker == 0xE1 and data.startswith(EXTENDED_XMP) and len(data) > len(EXTENDED_XMP) + 40:
        head = data[len(EXTENDED_XMP) :]
        place = struct.unpack_from(">I", head, 36)[0]
        parts.setdefault(head[:32].decode("latin-1").upper(), {})[place] = head[40:]
    elif marker == 0xED and data.startswith(PHOTOSHOP):
        found.photoshop = (found.photoshop or PHOTOSHOP) + data[len(PHOTOSHOP) :]
    elif marker == 0xE2 and data.startswith(MULTI_PICTURE) and found.multi_picture is None:
        found.multi_picture = data[4:], at + 4
    elif marker == 0xE2 and data.startswith(GAIN_MAP):
        found.gain_map.append(data)
    elif marker == 0xEB and b"jumb" in data[:40]:
        found.other.add("c2pa" if b"c2pa" in data[:200] else "jumbf")
    elif marker == 0xFE:
        found.comments.append(data)
    elif not (marker == 0xE0 and data.startswith((b"JFIF\0", b"JFXX\0"))):
        name = re.match(rb"[\x20-\x7e]{3,40}", data)
        said = name[0].decode() if name else f"APP{marker - 0xE0}"
        found.unknown[said] = found.unknown.get(said, 0) + len(data)


def segment(marker: int, data: bytes) -> bytes:
    """Return a segment as it stands in a file.

    Raises
    ------
    ValueError
        if the data is too large for one
    """
    if len(data) > _MOST:
        raise ValueError("too large for a segment")
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def photoshop_segments(blocks: bytes) -> bytes:
    """Return Photoshop's blocks, with their head, as as many segments as they need."""
    body = blocks.removeprefix(PHOTOSHOP)
    step = _MOST - len(PHOTOSHOP)
    return b"".join(segment(0xED, PHOTOSHOP + body[at : at + step]) for at in range(0, len(body), step))


def comment_segments(data: bytes) -> bytes:
    """Return a comment; one that is too long for a segment goes on in the next."""
    return b"".join(segment(0xFE, data[at : at + _MOST]) for at in range(0, max(len(data), 1), _MOST))


XMP_ROOM = _MOST - len(XMP)
"""Bytes of XMP that one segment holds."""


def extended_xmp_segments(packet: bytes) -> tuple[str, bytes]:
    """Return the name (GUID) of an extended packet, which the standard one must mention, and its segments."""
    guid = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper()
    step = 65_400
    head = EXTENDED_XMP + guid.encode()
    pieces = (
        segment(0xE1, head + struct.pack(">II", len(packet), at) + packet[at : at + step])
        for at in range(0, len(packet), step)
    )
    return guid, b"".join(pieces)


def jfif(unit: int, across: float, down: float) -> bytes:
    """Return a JFIF header's segment; densities are rounded to whole numbers."""
    values = (min(max(round(value), 1), 65_535) for value in (across, down))
    return segment(0xE0, b"JFIF\0\1\1" + struct.pack(">BHHBB", unit, *values, 0, 0))


class Beginning:
    """Puts segments of one's own at the beginning of a JPEG file, in place of JFIF and EXIF data that its encoder made up.

    Call it with the bytes of the file's beginning that there are; it returns the new beginning, or None where it needs more.
    """

    def __init__(self, segments: bytes) -> None:
        self._segments = segments

    def __call__(self, data: bytes) -> bytes | None:
        """Return the new beginning and what follows of ``data``."""
        at = 2
        while True:
            if len(data) < at + 4:
                return None
            marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
            if marker not in (0xE0, 0xE1):
                return data[:2] + self._segments + data[at:]
            at += 2 + length
