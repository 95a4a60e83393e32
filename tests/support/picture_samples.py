"""What belongs to a picture, built by hand to the byte: EXIF data as a camera writes it, profiles, XMP, IPTC."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

MAKER_NOTE = b"Nikon\0\2\x10\0\0MM\0*\0\0\0\x08" + bytes(range(256))
"""A maker note with a header and offsets of its own: whoever rewrites it, breaks it."""

KINDS = {"byte": 1, "ascii": 2, "short": 3, "long": 4, "rational": 5, "undefined": 7}


def thumbnail() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 12), (9, 99, 200)).save(file, "JPEG")
    return file.getvalue()


def exif(
    order: str = "<",
    *,
    orientation: int = 6,
    width: int = 40,
    height: int = 30,
    dpi: int | None = 300,
    size_kind: str = "long",
    filler: int = 0,
) -> bytes:
    """Return EXIF data with camera, place, a maker note, a private tag and a thumbnail.

    ``filler`` adds so many bytes of a private tag; ``dpi`` None leaves the resolution out.
    """
    thumb = thumbnail()
    resolution: list[Any] = []
    if dpi:
        resolution = [(0x011A, "rational", [(dpi, 1)]), (0x011B, "rational", [(dpi, 1)]), (0x0128, "short", [2])]

    def build(camera: int, place: int, small: int, small_pixels: int) -> tuple[bytes, tuple[int, ...]]:
        first = [
            (0x0100, size_kind, [width]),
            (0x0101, size_kind, [height]),
            (0x010E, "ascii", b"Ein Bild \xe4"),
            (0x010F, "ascii", b"Maker Corp"),
            (0x0112, "short", [orientation]),
            *resolution,
            (0x0131, "ascii", b"fw 1.0"),
            (0x0132, "ascii", b"2020:01:02 03:04:05"),
            (0x4746, "short", [5]),  # a rating: libexif does not know it
            (0x8298, "ascii", b"(c) someone"),
            (0x8769, "long", [camera]),
            (0x8825, "long", [place]),
            (0x9C9B, "byte", "Titel".encode("utf-16le") + b"\0\0"),
            (0xC4A5, "undefined", b"PrintIM\0" + b"0300\0\0\0\0"),
            *([(0xFDE8, "undefined", bytes(i % 251 for i in range(filler)))] if filler else []),
        ]
        shot = [
            (0x829A, "rational", [(1, 125)]),
            (0x9003, "ascii", b"2020:01:02 03:04:05"),
            (0x927C, "undefined", MAKER_NOTE),
            (0x9286, "undefined", b"ASCII\0\0\0hello"),
            (0xA002, size_kind, [width]),
            (0xA003, size_kind, [height]),
            (0xA434, "ascii", b"50mm F1.8"),
        ]
        where = [
            (0x0000, "byte", bytes([2, 3, 0, 0])),
            (0x0001, "ascii", b"N"),
            (0x0002, "rational", [(48, 1), (8, 1), (1234, 100)]),
        ]
        shown = [(0x0103, "short", [6]), (0x0201, "long", [small_pixels]), (0x0202, "long", [len(thumb)])]
        parts = [directory(first, order, 8, small)]
        places = []
        for entries in (shot, where, shown):
            places.append(8 + sum(map(len, parts)))
            parts.append(directory(entries, order, places[-1], 0))
        places.append(8 + sum(map(len, parts)))
        head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
        return head + b"".join(parts) + thumb, tuple(places)

    _, places = build(0, 0, 0, 0)
    return build(*places)[0]


def directory(entries: list[Any], order: str, at: int, following: int) -> bytes:
    """Return a TIFF directory that lies at ``at``, its values behind it."""
    records, values = b"", b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        raw = value + b"\0" if kind == "ascii" else value
        if kind in ("short", "long"):
            raw = struct.pack(f"{order}{len(value)}{'H' if kind == 'short' else 'I'}", *value)
        elif kind == "rational":
            raw = b"".join(struct.pack(order + "2I", *pair) for pair in value)
        count = len(raw) if kind in ("ascii", "byte", "undefined") else len(value)
        field = raw.ljust(4, b"\0")
        if len(raw) > 4:
            field = struct.pack(order + "I", behind + len(values))
            values += raw + bytes(len(raw) % 2)
        records += struct.pack(order + "HHI", tag, KINDS[kind], count) + field
    return struct.pack(order + "H", len(entries)) + records + struct.pack(order + "I", following) + values


Tags = dict[str, dict[int, Any]]


def tags(data: bytes) -> Tags:
    """Return EXIF data as Pillow reads it, by directory."""
    found = Image.Exif()
    found.load(data)
    return all_tags(found)


def all_tags(found: Image.Exif) -> Tags:
    first = {tag: value for tag, value in found.items() if tag not in (0x8769, 0x8825)}  # their places may differ
    return {"first": first, "camera": dict(found.get_ifd(0x8769)), "place": dict(found.get_ifd(0x8825))}


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gray_profile(gamma: float) -> bytes:
    """A gray profile of ICC version 2 with this gamma."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    white = fixed(0.9642, 1.0, 0.8249)
    parts = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"gray\0" + bytes(78)),
        (b"wtpt", b"XYZ \0\0\0\0" + white),
        (b"kTRC", b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))),
        (b"cprt", b"text\0\0\0\0x\0"),
    ]
    at, table, body = 128 + 4 + 12 * len(parts), struct.pack(">I", len(parts)), b""
    for name, data in parts:
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + body


def xmp(orientation: int) -> bytes:
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d" tiff:Make="Maker 6"/></rdf:RDF>'
        b'</x:xmpmeta><?xpacket end="w"?>' % orientation
    )


def caption() -> bytes:
    """A bare IPTC record: a headline and a name, of odd length."""
    sets = ((0, b"\0\4"), (80, b"Anna"), (120, b"Hallo Welt!"))
    return b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text for number, text in sets)


def photoshop_blocks() -> bytes:
    """The caption as a JPEG file has it, behind a block with a name that is something else."""
    other = b"8BIM" + struct.pack(">H", 0x03F3) + b"\3abc" + struct.pack(">I", 3) + b"xyz\0"
    record = caption()
    return (
        b"Photoshop 3.0\0" + other + b"8BIM\4\4\0\0" + struct.pack(">I", len(record)) + record + bytes(len(record) % 2)
    )


def dng(path: Path, turn: int = 1) -> None:
    """A raw file as a camera writes it: 64 x 48 sensor values behind red, green, green and blue filters."""
    sensor = np.zeros((48, 64), np.uint16)
    sensor[0::2, 0::2] = 8000  # red
    sensor[0::2, 1::2] = sensor[1::2, 0::2] = 16000
    sensor[1::2, 1::2] = 4000  # blue
    tags = [
        (271, "s", 0, "Maker", True),
        (272, "s", 0, "Camera", True),
        (274, "H", 1, turn, True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),
        (50708, "s", 0, "Maker Camera", True),
        (50717, "I", 1, 65535, True),
        (50721, "2i", 9, (*(10000, 10000, 0, 10000, 0, 10000), *(0, 10000, 10000, 10000, 0, 10000),
                          *(0, 10000, 0, 10000, 10000, 10000)), True),
        (50728, "2I", 3, (1, 2, 1, 1, 1, 4), True),  # neutral: as this sensor sees gray
        (50778, "H", 1, 21, True),
    ]  # fmt: skip
    tifffile.imwrite(path, sensor, photometric=32803, extratags=tags, metadata=None, software="fw")


def box(kind: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    """A box of ISO files, JPEG 2000 and JPEG XL; ``size`` may be a wrong one."""
    return struct.pack(">I4s", 8 + len(body) if size is None else size, kind) + body
