"""What would fail at the end of the work is tried before it: names, folders, and room on the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from srgan import files, image
from srgan.errors import ImageWriteError, SrganError
from srgan.jobs.job import Job
from srgan.storage import Remote, check_name, check_place

if TYPE_CHECKING:
    from srgan.engine.choice import ModelChooser
    from srgan.engine.upscaler import Upscaler
    from srgan.image import Header, Picture

HEADERS = 100
"""Of more pictures than this, so many, evenly spread, tell how much room all need."""

_LEAST = {"BMP": 1.0, "PNM": 1.0, "PNG": 0.3, "TIFF": 0.3, "GIF": 0.3}
"""Bytes of a result by those of its bare pixels, if it compresses at least so well as its input: an enlarged picture is
smoother. What is not named here loses."""

_LEAST_LOSSY = 0.2


class Places:
    """Checks where results go; each folder is tried once."""

    def __init__(self) -> None:
        self._fine: set[PurePath] = set()

    def check(self, target: PurePath) -> None:
        """Raise ImageWriteError if no file of this name can be made there."""
        if isinstance(target, Remote):
            check_name(target)
            if not self._fine & set(target.parents):
                self._fine.add(check_place(target))
            return
        place = Path(target)
        folder = files.check_name(place, error=ImageWriteError)
        if folder not in self._fine:
            files.check_folder(folder, place, error=ImageWriteError)
            self._fine.add(folder)


def least_bytes(job: Job, picture: Picture | Header, size: tuple[int, int]) -> int:
    """Return how many bytes the result, of ``size`` (height, width), takes at least, about."""
    kind = image.format_of(job.target)
    if isinstance(picture, image.Header):
        bands, deep = picture.bands, picture.depth > 8
    else:
        bands, deep = picture.pixels.shape[2], picture.pixels.dtype.itemsize > 1
    sample = bands * (2 if deep else 1)
    bare = size[0] * size[1] * sample * (0.5 if deep and kind.depth == 8 else 1)
    least = _LEAST.get(kind.name, _LEAST_LOSSY)
    if least == 1.0:
        return int(bare)
    try:
        compressed = os.stat(job.source).st_size / (picture.height * picture.width * sample)
    except OSError:  # behind a URL
        compressed = 0.1
    return int(bare * least * min(compressed, 1.0))


def check_room(job: Job, needed: int) -> None:
    """Raise ImageWriteError if the disk has not ``needed`` bytes for a result."""
    if isinstance(job.target, Remote):
        return
    free = files.free_bytes(job.target.parent)
    if needed > free:
        raise ImageWriteError(
            job.target,
            f"it takes {needed / 1e6:,.0f} MB or more, and {free / 1e6:,.0f} MB are free there: free some space",
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_room_for_all(jobs: Sequence[Job], upscaler: Upscaler | ModelChooser, folder: PurePath) -> None:
    """Raise SrganError if the disk has no room for the results of all pictures, by some of their headers."""
    if isinstance(folder, Remote) or not jobs:
        return
    looked = [jobs[index * len(jobs) // HEADERS] for index in range(HEADERS)] if len(jobs) > HEADERS else jobs
    needed = 0
    for job in looked:
        try:
            header = image.probe(job.source)
            needed += least_bytes(job, header, upscaler.size_of(header.height, header.width))
        except (SrganError, ValueError):  # which reading it says
            continue
    needed = needed * len(jobs) // len(looked)
    free = files.free_bytes(Path(folder))
    if needed > free:
        raise SrganError(
            f"the results take {needed / 1e9:,.1f} GB or more, and {free / 1e9:,.1f} GB are free in {folder}: "
            "free some space, or choose another output"
        )
