"""Pictures of any number of bands as people look at them: on the page, in reports."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.multiband import BandReader
from srgan.image.picture import Picture
from srgan.image.reading import MAX_PIXELS

BRIGHTEST = 99.5
"""Percentile of deep values that is shown as white: instruments use a small part of their range, which would look black."""


def read_shown(path: str | os.PathLike[str], bands: int = 3, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture for a network of so many bands, to be looked at and for nothing else.

    For 3 bands it is the picture itself; of others it is :func:`visible`.

    Raises
    ------
    ImageTooLargeError, ImageReadError
        as :meth:`srgan.image.BandReader.read`
    """
    picture = BandReader(bands).read(path, max_pixels=max_pixels)
    return picture if bands == 3 else Picture(visible(picture.pixels))


def visible(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return ``[H, W, 1 or 3]`` in 8 bits of ``[H, W, bands]`` uint8 or uint16.

    Three bands or more become red, green and blue, the first three in their order; of fewer the first one is gray. Values of 16
    bits are brightened together, so that :data:`BRIGHTEST` of a hundred are below white.
    """
    colours = pixels[:, :, : 3 if pixels.shape[2] >= 3 else 1]
    if colours.dtype == np.uint8:
        return np.ascontiguousarray(colours)
    white = max(float(np.percentile(colours, BRIGHTEST)), 1.0)
    shown: NDArray[np.uint8] = np.rint(np.minimum(colours / np.float32(white), 1) * 255).astype(np.uint8)
    return shown


def bands_of(path: str | os.PathLike[str], wanted: tuple[int, ...]) -> int:
    """Return for a network of how many bands a file is, among those that there are.

    A TIFF of that many bands or pages is for that network, all else for people's eyes (3): four bands too, the last of which is
    transparency then, where there is a network of 3.

    Raises
    ------
    ImageReadError
        as :func:`srgan.image.probe`
    """
    header = BandReader().probe(path)
    for bands in wanted:
        eyes = 3 in wanted and bands <= 4
        if (
            bands not in (1, 3)
            and not eyes
            and header.format == "TIFF"
            and bands in (header.bands, header.bands * header.pages)
        ):
            return bands
    return 1 if 3 not in wanted and 1 in wanted else 3
