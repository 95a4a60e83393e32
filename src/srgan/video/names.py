"""Which files are videos or animated pictures, and what their results are called. Needs no PyAV."""

from __future__ import annotations

import os
from pathlib import Path

from srgan.errors import UsageError

WRITABLE = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Extensions of results, and the container that each means."""

SUFFIXES = frozenset(WRITABLE) | {".avi", ".flv", ".m2ts", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".wmv", ".3gp"}
"""Extensions of videos that are read."""

ANIMATED = (".gif", ".webp", ".png", ".apng")
"""Extensions of pictures that may be animated."""


def is_video(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is called like a video; its content is not looked at."""
    return Path(path).suffix.lower() in SUFFIXES


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is called like a picture that may be animated."""
    return Path(path).suffix.lower() in ANIMATED


def target_for(source: Path, output: str | None, label: str) -> Path:
    """Return where the result goes: ``clip_x4.mp4`` beside ``clip.mp4``, or as ``output`` says.

    A container that is only read becomes Matroska, which holds any audio and subtitles.

    Raises
    ------
    UsageError
        if the extension is not one that can be written, or a video would become a picture or the other way round
    """
    kinds = set(ANIMATED) if is_animation(source) else set(WRITABLE)
    suffix = source.suffix.lower()
    name = f"{source.stem}_{label}{source.suffix if suffix in kinds else '.mkv'}"
    if output is None:
        return source.with_name(name)
    if output.endswith(("/", os.sep)) or Path(output).is_dir():
        return Path(output) / name
    if Path(output).suffix.lower() not in kinds:
        raise UsageError(f"cannot write {output!r} from {source.name!r}: choose one of {', '.join(sorted(kinds))}")
    return Path(output)
