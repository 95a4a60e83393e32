"""The metadata of a file, read from the file itself: libvips leaves some out and makes some up."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from srgan.image import bmff, colour, exif, gif, iptc, jpeg_segments, packet, parts, png, tiff, vips, webp, xmp
from srgan.image.picture import Picture
from srgan.image.text import XMP_KEYWORD, Text, from_comment, from_png, raw_profile
from srgan.image.tiff_entries import Entry

_MILLIMETRES = {2: 25.4, 3: 10.0}
"""In a unit of TIFF and EXIF: an inch, a centimetre."""

_CREDENTIALS = "Content Credentials (C2PA), which hold for the old pixels only"

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PNG_KNOWN = {
    *_TEXTS,
    *(b"IHDR", b"PLTE", b"tRNS", b"IEND", b"acTL", b"fcTL"),
    *(b"cICP", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"pHYs", b"eXIf", b"caBX"),
    *(b"sBIT", b"tIME", b"hIST", b"sPLT", b"CgBI"),
}
"""Chunks that come along or that say nothing of the larger picture: which bits counted, when it was changed, its palette."""
_JPEG_KNOWN = (
    "MPF",
    "Adobe",
    "Ducky",
    "ICC_PROFILE",
    "Exif",
    "http://ns.adobe.com/xap/1.0/",
)
"""Beginnings of segments that come along or say how the file is packed."""


@dataclass(frozen=True)
class FileMetadata:
    """See :class:`srgan.image.Picture`; densities are across and down the stored picture."""

    exif: bytes | None = None
    xmp: bytes | None = None
    photoshop: bytes | None = None
    resolution: tuple[float, float] | None = None
    aspect: tuple[float, float] | None = None
    colour: colour.Colour | None = None
    texts: tuple[Text, ...] = ()
    reference: tuple[Entry, ...] = ()
    parts: tuple[parts.Part, ...] = ()
    pages: Sequence[int] = ()
    """Numbers of the directories of a TIFF file that are pages."""
    frames: int = 1
    notes: tuple[str, ...] = ()
    icc: bytes | None = None
    """A profile in a place where the decoder does not look for it."""

    def of(self, picture: Picture, *, same_colours: bool) -> Picture:
        """Return the picture with this metadata, its densities turned as the picture is."""
        turned = picture.origin is not None and picture.origin.orientation >= 5
        resolution, aspect = self.resolution, self.aspect
        if resolution is None and aspect is None and self.exif is not None:
            resolution, aspect = exif.resolution(self.exif), exif.aspect(self.exif)
        return replace(
            picture,
            icc=picture.icc or (self.icc if same_colours else None),
            exif=self.exif,
            xmp=self.xmp and xmp.as_utf8(self.xmp),
            iptc=self.photoshop,
            resolution=(resolution[1], resolution[0]) if turned and resolution else resolution,
            aspect=(aspect[1], aspect[0]) if turned and aspect else aspect,
            colour=self.colour if same_colours else None,
            texts=self.texts,
            reference=self.reference,
            parts=self.parts,
            notes=self.notes,
        )

    def with_blocks(self, image: vips.Image) -> FileMetadata:
        """Return this with what libvips says, for formats that are not parsed here."""
        return replace(self, exif=vips.blob(image, "exif-data"), xmp=vips.blob(image, "xmp-data"))


def read_metadata(file: BinaryIO, kind: str, page: int = 0) -> FileMetadata:
    """Read the metadata of an open file of a format; the position in the file stays."""
    before = file.tell()
    try:
        return _READERS[kind](file, page) if kind in _READERS else FileMetadata()
    finally:
        file.seek(before)


def _read_jpeg(file: BinaryIO, page: int) -> FileMetadata:
    del page
    said = jpeg_segments.read(file)
    resolution = aspect = None
    if said.jfif is not None and min(said.jfif[1:]) > 0:
        unit, across, down = said.jfif
        if unit in (1, 2):
            size = _MILLIMETRES[unit + 1]
            resolution = across / size, down / size
        elif across != down:
            aspect = float(across), float(down)
    xmp = said.xmp
    if xmp is not None and said.extended is not None:
        xmp = packet.together(xmp, said.extended)
    if said.exif is not None and (exact := exif.resolution(said.exif)) is not None:
        resolution = exact  # JFIF's numbers are rounded
    texts = tuple(from_comment(data) for data in said.comments if data.strip(b"\0 "))
    notes: tuple[str, ...] = (_CREDENTIALS,) if "c2pa" in said.other else ()
    if unknown := {name: size for name, size in said.unknown.items() if not name.startswith(_JPEG_KNOWN)}:
        notes += tuple(f"the data {name!r} ({size:,} bytes)" for name, size in sorted(unknown.items()))
    behind = parts.read(file, said)
    return FileMetadata(said.exif, xmp, said.photoshop, resolution, aspect, texts=texts, parts=behind, notes=notes)


def _read_png(file: BinaryIO, page: int) -> FileMetadata:
    del page
    chunks = png.read_chunks(file)
    resolution = aspect = None
    if (density := png.density(chunks)) is not None:
        across, down, unit = density
        if unit == 1:
            resolution = across / 1000, down / 1000
        elif across != down:
            aspect = float(across), float(down)
    about, xmp, photoshop, icc, texts, blocks = None, None, None, None, [], []
    for chunk in chunks:
        if chunk.kind == b"eXIf" and about is None:
            about = chunk.data
        text = from_png(chunk)
        if text is None:
            continue
        if text.keyword == XMP_KEYWORD:
            xmp = xmp or text.text.encode()
        elif (block := raw_profile(text)) is not None:
            blocks.append(block)
        else:
            texts.append(text)
    for name, body in blocks:
        if name in ("8bim", "iptc"):
            photoshop = photoshop or iptc.from_block(body)
        elif body.startswith(jpeg_segments.XMP) or name == "xmp":
            xmp = xmp or body.removeprefix(jpeg_segments.XMP)
        elif name in ("exif", "app1"):
            about = about or body
        elif name in ("icc", "icm"):
            icc = icc or body
    unread = sum(chunk.kind in _TEXTS for chunk in chunks) - sum(from_png(c) is not None for c in chunks)
    notes = [f"{unread} damaged or enormous text{'s' if unread > 1 else ''}"] if unread else []
    if any(chunk.kind == b"caBX" for chunk in chunks):
        notes.append(_CREDENTIALS)
    if others := sorted({c.kind.decode() for c in chunks if c.kind.isalpha() and c.kind not in _PNG_KNOWN}):
        notes.append(f"the {'chunk' if len(others) == 1 else 'chunks'} {', '.join(others[:8])}")
    said = colour.from_png(chunks)
    frames = png.frame_count(chunks)
    return FileMetadata(
        about, xmp, photoshop, resolution, aspect, said, tuple(texts), frames=frames, notes=tuple(notes), icc=icc
    )


def _read_tiff(file: BinaryIO, page: int) -> FileMetadata:
    pages, others = tiff.pages(file)
    tags = tiff.read(file, pages[page] if 0 <= page < len(pages) else 0)
    resolution = aspect = None
    if tags.density is not None:
        across, down, unit = tags.density
        if unit in _MILLIMETRES:
            resolution = across / _MILLIMETRES[unit], down / _MILLIMETRES[unit]
        else:
            aspect = across, down
    return FileMetadata(
        tags.exif,
        tags.xmp,
        tags.photoshop,
        resolution,
        aspect,
        colour=tags.colour,
        reference=tags.reference,
        pages=pages,
        notes=(*others, *tags.notes),
    )


def _read_gif(file: BinaryIO, page: int) -> FileMetadata:
    del page
    said = gif.read(file)
    texts = tuple(from_comment(data) for data in said.comments if data.strip(b"\0 "))
    aspect = None if said.aspect is None else (1.0, said.aspect)
    return FileMetadata(xmp=said.xmp, texts=texts, icc=said.icc, aspect=aspect, notes=tuple(sorted(said.unknown)))


def _read_webp(file: BinaryIO, page: int) -> FileMetadata:
    del page
    unknown = webp.unknown(file)
    return FileMetadata(notes=tuple(f"the data {name!r} ({size:,} bytes)" for name, size in unknown.items()))


def _read_avif(file: BinaryIO, page: int) -> FileMetadata:
    """Read what the boxes say of the main picture; its EXIF data and XMP come from libvips."""
    del page
    said = bmff.read(file)
    return FileMetadata(colour=_nclx(said), aspect=_box_aspect(said), notes=parts_of(said))


def _nclx(said: bmff.Contents) -> colour.Colour | None:
    """Return the colour by code points; None beside a profile, which counts more."""
    codes = said.property(b"colr", b"nclx")
    profile = said.property(b"colr", b"prof") or said.property(b"colr", b"rICC")
    if codes is None or len(codes) < 8 or profile is not None:
        return None
    return colour.from_nclx(struct.unpack_from(">2H", codes, 4), said.property(b"clli"), said.property(b"mdcv"))


def _box_aspect(said: bmff.Contents) -> tuple[float, float] | None:
    box = said.property(b"pasp") or b""
    wide, high = struct.unpack(">2I", box) if len(box) == 8 else (1, 1)
    return (float(high), float(wide)) if wide and high and wide != high else None


def parts_of(said: bmff.Contents) -> tuple[str, ...]:
    """Return words for what else an AVIF or HEIC file has, and no result gets."""
    urns = b" ".join(said.auxiliary).lower()
    words = {
        "the gain map for bright displays (HDR)": b"tmap" in said.kinds or b"gainmap" in urns,
        "the depth map": b"auxid:2" in urns or b"aux:depth" in urns,
        "mattes of parts of the picture": b"matte" in urns,
        "the frames of a film": said.has_film,
        "its viewing environment": said.property(b"amve") is not None,
    }
    return tuple(text for text, there in words.items() if there)


def read_boxes(file: BinaryIO) -> FileMetadata:
    """Read what the boxes of an open HEIC file say; the position in the file stays."""
    return read_metadata(file, "AVIF")


_READERS = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "TIFF": _read_tiff,
    "GIF": _read_gif,
    "AVIF": _read_avif,
    "WebP": _read_webp,
}
