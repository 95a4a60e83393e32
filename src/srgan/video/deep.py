"""Animated PNG of 16 bits a channel, which stay 16 bits where the result is PNG too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan import image
from srgan.errors import ImageReadError, ImageTooLargeError, ImageWriteError
from srgan.files import atomic_path
from srgan.image import apng
from srgan.image.opened import DamagedError
from srgan.image.pixels import upright
from srgan.image.reading import MAX_PIXELS
from srgan.image.writing import png_beginning_of
from srgan.video.work import ClipDone, ClipListener, Enlarger

if TYPE_CHECKING:
    from srgan.engine.upscaler import Upscaler


def open_deep(source: Path) -> apng.Animation | None:
    """Return the animation in a PNG file of more than 8 bits; None for any other file.

    Raises
    ------
    ImageReadError, ImageTooLargeError
        if it is damaged or too large
    """
    if source.suffix.lower() not in (".png", ".apng"):
        return None
    header = image.probe(source)
    if header.format != "PNG" or header.depth != 16 or header.pages < 2:
        return None
    if header.width * header.height > MAX_PIXELS:
        raise ImageTooLargeError(source, f"has frames of {header.width} x {header.height} pixels: reduce it")
    with source.open("rb") as file:
        try:
            return apng.open_file(file)
        except DamagedError as error:
            raise _damaged(source, error) from None


def frames(source: Path, animation: apng.Animation) -> Iterator[NDArray[np.uint16]]:
    """Yield the frames as they are shown, [H, W, C] uint16; ImageReadError where one is damaged."""
    try:
        yield from animation.pictures()
    except DamagedError as error:
        raise _damaged(source, error) from None


def frames_of_8_bits(source: Path, animation: apng.Animation) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield the frames as [H, W, 4] uint8, and milliseconds: for results that hold no more."""
    for frame, pixels in zip(animation.frames, frames(source, animation), strict=True):
        eight = image.to_8_bit(np.ascontiguousarray(pixels))
        shown = np.full((*eight.shape[:2], 4), 255, np.uint8)
        alpha = eight.shape[2] in (2, 4)
        shown[:, :, :3] = eight[:, :, :-1] if alpha else eight
        if alpha:
            shown[:, :, 3] = eight[:, :, -1]
        yield shown, float(frame.seconds * 1000)


def upscale_deep(
    source: Path,
    target: Path,
    animation: apng.Animation,
    first: image.Picture,
    upscaler: Upscaler,
    *,
    overwrite: bool,
    listener: ClipListener,
) -> ClipDone:
    """Enlarge an animation into a PNG file of 16 bits, each frame with exactly its time; errors as for others.

    ``first`` is the file read as a picture: what belongs to it goes along, and its orientation is that of all frames.
    """
    began = time.perf_counter()
    enlarge = Enlarger(upscaler)
    height, width = upscaler.size_of(first.height, first.width)
    total = len(animation.frames)
    listener.started(source, total, 0)
    turn = first.origin.orientation if first.origin is not None else 1
    beginning = png_beginning_of(first, width, height)
    with atomic_path(target, overwrite=overwrite, error=ImageWriteError) as partial, partial.open("wb") as out:
        writer = apng.Writer(out, total, animation.plays, beginning)
        shown: Any = zip(animation.frames, frames(source, animation), strict=True)
        for number, (frame, pixels) in enumerate(shown, 1):
            writer.add(enlarge(upright(pixels, turn)), frame.seconds)
            listener.frame(number)
        writer.finish()
    seconds = time.perf_counter() - began
    before = first.width, first.height
    return ClipDone(target, before, (width, height), total, enlarge.computed, seconds)


def _damaged(source: Path, error: DamagedError) -> ImageReadError:
    return ImageReadError(source, f"it is damaged or cut short ({error}): get the picture again")
