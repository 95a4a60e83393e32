"""PSNR and SSIM as the super-resolution literature measures them: on luma, in 8 bits, with the border cropped.

The protocol is that of the papers' MATLAB scripts:

- Colour pictures are compared in the Y of ``rgb2ycbcr`` (ITU-R BT.601, studio range 16-235). For uint8 pictures MATLAB
  rounds Y to whole levels, and so it is done here: bicubic x4 reads 28.42 dB / 0.8101 on Set5. Without rounding it would
  read 28.43 dB / 0.8111, which some tables have.
- Gray pictures are compared as they are, 0-255, as the scripts do with a file of one channel. Taking them for RGB would
  compress them to 16-235 and flatter them by 1.3 dB: Set14, whose third picture is gray, would read 26.09 dB instead of
  the literature's 26.00.
- ``scale`` pixels are cropped from each side.
- SSIM has an 11 x 11 Gaussian window of sigma 1.5, placed only where it fits whole (Wang et al. 2004, "Image quality
  assessment: from error visibility to structural similarity").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import MissingExtraError

# ITU-R BT.601 for R, G, B in 0..255, as MATLAB's rgb2ycbcr has it.
_LUMA = np.array([65.481, 128.553, 24.966]) / 255


def luma(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the luma of a picture.

    Parameters
    ----------
    picture : ``[H, W, 3]`` RGB or ``[H, W, 1]`` / ``[H, W]`` gray, uint8

    Returns
    -------
    array
        ``[H, W]`` float64, whole numbers from 16 to 235; gray pictures unchanged, 0 to 255

    Raises
    ------
    ValueError
        for another dtype or number of channels
    """
    if picture.dtype != np.uint8:
        raise ValueError(f"luma is defined here for uint8 pictures, not {picture.dtype}")
    if _is_gray(picture):
        return picture.reshape(picture.shape[:2]).astype(np.float64)
    if picture.shape[2] != 3:
        raise ValueError(f"luma needs [H, W, 3] or [H, W, 1], not {picture.shape}")
    return np.floor(16 + picture @ _LUMA + 0.5)


def psnr_y(sr: NDArray[np.uint8], hr: NDArray[np.uint8], border: int) -> float:
    """Return the peak signal-to-noise ratio of luma, in dB, for a peak of 255; infinite for equal pictures.

    Parameters
    ----------
    sr, hr : pictures of the same size, as :func:`luma` takes them
    border : pixels cropped from each side; the literature crops ``scale``

    Raises
    ------
    ValueError
        when sizes differ, one is gray and the other RGB, or nothing is left inside the border
    """
    a, b = _inside(sr, hr, border)
    error = float(np.mean((a - b) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim_y(sr: NDArray[np.uint8], hr: NDArray[np.uint8], border: int) -> float:
    """Return the structural similarity of luma, up to 1; arguments and errors as :func:`psnr_y`.

    Raises
    ------
    MissingExtraError
        without scikit-image
    ValueError
        also when less than 11 pixels, the window, are left inside the border
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise MissingExtraError("SSIM", "evaluate") from error
    a, b = _inside(sr, hr, border)
    if min(a.shape) < 11:
        raise ValueError(f"SSIM needs at least 11 x 11 pixels inside the border, not {a.shape[1]} x {a.shape[0]}")
    measure: Any = structural_similarity  # has no types in some versions
    value = measure(a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    return float(value)


def _is_gray(picture: NDArray[np.uint8]) -> bool:
    return picture.ndim == 2 or picture.shape[2] == 1


def _inside(
    sr: NDArray[np.uint8], hr: NDArray[np.uint8], border: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"pictures differ in size: {sr.shape[1]} x {sr.shape[0]} and {hr.shape[1]} x {hr.shape[0]}")
    if _is_gray(sr) != _is_gray(hr):
        raise ValueError("one picture is gray and the other has colours: their luma has different ranges")
    inside = (slice(border, sr.shape[0] - border), slice(border, sr.shape[1] - border))
    a, b = luma(sr)[inside], luma(hr)[inside]
    if not a.size:
        raise ValueError(f"nothing of {sr.shape[1]} x {sr.shape[0]} pixels is left inside a border of {border}")
    return a, b
