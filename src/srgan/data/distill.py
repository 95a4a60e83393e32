"""Pairs that teach a network its own self-ensemble: photographs reduced, and what the network makes of them eight ways.

The mean over the eight mirrored and turned ways (Timofte et al. 2016, "Seven ways to improve example-based single image super
resolution", arXiv:1511.02228) is nearer to the original than any one of them, at eight times the work. A network trained on
that mean as its target (distillation: Hinton et al. 2015, arXiv:1503.02531) keeps some of the gain and none of the work. What no
network could know of the original is not in these targets, so that a few hundred small batches suffice where the originals
would lead nowhere.

The same pairs keep a network what it is while it learns something new beside them (Li and Hoiem 2016, "Learning without
forgetting", arXiv:1606.09282): pictures of another kind, whose targets are the originals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.upscaler import Upscaler
from srgan.errors import DataError, ImageError, UsageError
from srgan.image import Picture, list_pictures, read_rgb8, write
from srgan.image.multiband import deepened
from srgan.resize.imresize import downscale

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
    new: Path | None = None,
    count: int = 200,
    side: int = 480,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Distilled:
    """Write pairs to train on, ``out/HR`` and ``out/LRx4`` (or whatever the network's enlargement is), as PNG of 16 bits.

    A piece is taken from each of ``count`` pictures chosen at random, reduced as MATLAB's ``imresize`` does, rounded to 8 bits,
    and enlarged by the self-ensemble in fp32. Of each picture in ``new`` a piece is taken, too; its target is the piece itself.

    Parameters
    ----------
    folder : of photographs, searched with all that is below
    out : folder, empty or not there yet
    model : name of a shipped network or path of a model file, for RGB
    new : folder of pictures that the network is to get better at
    count : pieces; all pictures where there are fewer
    side : largest side of a piece, in pixels; larger pictures are cut at a random place
    seed : another one chooses other pictures and places
    progress : is told (pieces done, pieces in all)

    Raises
    ------
    UsageError
        if ``folder`` or ``new`` is not a directory, if ``out`` is not empty, or for a side below 192
    UnknownModelError, ModelError
        when the network cannot be opened
    DataError
        when one of them has no usable picture
    ImageWriteError
        when a pair cannot be written
    """
    _check_request(folder, new, out, side)
    upscaler = Upscaler(model, tta=True, precision="fp32", device="cpu")
    upscaler.require_rgb("pairs are made")
    scale = upscaler.scale
    rng = np.random.default_rng(seed)
    files = list_pictures(folder)
    order = [files[number] for number in rng.permutation(len(files))]
    others = list_pictures(new) if new is not None else []
    wanted = min(count, len(files))
    pairs, pixels = 0, 0
    rejected: list[tuple[str, str]] = []
    taught = _pieces(folder, order, wanted, side, scale, rng, rejected)
    added: Iterator[tuple[str, NDArray[np.uint8]]] = iter(())
    if new is not None:
        added = _pieces(new, others, len(others), side, scale, np.random.default_rng((seed, 1)), rejected)
        added = chain([next(added)], added)  # if there are none, that is said before the minutes of enlarging
    for pieces, from_network in ((taught, True), (added, False)):
        for stem, hr in pieces:
            lr = deepened(downscale(hr, scale))
            target = f"{pairs:05d}_{stem}.png"
            write(Picture(upscaler(lr) if from_network else deepened(hr)), out / "HR" / target)
            write(Picture(lr), out / f"LRx{scale}" / target)
            pairs += 1
            pixels += hr.shape[0] * hr.shape[1]
            if progress is not None:
                progress(pairs, wanted + len(others))
    return Distilled(pairs, pixels, tuple(rejected))


def _check_request(folder: Path, new: Path | None, out: Path, side: int) -> None:
    for given in (folder, new):
        if given is not None and not given.is_dir():
            raise UsageError(f"'{given}' is not a folder: give one with pictures in it")
    if side < LEAST_SIDE:
        raise UsageError(f"pieces of {side} pixels are too small: give {LEAST_SIDE} or more, so that crops fit in")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"'{out}' is not empty: choose another folder, or empty it")


def _pieces(
    folder: Path,
    files: list[Path],
    wanted: int,
    side: int,
    scale: int,
    rng: np.random.Generator,
    rejected: list[tuple[str, str]],
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the stem and a piece of as many pictures as are wanted; what is of no use is added to ``rejected``."""
    found = 0
    for file in files:
        if found == wanted:
            break
        name = file.relative_to(folder).as_posix()
        try:
            hr = _piece(read_rgb8(file), side, scale, rng)
        except ImageError as error:
            rejected.append((name, str(error)))
            continue
        if hr is None:
            rejected.append((name, f"smaller than {LEAST_SIDE} pixels"))
            continue
        found += 1
        yield file.stem, hr
    if not found:
        raise DataError(
            f"there are no pictures of {LEAST_SIDE} pixels or more in '{folder}': give a folder of pictures"
        )


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
