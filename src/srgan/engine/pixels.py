"""Between the picture's numbers and the network's: depth, channels, transparency.

At the public edge a picture is HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 to 4 channels: gray, gray +
alpha, RGB, RGB + alpha. Inside it is NCHW float32 RGB in [0, 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.pixels import FULL, store


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
