"""The grid that sub-pixel layers leave: how much of a picture's error repeats every few pixels, in flat areas, where it shows.

A generator makes its pixels in groups of 2 x 2, 4 x 4 ... and where the members of a group are not made alike, a regular pattern
lies over the picture (Odena et al. 2016, "Deconvolution and checkerboard artifacts"). It stands out of the spectrum of
I_SR - I_HR as peaks at the frequencies of its period; photographs have none there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIDE = 64  # of a window, pixels: a multiple of every period that is looked for
_FLAT = 1 / 3  # share of the windows, those with the smallest gradients
_AROUND = (-5, -4, 4, 5)  # bins from a peak that tell what there is without it: outside the Hann window's lobe


def grid_energy(sr: Sequence[NDArray[Any]], hr: Sequence[NDArray[Any]], scale: int) -> dict[int, float]:
    """Measure the grids of generated pictures.

    Parameters
    ----------
    sr, hr : pictures and what they should be, ``[H, W, C]`` uint8 or uint16 each
    scale : enlargement; periods of 2, 4, ... up to it are looked for

    Returns
    -------
    dict
        period in pixels -> power of the error there against frequencies around it, dB; near 1 without a grid (a median of
        random powers), and 6 where the grid has four times the power of what surrounds it. Empty where no picture has a window
        of 64 x 64 pixels.
    """
    windows = [
        (_gradient(target), _spectrum(found - target))
        for one, other in zip(sr, hr, strict=True)
        for found, target in zip(_windows(one), _windows(other), strict=True)
    ]
    if not windows:
        return {}
    windows.sort(key=lambda window: window[0])
    flat = [spectrum for _, spectrum in windows[: max(1, round(len(windows) * _FLAT))]]
    periods = [2**n for n in range(1, scale.bit_length()) if 2**n <= min(scale, _SIDE // 8)]
    return {
        period: float(10 * np.log10(np.median([_ratio(spectrum, _SIDE // period) for spectrum in flat])))
        for period in periods
    }


def _windows(picture: NDArray[Any]) -> list[NDArray[np.float64]]:
    gray = picture.mean(axis=2, dtype=np.float64)
    height, width = (side // _SIDE * _SIDE for side in gray.shape)
    return [
        gray[top : top + _SIDE, left : left + _SIDE]
        for top in range(0, height, _SIDE)
        for left in range(0, width, _SIDE)
    ]


def _gradient(window: NDArray[np.float64]) -> float:
    return float(np.abs(np.diff(window, axis=0)).mean() + np.abs(np.diff(window, axis=1)).mean())


def _spectrum(window: NDArray[np.float64]) -> NDArray[np.float64]:
    hann = np.hanning(_SIDE + 1)[:-1]
    power: NDArray[np.float64] = np.abs(np.fft.fft2((window - window.mean()) * np.outer(hann, hann))) ** 2
    return power


def _ratio(spectrum: NDArray[np.float64], bin_: int) -> float:
    """Return the power of a grid whose frequency is ``bin_``, along rows, columns and diagonals, against that around it."""
    ratios = []
    for y, x in ((0, bin_), (bin_, 0), (bin_, bin_)):
        around = [spectrum[(y + i) % _SIDE, (x + j) % _SIDE] for i in (*_AROUND, 0) for j in (*_AROUND, 0) if i or j]
        ratios.append((spectrum[y, x] + 1e-9) / (np.median(around) + 1e-9))
    return float(np.mean(ratios))
