"""Noise: even, of light, of a camera after its own processing, of film.

All functions take ``[H, W, C]`` float32 in [0, 1], C = 1 or 3, and return the same, clipped; strengths are levels of 255 at
middle gray.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
_TENT = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


def gaussian(x: Floats, levels: float, gray: bool, random: np.random.Generator) -> Floats:
    """Add noise of the same strength everywhere, for each value its own; ``gray``: the same in all bands."""
    return _clipped(x + _white(x, gray, random) * np.float32(levels / 255))


def poisson(x: Floats, levels: float, gray: bool, random: np.random.Generator) -> Floats:
    """Add noise whose variance grows with the light, as counted photons have it (taken as normal: there are many)."""
    light = np.clip(_luma(x) if gray else x, 0, 1)
    strength = (np.sqrt(light * 2) * (levels / 255)).astype(np.float32)
    return _clipped(x + strength * _white(x, gray, random))


def camera(x: Floats, levels: float, random: np.random.Generator) -> Floats:
    """Add the noise of a sensor as it is found in a finished photograph.

    The sensor sees one colour a pixel, in a Bayer pattern. White balance amplifies red and blue, bilinear demosaicing spreads
    the noise over neighbours, the colour matrix over bands, and the camera's denoiser smooths it, colours more than luma. The
    curve to sRGB lifts it in the shadows.
    """
    fine, blotchy = random.uniform(0, 0.9), random.uniform(0.3, 2.5)
    colour = random.uniform(0.2, 1.2)
    found = _demosaiced(x, random) if x.shape[2] == 3 else _white(x, True, random)
    luma = found @ _LUMA if x.shape[2] == 3 else found[:, :, 0]
    chroma = found - luma[:, :, None]
    if fine > 0.3:
        luma = _smooth(luma, fine)
    luma = luma / max(float(luma.std()), 1e-6)
    if x.shape[2] == 3:
        chroma = _smooth(chroma, blotchy)
        chroma *= np.float32(colour) / max(float(chroma.std()), 1e-6)
        total = luma[:, :, None] + chroma
        total /= np.float32(np.hypot(1, colour))
    else:
        total = luma[:, :, None]
    return _clipped(x + total * _in_shadows(x, random) * np.float32(levels / 255))


def film_grain(x: Floats, levels: float, random: np.random.Generator) -> Floats:
    """Add grain: gray, in clumps, strongest in middle tones."""
    grain = _smooth(_white(x, True, random)[:, :, 0], random.uniform(0.4, 1.4))
    grain /= max(float(grain.std()), 1e-6)
    light = np.clip(_luma(x), 0, 1)
    strength = (levels / 255 * (0.3 + 2.8 * light * (1 - light))).astype(np.float32)
    return _clipped(x + strength * grain[:, :, None])


def smeared(x: Floats, levels: float, radius: float) -> Floats:
    """Smooth what differs little from its surroundings, as denoisers do: specks and blotches stay, fine texture goes.

    Parameters
    ----------
    levels : differences of this many levels are smoothed by 60 %, of twice as many by a seventh
    radius : standard deviation of the smoothing, pixels
    """
    smooth = _smooth(x, radius)
    change = smooth - x
    share = np.exp(-((np.abs(change).mean(axis=2, keepdims=True) * np.float32(255 / max(levels, 0.5))) ** 2) / 2)
    return _clipped(x + change * share)


def _demosaiced(x: Floats, random: np.random.Generator) -> Floats:
    from scipy.ndimage import convolve

    height, width = x.shape[:2]
    raw = random.standard_normal((height, width), dtype=np.float32)
    gains = random.uniform(1.3, 2.2), 1.0, random.uniform(1.2, 2.0)
    bands = []
    for place, (gain, kernel) in enumerate(zip(gains, (_TENT, _CROSS, _TENT), strict=True)):
        seen = np.zeros_like(raw)
        for top, left in (((0, 0),), ((0, 1), (1, 0)), ((1, 1),))[place]:
            seen[top::2, left::2] = raw[top::2, left::2] * np.float32(gain)
        bands.append(convolve(seen, kernel, mode="mirror"))
    mixed = np.stack(bands, axis=2)
    share = random.uniform(0, 0.4)  # taken from the other two bands, as matrices from sensor colours to sRGB do
    matrix = (1 + 1.5 * share) * np.eye(3) - np.full((3, 3), share / 2)
    result: Floats = mixed @ matrix.T.astype(np.float32)
    return result


def _in_shadows(x: Floats, random: np.random.Generator) -> Floats:
    """Return how strong noise is for the light of each pixel, 1 at middle gray.

    In linear light its variance is that of the read-out plus one that grows with the light; sRGB's curve has the slope
    L ** (1 / 2.2 - 1).
    """
    read = 10 ** random.uniform(-3, -0.5)

    def strength(value: Floats) -> Floats:
        light = np.maximum(value, np.float32(0.05)) ** np.float32(2.2)
        found: Floats = np.sqrt(np.float32(read) + light) * light ** np.float32(1 / 2.2 - 1)
        return found

    middle = float(strength(np.full(1, 0.5, np.float32))[0])
    found: Floats = np.clip(strength(np.clip(_luma(x), 0, 1)) / np.float32(middle), 0.3, 1.8)
    return found


def _white(x: Floats, gray: bool, random: np.random.Generator) -> Floats:
    shape = (*x.shape[:2], 1) if gray else x.shape
    found: Floats = random.standard_normal(shape, dtype=np.float32)
    return found


def _smooth(x: Floats, radius: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    found: Floats = gaussian_filter(x, (radius, radius, 0)[: x.ndim], mode="mirror", truncate=3)
    return found


def _luma(x: Floats) -> Floats:
    return x if x.shape[2] == 1 else (x @ _LUMA)[:, :, None]


def _clipped(x: Floats) -> Floats:
    result: Floats = np.clip(x, 0, 1)
    return result
