"""What a picture needs, seen in its pixels: noise, artefacts of JPEG, blur. In a few milliseconds, on parts of large pictures.

Noise is read where there is least texture. Of the 8 x 8 blocks of each brightness those are taken that vary least in low and
middle frequencies of their discrete cosine transform; what they have in high frequencies is noise, as choosing them by other
frequencies does not make it smaller. This is the idea of Ponomarenko et al. 2007 ("An automatic approach to lossy compression
of AVIRIS images", section 2) and of Liu, Tanaka and Okutomi 2012 ("Noise level estimation using weak textured patches").

JPEG throws away high frequencies of blocks on a grid of 8 pixels, and a later crop, a later PNG or a second JPEG on another grid
leave that visible: 8 pixels on the grid have less of them than 8 pixels beside it. All eight offsets are looked at, as in Fan
and de Queiroz 2003 ("Identification of bitmap compression history"), where the same is done with steps at the borders.

Blur is how much of a strong step over three pixels happens between the middle two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.pixels import Rows, has_alpha

Floats = NDArray[np.float32]

PART = 96
"""Pixels a side of the parts that are looked at; up to three parts' length a picture is looked at whole."""

_BLOCK = 8
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FLAT = 0.03  # of the blocks of one brightness, those that say how much noise there is
_LOW, _LOW_OF_NOISE = 0.005, 0.5  # of blocks of nothing but noise so many have less than half of its mean energy
_CLIPPED = 0.1  # of a block's pixels, from which on noise may have been cut off at black or white
_LEAST_BLOCKS = 24
_LEAST_SIDE = 32  # pixels: with fewer, chance alone tells offsets of the grid apart, and a few edges are all there is
_SURE_SIDE = 88.0  # pixels: in smaller pictures chance tells offsets apart by that many times as much
_STEP = 12.0  # levels over three pixels, from which on it is an edge and no texture or noise


@dataclass(frozen=True)
class Appearance:
    """What was seen; all zero for a picture that is too small to say, and for what is drawn rather than photographed.

    Attributes
    ----------
    noise : standard deviation in each band, levels of 255
    blocks : how much less of high frequencies there is on the grid of JPEG than beside it, levels of 255
    sharpness : part of a strong step over three pixels that is between the middle two: above 0.58 in sharp photographs, 1/3 in
        very soft ones; 1 if there is no such step
    texture : where the noise was read, how many times as strong low and middle frequencies are as high ones: about 0.7 where
        there is nothing but noise; above 2 fine texture may have been taken for it; infinite without noise
    """

    noise: float = 0.0
    blocks: float = 0.0
    sharpness: float = 1.0
    texture: float = math.inf


def look(pixels: NDArray[Any] | Rows) -> Appearance:
    """Return what a picture looks like.

    Parameters
    ----------
    pixels : HWC of 1 to 4 channels, uint8, uint16 or float32 in [0, 1]; rows are read up to the last part's end
    """
    parts = [_levels(part) for part in _parts(pixels)]
    green = [part[:, :, min(1, part.shape[2] - 1)] for part in parts]
    luma = [_times(part, _LUMA[:, None])[:, :, 0] if part.shape[2] == 3 else part[:, :, 0] for part in parts]
    noise, texture = _noise(green)
    found = noise, _lost_on_grid(luma), _sharpness(green), texture
    seen = Appearance(*(round(value, 3) for value in found))  # without the noise of the arithmetic
    return seen if seen.noise else replace(seen, texture=math.inf)


def _parts(pixels: NDArray[Any] | Rows) -> Iterator[NDArray[Any]]:
    height, width = pixels.shape[:2]
    last = 0
    for top, bottom in _spans(height):
        if isinstance(pixels, Rows):
            for row in range(last, top, Rows.STRIP):  # decoded, for there is no other way, and dropped
                pixels[row : row + 1, :]
                pixels.forget(min(row + Rows.STRIP, top))
            last = bottom
        rows = pixels[top:bottom, :]
        for left, right in _spans(width):
            yield rows[:, left:right]


def _spans(length: int) -> list[tuple[int, int]]:
    """Return starts and ends along one side; starts are multiples of 8, so that all parts show the same grid."""
    if length <= 3 * PART:
        return [(0, length)]
    starts = [round((length - PART) * share) // _BLOCK * _BLOCK for share in (1 / 6, 1 / 2, 5 / 6)]
    return [(start, start + PART) for start in starts]


def _levels(part: NDArray[Any]) -> Floats:
    """Return 1 or 3 channels as float32 of [0, 255]; what is transparent is black."""
    full = 1.0 if part.dtype == np.float32 else float(np.iinfo(part.dtype).max)
    values: Floats = part.astype(np.float32) * np.float32(255 / full)
    if has_alpha(part.shape[2]):
        values = values[:, :, :-1] * (values[:, :, -1:] > 0)
    return values


def _times(values: Floats, matrix: Floats) -> Floats:
    """Return ``values @ matrix``, without BLAS: its threads' buffers would stay, for products as small as these."""
    product: Floats = np.einsum("...i,ij->...j", values, matrix)
    return product


@cache
def _dct() -> Floats:
    """Return the transform of 8 values, a row for each frequency."""
    frequency, place = np.mgrid[:_BLOCK, :_BLOCK]
    matrix = np.sqrt(2 / _BLOCK) * np.cos(np.pi * (2 * place + 1) * frequency / (2 * _BLOCK))
    matrix[0] /= np.sqrt(2)
    result: Floats = matrix.astype(np.float32)
    return result


@cache
def _frequencies() -> tuple[Floats, Floats]:
    """Return what gives low and middle, and high frequencies of blocks [N, 64] when these are multiplied with it: [64, n]."""
    both = np.kron(_dct(), _dct())
    total = np.add.outer(np.arange(_BLOCK), np.arange(_BLOCK)).ravel()
    return both[(total >= 1) & (total <= 6)].T.copy(), both[total >= 8].T.copy()


def _noise(parts: list[Floats]) -> tuple[float, float]:
    """Return the noise in levels, and the texture where it was read."""
    if min(min(part.shape) for part in parts) < _LEAST_SIDE:
        return 0.0, math.inf
    blocks = np.concatenate([_blocks(part) for part in parts])
    blocks = blocks[((blocks <= 1) | (blocks >= 254)).mean(1) < _CLIPPED]
    if len(blocks) < _LEAST_BLOCKS:
        return 0.0, math.inf
    low, high = _frequencies()
    texture = np.square(_times(blocks, low)).mean(1)
    rest = np.square(_times(blocks, high)).mean(1)
    found = []
    for group in np.array_split(np.argsort(blocks.mean(1)), min(max(len(blocks) // 300, 1), 5)):
        count = min(max(int(_FLAT * len(group)), 4), len(group) - 1)
        flattest = group[np.argpartition(texture[group], count)[:count]]
        # Noise is everywhere, texture is not: there is a block with less of it.
        fine = float(np.median(rest[flattest]))
        least = min(fine, float(np.quantile(rest[group], _LOW)) / _LOW_OF_NOISE)
        found.append((least, float(np.median(texture[flattest])) / max(fine, 1e-9)))
    # Not the least: shot noise is weak in the dark. Not the middle one: some brightnesses may be all texture.
    noise, ratio = sorted(found)[len(found) // 4]
    return float(np.sqrt(noise)), ratio


def _blocks(part: Floats) -> Floats:
    windows = np.lib.stride_tricks.sliding_window_view(part, (_BLOCK, _BLOCK))[:: _BLOCK // 2, :: _BLOCK // 2]
    return windows.reshape(-1, _BLOCK * _BLOCK)


def _lost_on_grid(parts: list[Floats]) -> float:
    if min(min(part.shape) for part in parts) < _LEAST_SIDE:
        return 0.0
    # Mean and median, across and down: a drawing's own regularity shows in one of them, JPEG in all four.
    lost = min(lost for turned in (parts, [part.T for part in parts]) for lost in _lost_across(turned))
    side = math.sqrt(sum(part.size for part in parts))
    return max(lost, 0.0) * min(side / _SURE_SIDE, 1.0)


def _lost_across(parts: list[Floats]) -> list[float]:
    high = _dct()[5:].T
    means, medians = [], []
    for offset in range(_BLOCK):
        found = []
        for part in parts:
            count = (part.shape[1] - offset) // _BLOCK
            windows = part[:, offset : offset + count * _BLOCK].reshape(-1, _BLOCK)
            found.append(np.abs(_times(windows, high)).ravel())
        values = np.concatenate(found)
        means.append(float(np.minimum(values, 4).mean()))
        medians.append(float(np.median(values)))
    return [float(np.median(each)) - min(each) for each in (means, medians)]


def _sharpness(parts: list[Floats]) -> float:
    if min(min(part.shape) for part in parts) < _LEAST_SIDE:
        return 1.0
    shares = []
    for turned in (parts, [part.T for part in parts]):
        steps = [np.diff(part[::2], axis=1) for part in turned]
        before, inner, after = (
            np.concatenate([step[:, start : step.shape[1] - 2 + start].ravel() for step in steps]) for start in range(3)
        )
        outer = np.abs(before + inner + after)
        inner = np.abs(inner)
        # In the middle of an edge; beside one, and at lines as thin as those of letters, the middle has the least of it.
        centred = inner >= np.maximum(np.abs(before), np.abs(after))
        strong = centred & (outer >= max(float(np.quantile(outer, 0.95)), _STEP))
        if np.count_nonzero(strong) >= _LEAST_BLOCKS:
            shares.append(float(np.median(inner[strong] / outer[strong])))
    return float(np.mean(shares)) if shares else 1.0
