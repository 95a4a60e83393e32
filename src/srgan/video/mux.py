"""Parts, audio and subtitles become one file."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer

from srgan.errors import UsageError, VideoError
from srgan.video.clip import Clip, opened, why_failed
from srgan.video.encoder import LEAD, Settings, add_encoder
from srgan.video.names import WRITABLE
from srgan.video.parts import packets

_TAGS = {"hevc": "hvc1"}
"""Apple's players show HEVC in MP4 under this tag only."""


def check(clip: Clip, settings: Settings, target: Path, folder: Path) -> list[str]:
    """Find out before the work whether the container takes all streams; return a note for each that is left out.

    Raises
    ------
    UsageError
        if it does not take the codec of an audio or subtitle stream
    """
    trial = folder / f"trial{target.suffix}"
    try:
        with opened(clip.path) as source:
            out = _open(trial, target)
            try:
                add_encoder(out, clip, settings)
                _add_others(out, source, clip)
                with _refused(target):
                    out.start_encoding()
            finally:
                with suppress(av.error.FFmpegError):  # a file without frames is no file to some containers
                    out.close()
            return [
                f"its {stream.type} stream {stream.index} is not copied"
                for stream in source.streams
                if stream.index != clip.index and stream.type not in ("audio", "subtitle", "attachment")
            ]
    finally:
        trial.unlink(missing_ok=True)


def join(clip: Clip, parts: Sequence[Path], settings: Settings, partial: Path, target: Path, last: int) -> None:
    """Write the result to ``partial``, in the container that ``target``'s extension means.

    Parameters
    ----------
    last : duration of the last frame, in the clip's unit

    Raises
    ------
    VideoError
        if the file cannot be written
    """
    times = [packet.pts for path in parts for packet in _in_unit(path, clip.time_base)]
    with opened(clip.path) as source, _output(partial, target) as out, av.open(str(parts[0]), format="nut") as first:
        stream = out.add_stream_from_template(first.streams.video[0], opaque=True)
        stream.time_base = clip.time_base
        if target.suffix.lower() != ".mkv" and settings.codec in _TAGS:
            stream.codec_context.codec_tag = _TAGS[settings.codec]
        if clip.matrix is not None:
            stream.set_display_matrix(clip.matrix)
        stream.metadata.update(_kept(source.streams[clip.index].metadata))
        others = _add_others(out, source, clip)
        out.metadata.update(_kept(source.metadata))
        if chapters := source.chapters():
            out.set_chapters(chapters)
        with _refused(target):
            out.start_encoding()
        merged = heapq.merge(
            _video(clip, parts, times, stream, last), _copied(source, others), key=lambda entry: entry[0]
        )
        for _, packet in merged:
            with _written(target):
                out.mux(packet)


def decode_times(times: Sequence[int]) -> list[int]:
    """Return when each frame must be decoded, for frames in the order of decoding with their times of showing.

    The decoding times grow, and none is later than its frame's showing: each is the time of showing of the frame that
    comes so many places earlier in the order of showing as the encoder's reordering needs at most.
    """
    shown = sorted(times)
    rank = {time: place for place, time in enumerate(shown)}
    delay = max((place - rank[time] for place, time in enumerate(times)), default=0)
    step = shown[1] - shown[0] if len(shown) > 1 else 1
    before = [shown[0] - step * (delay - place) for place in range(delay)]
    return (before + shown)[: len(times)]


def _in_unit(path: Path, unit: Fraction) -> Iterator[Any]:
    for packet in packets(path):
        packet.pts = round(packet.pts * packet.time_base / unit) - LEAD
        yield packet


def _video(
    clip: Clip, parts: Sequence[Path], times: Sequence[int], stream: Any, last: int
) -> Iterator[tuple[Fraction, Any]]:
    shown = sorted(times)
    length = dict(
        zip(shown, (b - a for a, b in zip(shown, [*shown[1:], shown[-1] + max(last, 1)], strict=True)), strict=True)
    )
    decoded = iter(decode_times(times))
    for path in parts:
        for packet in _in_unit(path, clip.time_base):
            packet.dts = next(decoded)
            packet.duration = length[packet.pts]
            packet.time_base = clip.time_base
            packet.stream = stream
            yield packet.dts * clip.time_base, packet


def _copied(source: Any, others: dict[int, Any]) -> Iterator[tuple[Fraction, Any]]:
    if not others:
        return
    for packet in source.demux([source.streams[index] for index in others]):
        time = packet.pts if packet.dts is None else packet.dts
        if time is None:  # the end of a stream
            continue
        packet.stream = others[packet.stream.index]
        yield time * packet.time_base, packet


def _add_others(out: OutputContainer, source: Any, clip: Clip) -> dict[int, Any]:
    """Add streams for audio, subtitles and attachments; return those that have packets, by their index in the source."""
    added = {}
    for stream in source.streams:
        if stream.type not in ("audio", "subtitle", "attachment"):
            continue
        if stream.type == "attachment" and out.format.name != "matroska":
            continue  # fonts for subtitles, which other containers do not hold
        codec = stream.codec_context.name if stream.codec_context else stream.type
        try:
            copy = out.add_stream_from_template(stream, opaque=True)
        except ValueError:
            raise UsageError(
                f"{out.format.name} does not hold the {stream.type} of {clip.path.name!r} ({codec}): write .mkv, which does"
            ) from None
        copy.metadata.update(_kept(stream.metadata))
        copy.disposition = stream.disposition
        if stream.type != "attachment":
            added[stream.index] = copy
    return added


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """Return what is true of the result too: not the brands of the old container, nor its encoder."""
    gone = ("major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "handler_name", "duration")
    return {key: value for key, value in metadata.items() if key.lower() not in gone and not key.startswith("_STAT")}


def _open(path: Path, target: Path) -> OutputContainer:
    kind = WRITABLE[target.suffix.lower()]
    # The index goes to the front, so that a browser shows the video while it loads.
    options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
    return av.open(str(path), "w", format=kind, container_options=options)


@contextmanager
def _output(path: Path, target: Path) -> Iterator[OutputContainer]:
    with _written(target):
        out = _open(path, target)
    try:
        yield out
    except BaseException:
        with suppress(av.error.FFmpegError):
            out.close()
        raise
    with _written(target):
        out.close()


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise VideoError(f"cannot write {str(target)!r}: {why_failed(error)}") from None


@contextmanager
def _refused(target: Path) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, ValueError) as error:
        raise UsageError(f"{target.suffix} does not hold these streams ({error}): write .mkv, which does") from None
