"""Blur of lenses and hands: kernels, and their convolution with a picture.

Gaussian, generalised Gaussian and plateau kernels are those of Wang et al. 2021 ("Real-ESRGAN", arXiv:2107.10833, section
3.2); a lens out of focus spreads a point over a disc, a moving camera over a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

KINDS = ("gaussian", "elliptic", "generalised", "plateau", "disc", "motion")


def kernel_of(kind: str, spread: float, random: np.random.Generator) -> Floats:
    """Return a kernel of odd side with the sum 1.

    Parameters
    ----------
    kind : one of :data:`KINDS`
    spread : standard deviation in pixels of the Gaussian kinds (the longer one of the elliptic kinds); a disc has twice that as
        its radius, and a line four times that as its length
    random : draws shape and direction
    """
    angle, ratio, power = random.uniform(0, np.pi), random.uniform(0.3, 1), random.uniform(0, 1)
    reach = max(int(np.ceil(3 * spread)), 1)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    if kind == "gaussian":
        weights = np.exp(-(x**2 + y**2) / (2 * spread**2))
    elif kind == "disc":
        weights = np.clip(2 * spread + 0.5 - np.hypot(x, y), 0, 1)  # the rim covers a part of its pixels
    elif kind == "motion":
        weights = np.clip(2 * spread + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    else:
        square = (along / spread) ** 2 + (across / (spread * ratio)) ** 2
        if kind == "elliptic":
            weights = np.exp(-square / 2)
        elif kind == "generalised":
            weights = np.exp(-(square ** (0.5 + 1.5 * power)) / 2)
        else:
            weights = 1 / (1 + square ** (1 + power))
    return np.asarray(weights / weights.sum(), np.float32)


def blurred(x: Floats, kernel: Floats) -> Floats:
    """Convolve ``[H, W, C]`` with a kernel; the picture goes on as its mirror image."""
    from scipy import fft

    reach = kernel.shape[0] // 2
    if min(x.shape[:2]) <= reach:
        reach = min(x.shape[:2]) - 1
        middle = kernel.shape[0] // 2
        kernel = kernel[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
        kernel = kernel / kernel.sum()
    wide = np.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    shape = [fft.next_fast_len(side, real=True) for side in wide.shape[:2]]
    spectrum = fft.rfft2(wide, shape, axes=(0, 1)) * fft.rfft2(kernel, shape)[:, :, None]
    full = fft.irfft2(spectrum, shape, axes=(0, 1))
    result: Floats = full[2 * reach : 2 * reach + x.shape[0], 2 * reach : 2 * reach + x.shape[1]].astype(np.float32)
    return result
