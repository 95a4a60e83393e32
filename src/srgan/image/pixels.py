"""What an array must be to be a picture, and how its numbers are stored.

A picture is HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 to 4 channels: gray, gray + alpha, RGB, RGB + alpha.
Satellites and microscopes make others: pictures of any number of bands, none of which is alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ArrayError

FULL: dict[np.dtype[Any], float] = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float32): 1.0,
}
"""The number that stands for full intensity, for each depth that a picture may have."""


FAR = 8.0
"""Floats beyond this are in another unit, such as 0 to 255. What is nearer is an overshoot, and is clipped."""


def check(image: NDArray[Any], bands: int = 3) -> NDArray[Any]:
    """Return the picture as HWC, after checking it for a network of so many bands.

    Raises
    ------
    ArrayError
        if it is no picture: wrong rank, channels or dtype, empty, or floats that are no numbers or far from [0, 1].
    """
    if image.dtype not in FULL:
        raise ArrayError(f"pixels are {image.dtype}: convert to uint8, uint16, or float32 in [0, 1], with astype()")
    if image.ndim not in (2, 3):
        raise ArrayError(f"a picture has 2 or 3 axes (height, width, channels), this array has shape {image.shape}")
    if image.ndim == 2:
        image = image[:, :, None]
    if bands != 3 and image.shape[2] != bands:
        wanted = f"{bands} bands" if bands > 1 else "one band"
        raise ArrayError(f"the network is for pictures of {wanted}, and this array has shape {image.shape}")
    if bands == 3 and not 1 <= image.shape[2] <= 4:
        raise ArrayError(f"a picture has 1 to 4 channels on its last axis, this array has shape {image.shape}")
    if 0 in image.shape:
        raise ArrayError(f"the picture is empty: its shape is {image.shape}")
    if image.dtype == np.float32:
        _check_range(image)
    return image


def _check_range(image: NDArray[np.float32]) -> None:
    low, high = float(image.min()), float(image.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ArrayError("the picture has pixels that are not numbers (NaN or infinity)")
    if high > FAR or low < -FAR:
        raise ArrayError(f"the pixels go from {low:g} to {high:g}: float32 is from 0 to 1, divide by what is white")


def has_alpha(channels: int, bands: int = 3) -> bool:
    """Return whether a picture of so many channels has alpha as its last one, for a network of so many bands."""
    return bands == 3 and channels in (2, 4)


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


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a picture as EXIF's orientation asks (CIPA DC-008, tag 274)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)  # 5: transposed, and the others are mirrors of that
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def full_range(values: NDArray[Any], depth: int) -> NDArray[np.uint16]:
    """Return samples of 9 to 16 bits, as numbers from 0 to 2^depth - 1, as uint16 whose white is 65535."""
    full = (1 << depth) - 1
    scaled: NDArray[Any] = (np.minimum(values, full).astype(np.uint32) * 65535 + full // 2) // full
    return scaled.astype(np.uint16)
