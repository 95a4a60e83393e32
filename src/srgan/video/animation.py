"""Animated GIF, WebP and PNG: every frame as it is shown, its time, and how often all is repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from srgan.errors import ImageReadError, ImageTooLargeError, ImageWriteError, UsageError
from srgan.files import atomic_path
from srgan.image.reading import MAX_PIXELS
from srgan.video.work import ClipDone, ClipListener, Enlarger, refuse

if TYPE_CHECKING:
    from srgan.engine.upscaler import Upscaler

MAX_BYTES = 4 * 10**9
"""What all frames of a result may take: Pillow writes an animation from memory."""

_FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
_OPAQUE_FROM = 128
"""GIF pixels are there or not; from this alpha on they are."""


def upscale_animation(
    source: Path,
    target: Path,
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    listener: ClipListener | None = None,
) -> ClipDone:
    """Enlarge an animated picture, or one that has a single frame.

    Frames keep their times, in whole milliseconds (GIF: hundredths of a second); frames that show the same may be
    written as one that lasts as long as both.

    Parameters
    ----------
    source, target : .gif, .webp, .png or .apng, each into any other
    quality : 1 to 100 for WebP; without it, WebP is written without loss, unless the source is WebP itself

    Raises
    ------
    OutputExistsError, UsageError
        as :func:`srgan.video.run.upscale_clip`; and if the result does not fit into :data:`MAX_BYTES`
    ImageReadError, ImageTooLargeError, ImageWriteError
        if the source cannot be read, or the target not be written
    """
    listener = listener or ClipListener()
    began = time.perf_counter()
    refuse(source, target, overwrite=overwrite)
    kind = _FORMATS[target.suffix.lower()]
    enlarge = Enlarger(upscaler)
    with _opened(source) as picture:
        total = int(getattr(picture, "n_frames", 1))
        before = picture.size
        if before[0] * before[1] > MAX_PIXELS:
            raise ImageTooLargeError(source, f"has frames of {before[0]} x {before[1]} pixels: reduce it")
        height, width = upscaler.size_of(before[1], before[0])
        if total * height * width * 4 > MAX_BYTES:
            raise UsageError(
                f"{total} frames of {width} x {height} pixels take {total * height * width * 4 / 1e9:.1f} GB, and the "
                f"limit is {MAX_BYTES / 1e9:.0f} GB: ask for a smaller size, or make it a video first"
            )
        listener.started(source, total, 0)
        options = _options(picture, kind, quality)
        frames: list[Image.Image] = []
        times: list[float] = []
        for number in range(total):
            picture.seek(number)
            shown = picture.convert("RGBA")
            times.append(picture.info.get("duration", 0))  # known for this frame only once it is decoded
            frames.append(_enlarged(np.asarray(shown), enlarge, kind, frames))
            listener.frame(number + 1)
    if kind == "GIF" and any(frame.mode == "RGBA" for frame in frames):
        options["disposal"] = 2  # or what was there before would show through
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:], "duration": times}
    with atomic_path(target, overwrite=overwrite, error=ImageWriteError) as partial:
        frames[0].save(partial, kind, **options)
    seconds = time.perf_counter() - began
    return ClipDone(target, before, (width, height), total, enlarge.computed, seconds)


def _enlarged(pixels: Any, enlarge: Enlarger, kind: str, frames: list[Image.Image]) -> Image.Image:
    opaque = bool((pixels[:, :, 3] == 255).all())
    computed = enlarge.computed
    result = enlarge(np.ascontiguousarray(pixels[:, :, :3]) if opaque else pixels)
    if enlarge.computed == computed:
        return frames[-1]  # the same object: a copy would take its memory again
    if kind == "GIF" and not opaque:
        result = result.copy()
        result[:, :, 3] = np.where(result[:, :, 3] >= _OPAQUE_FROM, 255, 0)
    return Image.fromarray(result)


def _options(picture: Image.Image, kind: str, quality: int | None) -> dict[str, Any]:
    info = picture.info
    options: dict[str, Any] = {}
    if "loop" in info:
        options["loop"] = info["loop"]
    elif kind != "GIF" and picture.format == "GIF":
        options["loop"] = 1  # a GIF that does not say so is shown once, and other formats say so
    if kind != "GIF":
        options |= {key: info[key] for key in ("icc_profile", "exif") if info.get(key)}
    if kind == "PNG" and info.get("default_image"):
        options["default_image"] = True
    if kind == "WEBP":
        options |= {"lossless": True} if quality is None and picture.format != "WEBP" else {"quality": quality or 90}
    return options


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=("GIF", "WEBP", "PNG")) as picture:
            yield picture
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, EOFError, ValueError) as error:
        said = "it is no GIF, WebP or PNG" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ImageReadError(path, f"{said}: get the picture again") from None
    except OSError as error:
        raise ImageReadError(path, f"{error.strerror or error}: get the picture again") from None
