"""What a file says beside its pixels, looked up in the file itself: libvips leaves some out and makes some up."""

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
class Found:
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
        """Return a picture of the file with all this, its densities as it is turned."""
        turned = picture.origin is not None and picture.origin.orientation >= 5
        resolution, aspect = self.resolution, self.aspect
        if resolution is None and aspect is None and self.exif is not None:
            resolution = exif.resolution(self.exif)
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

    def with_blocks(self, image: vips.Image) -> Found:
        """Return this with what libvips tells of a format that nothing more is known of here."""
        return replace(self, exif=vips.blob(image, "exif-data"), xmp=vips.blob(image, "xmp-data"))


def look(file: BinaryIO, kind: str, page: int = 0) -> Found:
    """Look through an open file of a format; its place is where it was."""
    before = file.tell()
    try:
        return _LOOK[kind](file, page) if kind in _LOOK else Found()
    finally:
        file.seek(before)


def _look_jpeg(file: BinaryIO, page: int) -> Found:
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
    return Found(said.exif, xmp, said.photoshop, resolution, aspect, texts=texts, parts=behind, notes=notes)


def _look_png(file: BinaryIO, page: int) -> Found:
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
    return Found(about, xmp, photoshop, resolution, aspect, said, tuple(texts), frames=frames, notes=tuple(notes))


def _look_tiff(file: BinaryIO, page: int) -> Found:
    pages, others = tiff.pages(file)
    tags = tiff.read(file, pages[page] if 0 <= page < len(pages) else 0)
    resolution = aspect = None
    if tags.density is not None:
        across, down, unit = tags.density
        if unit in _MILLIMETRES:
            resolution = across / _MILLIMETRES[unit], down / _MILLIMETRES[unit]
        else:
            aspect = across, down
    return Found(
        tags.exif,
        tags.xmp,
        tags.photoshop,
        resolution,
        aspect,
        reference=tags.reference,
        pages=pages,
        notes=tuple(others),
    )


def _look_gif(file: BinaryIO, page: int) -> Found:
    del page
    comments, xmp = gif.read(file)
    return Found(xmp=xmp, texts=tuple(from_comment(data) for data in comments if data.strip(b"\0 ")))


def _look_avif(file: BinaryIO, page: int) -> Found:
    """Find the code points of the colours (nclx), in the boxes before the pixels; a profile counts more."""
    del page
    file.seek(0)
    head = file.read(_AVIF_HEAD)
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return Found()
    said = colour.from_codes(*struct.unpack_from(">HH", head, at + 8))
    return Found(colour=None if said is None or said.is_srgb else said)


_LOOK = {"JPEG": _look_jpeg, "PNG": _look_png, "TIFF": _look_tiff, "GIF": _look_gif, "AVIF": _look_avif}
