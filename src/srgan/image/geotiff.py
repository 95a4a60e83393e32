"""Where on the earth the pixels are: GeoTIFF's tags, GDAL's, and RPC's, for a picture of more and smaller pixels.

(OGC GeoTIFF 1.1; GDAL's raster data model. Coordinates of the ground stay; those of the raster grow.)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

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
    change : of a picture that was not turned; else what counts pixels is left out
    """
    if change.origin.orientation != 1:
        return tuple(e for e in entries if e.tag not in (_SCALE, _INTERGRAPH, _TIE_POINTS, _TRANSFORMATION, _RPC))
    # With "pixel is point", coordinates of the raster count from the middle of the first pixel.
    middle = 0.5 if _is_point(entries) else 0.0
    return tuple(_corrected(entry, *change.factors, middle) for entry in entries)


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
