"""A file becomes a :class:`Picture`, or one clear error."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.errors import NO_MEMORY, ImageReadError, ImageTooLargeError
from srgan.image import bmp, exif, jpeg, pnm, tiff, vips
from srgan.image.change import Origin
from srgan.image.file_metadata import read_metadata
from srgan.image.formats import HEAD_BYTES, Format, sniff
from srgan.image.opened import DamagedError, Decoded
from srgan.image.picture import Header, Picture, to_rgb8
from srgan.image.pixels import Rows, has_alpha, upright
from srgan.image.readers import READERS
from srgan.image.text import from_comment

MAX_PIXELS = 200_000_000
"""Default limit of :func:`read`. 14,000 x 14,000 pixels; four times as large that is 3.2 gigapixels."""

_REASONS = {
    errno.ENOENT: "there is no such file: check the path",
    errno.EACCES: "you may not read it: change its permissions",
    errno.EPERM: "you may not read it: change its permissions",
    errno.EIO: "the disk reports a fault: copy the file from somewhere else",
    errno.ENOTDIR: "a part of its path is a file, not a folder: check the path",
    errno.ELOOP: "it is a link that leads to itself: check the path",
    errno.ENAMETOOLONG: "the name is too long: check the path",
}


def probe(path: str | os.PathLike[str], *, page: int = 0) -> Header:
    """Read a picture's header; no pixel is decoded. ``page`` as for :func:`read`.

    Raises
    ------
    ImageReadError
        if the file is missing, may not be read, or does not begin like a picture
    """
    with _opened(Path(path), page) as source:
        return source.header


def notes_of_pages(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return words for what of a TIFF file's pages behind the first does not come along; none for another file."""
    with suppress(OSError), Path(path).open("rb") as file:
        return tiff.notes_of_pages(file)
    return ()


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, page: int = 0) -> Picture:
    """Read a picture with everything that belongs to it.

    The content decides about the format, not the name. Orientation is applied. Palettes become RGB, transparent
    colours alpha, 1 bit gray; 9 to 16 bits become uint16 of full range. RGB and gray values are left as they are and
    their profile is kept: exact, and it is what networks are trained and measured on. CMYK and L*a*b* become sRGB.
    Floats in [0, 1] become uint16.

    Parameters
    ----------
    max_pixels : largest width * height, checked in the header before anything is decoded
    page : page of a TIFF, or frame of an animation, from 0

    Raises
    ------
    ImageTooLargeError
        if the picture has more pixels than ``max_pixels``
    ImageReadError
        if the file is missing, may not be read, is truncated or damaged, or is no picture of a known format
    """
    path = Path(path)
    with _opened(path, page) as source:
        _check_size(path, source.header, max_pixels)
        return source.decode()


def read_rows(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture | None:
    """Open a picture whose pixels are decoded from top to bottom while they are used.

    Parameters and errors are those of :func:`read`; errors of decoding are raised where the pixels are used.

    Returns
    -------
    the picture, whose ``pixels`` are :class:`srgan.image.pixels.Rows`; None where it has alpha, is turned by its orientation, or
    is of a format that is decoded whole
    """
    path = Path(path)
    with _opened(path) as source:
        _check_size(path, source.header, max_pixels)
        if not isinstance(source, _VipsSource):
            return None
        return source.rows(path)


def _check_size(path: Path, header: Header, max_pixels: int) -> None:
    if header.width * header.height > max_pixels:
        raise ImageTooLargeError(
            path,
            f"has {header.width} x {header.height} pixels, {header.width * header.height / 1e6:,.0f} million, and the "
            f"limit is {max_pixels / 1e6:,.0f} million: cut it into parts, or make it smaller",
        )


def read_rgb8(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read a picture as [H, W, 3] uint8 RGB: :func:`read`, then :func:`to_rgb8`, with the same errors."""
    return to_rgb8(read(path, max_pixels=max_pixels))


class _Source:
    """An open file whose header is known; ``decode`` gives the picture."""

    header: Header

    def decode(self) -> Picture:
        raise NotImplementedError


@contextmanager
def _opened(path: Path, page: int = 0) -> Iterator[_Source]:
    """Open a picture file; errors of any library inside the block become one line about this file."""
    try:
        with _open_regular(path) as file:
            head = file.read(HEAD_BYTES)
            if not head:
                raise ImageReadError(path, "it is empty (0 bytes): get the picture again")
            kind = sniff(head, path.suffix)
            if isinstance(kind, str):
                raise ImageReadError(path, kind)
            if page and kind.name not in vips.PAGED:
                raise ImageReadError(
                    path, f"{kind.name} files have one: leave the page out", action=f"cannot read page {page} of"
                )
            with _explained(path):
                yield _source(file, kind, page)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or f"{error.strerror or error}: check the path"
        raise ImageReadError(path, reason) from None
    except ValueError as error:
        if "null" not in str(error):
            raise
        raise ImageReadError(path, "a path has no null characters: check it") from None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Let the errors of the decoders say which file they are about, and what to do."""
    try:
        yield
    except vips.Error as error:
        said = vips.tidy(error)
        # A damaged file may ask for memory that no machine has; these two are libvips' own.
        lacks = "creating thread" in said or "out of memory" in said
        raise ImageReadError(path, NO_MEMORY if lacks else _damage(said)) from None
    except vips.UnsupportedError as error:
        raise ImageReadError(path, str(error)) from None
    except (pnm.PnmError, bmp.BmpError, DamagedError) as error:
        raise ImageReadError(path, _damage(str(error))) from None


def _damage(said: str) -> str:
    return f"it is damaged, cut short or of a kind that srgan does not read ({said}): get the picture again"


def _open_regular(path: Path) -> BinaryIO:
    file = path.open("rb") if stat.S_ISREG(path.stat().st_mode) else None
    if file is None:
        what = "a folder: name a picture in it" if path.is_dir() else "no ordinary file: name a picture"
        raise ImageReadError(path, f"it is {what}")
    return file


def _source(file: BinaryIO, kind: Format, page: int) -> _Source:
    file.seek(0)
    if kind.name == "PNM":
        return _PnmSource(file)
    if kind.name == "BMP":
        return _BmpSource(file)
    if kind.name in READERS:
        return _LibrarySource(file, kind, page)
    return _VipsSource(file, kind, page)


class _LibrarySource(_Source):
    """A picture that a library of its own format opens (:mod:`srgan.image.opened`), upright as it tells it."""

    def __init__(self, file: BinaryIO, kind: Format, page: int) -> None:
        self.opened = READERS[kind.name](file, page)
        opened = self.opened
        self.header = Header(opened.width, opened.height, opened.bands, opened.depth, kind.name, opened.pages)

    def decode(self) -> Picture:
        found = self.opened.decode()
        decoded = found if isinstance(found, Decoded) else Decoded(found)
        pixels = np.ascontiguousarray(decoded.pixels)
        if pixels.shape[:2] != (self.header.height, self.header.width):
            raise DamagedError("its pixels are not what its header says")
        picture = Picture(
            pixels,
            icc=decoded.icc or self.opened.icc,
            format=self.header.format,
            depth=self.header.depth,
            pages=self.header.pages,
            origin=Origin(self.header.width, self.header.height),
        )
        picture = self.opened.metadata.of(picture, same_colours=True)
        return replace(picture, notes=picture.notes + decoded.notes)


class _PnmSource(_Source):
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.pnm = pnm.read_header(file)
        depth = self.pnm.maximum.bit_length()
        self.header = Header(self.pnm.width, self.pnm.height, self.pnm.bands, depth, "PNM")

    def decode(self) -> Picture:
        texts = tuple(from_comment(data) for data in self.pnm.comments if data)
        notes = ("further pictures behind the first one",) if pnm.has_more(self.file, self.pnm) else ()
        pixels = pnm.read_pixels(self.file, self.pnm)
        return Picture(pixels, format="PNM", depth=self.header.depth, texts=texts, notes=notes)


class _BmpSource(_Source):
    def __init__(self, file: BinaryIO) -> None:
        self.profile = bmp.profile(file)
        self.bmp = bmp.open_bmp(file)
        width, height = self.bmp.size
        self.header = Header(width, height, bmp.bands_of(self.bmp), 8, "BMP")

    def decode(self) -> Picture:
        pixels = bmp.decode(self.bmp)
        dpi = self.bmp.info.get("dpi")
        resolution = (dpi[0] / 25.4, dpi[1] / 25.4) if dpi and min(dpi) > 0 else None
        return Picture(pixels, icc=self.profile, resolution=resolution, format="BMP", depth=8)


class _VipsSource(_Source):
    def __init__(self, file: BinaryIO, kind: Format, page: int) -> None:
        # By descriptor: no file name reaches libvips, whose names cannot be arbitrary bytes. It shares its place in the
        # file with us, so whatever else is read is read before.
        self.metadata = read_metadata(file, kind.name, page)
        self.quality = jpeg.quality(file) if kind.name == "JPEG" else None
        directory = page
        if kind.name == "TIFF" and 0 <= page < len(self.metadata.pages):
            directory = self.metadata.pages[page]
        elif page:
            count = len(self.metadata.pages) or vips.field(vips.load(kind.name, file.fileno()), "n-pages", 1)
            if not 0 <= page < count:
                raise vips.UnsupportedError(f"it has {count} pages, counted from 0, and no page {page}: choose another")
        options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
        if kind.name in vips.PAGED:
            options["page"] = directory
        self.image = vips.load(kind.name, file.fileno(), **options)
        self.kind = kind
        if kind.name in ("WebP", "AVIF"):
            self.metadata = self.metadata.with_blocks(self.image)
        self.orientation = self._orientation()
        image = self.image
        width, height = image.width, image.height
        if self.orientation >= 5:
            width, height = height, width
        pages = len(self.metadata.pages) or max(vips.field(image, "n-pages", 1), self.metadata.frames)
        self.header = Header(width, height, image.bands, self._depth(), kind.name, pages)

    def _orientation(self) -> int:
        if self.kind.name == "AVIF":
            return 1  # libvips has turned it as the container says; its EXIF orientation has no meaning
        value = vips.field(self.image, "orientation", 0)
        if not 1 <= value <= 8:
            value = exif.orientation(self.metadata.exif) if self.metadata.exif else 1
        return int(value)

    def _depth(self) -> int:
        depth = vips.field(self.image, "bits-per-sample", 0) or vips.field(self.image, "heif-bitdepth", 0)
        return int(depth) or {"uchar": 8, "ushort": 16}.get(self.image.format, 32)

    def decode(self) -> Picture:
        image = vips.to_rgb_or_gray(self.image)
        return self._picture(upright(vips.to_array(image, self.header.depth), self.orientation))

    def rows(self, path: Path) -> Picture | None:
        """Return the picture with pixels that are decoded when they are used; None if that is not possible."""
        image = vips.to_rgb_or_gray(self.image)
        if self.orientation != 1 or has_alpha(image.bands):
            return None

        decoder = vips.row_decoder(image, self.header.depth)

        def decode(first: int, end: int) -> NDArray[Any]:
            with _explained(path):
                return decoder(first, end)

        dtype = np.uint8 if image.format == "uchar" else np.uint16
        rows: Any = Rows((image.height, image.width, image.bands), dtype, decode)
        return self._picture(rows)

    def _picture(self, pixels: NDArray[Any]) -> Picture:
        # Where values are converted, what described the old ones is left behind.
        same = vips.keeps_profile(self.image)
        picture = Picture(
            pixels,
            icc=vips.blob(self.image, "icc-profile-data") if same else None,
            format=self.kind.name,
            depth=self.header.depth,
            pages=self.header.pages,
            jpeg_quality=self.quality,
            origin=Origin(self.header.width, self.header.height, self.orientation),
        )
        picture = self.metadata.of(picture, same_colours=same)
        if not same:
            kind = "inks (CMYK)" if self.image.interpretation == "cmyk" else "values of L*a*b* or XYZ"
            picture = replace(picture, notes=(*picture.notes, f"its {kind}: the colours become sRGB"))
        return picture
