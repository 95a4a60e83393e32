"""The frames of a video file, decoded: a damaged packet costs its frame, not the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import av

from srgan.errors import VideoError
from srgan.video import clock
from srgan.video.work import Losses, TimedFrame

if TYPE_CHECKING:
    from srgan.video.clip import Clip


def timed_frames(clip: Clip, container: Any, losses: Losses) -> Iterator[TimedFrame]:
    """Yield a clip's frames in the order of showing, each with its time in the clip's unit.

    Times always grow: a frame without one, or with one that is not later than the frame's before, is put one tick, or
    its predecessor's length, after what came before.

    Raises
    ------
    VideoError
        if nothing can be decoded
    """
    last: int | None = None
    for frame in _decoded(clip, container, losses):
        time = frame.pts
        if last is None:
            time = time or 0
        elif time is None:
            time = last + max(frame.duration or 0, 1)
        last = time = time if last is None else max(time, last + 1)
        if (frame.width, frame.height) != (clip.width, clip.height):
            losses.resized += 1
            frame = frame.reformat(width=clip.width, height=clip.height)
        yield TimedFrame(time, int(frame.duration or 0), clip.colours.to_rgb(frame, alpha=clip.alpha))
    if last is None:
        raise VideoError(f"{str(clip.path)!r} has no frame that can be read: get the video again")


def decoder_of(stream: Any, name: str | None) -> Any:
    """Return the decoder of a stream, or the one of this name, which must know the stream's packets."""
    if name is not None:
        return av.CodecContext.create(name, "r")
    stream.codec_context.thread_type = "AUTO"
    return stream.codec_context


def first_frame(container: Any, stream: Any, decoder: Any) -> Any:
    """Return the first frame that can be decoded, or None."""
    for packet in clock.packets(container, [stream]):
        frames, _ = _decode(decoder, packet)
        if frames:
            return frames[0]
    return None


def _decoded(clip: Clip, container: Any, losses: Losses) -> Iterator[Any]:
    """Yield frames as FFmpeg gives them, with times that go on where the file's clock jumps."""
    stream = container.streams[clip.index]
    timeline = clock.Clock(stream.index, may_leap=clock.may_leap(container), moves=clip.moves)
    decoder = decoder_of(stream, clip.decoder)
    for packet in clock.packets(container, [stream]):
        timeline.correct(packet)
        frames, failed = _decode(decoder, packet)
        losses.damaged += failed
        yield from frames


def _decode(decoder: Any, packet: Any) -> tuple[list[Any], bool]:
    """Return the frames that are complete with a packet, and whether it is damaged."""
    try:
        return decoder.decode(packet), False
    except (av.error.InvalidDataError, av.error.EOFError):
        return [], packet.size > 0
