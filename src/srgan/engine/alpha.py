"""Transparency: colours under it are filled from the visible ones around, and alpha itself is enlarged by bicubic.

Alpha goes through bicubic interpolation, not through the network: it is geometry, not texture. A network trained to
invent detail would put specks of opacity where the picture is clear, and it would cost as much time as the colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.tiling import Box
from srgan.image.pixels import FULL, store


class AlphaBleed:
    """The colours of a picture with alpha, invisible pixels filled from the visible ones around them.

    What lies under transparency is arbitrary, mostly black. The network would mix it into the visible side of each
    edge: a dark fringe. So before the network sees it, it is replaced by what a viewer would expect to go on there:
    the mean of the visible pixels of the smallest surrounding block (of 2, 4, 8 … pixels) that has any. Visible
    pixels stay as they are.

    A part is filled when it is asked for, ``bled[rows, columns]`` with two slices; only the means of blocks of 8 pixels
    and more are kept. So a large picture is never there twice, or in floats.

    Parameters
    ----------
    image : HWC with 2 or 4 channels, alpha last

    Attributes
    ----------
    shape, dtype : of the whole: HWC with 1 or 3 channels, as given
    """

    def __init__(self, image: NDArray[Any]) -> None:
        self._image = image
        height, width, channels = image.shape
        self.shape = height, width, channels - 1
        self.dtype = image.dtype
        self._coarse: NDArray[np.float32] | None = None
        alpha = image[:, :, -1]
        if alpha.all() or not alpha.any():
            return
        blocks = -(-height // _COARSE), -(-width // _COARSE)
        sums = np.empty((*blocks, channels - 1), np.float32)
        weights = np.empty((*blocks, 1), np.float32)
        step = max(_STRIP_PIXELS // width // _COARSE, 1)
        for first in range(0, blocks[0], step):
            strip = _summed(image[first * _COARSE : (first + step) * _COARSE])
            for _ in range(_COARSE.bit_length() - 1):
                strip = _halved(strip[0]), _halved(strip[1])
            sums[first : first + step], weights[first : first + step] = strip
        self._coarse = _filled(sums, weights)

    def __getitem__(self, part: tuple[slice, slice]) -> NDArray[Any]:
        """Return the colours of some rows and columns, HWC."""
        rows, columns = (slice(*entry.indices(length)) for entry, length in zip(part, self.shape[:2], strict=True))
        inside = self._image[rows, columns]
        if self._coarse is None or inside[:, :, -1].all():
            return inside[:, :, :-1]
        # Whole blocks, so that they hold the same pixels whatever part is asked for.
        top, left = rows.start // _COARSE, columns.start // _COARSE
        bottom, right = -(-rows.stop // _COARSE), -(-columns.stop // _COARSE)
        blocks = self._image[top * _COARSE : bottom * _COARSE, left * _COARSE : right * _COARSE]
        filled = _filled(*_summed(blocks), self._coarse[top:bottom, left:right], _COARSE)
        filled = filled[rows.start - top * _COARSE :][: rows.stop - rows.start]
        filled = filled[:, columns.start - left * _COARSE :][:, : columns.stop - columns.start]
        return np.where(inside[:, :, -1:] > 0, inside[:, :, :-1], filled.astype(self.dtype))


_COARSE = 8
_STRIP_PIXELS = 1 << 20


def bleed(image: NDArray[Any]) -> NDArray[Any]:
    """Return the whole of :class:`AlphaBleed`."""
    return AlphaBleed(image)[:, :]


def _summed(image: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the colours of the visible pixels, others 0, and whether they are visible, 0 or 1."""
    visible = (image[:, :, -1:] > 0).astype(np.float32)
    return image[:, :, :-1] * visible, visible


def _filled(
    sums: NDArray[np.float32],
    weights: NDArray[np.float32],
    coarse: NDArray[np.float32] | None = None,
    blocks: int = 0,
) -> NDArray[np.float32]:
    """Push and pull: average the visible pixels of ever larger blocks, then fill from the coarse levels down.

    Where ``coarse`` is given, it holds the colours that blocks of ``blocks`` pixels are filled with; else the coarsest level is a
    single pixel.
    """
    if coarse is not None and blocks == 1:
        return coarse
    if coarse is None and weights.shape[:2] == (1, 1):
        return (sums / np.maximum(weights, 1)).astype(np.float32, copy=False)
    below = _filled(_halved(sums), _halved(weights), coarse, blocks // 2)
    height, width = weights.shape[:2]
    wide = below.repeat(2, axis=0)[:height].repeat(2, axis=1)[:, :width]
    return np.where(weights > 0, sums / np.maximum(weights, np.float32(1e-12)), wide).astype(np.float32, copy=False)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum blocks of 2 x 2; the last block of an odd side is smaller."""
    height, width = values.shape[:2]
    padded = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0))) if height % 2 or width % 2 else values
    return padded[0::2, 0::2] + padded[0::2, 1::2] + padded[1::2, 0::2] + padded[1::2, 1::2]


ALPHA_RADIUS = 2
"""How many pixels around an enlarged pixel of alpha depends on."""


def enlarge_alpha(alpha: NDArray[Any], core: Box, scale: int, out: NDArray[Any]) -> None:
    """Write the enlarged alpha of one tile: bicubic (Keys, a = -1/2), the picture's border repeated.

    Parameters
    ----------
    alpha : HW of the whole picture
    core : the tile, in its pixels
    out : HW of the tile's output, same dtype as ``alpha``
    """
    part = alpha[core.grow(ALPHA_RADIUS, Box(0, 0, *alpha.shape)).slices]
    if part.min() == part.max():  # most tiles are clear or opaque throughout
        out[...] = part[0, 0]
        return
    rows, row_weights = _taps(core.top, core.bottom, alpha.shape[0], scale)
    columns, column_weights = _taps(core.left, core.right, alpha.shape[1], scale)
    left, right = int(columns.min()), int(columns.max()) + 1
    tall = np.zeros((rows.shape[1], right - left), np.float32)
    for tap in range(4):
        tall += row_weights[tap][:, None] * alpha[rows[tap], left:right]
    values = np.zeros((1, *out.shape), np.float32)
    for tap in range(4):
        values[0] += column_weights[tap] * tall[:, columns[tap] - left]
    values *= np.float32(1 / FULL[out.dtype])
    store(values, out[:, :, None])


def _taps(start: int, stop: int, length: int, scale: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the four input pixels and weights, each [4, n], of the outputs of pixels ``start`` to ``stop``."""
    centre = (np.arange(start * scale, stop * scale) + 0.5) / scale - 0.5
    first = np.floor(centre).astype(np.intp) - 1
    index = first + np.arange(4)[:, None]
    x = np.abs(centre - index)
    # Keys (1981), equation 4 with a = -1/2.
    weights = np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)
    return np.clip(index, 0, length - 1), weights.astype(np.float32)
