"""A video from file to file: frames enlarged, all else carried over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan._version import __version__
from srgan.errors import VideoError
from srgan.files import atomic_path
from srgan.video import mux
from srgan.video.clip import Clip, probe
from srgan.video.encoder import Encoding, PartWriter, Settings, decide
from srgan.video.parts import Parts
from srgan.video.work import ClipDone, ClipListener, Enlarger, refuse

if TYPE_CHECKING:
    from srgan.engine.upscaler import Upscaler

PART_FRAMES = 96
"""Frames of a part: what a kill costs at most, and the distance of key frames, four seconds of film."""


def upscale_clip(
    source: Path,
    target: Path,
    upscaler: Upscaler,
    *,
    encoding: Encoding | None = None,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    listener: ClipListener | None = None,
    part_frames: int = PART_FRAMES,
) -> ClipDone:
    """Enlarge a video. Audio, subtitles, chapters, timestamps, rotation and colour tags are those of the source.

    The result is encoded in parts, which lie beside it until all are done: the same call after a kill goes on behind
    the last finished part, and gives the same file as an uninterrupted one.

    Parameters
    ----------
    source : a video that FFmpeg reads
    target : its extension says the container (:data:`srgan.video.names.WRITABLE`)
    upscaler : the open network
    encoding : codec and quality
    options : what the upscaler was made with: parts of a run with other options are not gone on from
    part_frames : frames of a part

    Raises
    ------
    OutputExistsError
        if the target is there and may not be replaced
    VideoError, ImageTooLargeError
        if the source cannot be read, or the result not be written
    UsageError
        if codec, container, size and streams do not go together; said before any frame is computed
    """
    listener = listener or ClipListener()
    encoding = encoding or Encoding()
    began = time.perf_counter()
    refuse(source, target, overwrite=overwrite)
    clip = probe(source)
    upscaler = upscaler.sized(clip.stored(upscaler.target))
    size = upscaler.size_of(clip.height, clip.width)
    settings = decide(encoding, clip, target, size)
    parts = Parts(target, _facts(clip, upscaler, settings, size, part_frames, options or {}))
    for text in [*mux.check(clip, settings, target, parts.folder), *_warnings(clip)]:
        listener.note(f"{source}: {text}")
    listener.started(source, clip.total, parts.frames)
    enlarge = Enlarger(upscaler)
    frames, last = _encode(clip, enlarge, settings, parts, listener, part_frames)
    if clip.counted and frames < clip.total:
        listener.note(f"{source}: {frames} of its {clip.total} frames can be shown; the rest is missing from the file")
    with atomic_path(target, overwrite=overwrite, error=VideoError) as partial:
        mux.join(clip, parts.files, settings, partial, target, last)
    parts.remove()
    before, after = clip.shown(clip.width, clip.height), clip.shown(settings.width, settings.height)
    return ClipDone(target, before, after, frames, enlarge.computed, time.perf_counter() - began)


def _encode(
    clip: Clip, enlarge: Enlarger, settings: Settings, parts: Parts, listener: ClipListener, part_frames: int
) -> tuple[int, int]:
    """Write the parts that are missing; return how many frames there are, and the last one's duration."""
    finished = parts.frames
    count = last = 0
    with ExitStack() as part:
        writer: PartWriter | None = None
        for moment, frame in clip.frames():
            count += 1
            last = int(frame.duration or 0)
            if count <= finished:  # decoded again, which costs little, and is exact where seeking may not be
                continue
            if (frame.width, frame.height) != (clip.width, clip.height):
                raise VideoError(
                    f"{str(clip.path)!r} changes its size to {frame.width} x {frame.height} at frame {count}: "
                    "cut it there"
                )
            if writer is None:
                partial = part.enter_context(atomic_path(parts.next(), overwrite=True, error=VideoError))
                writer = part.enter_context(PartWriter(partial, clip, settings, part_frames))
            writer.write(moment, enlarge(clip.colours.to_rgb(frame)))
            listener.frame(count)
            if count % part_frames == 0:
                part.pop_all().close()
                writer = None
    if count < finished:
        raise VideoError(f"{str(clip.path)!r} has fewer frames than when the work began: start again with --overwrite")
    return count, last


def _facts(
    clip: Clip,
    upscaler: Upscaler,
    settings: Settings,
    size: tuple[int, int],
    part_frames: int,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return all that decides what the parts contain."""
    state = clip.path.stat()
    return {
        "version": __version__,
        "source": [str(clip.path.resolve()), state.st_size, state.st_mtime_ns],
        "network": [upscaler.name, upscaler.card],
        "options": dict(options),
        "size": size,
        "settings": asdict(settings),
        "frames": part_frames,
    }


def _warnings(clip: Clip) -> list[str]:
    return ["it is interlaced, and its lines will show as combs: deinterlace it first"] if clip.interlaced else []
