"""The boxes of AVIF and HEIC files: what describes the main picture, and what else is in the file; and boxes added to it.

(ISO/IEC 14496-12, 23008-12 for items and their properties; 23000-22.) Pixels are for libvips and pillow-heif to decode.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from srgan.image import boxes
from srgan.image.boxes import Box, BoxError

_MOST_META = 16 << 20
_CODES = 8
"""Bytes of nclx up to its primaries and transfer function; matrix and range follow."""


@dataclass(frozen=True)
class Contents:
    """What the boxes of a file say."""

    kinds: tuple[bytes, ...] = ()
    """Of the items: ``av01``, ``Exif``, ``tmap``."""
    properties: tuple[tuple[bytes, bytes], ...] = ()
    """Kind and content of each of the main picture's properties."""
    auxiliary: tuple[bytes, ...] = ()
    """What the pictures beside the main one are for, as URNs."""
    has_film: bool = False
    """Whether there are frames that follow each other, beside the items."""

    def property(self, kind: bytes, beginning: bytes = b"") -> bytes | None:
        """Return the main picture's first property of a kind whose content begins so; None if there is none."""
        found = (body for name, body in self.properties if name == kind and body.startswith(beginning))
        return next(found, None)


def read(file: BinaryIO) -> Contents:
    """Return what the boxes of an open file say, nothing where they are damaged; its place is left anywhere."""
    meta, film = b"", False
    with suppress(BoxError):  # what lies before the damage counts
        for box in boxes.of_file(file):
            film |= box.kind == b"moov"
            if box.kind == b"meta" and not meta and box.end - box.start <= _MOST_META:
                file.seek(box.start)
                meta = file.read(box.end - box.start)
    try:
        return _contents(meta, film) if meta else Contents(has_film=film)
    except (BoxError, struct.error, IndexError):
        return Contents(has_film=film)


@dataclass(frozen=True)
class _Places:
    """The boxes in a meta box that matter here."""

    meta: Box
    inside: dict[bytes, Box]
    properties: list[Box] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes) -> _Places:
        meta = next(box for box in boxes.of_bytes(data) if box.kind == b"meta")
        inside = {box.kind: box for box in boxes.of_bytes(data, meta.body + 4, meta.end)}
        found: list[Box] = []
        if b"iprp" in inside:
            for box in boxes.of_bytes(data, inside[b"iprp"].body, inside[b"iprp"].end):
                inside[box.kind] = box
                found += boxes.of_bytes(data, box.body, box.end) if box.kind == b"ipco" else []
        return cls(meta, inside, found)


@dataclass(frozen=True)
class _Association:
    item: int
    count_at: int
    end: int
    numbers: tuple[int, ...]
    """Of properties, from 1."""


def _associations(data: bytes, box: Box) -> Iterator[_Association]:
    flags = struct.unpack_from(">I", data, box.body)[0]
    wide_items, wide = flags >> 24 >= 1, bool(flags & 1)
    at = box.body + 8
    for _ in range(struct.unpack_from(">I", data, box.body + 4)[0]):
        item = struct.unpack_from(">I" if wide_items else ">H", data, at)[0]
        at += 4 if wide_items else 2
        count = data[at]
        size = 2 if wide else 1
        values = struct.unpack_from(f">{count}{'H' if wide else 'B'}", data, at + 1)
        end = at + 1 + count * size
        yield _Association(item, at, end, tuple(value & (0x7FFF if wide else 0x7F) for value in values))
        at = end


def _primary(data: bytes, places: _Places) -> int:
    box = places.inside.get(b"pitm")
    if box is None:
        raise BoxError
    return int(struct.unpack_from(">I" if data[box.body] else ">H", data, box.body + 4)[0])


def _contents(data: bytes, film: bool) -> Contents:
    places = _Places.of(data)
    kinds = []
    if (items := places.inside.get(b"iinf")) is not None:
        first = items.body + (8 if data[items.body] else 6)
        for box in boxes.of_bytes(data, first, items.end):
            version = data[box.body]
            at = box.body + (8 if version == 2 else 10)
            kinds.append(data[at : at + 4])
    auxiliary = tuple(data[box.body + 4 : box.end].split(b"\0")[0] for box in places.properties if box.kind == b"auxC")
    properties: list[tuple[bytes, bytes]] = []
    if (box_of_all := places.inside.get(b"ipma")) is not None:
        main = _primary(data, places)
        for said in _associations(data, box_of_all):
            if said.item == main:
                chosen = [places.properties[n - 1] for n in said.numbers if 0 < n <= len(places.properties)]
                properties += [(box.kind, data[box.body : box.end]) for box in chosen]
    return Contents(tuple(kinds), tuple(properties), auxiliary, film)


# --- Writing ---------------------------------------------------------------------------------------------------------


def with_properties(data: bytes, added: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a file whose main picture has more properties; one that describes colours by numbers takes the old one's place.

    Raises
    ------
    BoxError
        if the file is not of the plain kind that libheif writes
    """
    try:
        places = _Places.of(data)
        main = _primary(data, places)
        ipco, ipma, iloc = (places.inside[kind] for kind in (b"ipco", b"ipma", b"iloc"))
        said = next(entry for entry in _associations(data, ipma) if entry.item == main)
        return _spliced(data, places, said, added, ipco, ipma, iloc)
    except (struct.error, IndexError, KeyError, StopIteration):
        raise BoxError("its boxes are of another kind") from None


def _spliced(
    data: bytes,
    places: _Places,
    said: _Association,
    added: Sequence[tuple[bytes, bytes]],
    ipco: Box,
    ipma: Box,
    iloc: Box,
) -> bytes:
    out = bytearray(data)
    more, numbers = b"", list(said.numbers)
    wide = bool(data[ipma.body + 3] & 1)
    marks = list(data[said.count_at + 1 : said.end])
    for kind, body in added:
        old = next((n for n in said.numbers if _same_place(data, places.properties[n - 1], kind, body)), None)
        if old is not None and places.properties[old - 1].end - places.properties[old - 1].body == len(body):
            place = places.properties[old - 1]
            # The encoder's word about luma and chroma stays: it knows how it made them.
            how = data[place.body + _CODES : place.end] if kind == b"colr" else body[_CODES:]
            out[place.body : place.end] = body[:_CODES] + how
            continue
        more += struct.pack(">I4s", 8 + len(body), kind) + body
        numbers.append(len(places.properties) + len(numbers) - len(said.numbers) + 1)
    new = numbers[len(said.numbers) :]
    if not new:
        return bytes(out)
    if len(numbers) > 255 or max(new) > (0x7FFF if wide else 0x7F):
        raise BoxError("it has too many properties")
    entry = bytes([len(numbers), *marks]) + b"".join(struct.pack(">H" if wide else ">B", number) for number in new)
    grown = len(entry) - (said.end - said.count_at)
    _move(out, iloc, len(more) + grown, places.meta.end)
    for box, growth in ((places.meta, len(more) + grown), (places.inside[b"iprp"], len(more) + grown)):
        _lengthen(out, box, growth)
    _lengthen(out, ipco, len(more))
    _lengthen(out, ipma, grown)
    if ipma.start < ipco.start:
        raise BoxError("its boxes are in another order")
    out[said.count_at : said.end] = entry  # the later place first: the earlier one stays where it is
    out[ipco.end : ipco.end] = more
    return bytes(out)


def _same_place(data: bytes, box: Box, kind: bytes, body: bytes) -> bool:
    """Return whether a property is of the kind of another one: of ``colr`` there is a profile beside the numbers."""
    return box.kind == kind and (kind != b"colr" or data[box.body : box.body + 4] == body[:4])


def _lengthen(data: bytearray, box: Box, growth: int) -> None:
    if box.body - box.start != 8:
        raise BoxError("a box is enormous")
    struct.pack_into(">I", data, box.start, box.end - box.start + growth)


def _move(data: bytearray, box: Box, growth: int, behind: int) -> None:
    """Add to the places of items' data, of those that lie behind a place in the file."""
    version = data[box.body]
    sizes = struct.unpack_from(">BB", data, box.body + 4)
    offset, length, base, index = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15 if version else 0
    wide = version == 2
    at = box.body + 6
    count = struct.unpack_from(">I" if wide else ">H", data, at)[0]
    at += 4 if wide else 2
    for _ in range(count):
        at += 4 if wide else 2
        method = 0
        if version:
            method = struct.unpack_from(">H", data, at)[0] & 15
            at += 2
        at += 2
        start = int.from_bytes(data[at : at + base], "big")
        moves_base = method == 0 and base > 0 and start > 0
        if moves_base and start >= behind:
            data[at : at + base] = (start + growth).to_bytes(base, "big")
        at += base
        extents = struct.unpack_from(">H", data, at)[0]
        at += 2
        for _ in range(extents):
            at += index
            place = int.from_bytes(data[at : at + offset], "big")
            if method == 0 and not moves_base and place >= behind:
                data[at : at + offset] = (place + growth).to_bytes(offset, "big")
            at += offset + length
