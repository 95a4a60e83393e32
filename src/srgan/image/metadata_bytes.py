"""A picture's metadata as bytes of a file: JPEG's segments, PNG's chunks, tags of TIFF, comments of GIF."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from fractions import Fraction
from typing import BinaryIO

from srgan.image import colour, gif, iptc, jpeg_segments, packet, parts, png, tiff
from srgan.image.metadata import Metadata
from srgan.image.text import XMP_KEYWORD, to_comment, to_png

_INCH = 25.4


def jpeg_beginning(about: Metadata) -> jpeg_segments.Beginning:
    """Return what puts the metadata at the beginning of a JPEG file."""
    segments = _jfif(about)
    if about.exif is not None:
        data = jpeg_segments.EXIF + about.exif.removeprefix(jpeg_segments.EXIF)
        segments += jpeg_segments.segment(0xE1, data)
    if about.xmp is not None:
        segments += _xmp_segments(about.xmp, about.extended)
    if about.photoshop is not None:
        segments += jpeg_segments.photoshop_segments(iptc.wrapped(about.photoshop))
    for text in about.texts:
        segments += jpeg_segments.comment_segments(to_comment(text))
    return jpeg_segments.Beginning(segments + parts.index_segments(about.parts))


def _jfif(about: Metadata) -> bytes:
    """Return the header; a resolution in the unit in which its whole numbers are nearer."""
    if about.resolution is not None:
        units = {1: _INCH, 2: 10.0}
        values = {unit: [value * size for value in about.resolution] for unit, size in units.items()}
        if max(values[1]) <= 65_535:
            unit = min(units, key=lambda unit: max(abs(value / max(round(value), 1) - 1) for value in values[unit]))
            return jpeg_segments.jfif(unit, *values[unit])
    across, down = _ratio(about.aspect) if about.aspect else (1, 1)
    return jpeg_segments.jfif(0, across, down)


def _ratio(aspect: tuple[float, float]) -> tuple[int, int]:
    ratio = Fraction(aspect[0] / aspect[1]).limit_denominator(1000)
    return (ratio.numerator, ratio.denominator) if 0 < ratio.numerator <= 65_535 else (1, 1)


def _xmp_segments(first: bytes, extended: bytes | None) -> bytes:
    if extended is None:
        return jpeg_segments.segment(0xE1, jpeg_segments.XMP + first)
    guid, rest = jpeg_segments.extended_xmp_segments(extended)
    return jpeg_segments.segment(0xE1, jpeg_segments.XMP + packet.named(first, guid)) + rest


def png_beginning(about: Metadata, *, icc: bytes | None = None) -> png.Beginning:
    """Return what puts the metadata before the pixels of a PNG file; ``icc`` where its encoder has not done so."""
    chunks = colour.to_png(about.colour) if about.colour is not None else []
    if icc is not None:
        chunks.append(png.Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if about.resolution is not None:
        chunks.append(png.density_chunk(about.resolution[0] * 1000, about.resolution[1] * 1000, 1))
    elif about.aspect is not None and _ratio(about.aspect) != (1, 1):
        chunks.append(png.density_chunk(*_ratio(about.aspect), 0))
    if about.exif is not None:
        chunks.append(png.Chunk(b"eXIf", about.exif.removeprefix(jpeg_segments.EXIF)))
    if about.xmp is not None:
        chunks.append(png.Chunk(b"iTXt", XMP_KEYWORD.encode() + bytes(5) + about.xmp))
    if about.photoshop is not None:
        chunks.append(to_png(iptc.to_text(about.photoshop)))
    chunks += [to_png(text) for text in about.texts]
    return png.Beginning(chunks)


def add_to_tiff(about: Metadata, out: BinaryIO, *, bands: int = 1) -> None:
    """Put the metadata into the first directory of an open TIFF file; ``bands`` as for :func:`srgan.image.tiff.add`."""
    density = None
    if about.resolution is not None:
        density = (about.resolution[0] * _INCH, about.resolution[1] * _INCH, 2)
    elif about.aspect is not None:
        density = (*about.aspect, 1)
    tiff.add(out, about.exif, about.photoshop, density, about.reference, bands)


def gif_beginning(about: Metadata) -> gif.Beginning:
    """Return what puts comments and XMP before the pixels of a GIF file."""
    aspect = about.aspect[1] / about.aspect[0] if about.aspect and not about.resolution else None
    return gif.Beginning([to_comment(text) for text in about.texts], about.xmp, aspect)


BEGINNINGS: dict[str, Callable[[Metadata], Callable[[bytes], bytes | None]]] = {
    "JPEG": jpeg_beginning,
    "PNG": png_beginning,
    "GIF": gif_beginning,
}
"""For formats whose metadata stands before the pixels: what makes :func:`srgan.image.vips.save` put them there."""
