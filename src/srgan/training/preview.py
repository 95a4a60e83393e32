"""The picture of a validation: LR enlarged by bicubic | SR | HR, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.evaluation.crops import most_detailed
from srgan.image import Picture, write
from srgan.resize.imresize import upscale as bicubic
from srgan.training.validation import Example

_ROWS = 4
_SIDE = 320  # HR pixels of a crop: three beside each other fit a screen at full size
_GAP = 8


def side_by_side(examples: Sequence[Example], pictures: Sequence[NDArray[Any]], scale: int) -> NDArray[np.uint8]:
    """Return ``[H, W, 3]`` uint8: a row a picture, in it the most detailed crop of LR by bicubic | SR | HR.

    Of more bands than three the first three are shown, of two the first one. Pictures of 16 bits are shown with HR's brightest
    values white: many sensors use a small part of their range.
    """
    rows = []
    for example, sr in list(zip(examples, pictures, strict=True))[:_ROWS]:
        top, left = (value // scale * scale for value in most_detailed(example.hr, _SIDE))
        window = (slice(top, top + _SIDE), slice(left, left + _SIDE))
        white = _white(example.hr)
        rows.append([_fill(_to_rgb(x[window], white)) for x in (bicubic(example.lr, scale), sr, example.hr)])
    gap = np.full((_SIDE, _GAP, 3), 255, np.uint8)
    strips = [np.concatenate([row[0], gap, row[1], gap, row[2]], axis=1) for row in rows]
    spaced: list[NDArray[np.uint8]] = []
    for strip in strips:
        spaced += [strip, np.full((_GAP, strip.shape[1], 3), 255, np.uint8)]
    return np.concatenate(spaced[:-1], axis=0)


def write_preview(path: Path, examples: Sequence[Example], pictures: Sequence[NDArray[Any]], scale: int) -> None:
    """Write :func:`side_by_side` as a PNG file, replacing one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(Picture(side_by_side(examples, pictures, scale)), path, overwrite=True)


def _white(hr: NDArray[Any]) -> float:
    return 255 if hr.dtype == np.uint8 else max(float(np.percentile(hr[:, :, :3], 99.9)), 1)


def _to_rgb(x: NDArray[Any], white: float) -> NDArray[np.uint8]:
    x = x[:, :, :3] if x.shape[2] >= 3 else np.repeat(x[:, :, :1], 3, axis=2)
    return x if x.dtype == np.uint8 else np.rint(np.minimum(x * (255 / white), 255)).astype(np.uint8)


def _fill(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a picture smaller than the crop to its size, on white."""
    if x.shape[0] == _SIDE and x.shape[1] == _SIDE:
        return x
    filled = np.full((_SIDE, _SIDE, x.shape[2]), 255, np.uint8)
    filled[: x.shape[0], : x.shape[1]] = x
    return filled
