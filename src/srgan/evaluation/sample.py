"""The most detailed crop of a picture, kept to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.evaluation.crops import most_detailed
from srgan.resize.imresize import downscale

Pixels = NDArray[np.uint8]

CROP = 128
"""HR pixels a side of a crop."""

ZOOM = 3
PANEL = CROP * ZOOM
"""Output pixels a side of a panel of a figure, which the whole picture is reduced to fit."""


@dataclass(frozen=True)
class Sample:
    """The most detailed crop of one picture as bicubic, the model and the original show it.

    Attributes
    ----------
    name : set and picture
    overview : the whole original, reduced to fit a panel, ``[h, w, 3]`` uint8
    box : left, top, width, height of the crop in the overview, in its pixels
    bicubic, sr, hr : the crop, at most 128 x 128, ``[h, w, 3]`` uint8
    before, after : PSNR (dB) and SSIM of bicubic and of the model, on luma, over the whole picture
    """

    name: str
    overview: Pixels
    box: tuple[float, float, float, float]
    bicubic: Pixels
    sr: Pixels
    hr: Pixels
    before: tuple[float, float]
    after: tuple[float, float]


def make_sample(
    name: str, bicubic: Pixels, sr: Pixels, hr: Pixels, *, before: tuple[float, float], after: tuple[float, float]
) -> Sample:
    """Cut a sample from whole pictures of one size, ``[H, W, C]`` uint8 with C 1 or 3; see :class:`Sample`."""
    top, left = most_detailed(hr, CROP)
    window = (slice(top, top + CROP), slice(left, left + CROP))
    shrink = -(-max(hr.shape[:2]) // PANEL)
    overview = downscale(hr, shrink)
    tall, wide = hr[window].shape[:2]
    box = (left / shrink, top / shrink, wide / shrink, tall / shrink)
    crops = [_rgb(picture[window]) for picture in (bicubic, sr, hr)]
    return Sample(name, _rgb(overview), box, crops[0], crops[1], crops[2], before, after)


def _rgb(picture: Pixels) -> Pixels:
    """Copy, so that the whole picture can be forgotten, with gray repeated three times."""
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture.copy()
