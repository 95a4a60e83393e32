"""Places in a picture that drones and picture agencies write into XMP: a camera's calibration, and IPTC's image regions.

(DJI's drone-dji schema; IPTC Photo Metadata Standard 2019.1, "Image Region".)
"""

from __future__ import annotations

import re
from collections.abc import Callable

from srgan.image import xmp
from srgan.image.change import Change

_DJI = "http://www.dji.com/drone-dji/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def corrected(packet: bytes, change: Change) -> bytes:
    """Return XMP, in UTF-8, whose places are those of the changed picture."""
    if not any(uri.encode() in packet for uri in (_DJI, _IPTC)):
        return packet
    text = packet.decode("utf-8", "surrogateescape")
    return _regions(_calibration(text, change), change).encode("utf-8", "surrogateescape")


def _calibration(text: str, change: Change) -> str:
    """Bring along focal length and optical centre, which are in pixels of the stored picture."""
    across = change.factors[0]
    text = xmp.replace(text, _DJI, "CalibratedFocalLength", lambda old: _times(old, across))
    x, y = (_number(xmp.value(text, _DJI, f"CalibratedOpticalCenter{axis}")) for axis in "XY")
    if x is not None and y is not None:
        for axis, new in zip("XY", change.point(x, y), strict=True):
            text = xmp.replace(text, _DJI, f"CalibratedOpticalCenter{axis}", lambda _, new=new: f"{new:.6f}")  # type: ignore[misc]
    # Date; focal lengths and the centre's offsets in pixels, then coefficients of the lens, which hold along the stored
    # picture's axes.
    if change.origin.orientation == 1:
        return xmp.replace(text, _DJI, "DewarpData", lambda old: _dewarp(old, change.factors))
    return xmp.without(text, _DJI, ("DewarpData",))


def _dewarp(old: str, factors: tuple[float, float]) -> str:
    date, mark, rest = old.rpartition(";")
    numbers = rest.split(",")
    new = [_times(number, factors[place % 2]) for place, number in enumerate(numbers[:4])]
    return date + mark + ",".join(new + numbers[4:])


def _regions(text: str, change: Change) -> str:
    return xmp.blocks(text, _IPTC, "RegionBoundary", lambda block: _boundary(text, block, change))


def _boundary(text: str, block: str, change: Change) -> str:
    """Return one region's boundary: a rectangle by its upper left corner, a circle by its middle, a polygon by its corners."""
    local = xmp.declared(text, block, _IPTC)
    unit = xmp.value(local, _IPTC, "rbUnit")
    if unit not in ("pixel", "relative") or (unit == "relative" and change.origin.orientation == 1):
        return block
    point, extent = (change.point, change.extent) if unit == "pixel" else (change.turned_unit, _turned(change))
    digits = ".10g" if unit == "relative" else ".6f"
    size = [_number(xmp.value(local, _IPTC, f"rb{side}")) for side in "WH"]
    wide, high = (0.0 if value is None else value for value in size)
    new_size = extent(wide, high)

    def placed(piece: str) -> str:
        x, y = (_number(xmp.value(piece, _IPTC, f"rb{axis}")) for axis in "XY")
        if x is None or y is None:
            return piece
        middle = point(x + wide / 2, y + high / 2)
        for axis, at, side in zip("XY", middle, new_size, strict=True):
            piece = xmp.replace(piece, _IPTC, f"rb{axis}", lambda _, new=at - side / 2: _written(new, digits))  # type: ignore[misc]
        return piece

    if xmp.value(local, _IPTC, "rbShape") == "polygon":
        local = re.sub(
            r"<([\w.-]+:li)\b(?:[^>]*/>|.*?</\1\s*>)",
            lambda found: xmp.undeclared(placed(xmp.declared(text, found[0], _IPTC))),
            local,
            flags=re.DOTALL,
        )
    else:
        local = placed(local)
    for name, old, new in (("rbW", size[0], new_size[0]), ("rbH", size[1], new_size[1])):
        if old is not None:
            local = xmp.replace(local, _IPTC, name, lambda _, new=new: _written(new, digits))  # type: ignore[misc]
    if unit == "pixel":
        local = xmp.replace(local, _IPTC, "rbRx", lambda old: _times(old, change.factors[0]))
    return xmp.undeclared(local)


def _turned(change: Change) -> Callable[[float, float], tuple[float, float]]:
    turned = change.origin.orientation >= 5
    return lambda wide, high: (high, wide) if turned else (wide, high)


def _written(value: float, digits: str) -> str:
    return f"{value:{digits}}".rstrip("0").rstrip(".") if "f" in digits else f"{value:{digits}}"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _times(old: str, factor: float) -> str:
    value = _number(old)
    return old if value is None else f"{value * factor:.10g}"
