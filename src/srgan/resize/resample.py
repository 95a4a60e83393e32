"""Pictures brought to another size by an antialiased kernel, in bands of rows from top to bottom.

A network enlarges by a whole factor; any other size is reached from there by reduction. Each output pixel is a weighted
mean of the input around its centre, with the kernel stretched by the factor of the reduction, so that what the smaller
picture cannot show is taken out and does not come back as moiré. Rows and columns are separate, each a matrix with a
narrow band of numbers; it is applied in blocks, as small dense matrices, which is what processors do best. All in
float32, rounded once.

**Not in linear light.** The mean is taken of the values as they are stored (sRGB or whatever the profile says). Light
adds up linearly, and a mean of linear values keeps the brightness of fine stripes; but networks of this package are
trained to undo a reduction of stored values, so the result only agrees with its input under the same rule. Measured on
Set5 and Set14, HR pictures standing for the network's x4 output, reduced to x3 and then again to the LR input's size
by MATLAB's bicubic: stored values come back at 55.8 dB on average, linear light at 49.1. Besides,
the negative lobes of Lanczos cut dark rings around highlights in linear light, and the curve of a picture with a
profile of its own would have to be taken from the profile.

Transparent pictures: colours are weighted by their alpha, so that what lies under transparency does not bleed into the
visible side of an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srgan.image import pixels
from srgan.resize.imresize import keys_cubic

_BLOCK = 64
"""Output rows or columns in one small dense matrix: larger ones have more zeros in them, smaller ones more overhead."""

_STRIP = 64
"""Input rows that are worked on at once, so that the floats of a wide picture stay few."""

_VEIL = 2.0**-14
"""Added to each alpha as a weight, so that where nothing is visible the colours under it go on to be what they are."""


class Kernel(NamedTuple):
    """A kernel: its values at distances from the centre, and the distance from which on they are 0."""

    values: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    radius: int


def _lanczos3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


LANCZOS = Kernel(_lanczos3, 3)
"""Lanczos' window of three lobes (Duchon 1979): the sharpest of the usual kernels."""

CUBIC = Kernel(keys_cubic, 2)
"""Keys' cubic, a = -1/2: with it the sampler is MATLAB's ``imresize(…, 'bicubic')`` for any size, rounded once."""


class _Block(NamedTuple):
    """Outputs that follow each other: ``weights @ inputs[first:last]``."""

    first: int
    last: int
    weights: NDArray[np.float32]


class Resampler:
    """Brings a picture from one size to another while it arrives.

    Parameters
    ----------
    before, after : sizes as (height, width)
    kernel : what to weigh with
    margin : pixels that the fed rows have beyond ``before`` on each of the four sides. What is taken from there makes
        the picture's true continuation count; beyond the margin, or at once without one, the border pixel repeats
    alpha : whether the last channel is alpha; by default of 2 and 4 channels

    ``feed`` takes the picture's bands in order and yields the finished rows as they become known; after the last band
    all are out.
    """

    def __init__(
        self,
        before: tuple[int, int],
        after: tuple[int, int],
        *,
        kernel: Kernel = LANCZOS,
        margin: int = 0,
        alpha: bool | None = None,
    ) -> None:
        self._alpha = alpha
        self._down = _blocks(before[0], after[0], kernel, margin)
        self._across = _blocks(before[1], after[1], kernel, margin)
        self._width = after[1]
        self._waiting: NDArray[np.float32] | None = None  # [C, rows, width], from row _first of the input on
        self._first = 0
        self._next = 0

    def feed(self, band: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Take the next rows, HWC uint8, uint16 or float32 in [0, 1]; yield finished ones, HWC of the same dtype."""
        alpha = pixels.has_alpha(band.shape[2]) if self._alpha is None else self._alpha
        for top in range(0, len(band), _STRIP):
            rows = self._narrowed(_planes(band[top : top + _STRIP], alpha=alpha))
            self._waiting = rows if self._waiting is None else np.concatenate([self._waiting, rows], axis=1)
            while self._next < len(self._down) and self._down[self._next].last <= self._first + self._waiting.shape[1]:
                block = self._down[self._next]
                values = block.weights @ self._waiting[:, block.first - self._first : block.last - self._first]
                yield _rows(values, band.dtype, alpha=alpha)
                self._next += 1
                needed = self._down[self._next].first if self._next < len(self._down) else block.last
                self._waiting = self._waiting[:, max(needed - self._first, 0) :]
                self._first = max(needed, self._first)

    def _narrowed(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.empty((*planes.shape[:2], self._width), np.float32)
        at = 0
        for first, last, weights in self._across:
            np.matmul(planes[:, :, first:last], weights.T, out=out[:, :, at : at + len(weights)])
            at += len(weights)
        return out


def resample(
    picture: NDArray[Any], height: int, width: int, *, kernel: Kernel = LANCZOS, margin: int = 0
) -> NDArray[Any]:
    """Return a whole picture, HWC uint8, uint16 or float32 in [0, 1], in another size; see :class:`Resampler`."""
    before = picture.shape[0] - 2 * margin, picture.shape[1] - 2 * margin
    out = np.empty((height, width, picture.shape[2]), picture.dtype)
    top = 0
    for rows in Resampler(before, (height, width), kernel=kernel, margin=margin).feed(picture):
        out[top : top + len(rows)] = rows
        top += len(rows)
    return out


def _blocks(before: int, after: int, kernel: Kernel, margin: int) -> list[_Block]:
    """Return the matrix of one axis, in blocks; input positions count from the margin's first pixel."""
    factor = before / after
    stretch = max(factor, 1.0)  # when enlarging, the kernel interpolates
    reach = kernel.radius * stretch
    blocks = []
    for start in range(0, after, _BLOCK):
        centres = (np.arange(start, min(start + _BLOCK, after)) + 0.5) * factor - 0.5
        taps = np.arange(int(np.ceil(centres[0] - reach)), int(np.floor(centres[-1] + reach)) + 1)
        weights = kernel.values((taps - centres[:, None]) / stretch)
        weights /= weights.sum(axis=1, keepdims=True)
        places = np.clip(taps, -margin, before - 1 + margin) + margin
        first, last = int(places[0]), int(places[-1]) + 1
        folded = np.zeros((last - first, len(centres)))
        np.add.at(folded, places - first, weights.T)
        blocks.append(_Block(first, last, np.ascontiguousarray(folded.T, np.float32)))
    return blocks


def _planes(rows: NDArray[Any], *, alpha: bool) -> NDArray[np.float32]:
    """HWC -> float32 [C, H, W] in [0, 1], colours multiplied by their alpha."""
    factor = np.float32(1 / pixels.FULL[rows.dtype])
    planes: NDArray[np.float32] = np.multiply(rows.transpose(2, 0, 1), factor, dtype=np.float32, order="C")
    if alpha:
        planes[-1] += np.float32(_VEIL)
        planes[:-1] *= planes[-1]
    return planes


def _rows(planes: NDArray[np.float32], dtype: np.dtype[Any], *, alpha: bool) -> NDArray[Any]:
    """Undo :func:`_planes`, rounded and clipped to ``dtype``."""
    if alpha:
        planes[:-1] /= np.maximum(planes[-1], np.float32(_VEIL / 2))
        planes[-1] -= np.float32(_VEIL)
    out = np.empty((*planes.shape[1:], len(planes)), dtype)
    pixels.store(planes, out)
    return out
