"""Pictures of any number of bands, as satellites and microscopes make them, in the file's own depth.

A :class:`srgan.image.Picture` is what people look at: gray or RGB, with or without alpha. Here a file's samples are taken as
they are: a fourth band is infrared and not transparency, and a TIFF may have thirteen of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ImageReadError
from srgan.image import description, exif, vips
from srgan.image.change import Origin
from srgan.image.picture import Header, Picture
from srgan.image.pixels import Rows, upright
from srgan.image.reading import (
    MAX_PIXELS,
    _check_size,
    _explained,
    _opened,
    _VipsSource,
    probe,
    read,
    read_rows,
)

MAX_BANDS = 13
"""Sentinel-2 has thirteen."""

_SAMPLES = ("uchar", "ushort", "float", "double")
# ITU-R BT.601 luma, full range: what "gray" means to JPEG and to most software.
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class BandReader:
    """Reads pictures for a network of so many bands.

    For 3 these are the pictures that people look at, as :func:`srgan.image.read` gives them. For 1 band colours become luma and
    alpha is left out. For another number a file must have exactly so many: samples side by side, or a page for each band; then
    none of them is alpha, and there is no profile.
    """

    bands: int = 3

    def probe(self, path: str | os.PathLike[str], *, page: int = 0) -> Header:
        """Read a picture's header, as :func:`srgan.image.probe`; pages that are the bands of one picture are one page.

        Raises
        ------
        ImageReadError
            as :func:`srgan.image.probe`, and for a TIFF of another number of bands
        """
        header = probe(path, page=page)
        if self.bands == 3:
            return header
        if self.bands == 1:
            return replace(header, bands=1)
        if self._takes_pages(header):
            return replace(header, bands=self.bands, pages=1)
        if header.format == "TIFF":
            self._check(path, header.bands)
        return header

    def read(self, path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, page: int = 0) -> Picture:
        """Read a picture; parameters and errors are those of :func:`srgan.image.read`, and ImageReadError for other bands."""
        if self.bands == 3:
            return read(path, max_pixels=max_pixels, page=page)
        if self.bands == 1:
            return _as_gray(read(path, max_pixels=max_pixels, page=page))
        path = Path(path)
        with _opened(path, page) as source:
            header = source.header
            _check_size(path, header, max_pixels)
            if not isinstance(source, _VipsSource) or header.format != "TIFF":
                picture = replace(source.decode(), multiband=True, icc=None, colour=None)
                self._check(path, picture.pixels.shape[2])
                return picture
            if self._takes_pages(header):
                return _about(source, _pages_as_bands(path, header.pages), merged=True)
            self._check(path, header.bands)
            return _about(source, upright(_samples(source.image, header.depth), source.orientation))

    def read_rows(self, path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture | None:
        """Open a picture that is decoded from top to bottom while it is used, as :func:`srgan.image.read_rows`.

        A TIFF of other bands than RGB's may be of any size, as satellites' scenes are.
        """
        if self.bands == 3:
            return read_rows(path, max_pixels=max_pixels)
        path = Path(path)
        if self.bands == 1:
            picture = read_rows(path, max_pixels=sys.maxsize)
            return None if picture is None else _rows_as_gray(picture)
        with _opened(path) as source:
            header = source.header
            if (
                not isinstance(source, _VipsSource)
                or header.format != "TIFF"
                or (source.orientation, header.bands) != (1, self.bands)
                or source.image.format not in _SAMPLES
            ):
                return None
            decoder = vips.row_decoder(source.image, header.depth)

            def decode(first: int, end: int) -> NDArray[Any]:
                with _explained(path):
                    return decoder(first, end)

            dtype = np.uint8 if source.image.format == "uchar" else np.uint16
            rows: Any = Rows((header.height, header.width, self.bands), dtype, decode)
            return _about(source, rows)

    def _takes_pages(self, header: Header) -> bool:
        """Return whether a file's pages are the bands of one picture."""
        return header.format == "TIFF" and header.pages * header.bands == self.bands != header.bands

    def _check(self, path: str | os.PathLike[str], found: int) -> None:
        if found != self.bands:
            raise ImageReadError(
                path,
                f"it has {found} band{'s' * (found != 1)}, not {self.bands}: give pictures with as many bands as the network's",
                action="cannot take",
            )


def _as_gray(picture: Picture) -> Picture:
    """Return the picture in one band, and note what it loses."""
    lost = []
    if picture.pixels.shape[2] > 2:
        lost.append("the colours, of which one band is made")
        picture = replace(picture, colour=None)
    if picture.has_alpha:
        lost.append("the transparency, for which one band has no place")
    gray = replace(picture.with_pixels(to_bands(picture.pixels, 1)), multiband=True)
    return replace(gray, notes=(*picture.notes, *lost))


def _rows_as_gray(picture: Picture) -> Picture:
    rows: Any = picture.pixels
    height, width, channels = rows.shape

    def decode(first: int, end: int) -> NDArray[Any]:
        colours = rows[first:end, :]
        rows.forget(end)
        return to_bands(colours, 1)

    gray: Any = Rows((height, width, 1), rows.dtype, decode)
    like = _as_gray(replace(picture, pixels=np.zeros((1, 1, channels), rows.dtype)))
    return replace(like, pixels=gray, origin=picture.origin)


def _about(source: _VipsSource, pixels: NDArray[Any], *, merged: bool = False) -> Picture:
    """Return bands with what their file says; ``merged`` if its pages are one picture now."""
    header = source.header
    picture = Picture(
        pixels,
        format=header.format,
        depth=header.depth,
        pages=1 if merged else header.pages,
        origin=Origin(header.width, header.height, source.orientation),
        multiband=True,
    )
    picture = source.metadata.of(picture, same_colours=False)
    notes = picture.notes
    if vips.blob(source.image, "icc-profile-data") is not None:
        notes += ("the colour profile, which is for gray or RGB",)
    if merged and picture.exif is not None and description.counts_planes(exif.description(picture.exif) or b""):
        notes += ("the description, which counts pages that are bands now",)
        picture = replace(picture, exif=exif.with_description(picture.exif, b"\0"))
    return replace(picture, notes=notes)


def _pages_as_bands(path: Path, pages: int) -> NDArray[Any]:
    """Read all pages of a TIFF as the bands of one picture."""
    bands = []
    for page in range(pages):
        with _opened(path, page) as source:
            assert isinstance(source, _VipsSource)
            bands.append(upright(_samples(source.image, source.header.depth), source.orientation))
    if len({(values.shape[:2], values.dtype) for values in bands}) > 1:
        raise ImageReadError(
            path, "its pages differ in size or depth, and are no bands of one picture", action="cannot take"
        )
    return np.concatenate(bands, axis=2)


def read_bands(path: Path, bands: int, *, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Read a picture to train on as ``[H, W, bands]``, uint8, or uint16 of full range for more than 8 bits a sample.

    As :class:`BandReader` reads it, and for 3 bands gray is repeated and alpha is left out.

    Parameters
    ----------
    path : any picture that :func:`srgan.image.read` reads, or a TIFF of more bands
    bands : 1 to :data:`MAX_BANDS`
    max_pixels : largest width * height

    Raises
    ------
    ImageTooLargeError, ImageReadError
        as :meth:`BandReader.read`, and for a TIFF of several pages that are not the bands of one picture
    """
    picture = BandReader(bands).read(path, max_pixels=max_pixels)
    _check_pages(path, picture.format, picture.pages, bands)
    return to_bands(picture.pixels, bands) if bands == 3 else picture.pixels


def _check_pages(path: Path, format: str | None, pages: int, bands: int) -> None:
    """Refuse a stack to train on, of which only the first page would be taken; for RGB it is what people's scanners write."""
    if format == "TIFF" and pages > 1 and bands != 3:
        raise ImageReadError(
            path,
            f"it has {pages} pages, and a network of {bands} band{'s' * (bands > 1)} takes one: make a file of each",
            action="cannot take",
        )


def _samples(image: vips.Image, depth: int) -> NDArray[Any]:
    _check_samples(image)
    return vips.to_array(image, depth)


def _check_samples(image: vips.Image) -> None:
    if image.format not in _SAMPLES:
        raise vips.UnsupportedError(f"its samples are {image.format} numbers: convert it to 8 or 16 bits")


def to_bands(pixels: NDArray[Any], bands: int) -> NDArray[Any]:
    """Turn the pixels of a :class:`srgan.image.Picture` into 3 bands (RGB) or 1 (luma) of the same depth, without alpha.

    Parameters
    ----------
    pixels : ``[H, W, C]`` uint8 or uint16, C from 1 to 4
    bands : 1 or 3

    Returns
    -------
    array
        ``[H, W, bands]``
    """
    colours = pixels[:, :, :-1] if pixels.shape[2] in (2, 4) else pixels
    if colours.shape[2] == bands:
        return np.ascontiguousarray(colours)
    if bands == 3:
        return np.ascontiguousarray(np.broadcast_to(colours, (*colours.shape[:2], 3)))
    gray: NDArray[np.float64] = colours @ _LUMA
    return np.rint(gray).astype(pixels.dtype)[:, :, None]


def deepened(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    """Return the values as uint16 of full range: uint8 is multiplied by 257, so that 255 becomes 65535."""
    return pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * np.uint16(257)


@contextmanager
def open_rows(path: Path, bands: int) -> Iterator[tuple[tuple[int, int], Callable[[int, int], NDArray[Any]]]]:
    """Open a picture of any size to be decoded from top to bottom.

    Parameters
    ----------
    path, bands : as for :func:`read_bands`

    Returns
    -------
    (height, width) in pixels, and a function that takes a first row and an end and returns ``[end - first, width, bands]``; it
    is called for all rows in their order, in one thread. Formats that are decoded whole, and turned pictures, are read whole
    at once, up to their limit of pixels.

    Raises
    ------
    ImageTooLargeError, ImageReadError
        as :func:`read_bands`, here or where the rows are asked for
    """
    with _opened(path) as source:
        if (
            isinstance(source, _VipsSource)
            and source.orientation == 1
            and (bands in (1, 3) or source.image.bands == bands)
        ):
            header = source.header
            _check_pages(path, header.format, header.pages, bands)
            image = vips.to_rgb_or_gray(source.image) if bands in (1, 3) else source.image
            _check_samples(image)
            decoder = vips.row_decoder(image, header.depth)

            def decode(first: int, end: int) -> NDArray[Any]:
                rows = decoder(first, end)
                return to_bands(rows, bands) if bands in (1, 3) else rows

            yield (header.height, header.width), decode
            return
    pixels = read_bands(path, bands)
    yield pixels.shape[:2], lambda first, end: pixels[first:end]
