"""Unsharp masking: of training targets, and as the cameras and people do it who overdo it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def sharpened(
    hr: NDArray[np.uint8], amount: float = 0.5, radius: float = 2.0, threshold: int = 10
) -> NDArray[np.uint8]:
    """Sharpen training targets by unsharp masking, only where there are edges (Real-ESRGAN, section 3.4).

    Parameters
    ----------
    hr : ``[H, W, C]`` uint8
    amount : how much of the difference from the blurred picture is added
    radius : standard deviation of the blur, pixels
    threshold : differences from the blurred picture, in levels, below which nothing is sharpened: noise stays as it is
    """
    from scipy.ndimage import gaussian_filter

    out = np.empty_like(hr)
    for band in range(hr.shape[2]):
        x = hr[:, :, band].astype(np.float32)
        residual = x - gaussian_filter(x, radius, mode="mirror")
        mask = gaussian_filter((np.abs(residual) > threshold).astype(np.float32), radius, mode="mirror")
        out[:, :, band] = np.clip(np.rint(x + amount * mask * residual), 0, 255)
    return out


def with_haloes(x: Floats, amount: float, radius: float) -> Floats:
    """Sharpen ``[H, W, C]`` in [0, 1] everywhere, so that bright and dark lines go along its edges."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(x, (radius, radius, 0), mode="mirror", truncate=3)
    result: Floats = np.clip(x + np.float32(amount) * (x - smooth), 0, 1)
    return result
