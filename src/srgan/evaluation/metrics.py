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

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import MissingExtraError

if TYPE_CHECKING:
    from srgan.networks.vgg import VGGFeatures

VGG_DISTANCE_LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
"""The last convolution of each of VGG16's five stages: what :func:`vgg_distance` compares."""

VGG_LEAST_SIDE = 16
"""Pixels, of which the fifth stage makes one."""

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


def psnr(sr: NDArray[Any], hr: NDArray[Any], border: int) -> float:
    """Return the peak signal-to-noise ratio over all bands, in dB, for a peak of the dtype's range; infinite for equal ones.

    The squared error is averaged over the bands before the logarithm: a band in which there is nothing to see, and which any
    network gets right, then cannot make the figure infinite. For 8-bit gray it is :func:`psnr_y`.

    Parameters
    ----------
    sr, hr : ``[H, W, C]`` of the same shape and dtype, uint8 or uint16
    border : pixels cropped from each side

    Raises
    ------
    ValueError
        when shapes or dtypes differ, or nothing is left inside the border
    """
    if sr.shape != hr.shape or sr.dtype != hr.dtype:
        raise ValueError(f"pictures differ: {sr.shape} {sr.dtype} and {hr.shape} {hr.dtype}")
    inside = (slice(border, sr.shape[0] - border), slice(border, sr.shape[1] - border))
    difference = sr[inside].astype(np.float64) - hr[inside]
    if not difference.size:
        raise ValueError(f"nothing of {sr.shape[1]} x {sr.shape[0]} pixels is left inside a border of {border}")
    error = float(np.mean(difference**2))
    peak = int(np.iinfo(sr.dtype).max)
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))


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


def vgg_distance(sr: NDArray[np.uint8], hr: NDArray[np.uint8], features: VGGFeatures) -> float:
    """Return how far apart two pictures are in the features of VGG16: 0 for equal ones, smaller is nearer.

    The activations (after their ReLU) of the last convolution of each of the five stages are brought to unit length along
    the channels; the squared differences are summed over channels, averaged over the picture, then over the stages. This is
    LPIPS (Zhang et al. 2018, "The unreasonable effectiveness of deep features as a perceptual metric", arXiv:1801.03924,
    equation 1) with all its learned weights equal.

    It tells blurred pictures from sharp ones, as PSNR does not. It is not LPIPS: values cannot be compared with published
    ones, only with each other, under the same weights. And it is no independent judge of a network whose content loss saw
    the same features in training.

    Parameters
    ----------
    sr, hr : ``[H, W, 3]`` RGB or ``[H, W, 1]`` gray, uint8, of the same size, at least 16 x 16
    features : ``load_vgg("vgg16", VGG_DISTANCE_LAYERS, weights)``

    Raises
    ------
    ValueError
        when sizes differ or are below 16 x 16
    """
    import torch

    if sr.shape != hr.shape:
        raise ValueError(f"pictures differ in size: {sr.shape[1]} x {sr.shape[0]} and {hr.shape[1]} x {hr.shape[0]}")
    if min(sr.shape[:2]) < VGG_LEAST_SIDE:
        raise ValueError(f"the distance needs at least 16 x 16 pixels, not {sr.shape[1]} x {sr.shape[0]}")
    total = 0.0
    device = features.mean.device
    with torch.no_grad():
        found = [
            features(torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None].to(device).float().div(255))
            for x in (sr, hr)
        ]
        for layer in VGG_DISTANCE_LAYERS:
            a, b = (torch.nn.functional.normalize(maps[layer].relu(), dim=1, eps=1e-10) for maps in found)
            total += float((a - b).square().sum(dim=1).mean())
    return total / len(VGG_DISTANCE_LAYERS)


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
