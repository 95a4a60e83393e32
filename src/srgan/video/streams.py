"""What becomes of a file's other streams: sound, subtitles, attachments. What a container holds is asked of its muxer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Disposition

from srgan.errors import UsageError
from srgan.jobs.kinds import CONTAINERS
from srgan.video import tags
from srgan.video.clip import Clip
from srgan.video.subtitles import codec_for, loses_formatting
from srgan.video.work import Selection

_OPTIONS = {"audio": "--no-audio", "subtitle": "--no-subtitles", "attachment": "--no-subtitles"}
_WITH_COVER = (".mp4", ".m4v", ".mkv")
_PCM = {"u8": "pcm_s16le", "s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le"}
"""Samples as they are decoded -> uncompressed sound that containers hold."""


@dataclass(frozen=True)
class Track:
    """A stream of the source that comes into the result."""

    index: int
    kind: str
    """``"audio"``, ``"subtitle"``, ``"attachment"`` or ``"cover"``."""
    encoder: str | None = None
    """What its sound or text, stored otherwise in the source, is stored as; None copies it."""


@dataclass(frozen=True)
class Tracks:
    """The streams of a result beside its picture.

    Attributes
    ----------
    kept : in the order of the source
    notes : a line for each stream that is converted or left out
    indirect : whether one of them is a codec that the muxer writes, and that PyAV does not let through to it
    keys : whether texts need :data:`srgan.video.tags.KEYS`
    """

    kept: tuple[Track, ...] = ()
    notes: tuple[str, ...] = ()
    indirect: bool = False
    keys: bool = False


def plan_tracks(clip: Clip, source: Any, target: Path, wanted: Selection) -> Tracks:
    """Decide what becomes of each stream of a clip's file but the one that is enlarged.

    What is asked for and fits is kept. Uncompressed sound that the container does not hold is stored as another kind of
    uncompressed sound. What no container holds is left out.

    Raises
    ------
    UsageError
        if there is something that this container does not hold, and another one does
    """
    suffix = target.suffix.lower()
    kept, notes, indirect = [], [], False
    for stream in source.streams:
        if stream.index == clip.index:
            continue
        if _is_cover(stream) and suffix in _WITH_COVER and name_of(stream) in ("mjpeg", "png"):
            kept.append(Track(stream.index, "cover"))
        elif stream.type not in _OPTIONS:
            notes += _not_copied(stream, source, target)
        elif not wanted.takes(stream.type):
            pass
        elif holds(suffix, stream):
            kept.append(Track(stream.index, stream.type))
            indirect |= not _holds_directly(suffix, stream)
        elif encoder := _other_pcm(suffix, stream):
            kept.append(Track(stream.index, stream.type, encoder))
            notes.append(f"its audio stream {stream.index} ({name_of(stream)}) becomes {encoder} for {suffix}")
        elif text := _other_text(suffix, stream):
            kept.append(Track(stream.index, stream.type, text))
            how = ", without its formatting" if loses_formatting(name_of(stream), text) else ""
            notes.append(f"its subtitle stream {stream.index} ({name_of(stream)}) becomes {text} for {suffix}{how}")
        elif stream.type == "attachment":
            notes.append(f"its attachment {stream.index} is left out: {suffix} holds none, .mkv does")
        elif others := [other for other in (".mkv", ".mov", ".mp4") if holds(other, stream)]:
            other = _for_all(others, source, clip, wanted)
            raise UsageError(
                f"{suffix} does not hold the {stream.type} of {clip.path.name!r} ({name_of(stream)}): "
                f"write {other}, which does, or pass {_OPTIONS[stream.type]}"
            )
        else:
            notes.append(
                f"its {stream.type} stream {stream.index} ({name_of(stream)}) is left out: no container holds it"
            )
    if indirect and source.chapters():
        notes.append(f"its chapters are left out, as they do not go with its kind of sound in {suffix}")
    return Tracks(tuple(kept), tuple(notes), indirect)


def holds_timecode(target: Path) -> bool:
    """Return whether a result has a timecode as one of its texts."""
    return target.suffix.lower() in (".mkv", ".webm")


def _not_copied(stream: Any, source: Any, target: Path) -> list[str]:
    """Return a note for a stream of another kind than sound, subtitles and attachments, if its content is lost."""
    if (timecode := stream.metadata.get("timecode")) is not None and stream.type == "data":
        return [] if holds_timecode(target) else [f"its timecode ({timecode}) is left out: .mkv keeps it"]
    if stream.type == "data" and stream.metadata.get("handler_name") == "SubtitleHandler" and source.chapters():
        return []  # the names of the chapters, which are kept
    said = stream.metadata.get("handler_name", "").strip("\x00\t\b ")
    named = f" ({said})" if stream.type == "data" and said else ""
    if _is_cover(stream):
        return [f"its cover picture is left out: {', '.join(_WITH_COVER)} hold one"]
    return [f"its {stream.type} stream {stream.index}{named} is not copied"]


def _is_cover(stream: Any) -> bool:
    return bool(stream.type == "video" and stream.disposition & Disposition.attached_pic)


def _other_text(suffix: str, stream: Any) -> str | None:
    """Return the kind of text that a container holds instead of a stream's, if that is text too."""
    return codec_for(suffix, name_of(stream)) if stream.type == "subtitle" else None


def name_of(stream: Any) -> str:
    """Return what a stream's codec is called."""
    return str(stream.codec_context.name) if stream.codec_context else str(stream.type)


def holds(suffix: str, stream: Any) -> bool:
    """Return whether a container's muxer takes a stream of this kind, by writing its header to nowhere."""
    if stream.type == "attachment":
        return suffix == ".mkv"
    if stream.codec_context is None:
        return False  # not even its name is known
    with _to_nowhere(suffix, indirect=True) as out:
        try:
            out.add_stream_from_template(stream, opaque=True)
            out.start_encoding()
        except (av.error.FFmpegError, ValueError):
            return False
    return True


def open_output(path: str, suffix: str, *, indirect: bool, trial: bool = False, keys: bool = False) -> OutputContainer:
    """Open a file for writing in the container that an extension means.

    Parameters
    ----------
    indirect : go through FFmpeg's tee, which takes streams of any codec and leaves it to the muxer behind it to refuse
        them; PyAV asks a stricter list
    trial : nobody reads what is written
    keys : write texts of any name into MOV and MP4
    """
    kind = CONTAINERS[suffix]
    # The index goes to the front, so that a browser shows the video while it loads.
    flags = "+faststart" + f"+{tags.KEYS}" * keys
    options = {"movflags": flags} if kind in ("mp4", "mov") and not trial else {}
    if not indirect:
        return av.open(path, "w", format=kind, container_options=options, metadata_errors=tags.AS_BYTES)
    settings = "".join(f":{name}={value}" for name, value in options.items())
    plain = "".join(char if char.isalnum() or char in "/._-" else f"\\{char}" for char in path)
    return av.open(f"[f={kind}{settings}]{plain}", "w", format="tee", metadata_errors=tags.AS_BYTES)


@contextmanager
def _to_nowhere(suffix: str, *, indirect: bool) -> Iterator[OutputContainer]:
    out = open_output(os.devnull, suffix, indirect=indirect, trial=True)
    try:
        yield out
    finally:
        with suppress(av.error.FFmpegError):
            out.close()


def _holds_directly(suffix: str, stream: Any) -> bool:
    with _to_nowhere(suffix, indirect=False) as out:
        try:
            out.add_stream_from_template(stream, opaque=True)
        except ValueError:
            return False
    return True


def _other_pcm(suffix: str, stream: Any) -> str | None:
    """Return the uncompressed sound that a container holds instead of a stream's, if that is uncompressed too."""
    if stream.type != "audio" or not name_of(stream).startswith("pcm_"):
        return None
    kind = stream.codec_context.format.name.removesuffix("p")
    encoder = _PCM.get(kind)
    if kind == "s32" and name_of(stream) in ("pcm_bluray", "pcm_dvd", "pcm_s24be", "pcm_s24le", "pcm_s24daud"):
        encoder = "pcm_s24le"
    with _to_nowhere(suffix, indirect=False) as out:
        return encoder if encoder in out.supported_codecs else None


def _for_all(others: list[str], source: Any, clip: Clip, wanted: Selection) -> str:
    """Return the first of some containers that holds all that any of them does, else the first."""
    streams = [s for s in source.streams if s.index != clip.index and wanted.takes(s.type)]
    needed = [s for s in streams if any(holds(other, s) for other in (".mkv", ".mov", ".mp4"))]
    return next((other for other in others if all(holds(other, stream) for stream in needed)), others[0])
