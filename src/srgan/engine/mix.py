"""Two open networks as one: their results mixed, for every strength between touching nothing and cleaning.

The networks for clean and for damaged pictures were trained apart, so their weights cannot be blended as a GAN's and its
partner's can (:mod:`srgan.runtime.blend`). Their results can, at the cost of both: twice the work.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.sizes import Target
from srgan.engine.tile_pass import Progress
from srgan.engine.upscaler import Upscaler
from srgan.errors import UsageError
from srgan.image.pixels import Rows


def check_denoise(denoise: float) -> None:
    """Raise UsageError if it is not a number from 0 to 1."""
    if not (math.isfinite(denoise) and 0 <= denoise <= 1):
        raise UsageError(f"denoise is {denoise:g}: give 0 (touch nothing) to 1 (clean)")


class MixedUpscaler(Upscaler):
    """Gives ``(1 - share) * clean + share * cleaner`` of the results of two open networks.

    Parameters
    ----------
    clean, cleaner : the two, for results of one size, which their own enlargements need not be
    share : above 0 and below 1

    Attributes
    ----------
    name : says both networks, and how much of the second: ``srgan-x4 + 25% photo-x4``
    """

    def __init__(self, clean: Upscaler, cleaner: Upscaler, share: float) -> None:
        # Not Upscaler's own: that opens a network, and here two are open. What is not said below is the first one's.
        self.__dict__.update(clean.__dict__)
        names = (f"({part.name})" if ", then " in part.name else part.name for part in (clean, cleaner))
        self.name = f" + {100 * share:g}% ".join(names)
        self._both = clean, cleaner
        self._share = share

    def sized(self, target: Target) -> MixedUpscaler:
        """Return one for results of another size, which shares the open networks."""
        other = copy.copy(self)
        other._both = self._both[0].sized(target), self._both[1].sized(target)
        other.target = target
        return other

    def takes_rows(self, height: int, width: int) -> bool:
        """Return False: each picture is used twice."""
        del height, width
        return False

    def __call__(self, image: NDArray[Any], *, progress: Progress | None = None) -> NDArray[Any]:
        """Enlarge a picture; as :meth:`Upscaler.__call__`."""
        first, second = _halves(progress)
        out = self._both[0](image, progress=first)
        rows = out[:, :, None] if out.ndim == 2 else out
        top = 0
        for band in self._both[1].bands(image, progress=second):
            place = rows[top : top + len(band)]
            place[...] = self._mixed(place, band)
            top += len(band)
        return out

    def bands(self, image: NDArray[Any] | Rows, *, progress: Progress | None = None) -> Iterator[NDArray[Any]]:
        """Enlarge a picture and hand it out in bands; as :meth:`Upscaler.bands`, of an array only."""
        first, second = _halves(progress)
        both = [part.bands(image, progress=told) for part, told in zip(self._both, (first, second), strict=True)]
        left: list[NDArray[Any]] = [np.empty((0, 0, 0)), np.empty((0, 0, 0))]
        while True:
            for number in (0, 1):
                if not len(left[number]):
                    left[number] = next(both[number], left[number])
            rows = min(map(len, left))  # the networks' tiles need not be of one height
            if not rows:
                return
            yield self._mixed(left[0][:rows], left[1][:rows])
            left = [band[rows:] for band in left]

    def _mixed(self, clean: NDArray[Any], cleaner: NDArray[Any]) -> NDArray[Any]:
        share = np.float32(self._share)
        mixed = (1 - share) * clean.astype(np.float32) + share * cleaner.astype(np.float32)
        return mixed if clean.dtype == np.float32 else np.rint(mixed).astype(clean.dtype)


def _halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """Return what the first and the second network tell, so that together they are the whole."""
    if progress is None:
        return None, None
    done = [0, 0]

    def tell(number: int, part: int, total: int) -> None:
        done[number] = part
        progress(sum(done), 2 * total)

    return (lambda part, total: tell(0, part, total)), (lambda part, total: tell(1, part, total))
