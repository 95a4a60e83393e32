"""Changes of size: the benchmark's reduction, and the kernels of the programs that people shrink and enlarge pictures with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.resize.imresize import downscale

Floats = NDArray[np.float32]


def mod_crop(picture: NDArray[Any], scale: int) -> NDArray[Any]:
    """Cut right and bottom so that both sides are multiples of ``scale``: ``[H, W, C]`` -> ``[H - H % s, W - W % s, C]``."""
    height, width = picture.shape[0] // scale * scale, picture.shape[1] // scale * scale
    return picture[:height, :width]


def bicubic(hr: NDArray[Any], scale: int) -> NDArray[Any]:
    """Reduce ``[H, W, C]`` uint8 or uint16 to ``[H / scale, W / scale, C]`` of the same dtype as MATLAB does."""
    small: NDArray[Any] = downscale(hr, scale)
    return small


def resized(x: Floats, height: int, width: int, kernel: str) -> Floats:
    """Change the size of ``[H, W, C]`` by one of Pillow's kernels, which are stretched when reducing (antialiased)."""
    from PIL import Image

    if x.shape[:2] == (height, width):
        return x
    method = Image.Resampling[kernel.upper()]
    bands = [
        np.asarray(Image.fromarray(np.ascontiguousarray(x[:, :, band])).resize((width, height), method))
        for band in range(x.shape[2])
    ]
    return np.stack(bands, axis=2)
