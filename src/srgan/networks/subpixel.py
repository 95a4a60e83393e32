"""A convolution after a PixelShuffle, moved before it (numpy alone: exporting and training both stand on it).

With r the factor of the shuffle, an output pixel at ``r*y + a`` reads input pixels at ``r*y + a + k - p`` for k = 0 .. K-1 and
padding p = (K-1)/2. Writing ``a + k - p = r*d + i`` with 0 <= i < r, that is sub-pixel i of the pixel at ``y + d``: tap d of a
new kernel, input channel ``c*r*r + i*r + j`` (PixelShuffle's order). Zero padding agrees, since whole pixels shuffle to whole
borders. So a 9x9 convolution F -> C at full size equals a 5x5 one 4F -> 4C at half the size and one shuffle: every new weight
is an old one or zero.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SLOPE = 0.1
"""Of the fast generator's LeakyReLUs (:mod:`srgan.networks.fast`), here for the export, which knows no torch."""


@lru_cache(maxsize=8)
def moved_index(out: int, into: int, size: int, factor: int = 2) -> NDArray[np.int64]:
    """Return where each weight of the moved convolution comes from.

    Parameters
    ----------
    out, into : output and input channels of the convolution after the shuffle
    size : side of its kernel, odd
    factor : of the shuffle

    Returns
    -------
    array
        ``[out*r*r, into*r*r, L, L]``, places in the flattened ``[out, into, size, size]`` weight; ``out*into*size*size``,
        one past its end, where the new weight is zero. L = 5 for size 9 and factor 2.
    """
    r, padding = factor, (size - 1) // 2
    reach = -((-padding) // r)
    length = 2 * reach + 1
    index = np.full((out, r, r, into, r, r, length, length), out * into * size * size, dtype=np.int64)
    o, c = np.arange(out)[:, None], np.arange(into)[None]
    for a in range(r):
        for k in range(size):
            d, i = divmod(a + k - padding, r)
            for b in range(r):
                for m in range(size):
                    e, j = divmod(b + m - padding, r)
                    index[:, a, b, :, i, j, d + reach, e + reach] = ((o * into + c) * size + k) * size + m
    index.flags.writeable = False
    return index.reshape(out * r * r, into * r * r, length, length)
