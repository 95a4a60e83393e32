"""Does the result still say what the input said? Reduced again, it should be the input.

Many large pictures have the same small one; a network chooses among them. Whatever detail it invents, the choice is
only honest if reducing it by the rule that networks here are trained to undo, MATLAB's antialiased bicubic
(:mod:`srgan.resize.imresize`), leads back to the input. How far it misses is the *consistency*: a PSNR for the picture, a map of
where. A high figure does not say that the detail is true, a low one says that it contradicts the input.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.sizes import Size
from srgan.image import pixels
from srgan.resize.resample import CUBIC, Resampler

MAP_FULL = 16 / 255
"""Difference, of full intensity 1, that the map shows at its brightest: 16 levels of 255, which the eye cannot miss."""

_RAMP = np.array([[0, 0, 0], [120, 0, 60], [230, 60, 0], [255, 190, 0], [255, 255, 255]], np.float32)


class Consistency:
    """Compares a result, which may arrive in bands, with the input that it was made from.

    Parameters
    ----------
    before : the input, HWC uint8, uint16 or float32 in [0, 1]
    after : (height, width) of the result
    channels : of the network (:attr:`srgan.Upscaler.channels`): only 3 has pictures with alpha

    Differences count as far as the input's alpha lets them be seen.
    """

    def __init__(self, before: NDArray[Any], after: Size, channels: int = 3) -> None:
        height, width = before.shape[:2]
        self._before = before
        self._alpha = pixels.has_alpha(before.shape[2], channels)
        # For whole factors this is srgan.resize.imresize, but for its rounding between rows and columns.
        self._resampler = Resampler(after, (height, width), kernel=CUBIC, alpha=self._alpha)
        self._errors = np.zeros((height, width), np.float32)  # mean square over the colours
        self._top = 0
        self._figure: float | None = None

    def feed(self, rows: NDArray[Any]) -> None:
        """Take the next rows of the result, HWC of the input's dtype and channels."""
        full = np.float32(pixels.FULL[self._before.dtype])
        for small in self._resampler.feed(rows):
            place = slice(self._top, self._top + len(small))
            self._top = place.stop
            difference = (small.astype(np.float32) - self._before[place]) / full
            if self._alpha:
                difference = difference[:, :, :-1] * (self._before[place][:, :, -1:] / full)
            self._errors[place] = np.square(difference).mean(axis=2)

    @property
    def psnr(self) -> float:
        """The consistency in dB: 10 log10 of full intensity squared over the mean square; infinite if nothing differs."""
        if self._figure is not None:
            return self._figure
        mean = float(self._errors.mean(dtype=np.float64))
        return -10 * math.log10(mean) if mean > 0 else math.inf

    def release(self) -> None:
        """Keep the figure, and let go of all that takes memory; there is no map any more."""
        self._figure = self.psnr
        del self._before, self._resampler, self._errors

    def map(self) -> NDArray[np.uint8]:
        """Return where the result contradicts the input, [H, W, 3] uint8 of the input's size.

        Black where they agree, by way of red and yellow to white from :data:`MAP_FULL` on.
        """
        place = np.minimum(np.sqrt(self._errors) / np.float32(MAP_FULL), 1) * (len(_RAMP) - 1)
        stops = np.arange(len(_RAMP))
        channels = [np.interp(place, stops, _RAMP[:, channel]) for channel in range(3)]
        heat: NDArray[np.uint8] = np.rint(np.stack(channels, axis=2)).astype(np.uint8)
        return heat
