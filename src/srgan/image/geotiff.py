"""Where on the earth the pixels are: GeoTIFF's tags, GDAL's, and RPC's, for a picture of more and smaller pixels.

(OGC GeoTIFF 1.1; GDAL's raster data model. Coordinates of the ground stay; those of the raster grow.)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srgan.image.change import Change
from srgan.image.tiff_entries import Entry

_SCALE, _INTERGRAPH, _TIE_POINTS, _TRANSFORMATION, _KEYS, _RPC = 0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0xC69C
_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2
_DOUBLE = 12


def corrected(entries: Sequence[Entry], change: Change) -> tuple[Entry, ...]:
    """Return the entries for the changed picture.

    Parameters
    ----------
    entries : little-endian
    change : where it turned the picture, scale and tie point become a matrix, and what fits the old raster alone goes
    """
    # With "pixel is point", coordinates of the raster count from the middle of the first pixel.
    middle = 0.5 if _is_point(entries) else 0.0
    if change.origin.orientation != 1:
        return _turned(entries, change, middle)
    return tuple(_corrected(entry, *change.factors, middle) for entry in entries)


def lost(entries: Sequence[Entry], kept: Sequence[Entry]) -> list[str]:
    """Return words for what of the entries is not among those that are kept."""
    tags = {entry.tag for entry in kept}
    words = {_RPC: "rational polynomials (RPC)", _INTERGRAPH: "Intergraph's matrix"}
    gone = [words[entry.tag] for entry in entries if entry.tag in words and entry.tag not in tags]
    return [f"the {' and '.join(gone)}, which hold for the picture as it was stored"] if gone else []


def _turned(entries: Sequence[Entry], change: Change, middle: float) -> tuple[Entry, ...]:
    """Return the entries for a picture that was turned or mirrored, whose raster no scale describes but a matrix."""
    said = {entry.tag: _doubles(entry) for entry in entries}
    kept = [entry for entry in entries if entry.tag not in (_SCALE, _INTERGRAPH, _TRANSFORMATION, _RPC)]
    matrix, scale, points = (said.get(tag) for tag in (_TRANSFORMATION, _SCALE, _TIE_POINTS))
    if matrix is None and scale is not None and points is not None and len(scale) >= 2 and len(points) == 6:
        column, row, _, x, y, _ = points
        matrix = [scale[0], 0, 0, x - column * scale[0], 0, -scale[1], 0, y + row * scale[1], *[0.0] * 7, 1]
    if matrix is not None and len(matrix) == 16:
        kept = [entry for entry in kept if entry.tag != _TIE_POINTS]
        data = struct.pack("<16d", *_of_new_raster(matrix, change, middle))
        kept.append(Entry(_TRANSFORMATION, _DOUBLE, 16, data))
    elif points is not None:  # points of the ground: each goes where its pixel goes
        moved = list(points)
        for at in range(0, len(moved) - 5, 6):
            place = change.point(moved[at] + middle, moved[at + 1] + middle)
            moved[at], moved[at + 1] = place[0] - middle, place[1] - middle
        data = struct.pack(f"<{len(moved)}d", *moved)
        kept = [replace(entry, value=data) if entry.tag == _TIE_POINTS else entry for entry in kept]
    return tuple(sorted(kept, key=lambda entry: entry.tag))


def _of_new_raster(matrix: Sequence[float], change: Change, middle: float) -> list[float]:
    """Return a matrix from column and row of the new picture, where the given one is from those of the stored one."""
    start, across, down = (np.array(change.point(*corner)) for corner in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    forth = np.stack([across - start, down - start], axis=1)
    back = np.linalg.inv(forth)
    # stored + middle = back @ (new + middle - start)
    shift = back @ (np.array([middle, middle]) - start) - middle
    new = np.array(matrix, float).reshape(4, 4)
    linear = new[:3, :2].copy()
    new[:3, :2] = linear @ back
    new[:3, 3] += linear @ shift
    return [float(value) + 0.0 for value in new.ravel()]


def _doubles(entry: Entry) -> list[float] | None:
    if entry.kind != _DOUBLE or not isinstance(entry.value, bytes):
        return None
    return list(struct.unpack(f"<{entry.count}d", entry.value))


def _is_point(entries: Sequence[Entry]) -> bool:
    for entry in entries:
        if entry.tag == _KEYS and entry.kind == 3 and isinstance(entry.value, bytes):
            keys = struct.unpack(f"<{entry.count}H", entry.value)
            records = (keys[at : at + 4] for at in range(4, len(keys) - 3, 4))
            return any(key[0] == _RASTER_TYPE and key[3] == _PIXEL_IS_POINT for key in records)
    return False


def _corrected(entry: Entry, across: float, down: float, middle: float) -> Entry:
    if entry.kind != _DOUBLE or not isinstance(entry.value, bytes):
        return entry
    values = list(struct.unpack(f"<{entry.count}d", entry.value))
    if entry.tag == _SCALE and len(values) >= 2:
        values[0] /= across
        values[1] /= down
    elif entry.tag == _TIE_POINTS:
        for at in range(0, len(values) - 5, 6):
            values[at] = (values[at] + middle) * across - middle
            values[at + 1] = (values[at + 1] + middle) * down - middle
    elif entry.tag in (_TRANSFORMATION, _INTERGRAPH) and len(values) >= 16:
        for row in range(0, 12, 4):
            a, b = values[row] / across, values[row + 1] / down
            values[row + 3] += middle * (a - values[row]) + middle * (b - values[row + 1])
            values[row], values[row + 1] = a, b
    elif entry.tag == _RPC and len(values) >= 9:
        for at, factor in ((2, down), (3, across)):  # offsets of line and sample count from the middle of a pixel
            values[at] = (values[at] + 0.5) * factor - 0.5
        values[7] *= down
        values[8] *= across
    else:
        return entry
    return replace(entry, value=struct.pack(f"<{entry.count}d", *values))
