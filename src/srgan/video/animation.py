"""Animated GIF, WebP and PNG: every frame as it is shown, its time, and how often all is repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from srgan import image
from srgan.errors import ImageReadError, ImageTooLargeError, ImageWriteError, UsageError
from srgan.files import atomic_path, without_descriptor
from srgan.image.pixels import upright
from srgan.image.reading import MAX_PIXELS
from srgan.jobs.kinds import is_animation
from srgan.video.deep import frames_of_8_bits, open_deep, upscale_deep
from srgan.video.work import ClipDone, ClipListener, Enlarger, Selection, refuse

if TYPE_CHECKING:
    from srgan.engine.upscaler import Upscaler

MAX_BYTES = 4 * 10**9
"""What all frames of a result may take: Pillow writes an animation from memory."""

_FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
_NAMES = {"GIF": "GIF", "WEBP": "WebP", "PNG": "PNG"}
_OPAQUE_FROM = 128
"""GIF pixels are there or not; from this alpha on they are."""
_SHORTEST, _INSTEAD = 20, 100
"""Browsers show a frame of fewer milliseconds than the first for as many as the second."""


def upscale_animation(
    source: Path,
    target: Path,
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    streams: Selection | None = None,
    history: bool = True,
    listener: ClipListener | None = None,
) -> ClipDone:
    """Enlarge an animated picture, one that has a single frame, or a video, into an animated picture.

    Frames keep their times, in whole milliseconds (GIF: hundredths of a second); frames that show the same may be
    written as one that lasts as long as both. A video is turned as players turn it, and repeats without end.

    Parameters
    ----------
    source : .gif, .webp, .png or .apng, or a video
    target : .gif, .webp, .png or .apng
    quality : 1 to 100 for WebP; without it, WebP is written without loss, unless the source is WebP itself or a video
    streams : which of a video's other streams are wanted: a note says that these are left out
    history : write a line about this program and the network into the result's XMP

    Raises
    ------
    OutputExistsError, UsageError
        as :func:`srgan.video.run.upscale_clip`; and if the result does not fit into :data:`MAX_BYTES`
    ImageReadError, ImageTooLargeError, VideoError, ImageWriteError
        if the source cannot be read, or the target not be written
    """
    listener = listener or ClipListener()
    began = time.perf_counter()
    upscaler.require_rgb("animations are")
    refuse(source, target, overwrite=overwrite)
    first = None
    if is_animation(source):
        with opened(source):
            pass  # what is none is said in the words for animations
        first = replace(image.read(source), history=upscaler.name if history else None)
        for text in image.left_out(first, target):
            listener.note(f"{source}: left out: {text}")
    deep = open_deep(source)
    if first is not None and deep is not None and _FORMATS[target.suffix.lower()] == "PNG":
        return upscale_deep(source, target, deep, first, upscaler, overwrite=overwrite, listener=listener)
    enlarge = Enlarger(upscaler)
    with _opened_any(source, streams or Selection(), listener) as film:
        if first is not None and first.origin is not None:
            film = film.upright(first.origin.orientation)
        width, height = film.size
        if width * height > MAX_PIXELS:
            raise ImageTooLargeError(source, f"has frames of {width} x {height} pixels: reduce it")
        size = upscaler.size_of(height, width)
        _check_memory(film.total, size)
        listener.started(source, film.total, 0)
        kind = _FORMATS[target.suffix.lower()]
        same = film.picture is not None and film.picture.format == kind
        result = _Frames(kind, _SHORTEST if kind == "GIF" and not same else 0)
        for number, (pixels, duration) in enumerate(film.frames, 1):
            _check_memory(number, size)
            result.add(pixels, duration, enlarge)
            listener.frame(number)
    if result.dropped:
        listener.note(f"{source}: {result.dropped} of its frames are shorter than GIF can show, and were left out")
    options = film.options(result.kind, quality)
    with atomic_path(target, overwrite=overwrite, error=ImageWriteError) as partial:
        result.save(partial, options)
        if first is not None:
            image.belong(first, partial, _NAMES[result.kind], size[1], size[0])
    seconds = time.perf_counter() - began
    return ClipDone(target, film.size, (size[1], size[0]), len(result.frames), enlarge.computed, seconds)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open an animation; Pillow's errors inside the block become one line about this file.

    Raises
    ------
    ImageReadError
        if it is missing, damaged, or none
    """
    try:
        with Image.open(path, formats=("GIF", "WEBP", "PNG")) as picture:
            yield picture
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, EOFError, ValueError) as error:
        said = "it is no GIF, WebP or PNG" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ImageReadError(path, f"{said}: get the picture again") from None
    except OSError as error:
        raise ImageReadError(path, f"{error.strerror or error}: get the picture again") from None


def pictures(picture: Image.Image, *, as_said: bool = False) -> Iterator[tuple[NDArray[Any], float]]:
    """Yield each frame as it is shown, [H, W, 4] uint8, and for how many milliseconds.

    Parameters
    ----------
    as_said : yield the durations that the file says, and not those, in whole milliseconds, that browsers show it for
    """
    for number in range(int(getattr(picture, "n_frames", 1))):
        picture.seek(number)
        shown = np.asarray(picture.convert("RGBA"))
        duration = picture.info.get("duration", 0)  # known for this frame only once it is decoded
        if not as_said:
            duration = round(duration) if duration >= _SHORTEST else _INSTEAD
        yield shown, duration


@dataclass
class _Film:
    """What is enlarged: an animation, or a video as one."""

    size: tuple[int, int]
    """(width, height)"""
    total: int
    """Frames, 0 if nobody knows."""
    frames: Iterator[tuple[NDArray[Any], float]]
    """[H, W, 4] or [H, W, 3] uint8, and milliseconds."""
    picture: Image.Image | None = None
    """The animation."""

    def upright(self, orientation: int) -> _Film:
        """Return it with its frames turned as EXIF's orientation asks."""
        if orientation == 1:
            return self
        size = self.size[::-1] if orientation >= 5 else self.size
        frames = ((upright(pixels, orientation), duration) for pixels, duration in self.frames)
        return replace(self, size=size, frames=frames)

    def options(self, kind: str, quality: int | None) -> dict[str, Any]:
        """Return what Pillow is told beside the frames."""
        info = {"loop": 0} if self.picture is None else self.picture.info
        before = None if self.picture is None else self.picture.format
        options: dict[str, Any] = {}
        if "loop" in info:
            options["loop"] = info["loop"]
        elif kind != "GIF" and before == "GIF":
            options["loop"] = 1  # a GIF that does not say so is shown once, and other formats say so
        if kind != "GIF":
            options |= {key: info[key] for key in ("icc_profile", "exif") if info.get(key)}
        if kind == "PNG" and info.get("default_image"):
            options["default_image"] = True
        if kind == "WEBP":
            if before == "WEBP" and info.get("background"):
                options["background"] = info["background"]
            lossless = quality is None and before not in ("WEBP", None)
            options |= {"lossless": True} if lossless else {"quality": quality or 90}
        return options


@dataclass
class _Frames:
    """The result's frames."""

    kind: str
    shortest: int = 0
    """Milliseconds that a frame must last."""
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    dropped: int = 0

    def add(self, pixels: NDArray[Any], duration: float, enlarge: Enlarger) -> None:
        """Enlarge one more frame."""
        if self.frames and self.durations[-1] < self.shortest:  # the frame before must be seen first
            self.durations[-1] += duration
            self.dropped += 1
            return
        opaque = pixels.shape[2] == 3 or bool((pixels[:, :, 3] == 255).all())
        computed = enlarge.computed
        result = enlarge(np.ascontiguousarray(pixels[:, :, :3]) if opaque else pixels)
        self.durations.append(duration)
        if enlarge.computed == computed:
            self.frames.append(self.frames[-1])  # the same object: a copy would take its memory again
            return
        if self.kind == "GIF" and not opaque:
            result = result.copy()
            result[:, :, 3] = np.where(result[:, :, 3] >= _OPAQUE_FROM, 255, 0)
        self.frames.append(Image.fromarray(result))

    def save(self, path: Path, options: dict[str, Any]) -> None:
        """Write them."""
        if self.kind == "GIF" and any(frame.mode == "RGBA" for frame in self.frames):
            options["disposal"] = 2  # or what was there before would show through
        durations = _in_hundredths(self.durations) if self.kind == "GIF" else self.durations
        if len(self.frames) > 1:
            options |= {"save_all": True, "append_images": self.frames[1:], "duration": durations}
        with path.open("wb") as file:
            self.frames[0].save(without_descriptor(file), self.kind, **options)


def _in_hundredths(durations: list[float]) -> list[float]:
    """Return durations in whole hundredths of a second, still as milliseconds, whose sums are as near as can be."""
    ends = [10 * round(end / 10) for end in accumulate(durations)]
    return [float(end - begin) for begin, end in pairwise([0, *ends])]


@contextmanager
def _opened_any(source: Path, wanted: Selection, listener: ClipListener) -> Iterator[_Film]:
    if is_animation(source):
        with opened(source) as picture:
            deep = open_deep(source)
            if deep is not None:
                listener.note(f"{source}: its 16 bits a channel become 8: only an animated PNG holds more")
                yield _Film(picture.size, len(deep.frames), frames_of_8_bits(source, deep), picture)
            else:
                total = int(getattr(picture, "n_frames", 1))
                yield _Film(picture.size, total, pictures(picture, as_said=True), picture)
        return
    from srgan.video.as_pictures import left_out, probe_upright

    clip = probe_upright(source)
    for text in left_out(clip.clip, wanted):
        listener.note(f"{source}: {text}")
    yield _Film(clip.size, clip.clip.total, clip.frames())


def _check_memory(total: int, size: tuple[int, int]) -> None:
    height, width = size
    if total * height * width * 4 > MAX_BYTES:
        raise UsageError(
            f"{total} frames of {width} x {height} pixels take {total * height * width * 4 / 1e9:.1f} GB, and the "
            f"limit is {MAX_BYTES / 1e9:.0f} GB: ask for a smaller size, or make it a video first"
        )
