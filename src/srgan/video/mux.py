"""Parts, sound and subtitles become one file; before the work all but the frames is written to nowhere, as a trial."""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Disposition

from srgan.errors import UsageError, VideoError
from srgan.video import clock, scheduling, tags
from srgan.video.clip import Clip, opened, why_failed
from srgan.video.encoder import LEAD, EncoderSettings, add_encoder
from srgan.video.parts import opened_part, packets
from srgan.video.streams import Track, Tracks, holds_timecode, name_of, open_output, plan_tracks
from srgan.video.subtitles import HEADER, converted
from srgan.video.work import Selection

_TEXT_UNIT = Fraction(1, 1000)
_QUICKTIME_NAMES = {
    "deu": "ger",
    "nld": "dut",
    "zho": "chi",
    "ces": "cze",
    "ell": "gre",
    "fas": "per",
    "isl": "ice",
    "ron": "rum",
    "slk": "slo",
    "sqi": "alb",
    "hye": "arm",
    "eus": "baq",
    "mya": "bur",
    "kat": "geo",
    "mkd": "mac",
    "msa": "may",
    "bod": "tib",
    "cym": "wel",
}
"""Languages of ISO 639-2/T by their older names, the only ones that QuickTime's table has."""
COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
"""The file's name and kind (MIME) by which Matroska's players know a cover picture of each codec."""


def check(clip: Clip, settings: EncoderSettings, target: Path, wanted: Selection) -> Tracks:
    """Find out before the work what becomes of all other streams, and that the result can be written.

    A frame in the wanted encoding and every packet of the other streams are written to nowhere.

    Raises
    ------
    UsageError
        if the container does not take a stream, and another one does; or does not take the encoding
    VideoError
        if the other streams cannot be copied
    """
    tracks = Tracks()
    if not clip.animated:
        with opened(clip.path) as source:
            tracks = plan_tracks(clip, source, target, wanted)
            suffix = target.suffix.lower()
            used = [clip.index, *(track.index for track in tracks.kept if track.kind in ("audio", "subtitle"))]
            texts = [_named(source.streams[index].metadata, quicktime=suffix == ".mov") for index in used]
            said = tags.check(suffix, source.metadata, texts)
            tracks = replace(tracks, keys=said.keys, notes=(*tracks.notes, *said.notes))
    with _source(clip) as source:
        out = open_output(os.devnull, target.suffix.lower(), indirect=tracks.indirect, trial=True)
        with _closed(out, target):
            with _refused(target, settings):
                video = add_encoder(out, clip, settings)
                others = _add_tracks(out, source, tracks.kept, clip)
                with scheduling.kept():
                    out.start_encoding()
            with _written(target):
                for packet in [packet for frame in (_blank(clip, settings), None) for packet in video.encode(frame)]:
                    packet.dts = packet.pts  # x265's is whatever lay in memory, for so few frames
                    out.mux(packet)
            for _, packet in _copied(clip, source, others):
                with _written(target):
                    out.mux(packet)
    return tracks


def join(
    clip: Clip, parts: Sequence[Path], settings: EncoderSettings, tracks: Tracks, partial: Path, target: Path, last: int
) -> None:
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
    with _source(clip) as source, opened_part(parts[0]) as first:
        with _written(target):
            out = open_output(str(partial), target.suffix.lower(), indirect=tracks.indirect, keys=tracks.keys)
        with _closed(out, target):
            stream = _add_video(out, first, clip, settings, target)
            others = _add_tracks(out, source, tracks.kept, clip)
            if source is not None:
                old = source.streams[clip.index]
                stream.metadata.update(tags.kept(old.metadata, _without_timecode(target)))
                stream.disposition = old.disposition
                out.metadata.update(tags.kept(source.metadata, _without_timecode(target)))
                if chapters := source.chapters():
                    out.set_chapters(chapters)
            with _refused(target, settings):
                out.start_encoding()
            merged = heapq.merge(
                _video(clip, parts, times, stream, last), _copied(clip, source, others), key=lambda entry: entry[0]
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


def _add_video(out: OutputContainer, first: Any, clip: Clip, settings: EncoderSettings, target: Path) -> Any:
    stream: Any = out.add_stream_from_template(first.streams.video[0], opaque=True)
    stream.time_base = clip.time_base
    stream.codec_context.framerate = clip.rate  # Matroska writes it, as how long frames last
    if tag := settings.tag(target):
        stream.codec_context.codec_tag = tag
    if clip.matrix is not None:
        stream.set_display_matrix(clip.matrix)
    if settings.alpha and settings.codec == "vp9":
        stream.metadata["alpha_mode"] = "1"
    return stream


def _source(clip: Clip) -> AbstractContextManager[Any]:
    """Open what the other streams come from; an animation has none."""
    return nullcontext(None) if clip.animated else opened(clip.path)


def _blank(clip: Clip, settings: EncoderSettings) -> av.VideoFrame:
    frame = av.VideoFrame(settings.width, settings.height, settings.pixel_format)
    for plane in frame.planes:  # as they come they hold whatever lay in memory
        plane.update(bytes(plane.buffer_size))
    frame.pts, frame.time_base = 0, clip.time_base
    return frame


def _in_unit(path: Path, unit: Fraction) -> Iterator[Any]:
    for packet in packets(path):
        # Matroska's milliseconds are the clip's units: see PartWriter.
        factor = Fraction(1) if path.suffix == ".mkv" else packet.time_base / unit
        packet.pts = round(packet.pts * factor) - LEAD
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


def _add_tracks(out: OutputContainer, source: Any, tracks: Sequence[Track], clip: Clip) -> dict[int, Any]:
    """Add a stream for each track; return those that have packets, by their index in the source."""
    added: dict[int, Any] = {}
    for track in tracks:
        stream = source.streams[track.index]
        if track.kind == "cover" and out.format.name == "matroska":  # a file in it, by its name
            out.add_attachment(*COVERS[name_of(stream)], _cover(clip, track.index))
            continue
        copy = _added(out, stream, track)
        copy.metadata.update(_named(tags.kept(stream.metadata), quicktime=out.format.name == "mov"))
        copy.disposition = stream.disposition
        if track.kind != "attachment":
            added[track.index] = copy
    return added


def _named(metadata: dict[str, str], *, quicktime: bool) -> dict[str, str]:
    """Return a stream's texts, its language by the name that QuickTime has for it."""
    language = metadata.get("language", "")
    return (
        {**metadata, "language": _QUICKTIME_NAMES[language]} if quicktime and language in _QUICKTIME_NAMES else metadata
    )


def _added(out: OutputContainer, stream: Any, track: Track) -> Any:
    if track.encoder is None:
        return out.add_stream_from_template(stream, opaque=True)
    copy: Any
    if track.kind == "subtitle":
        copy = out.add_stream(track.encoder)
        copy.codec_context.subtitle_header = HEADER
        copy.time_base = _TEXT_UNIT
        return copy
    context = stream.codec_context
    return out.add_stream(track.encoder, rate=context.sample_rate, layout=context.layout.name)


def _cover(clip: Clip, index: int) -> bytes:
    with opened(clip.path) as source:
        return next((bytes(packet) for packet in source.demux(source.streams[index]) if packet.size), b"")


def _copied(clip: Clip, source: Any, others: dict[int, Any]) -> Iterator[tuple[Fraction, Any]]:
    """Yield the packets of the other streams with their times of decoding, which grow for each of them."""
    if not others:
        return
    timeline = clock.Clock(clip.index, may_leap=clock.may_leap(source), moves=clip.moves)
    latest: dict[int, int] = {}
    # With the picture's packets, which say where subtitles jump.
    for packet in clock.packets(source, [source.streams[index] for index in sorted([clip.index, *others])]):
        timeline.correct(packet)
        copy = others.get(packet.stream.index)
        if copy is None:
            continue
        if packet.size and copy.disposition & Disposition.attached_pic:
            packet.pts = packet.dts = 0
        for piece in _as_stored(packet, copy):
            if piece.dts is None:
                piece.dts = piece.pts
            if piece.dts is None:  # the end of a stream
                continue
            _grow(piece, copy, latest)
            piece.stream = copy
            yield piece.dts * piece.time_base, piece


def _as_stored(packet: Any, copy: Any) -> Sequence[Any]:
    """Return what is written for one packet of the source: itself, or its sound encoded anew."""
    if copy.type == "subtitle" and copy.codec_context.is_encoder:
        return _other_words(packet, copy)
    if copy.type != "audio" or not copy.codec_context.is_encoder:
        return [packet]
    try:
        frames = packet.decode()
    except av.error.InvalidDataError:
        return []
    resampler = av.AudioResampler(copy.codec_context.format, copy.codec_context.layout, copy.codec_context.rate)
    return [
        piece
        for frame in frames
        for fitting in resampler.resample(frame)
        for piece in copy.codec_context.encode(fitting)
    ]


def _other_words(packet: Any, copy: Any) -> Sequence[Any]:
    """Return a packet of text in another codec; none for one that shows nothing."""
    data = converted(bytes(packet), name_of(packet.stream), name_of(copy))
    if data is None or packet.pts is None:
        return []
    piece = av.Packet(data)
    piece.time_base, piece.pts, piece.dts = packet.time_base, packet.pts, packet.pts
    piece.duration = packet.duration
    return [piece]


def _grow(packet: Any, copy: Any, latest: dict[int, int]) -> None:
    """See that a stream's times of decoding grow in the unit that they are written in."""
    unit = copy.time_base
    time = math.floor(packet.dts * packet.time_base / unit + Fraction(1, 2))
    before = latest.get(copy.index)
    if before is not None and time <= before:
        shown = None if packet.pts is None else math.floor(packet.pts * packet.time_base / unit + Fraction(1, 2))
        length = round((packet.duration or 0) * packet.time_base / unit)
        time = before + 1
        packet.time_base, packet.dts, packet.duration = unit, time, length
        packet.pts = max(time, time if shown is None else shown)
    elif packet.pts is None:
        packet.pts = packet.dts
    latest[copy.index] = time


def _without_timecode(target: Path) -> tuple[str, ...]:
    """Return the timecode's name unless the container has it as a text: of MOV and MP4 it is a stream, which is not made."""
    return () if holds_timecode(target) else ("timecode",)


@contextmanager
def _closed(out: OutputContainer, target: Path) -> Iterator[None]:
    try:
        yield
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
def _refused(target: Path, settings: EncoderSettings) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, ValueError) as error:
        raise UsageError(
            f"{target.suffix} does not hold {settings.codec} of {settings.width} x {settings.height} pixels with these "
            f"streams ({error}): write .mkv, or choose another --codec"
        ) from None
