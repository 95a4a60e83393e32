"""XMP of an enlarged picture: what counts pixels is corrected where it stands, and every other byte is left alone.

XMP is XML that many programs write in their own ways: a property is an attribute here and an element there, under whatever
prefix. Numbers are therefore replaced in the text, not in a tree that would be written anew. (ISO 16684-1; Google's Photo
Sphere XMP; Metadata Working Group, "Guidelines for handling image metadata", 5.9.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction

from srgan.image.change import Change

TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
XAP = "http://ns.adobe.com/xap/1.0/"
PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
CONTAINER_ITEM = "http://ns.google.com/photos/1.0/container/item/"
GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS = ("http://ns.adobe.com/xap/1.0/sType/Dimensions#", "http:ns.adobe.com/xap/1.0/sType/Dimensions#")
MICROSOFT_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#"

_MOST = 64 << 20

Change_ = Callable[[str], str]


def corrected(packet: bytes, change: Change, resolution: tuple[float, float] | None = None) -> bytes:
    """Return XMP that says upright, has the new sizes, and shows no old thumbnail.

    Parameters
    ----------
    packet : in UTF-8, as :func:`as_utf8` gives it; what is no text is returned as it is
    resolution : pixels a millimetre of the new picture, where that is known
    """
    if b"\0" in packet[:64] or len(packet) > _MOST:
        return packet
    text = packet.decode("utf-8", "surrogateescape")
    text = replace(text, TIFF, "Orientation", lambda old: "1" if old.strip() in "2345678" else old)
    text = _sizes(text, change)
    text = _resolutions(text, change, resolution)
    text = _subject(text, change)
    text = _regions(text, change)
    text = without(text, XAP, ("Thumbnails",))
    return text.encode("utf-8", "surrogateescape")


def as_utf8(packet: bytes) -> bytes:
    """Return a packet in UTF-8, where it is in UTF-16 or UTF-32, as the standard allows; else as it is."""
    start = packet.lstrip(b"\xef\xbb\xbf")[:4]
    for encoding in ("utf-32", "utf-16"):
        for order, mark in (("-le", "<?"), ("-be", "<?"), ("-le", "<x"), ("-be", "<x")):
            bare, marked = mark.encode(encoding + order)[:4], ("\ufeff" + mark).encode(encoding + order)
            if start == bare or packet.startswith(marked[:6]):
                try:
                    return packet.decode(encoding + order).removeprefix("\ufeff").encode()
                except UnicodeDecodeError:
                    return packet
    return packet


# --- Properties ------------------------------------------------------------------------------------------------------


def prefixes(text: str, uri: str) -> list[str]:
    """Return the prefixes that stand for a namespace."""
    return sorted(set(re.findall(r"""xmlns:([\w.-]+)\s*=\s*["']""" + re.escape(uri) + r"""["']""", text)))


def replace(text: str, uri: str, name: str, new: Change_) -> str:
    """Put other values in the place of a simple property's, whether it is an attribute or an element."""
    for prefix in prefixes(text, uri):
        full = re.escape(f"{prefix}:{name}")
        text = re.sub(
            rf"""(\s{full}\s*=\s*)(?:"([^"]*)"|'([^']*)')""",
            lambda found: found[1] + '"' + new(found[2] if found[2] is not None else found[3]) + '"',
            text,
        )
        text = re.sub(
            rf"(<{full}(?:\s[^>]*)?(?<!/)>)([^<]*)(</{full}\s*>)",
            lambda found: found[1] + new(found[2]) + found[3],
            text,
        )
    return text


def value(text: str, uri: str, name: str) -> str | None:
    """Return the first value of a simple property, or None."""
    found: list[str] = []

    def note(old: str) -> str:
        found.append(old.strip())
        return old

    replace(text, uri, name, note)
    return found[0] if found else None


def without(text: str, uri: str, names: Iterable[str]) -> str:
    """Remove properties, simple ones and structures; names are regular expressions."""
    for prefix in prefixes(text, uri):
        for name in names:
            full = re.escape(prefix) + ":" + name
            text = re.sub(rf"""\s+{full}\s*=\s*(?:"[^"]*"|'[^']*')""", "", text)
            text = re.sub(rf"<{full}(?:\s[^>]*)?/>", "", text)
            text = re.sub(rf"<({full})(?:\s[^>]*)?>.*?</\1\s*>\s*", "", text, flags=re.DOTALL)
    return text


def blocks(text: str, uri: str, name: str, new: Change_) -> str:
    """Put other text in the place of whole elements, tags included."""
    for prefix in prefixes(text, uri):
        full = re.escape(f"{prefix}:{name}")
        pattern = rf"<{full}(?:\s[^>]*)?/>|<{full}(?:\s[^>]*)?>.*?</{full}\s*>"
        text = re.sub(pattern, lambda found: new(found[0]), text, flags=re.DOTALL)
    return text


# --- What counts pixels ----------------------------------------------------------------------------------------------


def _scaled(factor: float) -> Change_:
    """Return what multiplies a number, whole as whole, a fraction as a fraction; what is no number stays."""

    def new(old: str) -> str:
        try:
            number = Fraction(old.strip())
        except (ValueError, ZeroDivisionError):
            return old
        scaled = float(number) * factor
        if "/" in old:
            ratio = Fraction(scaled).limit_denominator(10_000)
            return f"{ratio.numerator}/{ratio.denominator}"
        return f"{scaled:.10g}" if "." in old else str(round(scaled))

    return new


def _sizes(text: str, change: Change) -> str:
    for uri, name, size in (
        (TIFF, "ImageWidth", change.width),
        (TIFF, "ImageLength", change.height),
        (EXIF, "PixelXDimension", change.width),
        (EXIF, "PixelYDimension", change.height),
    ):
        text = replace(text, uri, name, lambda _, size=size: str(size))  # type: ignore[misc]
    across, down = change.factors
    sides = {"Width": across, "Left": across, "Height": down, "Top": down}
    for name in (
        *("FullPanoWidthPixels", "FullPanoHeightPixels"),
        *("CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels"),
        *("CroppedAreaLeftPixels", "CroppedAreaTopPixels"),
        *(f"LargestValidInteriorRect{side}" for side in sides),
    ):
        factor = next(factor for side, factor in sides.items() if side in name.removeprefix("LargestValid"))
        text = replace(text, PANORAMA, name, _scaled(factor))
    return text


def _resolutions(text: str, change: Change, resolution: tuple[float, float] | None) -> str:
    unit = {"2": 25.4, "3": 10.0}.get(value(text, TIFF, "ResolutionUnit") or "2")
    x, y = (value(text, TIFF, name) for name in ("XResolution", "YResolution"))
    if unit is not None and x and y:
        x, y = (y, x) if change.origin.orientation >= 5 else (x, y)
        for place, name, old in zip((0, 1), ("XResolution", "YResolution"), (x, y), strict=True):
            new = _scaled(change.factors[place])(old)
            if resolution is not None:
                ratio = Fraction(resolution[place] * unit).limit_denominator(10_000)
                new = f"{ratio.numerator}/{ratio.denominator}"
            text = replace(text, TIFF, name, lambda _, new=new: new)  # type: ignore[misc]
    x, y = (value(text, EXIF, f"FocalPlane{axis}Resolution") for axis in "XY")
    if x and y:
        x, y = (y, x) if change.origin.orientation >= 5 else (x, y)
        for axis, old, factor in zip("XY", (x, y), change.factors, strict=True):
            new = _scaled(factor)(old)
            text = replace(text, EXIF, f"FocalPlane{axis}Resolution", lambda _, new=new: new)  # type: ignore[misc]
    return text


def _subject(text: str, change: Change) -> str:
    item = re.compile(r"(<[\w.-]+:li(?:\s[^>]*)?>)\s*([^<]*?)\s*(?=</)")

    def moved(block: str) -> str:
        try:
            old = [float(number) for _, number in item.findall(block)]
        except ValueError:
            return block
        if len(old) < 2:
            return block
        new = [*change.point(old[0], old[1])]
        new += [max(change.extent(old[2], old[2]))] if len(old) == 3 else change.extent(*old[2:4]) if old[3:] else []
        values = iter(new)
        return item.sub(lambda found: f"{found[1]}{round(next(values, 0))}", block)

    for name in ("SubjectArea", "SubjectLocation"):
        text = blocks(text, EXIF, name, moved)
    return text


# --- Faces -----------------------------------------------------------------------------------------------------------


def _regions(text: str, change: Change) -> str:
    """Bring regions along: the size that they were drawn on, and areas that follow when the picture is turned."""
    stored = change.origin.stored
    turned = change.origin.orientation > 1

    def sized(block: str) -> str:
        nonlocal turned
        uri = next((uri for uri in DIMENSIONS if prefixes(text, uri)), DIMENSIONS[0])
        sides = []
        local = declared(text, block, uri)
        for name in "wh":
            try:
                sides.append(float(value(local, uri, name) or ""))
            except ValueError:
                return block
        if stored[0] != stored[1] and (sides[0] < sides[1]) != (stored[0] < stored[1]):
            turned = False  # drawn on the upright picture
        for name, size in zip("wh", (change.width, change.height), strict=True):
            local = replace(local, uri, name, lambda _, size=size: str(size))  # type: ignore[misc]
        return undeclared(local)

    text = blocks(text, REGIONS, "AppliedToDimensions", sized)
    text = blocks(text, REGIONS, "Area", lambda block: _area(text, block, change, turned=turned))
    if turned:
        text = replace(text, MICROSOFT_REGION, "Rectangle", lambda old: _rectangle(old, change))
    return text


def _area(text: str, block: str, change: Change, *, turned: bool) -> str:
    local = declared(text, block, AREA)
    try:
        x, y = (float(value(local, AREA, name) or "") for name in "xy")
        wide, high, circle = (float(value(local, AREA, name) or "0") for name in "whd")
    except ValueError:
        return block
    if (value(local, AREA, "unit") or "normalized") == "pixel":
        (x, y), (wide, high) = change.point(x, y), change.extent(wide, high)
        circle *= max(change.factors)
    elif not turned:
        return block
    else:
        x, y = change.turned_unit(x, y)
        wide, high = (high, wide) if change.origin.orientation >= 5 else (wide, high)
    for name, new in (("x", x), ("y", y), ("w", wide), ("h", high), ("d", circle)):
        local = replace(local, AREA, name, lambda _, new=new: f"{new:.6g}")  # type: ignore[misc]
    return undeclared(local)


def _rectangle(old: str, change: Change) -> str:
    try:
        left, top, wide, high = (float(number) for number in old.split(","))
    except ValueError:
        return old
    x, y = change.turned_unit(left + wide / 2, top + high / 2)
    wide, high = (high, wide) if change.origin.orientation >= 5 else (wide, high)
    return f"{x - wide / 2:.6g}, {y - high / 2:.6g}, {wide:.6g}, {high:.6g}"


_MARK = "\x02"


def declared(text: str, block: str, uri: str) -> str:
    """Return a piece of the text with the namespace's prefixes in front of it, so that it can be looked through alone."""
    return "".join(f"xmlns:{prefix}='{uri}' " for prefix in prefixes(text, uri)) + _MARK + block


def undeclared(text: str) -> str:
    """Return the piece without them."""
    return text.split(_MARK, 1)[1]
