"""Titles, makers and other texts of a video: which of them a container's muxer writes is asked of it, by writing and reading."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import av

from srgan.jobs.kinds import CONTAINERS

_GONE = {
    *("major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "handler_name", "duration"),
    *("alpha_mode", "bps", "number_of_bytes", "number_of_frames", "source_id"),
}
"""Metadata that is about the source's container or encoding."""
_SAME = {"creation_time", "timecode", "rotate", "stereo_mode"}
"""What muxers write elsewhere than among the texts, or what has a line of its own."""
AS_BYTES = "surrogateescape"
"""How texts are read and written that are not in UTF-8, as old programs write them: byte for byte."""
KEYS = "use_metadata_tags"
"""Flag of FFmpeg's muxer of MOV and MP4: texts of any name, in Apple's newer place for them."""


def kept(metadata: Mapping[str, str], without: Iterable[str] = ()) -> dict[str, str]:
    """Return what is true of the result too: not the brands of the old container, nor its encoder and its sizes."""
    gone = _GONE | set(without)
    return {
        key: value
        for key, value in metadata.items()
        if (key.lower(), value) != ("language", "und")
        and key.lower() not in gone
        and key.lower().rpartition("-")[0] not in gone
        and not key.startswith("_STAT")
    }


@dataclass(frozen=True)
class KeptTags:
    """How the texts of a video are written, and words for those that are not."""

    keys: bool
    """Whether :data:`KEYS` is needed."""
    notes: tuple[str, ...]


def check(suffix: str, whole: Mapping[str, str], streams: Iterable[Mapping[str, str]]) -> KeptTags:
    """Find out which texts of a file and of its streams the container of an extension holds."""
    together = {key: value for metadata in streams for key, value in kept(metadata).items()}
    wanted = {key: value for key, value in kept(whole).items() if key.lower() not in _SAME}
    lost = _lost(suffix, wanted, together)
    keys = False
    if lost and CONTAINERS[suffix] in ("mp4", "mov"):
        better = _lost(suffix, wanted, together, KEYS)
        keys, lost = len(better) < len(lost), min(lost, better, key=len)
    if not lost:
        return KeptTags(keys, ())
    names = ", ".join(sorted(lost)[:8]) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
    said = (
        "its text {} is left out: {} does not hold it"
        if len(lost) == 1
        else "its texts {} are left out: {} holds none of them"
    )
    return KeptTags(keys, (said.format(names, suffix),))


def _lost(suffix: str, whole: Mapping[str, str], stream: Mapping[str, str], flag: str = "") -> set[str]:
    """Return the names of the texts that are not there when a tiny file with them is read back."""
    if not whole and not stream:
        return set()
    file = io.BytesIO()
    options = {"movflags": flag} if flag else {}
    with (
        suppress(av.error.FFmpegError, ValueError),
        av.open(file, "w", CONTAINERS[suffix], container_options=options, metadata_errors=AS_BYTES) as out,
    ):
        video = out.add_stream("libvpx" if suffix == ".webm" else "mpeg4", rate=25)
        video.width = video.height = 16
        video.pix_fmt = "yuv420p"
        out.metadata.update(whole)
        video.metadata.update(stream)
        frame = av.VideoFrame(16, 16, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        for packet in [*video.encode(frame), *video.encode(None)]:
            out.mux(packet)
    file.seek(0)
    with av.open(file, metadata_errors=AS_BYTES) as back:
        there = {key.lower() for key in back.metadata}
        there_too = {key.lower() for key in back.streams.video[0].metadata}
    lost = {key for key in whole if key.lower() not in there}
    return lost | {key for key in stream if key.lower() not in there_too | _SAME}
