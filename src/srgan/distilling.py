"""Pairs that teach a network its own self-ensemble: photographs reduced, and what the network makes of them eight ways.

The mean over the eight mirrored and turned ways (Timofte et al. 2016, "Seven ways to improve example-based single image super
resolution", arXiv:1511.02228) is nearer to the original than any one of them, at eight times the work. A network trained on
that mean as its target (distillation: Hinton et al. 2015, arXiv:1503.02531) keeps some of the gain and none of the work. What no
network could know of the original is not in these targets, so that a few hundred small batches suffice where the originals
would lead nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataError, ImageError, UsageError
from srgan.image import Picture, list_pictures, read_rgb8, write
from srgan.resize import downscale
from srgan.upscaler import Upscaler

LEAST_SIDE = 192
"""Pixels that a piece has at least on each side: the largest crop of the recipes."""


@dataclass(frozen=True)
class Distilled:
    """What was made: how many pairs, their HR pixels, and ``(name, reason)`` of the pictures that were left out."""

    pairs: int
    pixels: int
    rejected: tuple[tuple[str, str], ...] = ()


def distil(
    folder: Path,
    out: Path,
    model: str | Path,
    *,
    count: int = 200,
    side: int = 480,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Distilled:
    """Write pairs to train on, ``out/HR`` and ``out/LRx4`` (or whatever the network's enlargement is), as PNG of 16 bits.

    A piece is taken from each of ``count`` pictures chosen at random, reduced as MATLAB's ``imresize`` does, rounded to 8 bits,
    and enlarged by the self-ensemble in fp32.

    Parameters
    ----------
    folder : of photographs, searched with all that is below
    out : folder, empty or not there yet
    model : name of a shipped network or path of a model file, for RGB
    count : pieces; all pictures where there are fewer
    side : largest side of a piece, in pixels; larger pictures are cut at a random place
    seed : another one chooses other pictures and places
    progress : is told (pieces done, pieces in all)

    Raises
    ------
    UsageError
        when ``folder`` is none, ``out`` holds something, or for a side below 192
    UnknownModelError, ModelError
        when the network cannot be opened
    DataError
        when there is no picture of use
    ImageWriteError
        when a pair cannot be written
    """
    if not folder.is_dir():
        raise UsageError(f"'{folder}' is not a folder: give one with pictures in it")
    if side < LEAST_SIDE:
        raise UsageError(f"pieces of {side} pixels are too small: give {LEAST_SIDE} or more, so that crops fit in")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"'{out}' holds something already: choose another folder, or empty it")
    upscaler = Upscaler(model, tta=True, precision="fp32")
    scale = upscaler.scale
    rng = np.random.default_rng(seed)
    files = list_pictures(folder)
    order = rng.permutation(len(files))
    wanted, pairs, pixels = min(count, len(files)), 0, 0
    rejected: list[tuple[str, str]] = []
    for number in order:
        if pairs == wanted:
            break
        file = files[number]
        name = file.relative_to(folder).as_posix()
        try:
            hr = _piece(read_rgb8(file), side, scale, rng)
        except ImageError as error:
            rejected.append((name, str(error)))
            continue
        if hr is None:
            rejected.append((name, f"smaller than {LEAST_SIDE} pixels"))
            continue
        lr = downscale(hr, scale).astype(np.uint16) * 257
        target = f"{pairs:05d}_{file.stem}.png"
        write(Picture(upscaler(lr)), out / "HR" / target)
        write(Picture(lr), out / f"LRx{scale}" / target)
        pairs += 1
        pixels += hr.shape[0] * hr.shape[1]
        if progress is not None:
            progress(pairs, wanted)
    if not pairs:
        raise DataError(
            f"there are no pictures of {LEAST_SIDE} pixels or more in '{folder}': give a folder of photographs"
        )
    return Distilled(pairs, pixels, tuple(rejected))


def _piece(picture: NDArray[np.uint8], side: int, scale: int, rng: np.random.Generator) -> NDArray[np.uint8] | None:
    """Cut a piece whose sides are multiples of the scale; None if the picture is too small."""
    height, width = (min(length, side) // scale * scale for length in picture.shape[:2])
    if min(height, width) < LEAST_SIDE // scale * scale:
        return None
    top, left = (
        int(rng.integers(length - cut + 1)) for length, cut in zip(picture.shape, (height, width), strict=False)
    )
    piece: NDArray[Any] = np.ascontiguousarray(picture[top : top + height, left : left + width])
    return piece
