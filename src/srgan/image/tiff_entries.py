"""Directories of a TIFF file: their entries, read with all values, and written anew at a file's end (TIFF 6.0; BigTIFF)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type."""
_WORD = {5: 4, 10: 4}
"""Bytes of a number, where a value has several."""

POINTERS = (0x8769, 0x8825, 0xA005)
"""Tags of directories inside: camera, place, interoperability."""

_MAX_ENTRIES = 1000
_MAX_VALUE = 1 << 20
_MAX_DESCRIPTION = 64 << 20
"""Bytes of a description: OME's has a line for each plane."""
_DESCRIPTION = 0x010E
_MAX_DIRECTORIES = 100_000


@dataclass(frozen=True)
class Entry:
    """``value`` holds the bytes of ``count`` values, or the entries of a directory."""

    tag: int
    kind: int
    count: int
    value: bytes | list[Entry]


@dataclass(frozen=True)
class Layout:
    """Byte order, and whether offsets have 64 bits (BigTIFF)."""

    order: str
    big: bool = False

    @property
    def offset(self) -> str:
        """A place in the file."""
        return self.order + ("Q" if self.big else "I")

    @property
    def counter(self) -> str:
        """How many entries a directory has."""
        return self.order + ("Q" if self.big else "H")

    @property
    def record(self) -> str:
        """An entry: tag, type, count, and the value or its place."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")


class DirectoryError(ValueError):
    """The directory is not what its offsets and counts say."""


# --- Reading ---------------------------------------------------------------------------------------------------------


def take(file: BinaryIO, at: int, size: int) -> bytes:
    """Return the bytes at a place; DirectoryError where the file ends before."""
    file.seek(at)
    data = file.read(size)
    if len(data) < size:
        raise DirectoryError
    return data


def opened(file: BinaryIO) -> tuple[Layout, int]:
    """Return the layout and the place of the first directory."""
    first = take(file, 0, 8)
    layouts = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
    if first[:4] not in layouts:
        raise DirectoryError
    layout = Layout(*layouts[first[:4]])
    return layout, struct.unpack(layout.offset, take(file, 8, 8) if layout.big else first[4:])[0]


def records_at(file: BinaryIO, layout: Layout, at: int) -> tuple[int, list[bytes], bytes]:
    """Return the size of a record, the records of one directory, and the bytes that point to the next."""
    size, counter, link = (struct.calcsize(code) for code in (layout.record, layout.counter, layout.offset))
    count = struct.unpack(layout.counter, take(file, at, counter))[0]
    if count > _MAX_ENTRIES:
        raise DirectoryError
    data = take(file, at + counter, count * size + link)
    return size, [data[i : i + size] for i in range(0, count * size, size)], data[count * size :]


def directories(file: BinaryIO, layout: Layout, at: int) -> Iterator[int]:
    """Yield the places of the directories in a chain that begins at ``at``; a chain that leads back ends."""
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(at)
        yield at
        at = int(struct.unpack(layout.offset, records_at(file, layout, at)[2])[0])


def short_value(file: BinaryIO, layout: Layout, at: int, wanted: int) -> int | None:
    """Return the one whole number of a tag of a directory, or None."""
    for record in records_at(file, layout, at)[1]:
        tag, kind, count, field = struct.unpack(layout.record, record)
        if tag == wanted and count == 1 and kind in (3, 4):
            return int(struct.unpack_from(layout.order + ("H" if kind == 3 else "I"), field)[0])
    return None


def read_entries(file: BinaryIO, layout: Layout, at: int, depth: int = 0) -> list[Entry]:
    """Return a directory's entries; those whose values are missing or of an unknown type are left out."""
    entries = []
    for record in records_at(file, layout, at)[1]:
        tag, kind, count, field = struct.unpack(layout.record, record)
        size = BYTES.get(kind, 0) * count
        if not 0 < size <= (_MAX_DESCRIPTION if tag == _DESCRIPTION else _MAX_VALUE):
            continue
        try:
            value = field[:size] if size <= len(field) else take(file, struct.unpack(layout.offset, field)[0], size)
            if tag not in POINTERS:
                entries.append(Entry(tag, kind, count, value))
            elif depth < 2 and count == 1 and size in (4, 8):
                place = struct.unpack(layout.order + ("I" if size == 4 else "Q"), value)[0]
                entries.append(Entry(tag, 4, 1, read_entries(file, layout, place, depth + 1)))
        except DirectoryError:
            continue
    return entries


# --- Writing ---------------------------------------------------------------------------------------------------------


def rewrite(file: BinaryIO, added: list[Entry], dropped: set[int]) -> None:
    """Write the first directory of an open TIFF file anew at its end, with other entries.

    Parameters
    ----------
    added : entries in the file's byte order; they take the place of those that have their tags
    dropped : tags to leave out
    """
    layout, at = opened(file)
    size, records, link = records_at(file, layout, at)
    known = {struct.unpack_from(layout.order + "H", record)[0]: record for record in records}
    kept = {tag: record for tag, record in known.items() if tag not in dropped}
    if not added and len(kept) == len(known):
        return
    place = file.seek(0, os.SEEK_END)
    place += file.write(bytes(place % 2))  # directories begin at even places
    count = len(kept.keys() | {entry.tag for entry in added})
    behind = place + struct.calcsize(layout.counter) + count * size + struct.calcsize(layout.offset)
    values = bytearray()
    for entry in added:
        kept[entry.tag] = as_record(entry, layout, behind, values)
    directory = struct.pack(layout.counter, count) + b"".join(kept[tag] for tag in sorted(kept)) + link
    file.write(directory + values)
    file.seek(8 if layout.big else 4)
    file.write(struct.pack(layout.offset, place))
    file.flush()


def in_order(entry: Entry, old: str, new: str) -> Entry:
    """Return the entry with its numbers in another byte order."""
    if old == new:
        return entry
    if isinstance(entry.value, list):
        return Entry(entry.tag, entry.kind, entry.count, [in_order(e, old, new) for e in entry.value])
    word = _WORD.get(entry.kind, BYTES[entry.kind])
    parts = (entry.value[i : i + word][::-1] for i in range(0, len(entry.value), word))
    return Entry(entry.tag, entry.kind, entry.count, b"".join(parts))


def as_record(entry: Entry, layout: Layout, behind: int, values: bytearray) -> bytes:
    """Return an entry's record; a value too large for it goes to ``values``, which will lie at ``behind``."""
    width = struct.calcsize(layout.offset)
    value = entry.value
    if isinstance(value, bytes) and len(value) <= width:
        field = value.ljust(width, b"\0")
    else:
        values += bytes(len(values) % 2)
        place = behind + len(values)
        field = struct.pack(layout.offset, place)
        values += value if isinstance(value, bytes) else packed(value, layout, place)
    # In a BigTIFF file a pointer takes the whole field.
    kind = 16 if layout.big and not isinstance(value, bytes) else entry.kind
    return struct.pack(layout.record, entry.tag, kind, entry.count, field)


def packed(entries: list[Entry], layout: Layout, at: int) -> bytes:
    """Return a directory that will lie at ``at``, with the values and directories that it points to behind it."""
    size = struct.calcsize(layout.record)
    behind = at + struct.calcsize(layout.counter) + len(entries) * size + struct.calcsize(layout.offset)
    values = bytearray()
    records = [as_record(entry, layout, behind, values) for entry in sorted(entries, key=lambda entry: entry.tag)]
    head = struct.pack(layout.counter, len(entries))
    return head + b"".join(records) + bytes(struct.calcsize(layout.offset)) + bytes(values)
