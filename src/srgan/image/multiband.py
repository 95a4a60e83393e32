"""Pictures of any number of bands, as satellites and microscopes make them, in the file's own depth.

A :class:`srgan.image.Picture` is what people look at: gray or RGB, with or without alpha. Here a file's samples are taken as
they are: a fourth band is infrared and not transparency, and a TIFF may have thirteen of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from srgan.errors import ImageReadError
from srgan.image import vips
from srgan.image.pixels import upright
from srgan.image.reading import MAX_PIXELS, _opened, _VipsSource, read

MAX_BANDS = 13
"""Sentinel-2 has thirteen."""

_SAMPLES = ("uchar", "ushort", "float", "double")
# ITU-R BT.601 luma, full range: what "gray" means to JPEG and to most software.
_LUMA = np.array([0.299, 0.587, 0.114])


def read_bands(path: Path, bands: int, *, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Read a picture as ``[H, W, bands]``, uint8, or uint16 of full range for more than 8 bits a sample.

    For 3 bands gray is repeated, for 1 band colours become luma, and alpha is left out, as people's pictures need it. For
    another number the file must have exactly so many: samples side by side, or a page for each band.

    Parameters
    ----------
    path : any picture that :func:`srgan.image.read` reads, or a TIFF of more bands
    bands : 1 to :data:`MAX_BANDS`
    max_pixels : largest width * height

    Raises
    ------
    ImageTooLargeError, ImageReadError
        as :func:`srgan.image.read`, and ImageReadError for another number of bands than asked for, and for a TIFF of several
        pages that are not the bands of one picture
    """
    if bands in (1, 3):
        picture = read(path, max_pixels=max_pixels)
        _check_pages(path, picture.format, picture.pages, bands)
        return to_bands(picture.pixels, bands)
    with _opened(path) as source:
        header = source.header
        if header.width * header.height > max_pixels:
            read(path, max_pixels=max_pixels)  # says so
        if not isinstance(source, _VipsSource) or header.format != "TIFF":
            pixels = source.decode().pixels
        else:
            image = source.image
            if header.pages * header.bands == bands != header.bands:
                with path.open("rb") as file:  # the pages one below the other
                    image = vips.load("TIFF", file.fileno(), n=-1, access="sequential", fail_on="error")
                    pixels = _samples(image, header.depth)
                pixels = pixels.reshape(header.pages, -1, *pixels.shape[1:])
                pixels = np.concatenate(list(pixels), axis=2)
            else:
                if header.bands == bands:
                    _check_pages(path, header.format, header.pages, bands)
                pixels = _samples(image, header.depth)
            pixels = upright(pixels, source.orientation)
    if pixels.shape[2] != bands:
        raise ImageReadError(
            path,
            f"it has {pixels.shape[2]} bands, not {bands}: give pictures with as many bands as the network's",
            action="cannot take",
        )
    return pixels


def _check_pages(path: Path, format: str | None, pages: int, bands: int) -> None:
    """Refuse a stack, of which only the first page would be taken; for RGB it is what people's scanners write."""
    if format == "TIFF" and pages > 1 and bands != 3:
        raise ImageReadError(
            path,
            f"it has {pages} pages, and a network of {bands} band{'s' * (bands > 1)} takes one: make a file of each",
            action="cannot take",
        )


def _samples(image: vips.Image, depth: int) -> NDArray[Any]:
    if image.format not in _SAMPLES:
        raise vips.UnsupportedError(f"its samples are {image.format} numbers: convert it to 8 or 16 bits")
    return vips.to_array(image, depth)


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
            region: Any = None

            def decode(first: int, end: int) -> NDArray[Any]:
                nonlocal region
                region = region or pyvips.Region.new(image)  # which belongs to the thread that makes it
                data = region.fetch(0, first, image.width, end - first)
                part = pyvips.Image.new_from_memory(data, image.width, end - first, image.bands, image.format)
                rows = _samples(part, header.depth)
                return to_bands(rows, bands) if bands in (1, 3) else rows

            yield (header.height, header.width), decode
            return
    pixels = read_bands(path, bands)
    yield pixels.shape[:2], lambda first, end: pixels[first:end]
