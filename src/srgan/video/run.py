"""A video from file to file: frames enlarged, all else carried over."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from srgan._version import __version__
from srgan.errors import VideoError
from srgan.files import atomic_path
from srgan.jobs.kinds import is_animation
from srgan.video import mux, room
from srgan.video.animated_clip import AnimatedClip, probe_animation
from srgan.video.clip import Clip, probe
from srgan.video.encoder import EncoderSettings, Encoding, PartWriter, decide, losses_of
from srgan.video.parts import Parts
from srgan.video.pipeline import Behind, ahead, thread
from srgan.video.work import ClipDone, ClipListener, Enlarger, Losses, Selection, refuse

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
    streams: Selection | None = None,
    overwrite: bool = False,
    listener: ClipListener | None = None,
    part_frames: int = PART_FRAMES,
) -> ClipDone:
    """Enlarge a video, or an animated picture into a video.

    Audio, subtitles, chapters, timestamps, rotation and colour tags are those of the source.

    The result is encoded in parts, which lie beside it until all are done: the same call after a kill resumes behind the
    last finished part, and gives the same file as an uninterrupted one.

    Parameters
    ----------
    source : a video that FFmpeg reads, or an animated GIF, WebP or PNG
    target : its extension says the container (:data:`srgan.jobs.kinds.CONTAINERS`)
    upscaler : the open network
    encoding : codec and quality
    options : what the upscaler was made with: a run with other options does not resume from these parts
    streams : which of the other streams are wanted, by default all
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
    upscaler.require_rgb("clips are")
    refuse(source, target, overwrite=overwrite)
    clip = probe_animation(source) if is_animation(source) else probe(source)
    upscaler = upscaler.sized(clip.stored(upscaler.target))
    size = upscaler.size_of(clip.height, clip.width)
    settings = decide(encoding, clip, target, size)
    tracks = mux.check(clip, settings, target, streams or Selection())
    room.check(clip, settings, target)
    parts = Parts(target, _facts(clip, upscaler, settings, size, part_frames, options or {}), settings.part_suffix)
    for text in [*tracks.notes, *_warnings(clip), *losses_of(clip, settings, target)]:
        listener.note(f"{source}: {text}")
    listener.started(source, clip.total, parts.frames)
    enlarge = Enlarger(upscaler)
    losses = Losses()
    frames, last = _encode(clip, enlarge, settings, parts, listener, part_frames, losses)
    for text in _missing(clip, frames, losses):
        listener.note(f"{source}: {text}")
    with atomic_path(target, overwrite=overwrite, error=VideoError) as partial:
        mux.join(clip, parts.files, settings, tracks, partial, target, last)
    parts.remove()
    before, after = clip.shown(clip.width, clip.height), clip.shown(settings.width, settings.height)
    return ClipDone(target, before, after, frames, enlarge.computed, time.perf_counter() - began)


def _encode(
    clip: Clip,
    enlarge: Enlarger,
    settings: EncoderSettings,
    parts: Parts,
    listener: ClipListener,
    part_frames: int,
    losses: Losses,
) -> tuple[int, int]:
    """Write the parts that are missing; return how many frames there are, and the last one's duration."""
    finished = parts.frames
    count = last = 0
    encoded = itertools.count(finished + 1)
    with (
        closing(clip.frames(losses)) as frames,
        _PartsWriter(clip, settings, parts, part_frames) as writer,
        thread("srgan-decode") as reading,
        thread("srgan-encode") as writing,
    ):
        behind = Behind(writing, lambda: listener.frame(next(encoded)))
        for frame in ahead(frames, reading):
            count += 1
            last = frame.duration
            if count > finished:  # decoded again, which costs little, and is exact where seeking may not be
                behind.call(writer.write, frame.time, enlarge(frame.pixels))
        behind.finish()
    if count < finished:
        raise VideoError(f"{str(clip.path)!r} has fewer frames than when the work began: start again with --overwrite")
    return count, last


class _PartsWriter:
    """Encodes frames into one part after the other."""

    def __init__(self, clip: Clip, settings: EncoderSettings, parts: Parts, part_frames: int) -> None:
        self._clip = clip
        self._settings = settings
        self._parts = parts
        self._part_frames = part_frames
        self._stack = ExitStack()
        self._part: PartWriter | None = None
        self._frames = 0

    def write(self, time: int, pixels: NDArray[Any]) -> None:
        """Encode one more frame, with its timestamp in the clip's unit."""
        if self._part is None:
            partial = self._stack.enter_context(atomic_path(self._parts.next(), overwrite=True, error=VideoError))
            part = PartWriter(partial, self._clip, self._settings, self._part_frames)
            self._part = self._stack.enter_context(part)
        self._part.write(time, pixels)
        self._frames += 1
        if self._frames % self._part_frames == 0:
            self._stack.pop_all().close()
            self._part = None

    def __enter__(self) -> _PartsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _facts(
    clip: Clip,
    upscaler: Upscaler,
    settings: EncoderSettings,
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
    notes = list(clip.notes) if isinstance(clip, AnimatedClip) else []
    if clip.interlaced:
        notes.append("it is interlaced, and its lines will show as combs: deinterlace it first")
    if jumps := len(clip.moves) - 1:
        times = "once" if jumps == 1 else f"{jumps} times"
        notes.append(f"its clock jumps {times}; the result runs on there")
    return notes


def _missing(clip: Clip, frames: int, losses: Losses) -> list[str]:
    """Return a note for each way in which not all frames could be shown as the file promises."""
    notes = []
    total = clip.total - losses.hidden
    if clip.counted and frames < total:
        notes.append(f"{frames} of its {total} frames can be shown; the rest is missing from the file")
    elif losses.damaged:
        plural = "packet is" if losses.damaged == 1 else "packets are"
        notes.append(f"{losses.damaged} {plural} damaged, and their frames are missing")
    if losses.resized:
        notes.append(f"{losses.resized} of its frames have another size, and were brought to that of the first")
    return notes
