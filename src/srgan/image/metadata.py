"""The metadata that goes into a file: all that a picture has, corrected for the new size, in the forms that the format knows.

What the format has no place for becomes words in :attr:`Metadata.notes`; nothing is left out in silence.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from srgan._version import __version__
from srgan.image import colour, description, exif, geotiff, gif, iptc, jpeg_segments, packet, parts, xmp, xmp_places
from srgan.image.change import Change, Origin
from srgan.image.formats import Format
from srgan.image.picture import Picture
from srgan.image.text import COMMENT, Text
from srgan.image.tiff_entries import Entry

EXIF = ("JPEG", "PNG", "WebP", "AVIF", "TIFF", "HEIC", "JPEG XL")
XMP = (*EXIF, "GIF")
_DENSITY = ("JPEG", "PNG", "TIFF", "BMP")
"""Formats that hold a print size outside of EXIF data."""
_TEXTS = ("PNG", "JPEG", "GIF")
_CODES = ("PNG", "AVIF", "HEIC")
"""Formats that hold each of them; of colours, the latter two only those that have code points."""
_BOXED = ("AVIF", "HEIC")
_MATRIX = 6
"""Of luma and chroma in them, as libheif makes them where nobody asks for another one: BT.601's."""

_Pair = tuple[float, float]


@dataclass(frozen=True)
class Metadata:
    """As :class:`srgan.image.Picture` has them, for one file of a certain format and size."""

    change: Change
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    extended: bytes | None = None
    """The rest of the XMP where JPEG has no room for all of it in one piece."""
    photoshop: bytes | None = None
    resolution: _Pair | None = None
    aspect: _Pair | None = None
    texts: tuple[Text, ...] = ()
    colour: colour.Colour | None = None
    reference: tuple[Entry, ...] = ()
    parts: tuple[parts.Part, ...] = ()
    notes: tuple[str, ...] = field(default=())


def prepared(picture: Picture, kind: Format, width: int, height: int) -> Metadata:
    """Return what a file of ``width`` x ``height`` pixels gets of a picture, which may be of another size itself."""
    change = Change(picture.origin or Origin(picture.width, picture.height), width, height)
    notes: list[str] = []
    factors = width / picture.width, height / picture.height
    resolution = _times(picture.resolution, factors)
    aspect = picture.aspect
    said = exif.description(picture.exif) if picture.exif else None
    if aspect is not None and said is not None and description.counts_pixels(said):
        aspect = _times(aspect, change.factors)
        unit = description.millimetres(said)
        if resolution is None and unit is not None and aspect is not None and kind.name != "TIFF":
            resolution, aspect = (aspect[0] / unit, aspect[1] / unit), None
    about = _exif(picture, kind, change, resolution, aspect, notes)
    if about is None and kind.name in EXIF and kind.name not in _DENSITY and (resolution or aspect):
        about = exif.of_density(resolution, aspect)
    notes += _density_notes(kind, resolution, aspect)
    photoshop = picture.iptc and iptc.corrected(picture.iptc, change, resolution)
    if photoshop and kind.name not in ("JPEG", "TIFF", "PNG"):
        notes.append(f"the caption (IPTC), for which {kind.name} has no place")
        photoshop = None
    behind, words = parts.prepared(picture.parts, kind.name, change)
    notes += words
    texts, packet_ = _texts_and_xmp(picture, kind, change, resolution, behind, notes)
    extended = None
    if packet_ is not None and kind.name == "JPEG" and len(packet_) > jpeg_segments.XMP_ROOM:
        packet_, extended = packet.in_two(packet_, jpeg_segments.XMP_ROOM) or (None, None)
        if packet_ is None:
            notes.append("XMP of more than 64 kB, which is damaged")
    reference = geotiff.corrected(picture.reference, change) if picture.reference else ()
    notes += geotiff.lost(picture.reference, reference) if kind.name == "TIFF" else []
    if reference and kind.name != "TIFF":
        notes.append(f"the place on the earth (GeoTIFF), for which {kind.name} has no place")
        reference = ()
    # Of a profile and code points (cICP) a PNG file may have both, and the latter count more.
    numbers = picture.colour if _holds_numbers(picture, kind) else None
    return Metadata(
        change,
        picture.icc,
        about,
        packet_,
        extended,
        photoshop,
        resolution,
        aspect,
        texts,
        numbers,
        reference,
        behind,
        tuple(notes),
    )


def _holds_numbers(picture: Picture, kind: Format) -> bool:
    """Return whether a file says the picture's colours by numbers."""
    said = picture.colour
    if said is None or kind.name not in _CODES:
        return False
    coded = said.transfer is not None and said.primaries is not None
    return coded or (kind.name == "PNG" and picture.icc is None)


def with_profile(picture: Picture, kind: Format) -> Picture:
    """Return the picture with a profile of the colours that its file described by numbers, where the format needs one.

    Where code points stood beside a profile they count more.
    """
    said = picture.colour
    if said is None or _holds_numbers(picture, kind) or (picture.icc is not None and said.transfer is None):
        return (
            picture if kind.name not in _BOXED or said is None or said.transfer is None else replace(picture, icc=None)
        )
    made = colour.profile(said, gray=picture.pixels.shape[2] <= 2)
    return replace(picture, icc=made or (None if said.is_srgb else picture.icc))


def properties(about: Metadata, *, full_range: bool = True) -> list[tuple[bytes, bytes]]:
    """Return boxes for the main picture of an AVIF or HEIC file: colours by code points, the shape of pixels."""
    found = colour.to_nclx(about.colour, _MATRIX, full_range=full_range) if about.colour is not None else []
    if about.aspect is not None and about.resolution is None:
        ratio = Fraction(about.aspect[1] / about.aspect[0]).limit_denominator(1000)
        found.append((b"pasp", struct.pack(">2I", ratio.numerator, ratio.denominator)))
    return found


def history(network: str, factors: _Pair) -> tuple[str, str]:
    """Return what a line of history says: the software, and what it did."""
    times = f"{factors[0]:.4g}"
    return f"srgan {__version__}", f"enlarged {times} times by {network or 'a network'}"


def _times(values: _Pair | None, factors: _Pair) -> _Pair | None:
    return values and (values[0] * factors[0], values[1] * factors[1])


def _density_notes(kind: Format, resolution: _Pair | None, aspect: _Pair | None) -> list[str]:
    if kind.name in EXIF or (kind.name in _DENSITY and aspect is None):
        return []
    if resolution is not None and kind.name not in _DENSITY:
        return [f"the print size ({resolution[0] * 25.4:.5g} dots an inch), for which {kind.name} has no place"]
    if aspect is not None and not (kind.name == "GIF" and gif.aspect_byte(aspect[1] / aspect[0])):
        return [f"the shape of its pixels ({aspect[1] / aspect[0]:.3g} to 1), for which {kind.name} has no place"]
    return []


def _exif(
    picture: Picture, kind: Format, change: Change, resolution: _Pair | None, aspect: _Pair | None, notes: list[str]
) -> bytes | None:
    if picture.exif is None:
        return None
    if kind.name not in EXIF:
        notes.append(f"EXIF data, for which {kind.name} has no place")
        return None
    about = exif.corrected(picture.exif, change.width, change.height, resolution, aspect=aspect, change=change)
    if about is None:
        notes.append("EXIF data, which is damaged")
        return None
    said = exif.description(about)
    if said is not None:
        about = exif.with_description(about, description.corrected(said, change))
    if kind.name in ("TIFF", "PNG") or len(about) <= exif.MAX_BYTES:
        return about
    if said is not None and len(shorter := exif.with_description(about, b"")) <= exif.MAX_BYTES:
        notes.append(f"the description of {len(said):,} bytes, for which {kind.name} has no room")
        return shorter
    notes.append(f"EXIF data of {len(about):,} bytes, for which {kind.name} has no room")
    return None


def _texts_and_xmp(
    picture: Picture,
    kind: Format,
    change: Change,
    resolution: _Pair | None,
    behind: Sequence[parts.Part],
    notes: list[str],
) -> tuple[tuple[Text, ...], bytes | None]:
    texts = picture.texts
    about = picture.xmp and xmp.corrected(parts.promises(picture.xmp, behind), change, resolution)
    about = about and xmp_places.corrected(about, change)
    if kind.name not in XMP:
        if about:
            notes.append(f"XMP, for which {kind.name} has no place")
        if texts and kind.name not in _TEXTS:
            notes.append(f"{_named(texts)}, for which {kind.name} has no place")
        return (texts if kind.name in _TEXTS else ()), None
    if texts and kind.name not in _TEXTS:
        about = packet.with_texts(about, texts)
        texts = ()
    if picture.history is not None:
        about = packet.with_history(about, *history(picture.history, change.factors))
    return texts, about


def _named(texts: Sequence[Text]) -> str:
    names = [text.keyword for text in texts if text.keyword != COMMENT]
    return "text (" + ", ".join(names) + ")" if names else "the comment"
