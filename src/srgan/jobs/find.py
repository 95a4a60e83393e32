"""The pictures of a folder, found by their names and contents, and a count of what else lies there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from srgan import image
from srgan.errors import SrganError
from srgan.image.formats import RAW_SUFFIXES
from srgan.jobs.kinds import is_video

_CALLED = {
    ".heif": "HEIC",
    ".hif": "HEIC",
    ".jxl": "JPEG XL",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".hdr": "Radiance",
}
"""Formats that people know by another name than their files' suffix."""


@dataclass
class Found:
    """What lies in a folder."""

    pictures: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Files that are no pictures for us, by what people call their kind: ``HEIC``, ``video``, ``without suffix``."""


def find(folder: Path) -> Found:
    """Look through a folder and what is below it; hidden files are not there. Errors as :func:`srgan.image.list_files`.

    A file that is called like a picture is one, whatever is in it: that it cannot be read is then a failure, and said.
    Any other file is one if its content is.
    """
    found = Found()
    for path in image.list_files(folder):
        if image.is_picture(path) or is_picture_by_content(path):
            found.pictures.append(path)
        elif path.is_file():
            found.left_out[called(path)] += 1
        else:
            found.left_out["pipe, device or broken link"] += 1
    return found


def is_picture_by_content(path: Path) -> bool:
    """Return whether a file with a name that says nothing has a picture's whole header, of a size that is read."""
    if is_video(path) or path.suffix.lower() in RAW_SUFFIXES or image.format_of_content(path) is None:
        return False
    try:
        header = image.probe(path)
    except SrganError:
        return False
    return header.width * header.height <= image.MAX_PIXELS


def called(path: Path) -> str:
    """Return what people call a file's kind, after its suffix."""
    suffix = path.suffix.lower()
    if is_video(path):
        return "video"
    return _CALLED.get(suffix) or suffix[1:].upper() or "without suffix"


def counts(left_out: Counter[str]) -> str:
    """Return ``5 HEIC, 2 videos, 1 without suffix``: the most first; and what would read them, if something would."""
    readable = sorted(
        {
            called(Path(f"a{suffix}"))
            for entry in image.FORMATS.values()
            if not entry.installed
            for suffix in entry.suffixes
        }
        & left_out.keys()
    )
    advice = f"; pip install 'srgan[formats]' reads {', '.join(readable)}" if readable else ""
    listed = ", ".join(
        f"{number:,} {what}{'s' if number > 1 and what in ('video', 'earlier result') else ''}"
        for what, number in sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    )
    return listed + advice
