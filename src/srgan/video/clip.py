"""A video file that is read: its facts, and its frames with their timestamps."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from srgan.engine.sizes import Target
from srgan.errors import ImageTooLargeError, VideoError
from srgan.files import why_not_written
from srgan.image.reading import MAX_PIXELS
from srgan.video import clock, side_data
from srgan.video.colours import Colours, colours_of
from srgan.video.decoding import decode, decoder_of, first_frame
from srgan.video.side_data import Mastering
from srgan.video.tags import AS_BYTES
from srgan.video.work import Losses, TimedFrame

_SUBSAMPLING = {(1, 1): "420", (1, 0): "422", (0, 0): "444"}
"""Halvings of chroma (across, down) -> what it is called; anything else is kept as 4:4:4."""


def why_failed(error: av.error.FFmpegError) -> str:
    """Say in a few words what FFmpeg's error of writing means, and what to do."""
    return why_not_written(OSError(error.errno, error.strerror))


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a video; FFmpeg's errors inside the block become one line about this file.

    Raises
    ------
    VideoError
        if it is missing, may not be read, is damaged, or is no video
    """
    try:
        # As a file, whatever its name begins with, and so that it cannot make FFmpeg open anything else.
        options = {"protocol_whitelist": "file"}
        with av.open(f"file:{path}", options=options, metadata_errors=AS_BYTES) as container:
            yield container
    except av.error.FFmpegError as error:
        reason = error.strerror or "it is damaged"
        raise VideoError(
            f"cannot read {str(path)!r} ({reason[:1].lower()}{reason[1:]}): check the path, or get the video again"
        ) from None


@dataclass(frozen=True)
class Clip:
    """What a video file says about its picture."""

    path: Path
    index: int
    """Which of the file's streams it is."""
    width: int
    height: int
    colours: Colours
    subsampling: str
    depth: int
    time_base: Fraction
    """Seconds that a timestamp counts."""
    rate: Fraction
    """Frames a second on average: for the encoder; timestamps are carried, not made of it."""
    total: int
    """Frames that it says it has, or what its length suggests; 0 if it says nothing."""
    counted: bool
    """Whether the file itself counts its frames."""
    aspect: Fraction | None
    """Width of a pixel by its height."""
    matrix: tuple[int, ...] | None
    """Display matrix: how players turn it."""
    interlaced: bool
    alpha: bool = False
    """Whether its frames are transparent, or may be."""
    decoder: str | None = None
    """The decoder for it, where FFmpeg's first choice would pass something over."""
    mastering: Mastering | None = None
    """How bright HDR is meant, where its frames say it."""
    unsaid: tuple[str, ...] = ()
    """Words for what its first frame says beside its pixels, and no result has."""
    moves: tuple[Fraction, ...] = (Fraction(0),)
    """Seconds to move its packets by, from the beginning and after each jump (:class:`srgan.video.clock.Clock`)."""

    @property
    def animated(self) -> bool:
        """Whether this is an animated picture, whose file has no streams."""
        return self.index < 0

    @property
    def turned(self) -> bool:
        """Whether players turn it by a quarter: what is stored as its width is shown as its height."""
        return self.matrix is not None and abs(self.matrix[1]) > abs(self.matrix[0])

    def shown(self, width: int, height: int) -> tuple[int, int]:
        """Return the (width, height) at which players show frames that are stored with these.

        Pixels that are not square are made so in width, as players do.
        """
        across = max(round(width * (self.aspect or 1)), 1)
        return (height, across) if self.turned else (across, height)

    def stored(self, target: Target) -> Target:
        """Return the size to store the result in, so that it is *shown* as ``target`` says."""
        width, height, fit = target.width, target.height, target.fit
        if self.turned:
            width, height, fit = height, width, fit and (fit[1], fit[0])
        if self.aspect:
            width = width and max(round(width / self.aspect), 1)
            fit = fit and (max(int(fit[0] / self.aspect), 1), fit[1])
        return Target(target.scale, width, height, fit)

    def frames(self, losses: Losses) -> Generator[TimedFrame, None, None]:
        """Decode all frames, in the order of showing; ``losses`` counts what cannot be.

        Times always grow: a frame without one, or with one that is not later than the frame's before, is put one tick,
        or its predecessor's length, after what came before.

        Raises
        ------
        VideoError
            if the file cannot be read, or nothing in it be decoded
        """
        last: int | None = None
        for frame in self._decoded(losses):
            time = frame.pts
            if last is None:
                time = time or 0
            elif time is None:
                time = last + max(frame.duration or 0, 1)
            last = time = time if last is None else max(time, last + 1)
            if (frame.width, frame.height) != (self.width, self.height):
                losses.resized += 1
                frame = frame.reformat(width=self.width, height=self.height)
            yield TimedFrame(time, int(frame.duration or 0), self.colours.to_rgb(frame, alpha=self.alpha))
        if last is None:
            raise VideoError(f"{str(self.path)!r} has no frame that can be read: get the video again")

    def _decoded(self, losses: Losses) -> Iterator[Any]:
        """Yield frames as FFmpeg gives them, with times that stay true where the file's clock jumps."""
        with opened(self.path) as container:
            stream = container.streams[self.index]
            timeline = clock.Clock(stream.index, may_leap=clock.may_leap(container), moves=self.moves)
            decoder = decoder_of(stream, self.decoder)
            for packet in clock.packets(container, [stream]):
                timeline.correct(packet)
                frames, failed = decode(decoder, packet)
                losses.damaged += failed
                losses.hidden += packet.is_discard
                yield from frames


def probe(path: Path) -> Clip:
    """Return the facts of a video file; its first frame is decoded for those that only frames tell.

    Raises
    ------
    VideoError
        if it cannot be read, or has no video stream
    ImageTooLargeError
        if its frames have more pixels than pictures may have
    """
    clip = glance(path)
    with opened(path) as container:
        return replace(clip, moves=clock.scan(container, container.streams[clip.index]))


def glance(path: Path) -> Clip:
    """Return the facts of a video file but how its clock jumps, which all of it must be read for; errors as :func:`probe`."""
    with opened(path) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise VideoError(f"{str(path)!r} has no video in it: name another file")
        stream = streams[0]
        context = stream.codec_context
        if context.width * context.height > MAX_PIXELS:
            raise ImageTooLargeError(path, f"has frames of {context.width} x {context.height} pixels: reduce it")
        name = _alpha_decoder(stream)
        first = first_frame(container, stream, decoder_of(stream, name))
        if first is None or context.format is None:
            raise VideoError(f"{str(path)!r} has no frame that can be read: get the video again")
        return _facts(path, container, stream, first, name)


def _facts(path: Path, container: InputContainer, stream: Any, first: Any, decoder: str | None) -> Clip:
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    length = container.duration or 0
    parts = first.format.components
    chroma = parts[1:2] if len(parts) > 2 else ()
    halved = (chroma[0].width < first.width, chroma[0].height < first.height) if chroma else (True, True)
    return Clip(
        path=path,
        index=stream.index,
        width=first.width,
        height=first.height,
        colours=colours_of(stream.codec_context, first),
        subsampling=_SUBSAMPLING.get((int(halved[0]), int(halved[1])), "444"),
        depth=parts[0].bits,
        time_base=stream.time_base or Fraction(1, 90_000),
        rate=rate,
        total=stream.frames or round(Fraction(length, av.time_base) * rate),
        counted=bool(stream.frames),
        aspect=stream.codec_context.sample_aspect_ratio or None,
        matrix=_display_matrix(first),
        interlaced=bool(first.interlaced_frame),
        alpha=any(part.is_alpha for part in parts),
        decoder=decoder,
        mastering=side_data.mastering_of(first),
        unsaid=side_data.left_out(first),
    )


def _alpha_decoder(stream: Any) -> str | None:
    """Return the decoder that knows the alpha of a stream; FFmpeg's own ones of VP8 and VP9 pass it over."""
    if stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) != "1":
        return None
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    return name if name in av.codecs_available else None


def _display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    return tuple(int(value) for value in memoryview(bytes(data)).cast("i"))
