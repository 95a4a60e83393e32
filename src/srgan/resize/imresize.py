"""MATLAB's bicubic ``imresize`` by whole factors, to the last bit, in numpy.

The LR pictures of the super-resolution benchmarks were made by ``imresize(picture, 1/s, 'bicubic')``; a network learns to
undo exactly this, and resizing with another kernel costs whole decibels in evaluation. What distinguishes it:

- The kernel is Keys' cubic with a = -0.5 (Keys 1981, "Cubic convolution interpolation for digital image processing"). When
  reducing it is stretched by the factor, which removes what the small picture cannot show (antialiasing).
- Pixel centres: with 1-based indices, output pixel x stands at ``u = s*x + (1 - s)/2`` of the input.
- Rows first, then columns; the intermediate picture is rounded half up to the picture's own integers (8 bits for uint8).
- Beyond the border the border pixel repeats; the weights are normalised to sum 1.

All LR files of Set5 and Set14 for x2, x3 and x4 come out with no pixel different (``tests/test_resize.py``). The sides of
their HR files are multiples of the factor; for other sides the result has ``ceil(n / factor)`` pixels, as MATLAB's has.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Pixels = TypeVar("Pixels", np.uint8, np.uint16)

# Rows of a pass are worked on in strips of about this many values, which stay in the processor's cache.
_STRIP = 1 << 18


def keys_cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Keys' cubic convolution kernel, a = -0.5, at distances ``x``: 1 at 0, 0 at the other whole numbers."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def downscale(picture: NDArray[Pixels], factor: int) -> NDArray[Pixels]:
    """Reduce a picture as ``imresize(picture, 1/factor, 'bicubic')`` does.

    Parameters
    ----------
    picture : ``[H, W]`` or ``[H, W, C]``, uint8 or uint16
    factor : whole number from 1 on

    Returns
    -------
    array
        ``[ceil(H / factor), ceil(W / factor)]`` (and ``C``) of the same dtype

    Raises
    ------
    ValueError
        for another dtype, rank or factor
    """
    _check(picture, factor)
    if factor == 1:
        return picture.copy()
    # The centre u lies (factor - 1)/2 pixels after the first pixel of its block; taps reach 2*factor to either side.
    offsets = np.arange(-2 * factor, 3 * factor) - (factor - 1) / 2
    weights = keys_cubic(offsets / factor)
    used = np.flatnonzero(weights)
    first, weights = int(used[0]) - 2 * factor, weights[used[0] : used[-1] + 1]
    weights = weights / weights.sum()
    small = _reduce_rows(picture, factor, first, weights)
    return np.ascontiguousarray(_reduce_rows(small.swapaxes(0, 1), factor, first, weights).swapaxes(0, 1))


def upscale(picture: NDArray[Pixels], factor: int) -> NDArray[Pixels]:
    """Enlarge a picture as ``imresize(picture, factor, 'bicubic')`` does; arguments and errors as :func:`downscale`.

    Returns
    -------
    array
        ``[H * factor, W * factor]`` (and ``C``) of the same dtype
    """
    _check(picture, factor)
    if factor == 1:
        return picture.copy()
    large = _enlarge_rows(picture, factor)
    return np.ascontiguousarray(_enlarge_rows(large.swapaxes(0, 1), factor).swapaxes(0, 1))


def _check(picture: NDArray[Pixels], factor: int) -> None:
    if picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pictures are uint8 or uint16, not {picture.dtype}")
    if picture.ndim not in (2, 3) or 0 in picture.shape:
        raise ValueError(f"pictures are [H, W] or [H, W, C] with at least one pixel, not {picture.shape}")
    if factor != int(factor) or factor < 1:
        raise ValueError(f"the factor is a whole number from 1 on, not {factor}")


def _reduce_rows(x: NDArray[Pixels], factor: int, first: int, weights: NDArray[np.float64]) -> NDArray[Pixels]:
    """Reduce axis 0: output y is the sum of ``weights[k] * x[y*factor + first + k]``."""
    height = -(-x.shape[0] // factor)
    index = np.clip(np.arange(height)[:, None] * factor + first + np.arange(len(weights)), 0, x.shape[0] - 1)
    return _weigh(x, index, np.broadcast_to(weights, index.shape))


def _enlarge_rows(x: NDArray[Pixels], factor: int) -> NDArray[Pixels]:
    """Enlarge axis 0: each output is a sum of the four inputs around its centre."""
    centre = (np.arange(x.shape[0] * factor) + 0.5) / factor - 0.5
    start = np.floor(centre).astype(np.int64) - 1
    taps = start[:, None] + np.arange(4)
    weights = keys_cubic(centre[:, None] - taps)
    weights /= weights.sum(axis=1, keepdims=True)
    return _weigh(x, np.clip(taps, 0, x.shape[0] - 1), weights)


def _weigh(x: NDArray[Pixels], index: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[Pixels]:
    """Return rows ``sum_k weights[y, k] * x[index[y, k]]``, rounded half up as MATLAB's uint8() does.

    In float64, because then the order of summing, which MATLAB does not document, cannot matter. For factors that are
    powers of two all weights are binary fractions: sums are exact, and so are ties (in photographs one result in 200
    for factor 2). For an odd factor s sums are multiples of 1/s^4 (1/s^3 when enlarging): nothing comes to lie on a tie,
    and errors of 1e-13 decide nothing.
    """
    flat = np.ascontiguousarray(x).reshape(x.shape[0], -1)
    out = np.empty((len(index), flat.shape[1]), dtype=x.dtype)
    top = np.iinfo(x.dtype).max
    rows = max(_STRIP // max(flat.shape[1], 1), 1)
    for y in range(0, len(index), rows):
        part, factors = index[y : y + rows], weights[y : y + rows]
        total = np.full((len(part), flat.shape[1]), 0.5)
        for k in range(part.shape[1]):
            total += flat[part[:, k]] * factors[:, k, None]
        np.floor(total, out=total)
        np.clip(total, 0, top, out=total)
        out[y : y + rows] = total
    return out.reshape(len(index), *x.shape[1:])
