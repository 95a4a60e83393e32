"""Which files are videos or animated pictures, and what their results are called. Needs no PyAV."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from srgan import image
from srgan.errors import SrganError, UsageError
from srgan.jobs.job import Job
from srgan.jobs.plan import without_collisions

WRITABLE = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Extensions of results, and the container that each means."""

SUFFIXES = frozenset(WRITABLE) | {".avi", ".flv", ".m2ts", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".wmv", ".3gp"}
"""Extensions of videos that are read."""

ANIMATED = (".gif", ".webp", ".png", ".apng")
"""Extensions of pictures that may be animated."""

_WRITABLE = frozenset((*WRITABLE, *ANIMATED))


def is_video(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is called like a video; its content is not looked at."""
    return Path(path).suffix.lower() in SUFFIXES


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is called like a picture that may be animated."""
    return Path(path).suffix.lower() in ANIMATED


def moves(path: str | os.PathLike[str], wanted: str | None = None) -> bool:
    """Return whether all frames of a file are to be enlarged: a video by its name, an animation by its content too.

    Parameters
    ----------
    wanted : extension of the result where it is given: of an animation that shall be a .jpg, one frame is
    """
    if os.path.isdir(path):
        return False
    if is_video(path):
        return True
    if not is_animation(path) or (wanted and wanted not in ANIMATED and wanted not in SUFFIXES):
        return False
    try:
        return image.probe(path).pages > 1
    except SrganError:  # which whoever reads it says
        return False


def plan(clips: Sequence[Path], output: str | None, label: str, *, format: str | None = None) -> list[Job]:
    """Decide where the results go: ``clip_x4.mp4`` beside ``clip.mp4``, or as ``output`` says.

    A container that is only read becomes Matroska, which holds most kinds of sound and subtitles. A name or format of
    an animation makes one of a video, and the other way round.

    Parameters
    ----------
    output : a file for one clip, a folder for many; a folder too if it exists as one or ends with a slash
    label : of the enlargement, for instance ``x4``
    format : extension for all results

    Raises
    ------
    UsageError
        if the extension is not one that can be written, or two results would be one file, or an input
    """
    extension = None if format is None else "." + format.lower().lstrip(".")
    as_file = (
        output is not None and len(clips) == 1 and not output.endswith(("/", os.sep)) and not os.path.isdir(output)
    )
    jobs = []
    for clip in clips:
        if output is not None and as_file:
            target = Path(output)
            if extension is not None and target.suffix.lower() != extension:
                raise UsageError(f"{target} is not {format}: name the output accordingly, or leave --format out")
        else:
            end = extension or (clip.suffix if clip.suffix.lower() in _WRITABLE else ".mkv")
            target = (clip.parent if output is None else Path(output)) / f"{clip.stem}_{label}{end}"
        if target.suffix.lower() not in _WRITABLE:
            kinds = ", ".join(sorted(_WRITABLE))
            raise UsageError(f"cannot write {str(target)!r} from {clip.name!r}: choose one of {kinds}")
        jobs.append(Job(clip, target))
    return without_collisions(jobs)
