"""How low-resolution (LR) pictures are made from high-resolution (HR) ones for training.

``bicubic`` is the benchmark's degradation: MATLAB's antialiased ``imresize``, in 8 bits, as :mod:`srgan.resize` reproduces
it. It is applied to whole pictures before cropping, so that crops carry no resizing border of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from srgan.resize import downscale

Degradation = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]


def mod_crop(picture: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Cut right and bottom so that both sides are multiples of ``scale``: ``[H, W, C]`` -> ``[H - H % s, W - W % s, C]``."""
    height, width = picture.shape[0] // scale * scale, picture.shape[1] // scale * scale
    return picture[:height, :width]


def bicubic(hr: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Reduce ``[H, W, C]`` uint8 to ``[H / scale, W / scale, C]`` uint8 as MATLAB does."""
    return downscale(hr, scale).astype(np.uint8, copy=False)


DEGRADATIONS: dict[str, Degradation] = {"bicubic": bicubic}
