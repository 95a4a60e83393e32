"""Between the picture's numbers and the network's: depth, channels, transparency.

At the public edge a picture is HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 to 4 channels: gray, gray +
alpha, RGB, RGB + alpha. Inside it is NCHW float32 RGB in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.tiling import Box

FULL: dict[np.dtype[Any], float] = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float32): 1.0,
}
"""The number that stands for full intensity, for each depth that a picture may have."""


def check(image: NDArray[Any]) -> NDArray[Any]:
    """Return the picture as HWC, after checking it.

    Raises
    ------
    ValueError
        if it is no picture: wrong rank, channels or dtype, empty, or floats that are no numbers.
    """
    if image.dtype not in FULL:
        raise ValueError(f"pixels are {image.dtype}: convert to uint8, uint16, or float32 in [0, 1]")
    if image.ndim not in (2, 3):
        raise ValueError(f"a picture has 2 or 3 axes (height, width, channels), this array has shape {image.shape}")
    if image.ndim == 2:
        image = image[:, :, None]
    if not 1 <= image.shape[2] <= 4:
        raise ValueError(f"a picture has 1 to 4 channels on its last axis, this array has shape {image.shape}")
    if 0 in image.shape:
        raise ValueError(f"the picture is empty: its shape is {image.shape}")
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise ValueError("the picture has pixels that are not numbers (NaN or infinity)")
    return image


def has_alpha(channels: int) -> bool:
    """Return whether a picture of so many channels has alpha as its last one."""
    return channels in (2, 4)


def to_network(colours: NDArray[Any]) -> NDArray[np.float32]:
    """HWC gray or RGB without alpha -> contiguous float32 [1, 3, H, W] in [0, 1]; gray is repeated three times."""
    height, width, channels = colours.shape
    batch = np.empty((1, 3, height, width), np.float32)
    factor = np.float32(1 / FULL[colours.dtype])
    for channel in range(3):
        np.multiply(colours[:, :, min(channel, channels - 1)], factor, out=batch[0, channel], dtype=np.float32)
    if colours.dtype == np.float32:
        np.clip(batch, 0, 1, out=batch)
    return batch


def from_network(batch: NDArray[np.float32], out: NDArray[Any]) -> None:
    """Write float32 [1, 3, H, W] into ``out``, HWC gray or RGB of its own depth, rounded and clipped. Spoils ``batch``.

    Gray is the mean of the three channels: of all grays the one nearest to the colour that the network made.
    """
    values = batch[0]
    if out.shape[2] == 1:
        values = values.mean(axis=0, keepdims=True)
    store(values, out)


def store(values: NDArray[np.float32], out: NDArray[Any]) -> None:
    """Write float32 [C, H, W] in [0, 1] into HWC ``out``, rounded and clipped. Spoils ``values``."""
    full = FULL[out.dtype]
    if full != 1.0:
        values *= np.float32(full)
        np.rint(values, out=values)
    np.clip(values, 0, np.float32(full), out=values)
    for channel in range(out.shape[2]):
        np.copyto(out[:, :, channel], values[channel], casting="unsafe")


class Rows:
    """A picture without alpha that is decoded from top to bottom while it is used, and forgotten behind.

    Parameters
    ----------
    shape, dtype : of the whole picture, HWC
    decode : called with first row and end; returns these rows. Calls go from top to bottom and leave no row out

    Attributes
    ----------
    shape, dtype : as given
    """

    STRIP = 64
    """At least so many rows are decoded at a time."""

    def __init__(self, shape: tuple[int, int, int], dtype: Any, decode: Callable[[int, int], NDArray[Any]]) -> None:
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._decode = decode
        self._held = np.empty((0, *shape[1:]), self.dtype)
        self._first = 0

    def __getitem__(self, part: tuple[slice, slice]) -> NDArray[Any]:
        """Return some rows and columns; ValueError if the rows are forgotten."""
        rows, columns = (slice(*entry.indices(length)) for entry, length in zip(part, self.shape[:2], strict=True))
        if rows.start < self._first:
            raise ValueError(f"rows from {rows.start} are asked for, and those before {self._first} are forgotten")
        have = self._first + len(self._held)
        if rows.stop > have:
            end = min(max(rows.stop, have + self.STRIP), self.shape[0])
            self._held = np.concatenate([self._held, self._decode(have, end)])
        return self._held[rows.start - self._first : rows.stop - self._first, columns]

    def forget(self, before: int) -> None:
        """Drop the rows before this one."""
        done = max(min(before - self._first, len(self._held)), 0)
        self._held = self._held[done:].copy()
        self._first += done


# --- Transparency ----------------------------------------------------------------------------------------------------
# Alpha goes through bicubic interpolation, not through the network: it is geometry, not texture. A network trained to
# invent detail would put specks of opacity where the picture is clear, and it would cost as much time as the colours.


class Bled:
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
    """Return the whole of :class:`Bled`."""
    return Bled(image)[:, :]


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

    Where ``coarse`` is given, it has what blocks of so many pixels a side are filled with; else the coarsest level is a
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
