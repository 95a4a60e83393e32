"""What a file is to a run: a picture, an animated picture or a video."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from srgan import image
from srgan.errors import SrganError

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Extensions of videos that are written, and the container that each means."""

VIDEO_SUFFIXES = frozenset(CONTAINERS) | {
    ".avi",
    ".flv",
    ".m2ts",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".wmv",
    ".3gp",
}
"""Extensions of videos that are read."""

ANIMATED = (".gif", ".webp", ".png", ".apng")
"""Extensions of pictures that may be animated."""


class Kind(Enum):
    """What becomes of a file: one picture, or all of its frames, which make an animation or a video by the result's name."""

    PICTURE = "picture"
    ANIMATION = "animation"
    VIDEO = "video"

    @property
    def targets(self) -> frozenset[str]:
        """Extensions of what it can become."""
        return image.WRITABLE if self is Kind.PICTURE else frozenset((*CONTAINERS, *ANIMATED))


def is_video(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is called like a video; its content is not looked at."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is called like a picture that may be animated."""
    return Path(path).suffix.lower() in ANIMATED


def kind_of(path: Path, wanted: str | None = None) -> Kind:
    """Return what a file is: a video by its name, an animation by its content too.

    Parameters
    ----------
    wanted : extension of the result where it is given: of an animation that shall be a .jpg, one frame is enlarged
    """
    if is_video(path):
        return Kind.VIDEO
    if not is_animation(path) or (wanted and wanted not in ANIMATED and wanted not in VIDEO_SUFFIXES):
        return Kind.PICTURE
    try:
        return Kind.ANIMATION if image.probe(path).pages > 1 else Kind.PICTURE
    except SrganError:  # which whoever reads it says
        return Kind.PICTURE
