"""EXIF and IPTC data out of TIFF files and into them, where it is spread over the file's own directories; and pages.

A TIFF file has no block of EXIF data: what describes the photograph stands among the tags of its first directory, and
those of the camera and the place in directories of their own that it points to (TIFF 6.0; CIPA DC-008, section 4.6).
libvips neither reads nor writes them, and cuts IPTC captions to a quarter (8.18). Values move when they are taken over,
so maker notes keep their bytes, but those few that count from the beginning of the file point elsewhere, as with every
program that does this.

A file of several pages has a chain of directories. libvips writes such files only of pages of one size and in one go;
here each page is a file first, which is then put behind the others, its offsets moved.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import struct
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from srgan.image import colour, iptc
from srgan.image.exif import ratio, with_description
from srgan.image.tiff_entries import (
    BYTES,
    POINTERS,
    DirectoryError,
    Entry,
    Layout,
    directories,
    in_order,
    opened,
    packed,
    read_entries,
    records_at,
    rewrite,
    short_value,
    take,
)

_SUB_DIRECTORIES = 0x014A
_PLACES = (0x0111, 0x0144)
"""Tags of offsets of strips and tiles."""

_DESCRIPTION = 0x010E
_WHITE, _PRIMARIES, _TRANSFER = 0x013E, 0x013F, 0x012D
_PHOTOMETRIC, _EXTRA_SAMPLES = 0x0106, 0x0152
_BLACK_IS_ZERO, _UNSPECIFIED = 1, 0
_RESOLUTION = {0x011A, 0x011B, 0x0128}

_XMP, _IPTC, _PHOTOSHOP = 0x02BC, 0x83BB, 0x8649

_STORAGE = (
    {_XMP, 0x8773, _IPTC, _PHOTOSHOP}  # XMP and profile, which libvips takes care of; captions
    | set(range(0x00FE, 0x010D))
    | set(range(0x0111, 0x0130)) - _RESOLUTION - {0x011D, 0x011E, 0x011F, 0x0129}  # a page's name, place, number
    | set(range(0x013D, 0x0216))
    | {0x828D, 0x828E, 0x935C}  # a sensor's raw values, Photoshop's layers
    | {0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1, 0xA480, 0xA481, 0xC69C}  # GeoTIFF, kept apart
    | set(range(0xC612, 0xCE00))  # DNG: with these a program would take the picture for raw values
)
"""Tags of a first directory that tell how the pixels are stored, and are not taken over."""

_LEFT_OUT = {
    0x935C: "Photoshop's layers: the picture is what they show together",
    0xC697: "ImageJ's overlays, labels and lookup tables",
    _SUB_DIRECTORIES: "pictures inside of the page: smaller copies, or more",
}
"""Tags of what is more than storage, and that has no place in a larger picture."""

REFERENCE = {0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1, 0xA480, 0xA481, 0xC69C}
"""Tags of GeoTIFF and GDAL: where on the earth the pixels are (:mod:`srgan.image.geotiff`)."""

_NAMED = 5
_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType: a smaller copy of another page, and another page's transparency."""


@dataclass(frozen=True)
class Tags:
    """What the directory of a TIFF page says beside the pixels; what it lacks, or has damaged, is None or empty."""

    exif: bytes | None = None
    photoshop: bytes | None = None
    """Photoshop's blocks as in a JPEG file, a bare IPTC record among them."""
    density: tuple[float, float, int] | None = None
    """Pixels a unit, across and down the stored picture, and the unit: 1 none, 2 an inch, 3 a centimetre."""
    reference: tuple[Entry, ...] = ()
    """Entries of :data:`REFERENCE`, little-endian."""
    xmp: bytes | None = None
    colour: colour.Colour | None = None
    notes: tuple[str, ...] = ()
    """What of the page does not come along."""


def pages(file: BinaryIO) -> tuple[list[int], list[str]]:
    """Return the numbers of the directories that are pages, and words for those that are none.

    Smaller copies (overviews of a pyramid) and masks are none. Where all are of that kind, all are pages.
    """
    found: list[int] = []
    copies = masks = 0
    try:
        layout, first = opened(file)
        for number, at in enumerate(directories(file, layout, first)):
            kind = short_value(file, layout, at, 0x00FE) or 0
            old = short_value(file, layout, at, 0x00FF) or 0
            if kind & _MASK:
                masks += 1
            elif kind & _REDUCED or old == 2:
                copies += 1
            else:
                found.append(number)
    except (DirectoryError, struct.error):
        pass
    if not found:
        return list(range(copies + masks)), []
    words = [f"{copies} smaller {'copy' if copies == 1 else 'copies'} of the picture"] if copies else []
    return found, words + ([f"{masks} transparency {'mask' if masks == 1 else 'masks'}"] if masks else [])


def read(file: BinaryIO, directory: int = 0) -> Tags:
    """Return what a directory of an open TIFF file says; directories count from 0."""
    try:
        layout, first = opened(file)
        at = next(islice(directories(file, layout, first), max(directory, 0), None), None)
        entries = [] if at is None else read_entries(file, layout, at)
    except (DirectoryError, struct.error):
        return Tags()
    raw = {e.tag: e.value for e in entries if isinstance(e.value, bytes)}
    blocks = iptc.HEAD + raw.get(_PHOTOSHOP, b"")
    record = raw.get(_IPTC)
    if record and iptc.bare(blocks) is None:
        blocks += iptc.wrapped(record).removeprefix(iptc.HEAD)
    about = [e for e in entries if e.tag not in _STORAGE]
    exif = None
    if {e.tag for e in about} - _RESOLUTION:
        small = Layout(layout.order)
        head = (b"II*\0" if small.order == "<" else b"MM\0*") + struct.pack(small.offset, 8)
        # The description, which may be megabytes of XML, stands at the end, where it can grow, shrink and be left out.
        text = next((e.value for e in about if e.tag == _DESCRIPTION and isinstance(e.value, bytes)), b"")
        short = [Entry(_DESCRIPTION, 2, 1, b"\0") if e.tag == _DESCRIPTION else e for e in about]
        exif = with_description(head + packed(short, small, 8), text)
    reference = tuple(in_order(e, layout.order, "<") for e in entries if e.tag in REFERENCE)
    photoshop = blocks if blocks != iptc.HEAD else None
    present = {entry.tag for entry in entries}
    notes = tuple(words for tag, words in _LEFT_OUT.items() if tag in present)
    said = _colour(raw, layout.order)
    if said is None and _WHITE in present:
        notes += ("the chromaticities of its colours",)
    return Tags(exif, photoshop, _density(raw, layout.order), reference, raw.get(_XMP), said, notes)


def _colour(raw: dict[int, bytes], order: str) -> colour.Colour | None:
    """Return what white, primaries and transfer function say; None where white or primaries are missing."""
    sizes = {_WHITE: 4, _PRIMARIES: 12}
    if any(len(raw.get(tag, b"")) != 4 * count for tag, count in sizes.items()):
        return None
    numbers = [n for tag, count in sizes.items() for n in struct.unpack(f"{order}{count}I", raw[tag])]
    if not all(numbers[1::2]):
        return None
    values = [above / below for above, below in zip(numbers[::2], numbers[1::2], strict=True)]
    white, red, green, blue = zip(values[::2], values[1::2], strict=True)
    found = colour.Colour(gamma=_gamma(raw.get(_TRANSFER, b""), order), chromaticities=(white, red, green, blue))
    return None if found.is_srgb else found


def _gamma(table: bytes, order: str) -> float | None:
    """Return the power that a transfer function is nearest to; None where there is none, and sRGB's curve is taken."""
    count = len(table) // 2
    count = count if count in (256, 65536) else count // 3
    if count not in (256, 65536):
        return None
    middle = struct.unpack_from(order + "H", table, 2 * (count // 2))[0] / 65535
    return math.log(count // 2 / (count - 1)) / math.log(middle) if 0.01 < middle < 0.99 else None


def notes_of_pages(file: BinaryIO) -> tuple[str, ...]:
    """Return words for what of the pages behind the first does not come along, with the pages' numbers."""
    found: dict[str, list[int]] = {}
    try:
        layout, first = opened(file)
        numbers = {directory: page for page, directory in enumerate(pages(file)[0], 1)}
        for number, at in enumerate(directories(file, layout, first)):
            tags = {struct.unpack_from(layout.order + "H", record)[0] for record in records_at(file, layout, at)[1]}
            for tag in tags & _LEFT_OUT.keys() if numbers.get(number, 1) > 1 else ():
                found.setdefault(_LEFT_OUT[tag], []).append(numbers[number])
    except (DirectoryError, struct.error):
        pass
    return tuple(f"of {_listed(where)}: {words}" for words, where in found.items())


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ("page " if len(numbers) == 1 else "pages ") + ", ".join(map(str, numbers[:_NAMED])) + more


def _density(raw: dict[int, bytes], order: str) -> tuple[float, float, int] | None:
    unit = raw.get(0x0128, b"")
    values = []
    for tag in (0x011A, 0x011B):
        if len(raw.get(tag, b"")) != 8:
            return None
        above, below = struct.unpack(order + "2I", raw[tag])
        if not above or not below:
            return None
        values.append(above / below)
    kind = struct.unpack(order + "H", unit)[0] if len(unit) == 2 else 2
    return values[0], values[1], kind if kind in (1, 3) else 2


def add(
    file: BinaryIO,
    exif: bytes | None,
    photoshop: bytes | None,
    density: tuple[float, float, int] | None,
    reference: tuple[Entry, ...] = (),
    bands: int = 1,
) -> None:
    """Write what a page says beside its pixels into the first directory of an open TIFF file; see :class:`Tags`.

    The directory moves to the file's end for it. Tags that tell how pixels are stored are left as they are. Damaged data is
    left out. ``photoshop`` has its head, as in a JPEG file. ``bands`` counts samples that are neither colours nor alpha, which
    libvips calls them from the third one on: map programs would take the fourth for transparency.
    """
    layout, at = opened(file)
    known = {struct.unpack_from(layout.order + "H", record)[0] for record in records_at(file, layout, at)[1]}
    added = [in_order(entry, "<", layout.order) for entry in reference]
    record = photoshop and iptc.bare(photoshop)
    if record:
        added.append(Entry(_IPTC, 7, len(record), record))
    blocks = photoshop.removeprefix(iptc.HEAD) if photoshop and photoshop.startswith(iptc.HEAD) else b""
    if blocks and iptc.others(photoshop or b""):
        added.append(Entry(_PHOTOSHOP, 7, len(blocks), blocks))
    for entry in _entries_of(exif, layout.order) if exif else ():
        if entry.tag not in _STORAGE | _RESOLUTION and entry.tag not in known:
            added.append(entry)
    if density is not None:
        for tag, value in zip((0x011A, 0x011B), density[:2], strict=True):
            added.append(Entry(tag, 5, 1, struct.pack(layout.order + "2I", *ratio(value))))
        added.append(Entry(0x0128, 3, 1, struct.pack(layout.order + "H", density[2])))
    if bands > 1:
        for tag, values in ((_PHOTOMETRIC, [_BLACK_IS_ZERO]), (_EXTRA_SAMPLES, [_UNSPECIFIED] * (bands - 1))):
            added.append(Entry(tag, 3, len(values), struct.pack(f"{layout.order}{len(values)}H", *values)))
    rewrite(file, added, set() if density is not None else _RESOLUTION)


def append(file: BinaryIO, page: BinaryIO) -> None:
    """Put the one page of the open TIFF file ``page`` behind the pages of ``file``, which may be empty.

    Both are of one byte order and one kind, classic or BigTIFF, as libvips has written them.
    """
    base = file.seek(0, os.SEEK_END)
    if base:
        base += file.write(bytes(-base % 16))
    page.seek(0)
    shutil.copyfileobj(page, file, 1 << 20)
    if not base:
        return
    layout, first = opened(file)
    at = base + opened(page)[1]
    _move(file, layout, at, base)
    *_, last = directories(file, layout, first)
    size, records, _ = records_at(file, layout, last)
    file.seek(last + struct.calcsize(layout.counter) + size * len(records))
    file.write(struct.pack(layout.offset, at))
    file.flush()


def _move(file: BinaryIO, layout: Layout, at: int, base: int) -> None:
    """Add ``base`` to all offsets of a directory, and of those that it points to."""
    size, records, _ = records_at(file, layout, at)
    width = struct.calcsize(layout.offset)
    for number, record in enumerate(records):
        tag, kind, count, field = struct.unpack(layout.record, record)
        value = at + struct.calcsize(layout.counter) + (number + 1) * size - width
        if BYTES.get(kind, 0) * count > width:
            place = struct.unpack(layout.offset, field)[0] + base
            file.seek(value)
            file.write(struct.pack(layout.offset, place))
            value = place
        if tag not in (*_PLACES, *POINTERS, _SUB_DIRECTORIES):
            continue
        code = f"{layout.order}{count}{'Q' if BYTES[kind] == 8 else 'I'}"
        places = [place + base for place in struct.unpack(code, take(file, value, struct.calcsize(code)))]
        file.seek(value)
        file.write(struct.pack(code, *places))
        for place in () if tag in _PLACES else places:
            _move(file, layout, place, base)


def _entries_of(exif: bytes, order: str) -> list[Entry]:
    """Return the entries of a block of EXIF data, each tag once, in another byte order; none if it is damaged."""
    source = io.BytesIO(exif.removeprefix(b"Exif\0\0"))
    try:
        layout, at = opened(source)
        found = {entry.tag: entry for entry in read_entries(source, layout, at)}
    except (DirectoryError, struct.error):
        return []
    return [in_order(entry, layout.order, order) for entry in found.values()]
