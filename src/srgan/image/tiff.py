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
import os
import shutil
import struct
from dataclasses import dataclass
from typing import BinaryIO

from srgan.image import iptc

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type."""
_WORD = {5: 4, 10: 4}
"""Bytes of a number, where a value has several."""

_POINTERS = (0x8769, 0x8825, 0xA005)
"""Tags of directories inside: camera, place, interoperability."""

_SUB_DIRECTORIES = 0x014A
_PLACES = (0x0111, 0x0144)
"""Tags of offsets of strips and tiles."""

_RESOLUTION = {0x011A, 0x011B, 0x0128}

_IPTC, _PHOTOSHOP = 0x83BB, 0x8649

_STORAGE = (
    {0x02BC, 0x8773, _IPTC, _PHOTOSHOP}  # XMP and profile, which libvips takes care of; captions
    | set(range(0x00FE, 0x010D))
    | set(range(0x0111, 0x0130)) - _RESOLUTION
    | set(range(0x013D, 0x0216))
    | {0x828D, 0x828E, 0x935C}  # a sensor's raw values, Photoshop's layers
    | {0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1, 0xA480, 0xA481}  # GeoTIFF counts in old pixels
    | set(range(0xC612, 0xCE00))  # DNG: with these a program would take the picture for raw values
)
"""Tags of a first directory that tell how the pixels are stored, and are not taken over."""

_MAX_ENTRIES = 1000
_MAX_VALUE = 1 << 20


@dataclass(frozen=True)
class _Entry:
    """``value`` holds the bytes of ``count`` values, or the entries of a directory."""

    tag: int
    kind: int
    count: int
    value: bytes | list[_Entry]


@dataclass(frozen=True)
class _Layout:
    """Byte order, and whether offsets have 64 bits (BigTIFF)."""

    order: str
    big: bool = False

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def counter(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def record(self) -> str:
        """An entry: tag, type, count, and the value or its place."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")


class _DamagedError(ValueError):
    pass


def read(file: BinaryIO, page: int = 0) -> tuple[bytes | None, bytes | None]:
    """Return (EXIF data, bare IPTC record) of a page of an open TIFF file, None for what it lacks or is damaged."""
    try:
        layout, at = _head(file)
        for _ in range(max(page, 0)):
            at = _next(file, layout, at)
        entries = _read(file, layout, at)
    except (_DamagedError, struct.error):
        return None, None
    raw = {e.tag: e.value for e in entries if isinstance(e.value, bytes)}
    caption = raw.get(_IPTC) or iptc.bare(iptc.HEAD + raw.get(_PHOTOSHOP, b""))
    about = [e for e in entries if e.tag not in _STORAGE]
    if not {e.tag for e in about} - _RESOLUTION:
        return None, caption
    small = _Layout(layout.order)
    head = (b"II*\0" if small.order == "<" else b"MM\0*") + struct.pack(small.offset, 8)
    return head + _packed(about, small, 8), caption


def add(file: BinaryIO, exif: bytes | None, caption: bytes | None) -> None:
    """Write EXIF data and a bare IPTC record into the first directory of an open TIFF file.

    The directory moves to the file's end for it. Tags that it has already, and those that tell how pixels are stored,
    are left as they are. Damaged data is left out.
    """
    layout, at = _head(file)
    size, records, link = _records(file, layout, at)
    known = {struct.unpack_from(layout.order + "H", record)[0]: record for record in records}
    added = [_Entry(_IPTC, 7, len(caption), caption)] if caption else []
    for entry in _entries_of(exif, layout.order) if exif else ():
        if entry.tag not in _STORAGE and entry.tag not in known:
            added.append(entry)
    if not added:
        return
    place = file.seek(0, os.SEEK_END)
    place += file.write(bytes(place % 2))  # directories begin at even places
    count = len(known) + len(added)
    behind = place + struct.calcsize(layout.counter) + count * size + struct.calcsize(layout.offset)
    values = bytearray()
    for entry in added:
        known[entry.tag] = _record(entry, layout, behind, values)
    directory = struct.pack(layout.counter, len(known)) + b"".join(known[tag] for tag in sorted(known)) + link
    file.write(directory + values)
    file.seek(8 if layout.big else 4)
    file.write(struct.pack(layout.offset, place))
    file.flush()


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
    layout, first = _head(file)
    at = base + _head(page)[1]
    _move(file, layout, at, base)
    last = first
    while following := _link(file, layout, last):
        last = following
    size, records, _ = _records(file, layout, last)
    file.seek(last + struct.calcsize(layout.counter) + size * len(records))
    file.write(struct.pack(layout.offset, at))
    file.flush()


def _move(file: BinaryIO, layout: _Layout, at: int, base: int) -> None:
    """Add ``base`` to all offsets of a directory, and of those that it points to."""
    size, records, _ = _records(file, layout, at)
    width = struct.calcsize(layout.offset)
    for number, record in enumerate(records):
        tag, kind, count, field = struct.unpack(layout.record, record)
        value = at + struct.calcsize(layout.counter) + (number + 1) * size - width
        if _BYTES.get(kind, 0) * count > width:
            place = struct.unpack(layout.offset, field)[0] + base
            file.seek(value)
            file.write(struct.pack(layout.offset, place))
            value = place
        if tag not in (*_PLACES, *_POINTERS, _SUB_DIRECTORIES):
            continue
        code = f"{layout.order}{count}{'Q' if _BYTES[kind] == 8 else 'I'}"
        places = [place + base for place in struct.unpack(code, _take(file, value, struct.calcsize(code)))]
        file.seek(value)
        file.write(struct.pack(code, *places))
        for place in () if tag in _PLACES else places:
            _move(file, layout, place, base)


def _entries_of(exif: bytes, order: str) -> list[_Entry]:
    """Return the entries of a block of EXIF data, each tag once, in another byte order; none if it is damaged."""
    source = io.BytesIO(exif.removeprefix(b"Exif\0\0"))
    try:
        layout, at = _head(source)
        found = {entry.tag: entry for entry in _read(source, layout, at)}
    except (_DamagedError, struct.error):
        return []
    return [_in_order(entry, layout.order, order) for entry in found.values()]


# --- Reading ---------------------------------------------------------------------------------------------------------


def _take(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) < size:
        raise _DamagedError
    return data


def _head(file: BinaryIO) -> tuple[_Layout, int]:
    """Return the layout and the place of the first directory."""
    head = _take(file, 0, 8)
    layouts = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
    if head[:4] not in layouts:
        raise _DamagedError
    layout = _Layout(*layouts[head[:4]])
    return layout, struct.unpack(layout.offset, _take(file, 8, 8) if layout.big else head[4:])[0]


def _records(file: BinaryIO, layout: _Layout, at: int) -> tuple[int, list[bytes], bytes]:
    """Return the size of a record, the records of one directory, and the bytes that point to the next."""
    size, head, link = (struct.calcsize(code) for code in (layout.record, layout.counter, layout.offset))
    count = struct.unpack(layout.counter, _take(file, at, head))[0]
    if count > _MAX_ENTRIES:
        raise _DamagedError
    data = _take(file, at + head, count * size + link)
    return size, [data[i : i + size] for i in range(0, count * size, size)], data[count * size :]


def _link(file: BinaryIO, layout: _Layout, at: int) -> int:
    """Return the place of the directory after this one, 0 if it is the last."""
    return int(struct.unpack(layout.offset, _records(file, layout, at)[2])[0])


def _next(file: BinaryIO, layout: _Layout, at: int) -> int:
    place = _link(file, layout, at)
    if not place:
        raise _DamagedError
    return place


def _read(file: BinaryIO, layout: _Layout, at: int, depth: int = 0) -> list[_Entry]:
    """Return a directory's entries; those whose values are missing or of an unknown type are left out."""
    entries = []
    for record in _records(file, layout, at)[1]:
        tag, kind, count, field = struct.unpack(layout.record, record)
        size = _BYTES.get(kind, 0) * count
        if not 0 < size <= _MAX_VALUE:
            continue
        try:
            value = field[:size] if size <= len(field) else _take(file, struct.unpack(layout.offset, field)[0], size)
            if tag not in _POINTERS:
                entries.append(_Entry(tag, kind, count, value))
            elif depth < 2 and count == 1 and size in (4, 8):
                place = struct.unpack(layout.order + ("I" if size == 4 else "Q"), value)[0]
                entries.append(_Entry(tag, 4, 1, _read(file, layout, place, depth + 1)))
        except _DamagedError:
            continue
    return entries


# --- Writing ---------------------------------------------------------------------------------------------------------


def _in_order(entry: _Entry, old: str, new: str) -> _Entry:
    """Return the entry with its numbers in another byte order."""
    if old == new:
        return entry
    if isinstance(entry.value, list):
        return _Entry(entry.tag, entry.kind, entry.count, [_in_order(e, old, new) for e in entry.value])
    word = _WORD.get(entry.kind, _BYTES[entry.kind])
    parts = (entry.value[i : i + word][::-1] for i in range(0, len(entry.value), word))
    return _Entry(entry.tag, entry.kind, entry.count, b"".join(parts))


def _record(entry: _Entry, layout: _Layout, behind: int, values: bytearray) -> bytes:
    """Return an entry's record; a value too large for it goes to ``values``, which will lie at ``behind``."""
    width = struct.calcsize(layout.offset)
    value = entry.value
    if isinstance(value, bytes) and len(value) <= width:
        field = value.ljust(width, b"\0")
    else:
        values += bytes(len(values) % 2)
        place = behind + len(values)
        field = struct.pack(layout.offset, place)
        values += value if isinstance(value, bytes) else _packed(value, layout, place)
    # In a BigTIFF file a pointer takes the whole field.
    kind = 16 if layout.big and not isinstance(value, bytes) else entry.kind
    return struct.pack(layout.record, entry.tag, kind, entry.count, field)


def _packed(entries: list[_Entry], layout: _Layout, at: int) -> bytes:
    """Return a directory that will lie at ``at``, with the values and directories that it points to behind it."""
    record = struct.calcsize(layout.record)
    behind = at + struct.calcsize(layout.counter) + len(entries) * record + struct.calcsize(layout.offset)
    values = bytearray()
    records = [_record(entry, layout, behind, values) for entry in sorted(entries, key=lambda entry: entry.tag)]
    head = struct.pack(layout.counter, len(entries))
    return head + b"".join(records) + bytes(struct.calcsize(layout.offset)) + bytes(values)
