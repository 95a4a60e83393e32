"""The metadata of a file, read from the file itself: libvips leaves some out and makes some up."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from srgan.image import colour, exif, gif, iptc, jpeg_segments, packet, parts, png, tiff, vips
from srgan.image.picture import Picture
from srgan.image.text import XMP_KEYWORD, Text, from_comment, from_png
from srgan.image.tiff_entries import Entry

_MILLIMETRES = {2: 25.4, 3: 10.0}
"""In a unit of TIFF and EXIF: an inch, a centimetre."""

_CREDENTIALS = "Content Credentials (C2PA), which hold for the old pixels only"

_AVIF_HEAD = 1 << 16

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


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

    def of(self, picture: Picture, *, same_colours: bool) -> Picture:
        """Return the picture with this metadata, its densities turned as the picture is."""
        turned = picture.origin is not None and picture.origin.orientation >= 5
        resolution, aspect = self.resolution, self.aspect
        if resolution is None and aspect is None and self.exif is not None:
            resolution, aspect = exif.resolution(self.exif), exif.aspect(self.exif)
        return replace(
            picture,
            exif=self.exif,
            xmp=self.xmp,
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
    notes = (_CREDENTIALS,) if "c2pa" in said.other else ()
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
    about, xmp, photoshop, texts = None, None, None, []
    for chunk in chunks:
        if chunk.kind == b"eXIf" and about is None:
            about = chunk.data
        text = from_png(chunk)
        if text is None:
            continue
        if text.keyword == XMP_KEYWORD:
            xmp = xmp or text.text.encode()
        elif (blocks := iptc.from_text(text)) is not None:
            photoshop = photoshop or blocks
        else:
            texts.append(text)
    unread = sum(chunk.kind in _TEXTS for chunk in chunks) - sum(from_png(c) is not None for c in chunks)
    notes = [f"{unread} damaged or enormous text{'s' if unread > 1 else ''}"] if unread else []
    if any(chunk.kind == b"caBX" for chunk in chunks):
        notes.append(_CREDENTIALS)
    said = colour.from_png(chunks)
    frames = png.frame_count(chunks)
    return FileMetadata(
        about, xmp, photoshop, resolution, aspect, said, tuple(texts), frames=frames, notes=tuple(notes)
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
        reference=tags.reference,
        pages=pages,
        notes=(*others, *tags.notes),
    )


def _read_gif(file: BinaryIO, page: int) -> FileMetadata:
    del page
    comments, xmp = gif.read(file)
    return FileMetadata(xmp=xmp, texts=tuple(from_comment(data) for data in comments if data.strip(b"\0 ")))


def _read_avif(file: BinaryIO, page: int) -> FileMetadata:
    """Find the code points of the colours (nclx), in the boxes before the pixels; a profile counts more."""
    del page
    file.seek(0)
    head = file.read(_AVIF_HEAD)
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return FileMetadata()
    said = colour.from_codes(*struct.unpack_from(">HH", head, at + 8))
    return FileMetadata(colour=None if said is None or said.is_srgb else said)


_READERS = {"JPEG": _read_jpeg, "PNG": _read_png, "TIFF": _read_tiff, "GIF": _read_gif, "AVIF": _read_avif}
