"""EXIF data for an enlarged, upright picture: three corrections, each in its place, and everything else untouched.

EXIF data is a small TIFF file: offsets point from entries to values. Rewriting it with a library moves values, and a
camera's maker notes, which hold offsets of their own that nobody documents, break; libvips does so whenever it writes
a file, and leaves out what it does not know. Here numbers are only overwritten where they stand (CIPA DC-008,
"Exchangeable image file format"), and :func:`fill` puts the result into the finished file as it is.
"""

from __future__ import annotations

import mmap
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import BinaryIO

from srgan.image.change import Change

_PREFIX = b"Exif\0\0"
_ORIENTATION, _EXIF_IFD, _DESCRIPTION = 0x0112, 0x8769, 0x010E
_INTEROP_IFD = 0xA005
_WIDTH, _HEIGHT = (0x0100, 0xA002, 0x1001), (0x0101, 0xA003, 0x1002)
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_THUMBNAIL_AT, _THUMBNAIL_BYTES = 0x0201, 0x0202
_FOCAL_PLANE_X, _FOCAL_PLANE_Y = 0xA20E, 0xA20F
_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_MAX_ENTRIES = 1000
_PER_MM = {2: 25.4, 3: 10.0}
"""Millimetres in what the resolution's unit says: 2 is an inch, 3 a centimetre."""

MAX_BYTES = 65_518
"""Most EXIF data that a file gets: libvips writes no more into a JPEG file, whose segments end at 65,527 such bytes, and
hardly more into the others."""

_ADDED = 168
"""Bytes that libvips adds to a :func:`placeholder`: entries that it thinks EXIF data must have."""


def corrected(
    exif: bytes,
    width: int,
    height: int,
    resolution: tuple[float, float] | None = None,
    *,
    aspect: tuple[float, float] | None = None,
    change: Change | None = None,
    upright: bool = True,
) -> bytes | None:
    """Return EXIF data that says upright and ``width`` x ``height`` pixels, and shows no old thumbnail.

    None if the data is damaged: nothing in it can be trusted then, and a wrong orientation would turn the picture.

    Parameters
    ----------
    resolution : pixels a millimetre, horizontally and vertically, to replace the data's own; where it has none, a new
        first directory with it is put at the end, and the old values stay where they are
    aspect : pixels in a unit without a name, to replace the data's own if its unit has none
    change : how the picture came to be, for what counts pixels: the subject's place, the sensor's resolution
    upright : False leaves the orientation as it is, for pixels that were not turned
    """
    head = len(_PREFIX) if exif.startswith(_PREFIX) else 0
    data = bytearray(exif[head:])
    try:
        order = _order(data)
        first = struct.unpack_from(order + "I", data, 4)[0]
        entries = {tag: (kind, count, at) for tag, kind, count, at in _entries(data, order, first)}
        places = [(tag, *entry) for tag, entry in entries.items()]
        if _EXIF_IFD in entries and entries[_EXIF_IFD][:2] == (_LONG, 1):
            places += _entries(data, order, struct.unpack_from(order + "I", data, entries[_EXIF_IFD][2])[0])
        related = next((at for tag, kind, count, at in places if (tag, kind, count) == (_INTEROP_IFD, _LONG, 1)), None)
        if related is not None:
            with suppress(struct.error):  # it says nothing that the picture is shown by
                places += _entries(data, order, struct.unpack_from(order + "I", data, related)[0])
        for tag, kind, count, at in places:
            if tag == _ORIENTATION and not upright:
                continue
            _correct(data, order, tag, kind, count, at, width, height)
        if change is not None and not change.is_none:
            _move_pixels(data, order, {tag: entry for tag, *entry in places}, change)
        if resolution is not None:
            _set_resolution(data, order, entries, resolution)
        elif aspect is not None and _short(data, order, entries.get(_RESOLUTION_UNIT), 2) == 1:
            _set_values(data, order, entries, aspect)
        _unlink_thumbnail(data, order, first)
        if resolution is not None and not {_X_RESOLUTION, _Y_RESOLUTION} & entries.keys():
            _add_resolution(data, order, first, resolution)
    except (KeyError, struct.error):
        return None
    return exif[:head] + bytes(data)


def orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8; 1 where the data has none or is damaged."""
    data = bytearray(exif.removeprefix(_PREFIX))
    try:
        order = _order(data)
        for tag, kind, count, at in _entries(data, order, struct.unpack_from(order + "I", data, 4)[0]):
            if tag == _ORIENTATION and kind in (_SHORT, _LONG) and count == 1:
                value = int(struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, at)[0])
                return value if 1 <= value <= 8 else 1
    except (KeyError, struct.error):
        pass
    return 1


def resolution(exif: bytes) -> tuple[float, float] | None:
    """Return pixels a millimetre, horizontally and vertically, or None where the data does not say or is damaged."""
    unit, values = _density(exif)
    if values is None or unit not in _PER_MM:
        return None
    return values[0] / _PER_MM[unit], values[1] / _PER_MM[unit]


def aspect(exif: bytes) -> tuple[float, float] | None:
    """Return pixels in a unit without a name where they differ across and down, so that pixels are not square; else None."""
    unit, values = _density(exif)
    return values if unit == 1 and values is not None and values[0] != values[1] else None


def _density(exif: bytes) -> tuple[int, tuple[float, float] | None]:
    """Return the number of a unit, and pixels in it."""
    data = bytearray(exif.removeprefix(_PREFIX))
    try:
        order = _order(data)
        first = struct.unpack_from(order + "I", data, 4)[0]
        entries = {tag: (kind, count, at) for tag, kind, count, at in _entries(data, order, first)}
        values = []
        for tag in (_X_RESOLUTION, _Y_RESOLUTION):
            kind, _, at = entries[tag]
            above, below = struct.unpack_from(order + "2I", data, struct.unpack_from(order + "I", data, at)[0])
            if kind != _RATIONAL or not above or not below:
                return 0, None
            values.append(above / below)
        return _short(data, order, entries.get(_RESOLUTION_UNIT), 2), (values[0], values[1])
    except (KeyError, struct.error):
        return 0, None


def description(exif: bytes) -> bytes | None:
    """Return the image's description (0x010E), or None where the data has none or is damaged."""
    data = bytearray(exif.removeprefix(_PREFIX))
    try:
        order = _order(data)
        for tag, kind, count, at in _entries(data, order, struct.unpack_from(order + "I", data, 4)[0]):
            if tag == _DESCRIPTION and kind in (1, 2, 7):
                place = at if count <= 4 else struct.unpack_from(order + "I", data, at)[0]
                return bytes(data[place : place + count])
    except (KeyError, struct.error):
        pass
    return None


def with_description(exif: bytes, text: bytes) -> bytes:
    """Return EXIF data, which is whole and has a description, with another one; where it is longer, it stands at the end."""
    old = description(exif)
    if old is None or old == text:
        return exif
    head = len(_PREFIX) if exif.startswith(_PREFIX) else 0
    data = bytearray(exif[head:])
    order = _order(data)
    for tag, _, count, at in list(_entries(data, order, struct.unpack_from(order + "I", data, 4)[0])):
        if tag != _DESCRIPTION:
            continue
        place = at if count <= 4 else struct.unpack_from(order + "I", data, at)[0]
        if len(text) <= 4:
            data[at : at + 4] = text.ljust(4, b"\0")
        elif len(text) > count:
            if place + count == len(data):
                del data[place:]
            data += bytes(len(data) % 2)
            struct.pack_into(order + "I", data, at, len(data))
            data += text
        else:
            data[place : place + count] = text.ljust(count, b"\0")
        if 4 < count > len(text) and place + count == len(data):
            del data[place + (len(text) if len(text) > 4 else 0) :]
        struct.pack_into(order + "I", data, at - 4, len(text))
    return exif[:head] + bytes(data)


def _order(data: bytearray) -> str:
    return {b"II*\0": "<", b"MM\0*": ">"}[bytes(data[:4])]


def _entries(data: bytearray, order: str, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (tag, type, count, place of the value) of one directory."""
    count = struct.unpack_from(order + "H", data, at)[0]
    for number in range(min(count, _MAX_ENTRIES)):
        place = at + 2 + 12 * number
        tag, kind, length = struct.unpack_from(order + "HHI4x", data, place)
        yield tag, kind, length, place + 8


def _short(data: bytearray, order: str, entry: tuple[int, int, int] | None, default: int) -> int:
    if entry is None or entry[:2] != (_SHORT, 1):
        return default
    return int(struct.unpack_from(order + "H", data, entry[2])[0])


def _correct(data: bytearray, order: str, tag: int, kind: int, count: int, at: int, width: int, height: int) -> None:
    if count != 1 or kind not in (_SHORT, _LONG):
        return
    if tag == _ORIENTATION:
        value = 1
    elif tag in _WIDTH:
        value = width
    elif tag in _HEIGHT:
        value = height
    else:
        return
    if kind == _SHORT and value > 65535:
        # The value's field has four bytes whatever the type: the entry becomes a LONG, which the standard allows here.
        struct.pack_into(order + "H", data, at - 6, _LONG)
        kind = _LONG
    data[at : at + 4] = b"\0\0\0\0"
    struct.pack_into(order + ("H" if kind == _SHORT else "I"), data, at, value)


def _move_pixels(data: bytearray, order: str, places: dict[int, list[int]], change: Change) -> None:
    """Bring along what counts pixels of the stored picture: the place of the subject, and the sensor's resolution."""
    rationals = {}
    for tag in (_FOCAL_PLANE_X, _FOCAL_PLANE_Y):
        kind, count, place = places.get(tag, (0, 0, 0))
        if (kind, count) == (_RATIONAL, 1):
            at = struct.unpack_from(order + "I", data, place)[0]
            above, below = struct.unpack_from(order + "2I", data, at)
            if above and below:
                rationals[tag] = at, above / below
    if len(rationals) == 2:
        (at_x, x), (at_y, y) = rationals[_FOCAL_PLANE_X], rationals[_FOCAL_PLANE_Y]
        for at, value in zip((at_x, at_y), change.extent(x, y), strict=True):
            struct.pack_into(order + "2I", data, at, *ratio(value))
    for tag, counts in ((_SUBJECT_AREA, (2, 3, 4)), (_SUBJECT_LOCATION, (2,))):
        kind, count, place = places.get(tag, (0, 0, 0))
        if kind != _SHORT or count not in counts:
            continue
        at = place if count == 2 else struct.unpack_from(order + "I", data, place)[0]
        old = struct.unpack_from(f"{order}{count}H", data, at)
        new = [round(value) for value in _moved_area(old, change)]
        if max(new) <= 65535:
            struct.pack_into(f"{order}{count}H", data, at, *new)
        else:  # as wider numbers, behind everything else
            data += bytes(len(data) % 2)
            struct.pack_into(order + "HII", data, place - 6, _LONG, count, len(data))
            data += struct.pack(f"{order}{count}I", *new)


def _moved_area(old: tuple[int, ...], change: Change) -> list[float]:
    """Return a point, circle (with its diameter) or rectangle (width, height) around a point in the new picture."""
    new = list(change.point(old[0], old[1]))
    if len(old) == 3:
        new.append(max(change.extent(old[2], old[2])))
    elif len(old) == 4:
        new += change.extent(old[2], old[3])
    return new


def _set_resolution(
    data: bytearray, order: str, entries: dict[int, tuple[int, int, int]], resolution: tuple[float, float]
) -> None:
    said = _short(data, order, entries.get(_RESOLUTION_UNIT), 2)
    if said not in _PER_MM:  # no unit: from now on there is one
        struct.pack_into(order + "H", data, entries[_RESOLUTION_UNIT][2], 2)
    unit = _PER_MM.get(said, 25.4)
    _set_values(data, order, entries, (resolution[0] * unit, resolution[1] * unit))


def _set_values(
    data: bytearray, order: str, entries: dict[int, tuple[int, int, int]], values: tuple[float, float]
) -> None:
    for tag, value in zip((_X_RESOLUTION, _Y_RESOLUTION), values, strict=True):
        kind, count, place = entries.get(tag, (0, 0, 0))
        if (kind, count) == (_RATIONAL, 1):
            at = struct.unpack_from(order + "I", data, place)[0]
            if at >= 8 and at + 8 <= len(data):
                struct.pack_into(order + "2I", data, at, *ratio(value))


def _add_resolution(data: bytearray, order: str, first: int, resolution: tuple[float, float]) -> None:
    count = struct.unpack_from(order + "H", data, first)[0]
    records = [bytes(data[at : at + 12]) for at in range(first + 2, first + 2 + 12 * count, 12)]
    records = [r for r in records if len(r) == 12 and struct.unpack(order + "H10x", r)[0] != _RESOLUTION_UNIT]
    data += bytes(len(data) % 2)
    place = len(data)
    values = place + 2 + 12 * (len(records) + 3) + 4
    records += _density_entries(order, 2, values)
    records.sort(key=lambda record: struct.unpack(order + "H10x", record)[0])
    data += struct.pack(order + "H", len(records)) + b"".join(records) + bytes(4)
    for value in resolution:
        data += struct.pack(order + "2I", *ratio(value * _PER_MM[2]))
    struct.pack_into(order + "I", data, 4, place)


def of_density(resolution: tuple[float, float] | None, aspect: tuple[float, float] | None) -> bytes:
    """Return EXIF data that says a resolution, in pixels a millimetre, or the shape of pixels, and nothing else."""
    unit = 2 if resolution else 1
    values = [value * _PER_MM[2] for value in resolution] if resolution else list(aspect or (1, 1))
    return (
        struct.pack("<4sIH", b"II*\0", 8, 3)
        + b"".join(_density_entries("<", unit, 50))
        + bytes(4)
        + b"".join(struct.pack("<2I", *ratio(value)) for value in values)
    )


def _density_entries(order: str, unit: int, at: int) -> list[bytes]:
    """Return the entries of a directory that say how many pixels there are in a unit: two fractions, at a place and behind it."""
    return [
        struct.pack(order + "HHII", _X_RESOLUTION, _RATIONAL, 1, at),
        struct.pack(order + "HHII", _Y_RESOLUTION, _RATIONAL, 1, at + 8),
        struct.pack(order + "HHIHH", _RESOLUTION_UNIT, _SHORT, 1, unit, 0),
    ]


def ratio(value: float) -> tuple[int, int]:
    """Return a positive value as a fraction of two 32-bit numbers; simple ones such as 2400/1 and 1181/10 stay so."""
    value = min(max(value, 1e-6), 4e9)
    simple = Fraction(value).limit_denominator(1000)
    if abs(float(simple) - value) > 1e-9 * value:
        simple = Fraction(value).limit_denominator(max(int(min(1e6, (2**32 - 1) / value)), 1))
    return simple.numerator, simple.denominator


def _unlink_thumbnail(data: bytearray, order: str, first: int) -> None:
    """Cut the link to the directory that follows the first: it has a thumbnail of the old picture, lying on its side."""
    link = first + 2 + 12 * struct.unpack_from(order + "H", data, first)[0]
    if link + 4 > len(data):
        return
    following = struct.unpack_from(order + "I", data, link)[0]
    struct.pack_into(order + "I", data, link, 0)
    place: dict[int, int] = {}
    with suppress(struct.error):  # there may be no such directory
        for tag, kind, count, at in _entries(data, order, following) if following else ():
            if kind == _LONG and count == 1:
                place[tag] = struct.unpack_from(order + "I", data, at)[0]
    start, size = place.get(_THUMBNAIL_AT, 0), place.get(_THUMBNAIL_BYTES, 0)
    # At the end, where cameras put it, its bytes can go as well; a JPEG file has little room for EXIF data.
    if following < start and data[start : start + 2] == b"\xff\xd8" and start + size == len(data):
        del data[start:]


# --- Past libvips ----------------------------------------------------------------------------------------------------


def placeholder(size: int) -> bytes:
    """Return EXIF data that libvips will write at least ``size`` bytes large, and that :func:`fill` can replace."""
    comment = bytes(8) + secrets.token_bytes(max(size - _ADDED, 16))
    head = struct.pack("<4sI", b"II*\0", 8)
    directory = struct.pack("<HHHIII", 1, _EXIF_IFD, _LONG, 1, 26, 0)
    return head + directory + struct.pack("<HHHIII", 1, 0x9286, 7, len(comment), 44, 0) + comment


def fill(file: BinaryIO, written: bytes, exif: bytes) -> bool:
    """Replace EXIF data in a finished file by other data, padded with zeros to the same length.

    Parameters
    ----------
    file : open for reading and writing
    written : what was read back from the file: what became of the :func:`placeholder`, unique by its random bytes
    exif : what shall stand there

    Returns
    -------
    whether it was found and is large enough
    """
    written, exif = written.removeprefix(_PREFIX), exif.removeprefix(_PREFIX)
    if len(exif) > len(written):
        return False
    file.flush()
    with mmap.mmap(file.fileno(), 0) as view:
        at = view.find(written)
        if at < 0:
            return False
        end = at + len(written)
        view[at:end] = exif.ljust(len(written), b"\0")
        if view[at - 4 : at] == b"eXIf":  # a chunk of a PNG file ends with its checksum (PNG specification, 5.3)
            view[end : end + 4] = struct.pack(">I", zlib.crc32(view[at - 4 : end]))
    return True
