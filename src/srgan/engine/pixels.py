"""Between the picture's numbers and the network's: depth, channels, transparency.

At the public edge a picture is HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 to 4 channels: gray, gray +
alpha, RGB, RGB + alpha. Inside it is NCHW float32 RGB in [0, 1]. For a network of another number of bands than RGB's three it
has just these, inside as outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.pixels import FULL, store


def to_network(colours: NDArray[Any], bands: int = 3) -> NDArray[np.float32]:
    """HWC without alpha -> contiguous float32 [1, bands, H, W] in [0, 1]; gray is repeated three times for RGB."""
    height, width, channels = colours.shape
    batch = np.empty((1, bands, height, width), np.float32)
    full = FULL[colours.dtype]
    for band in range(bands):
        values = colours[:, :, min(band, channels - 1)]
        if bands == 3:
            np.multiply(values, np.float32(1 / full), out=batch[0, band], dtype=np.float32)
        else:  # rounded once, as it is when networks of bands are trained
            np.divide(values, np.float32(full), out=batch[0, band], dtype=np.float32)
    if colours.dtype == np.float32:
        np.clip(batch, 0, 1, out=batch)
    return batch


def from_network(batch: NDArray[np.float32], out: NDArray[Any]) -> None:
    """Write float32 [1, C, H, W] into ``out``, HWC of its own depth, rounded and clipped. Spoils ``batch``.

    Where ``out`` has C channels it gets these. Gray out of RGB is the mean of the three channels: of all grays the one
    nearest to the colour that the network made.
    """
    values = batch[0]
    if out.shape[2] == 1 < len(values):
        values = values.mean(axis=0, keepdims=True)
    store(values, out)
