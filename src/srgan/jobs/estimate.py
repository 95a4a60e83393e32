"""What a folder job will take, in time and in room on the disk, from the pictures' headers and a few tries."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan import image
from srgan.engine.choice import ModelChooser, as_chooser
from srgan.engine.upscaler import Upscaler
from srgan.errors import SrganError
from srgan.image import Picture
from srgan.jobs.access import Access
from srgan.jobs.job import Job
from srgan.storage import Remote

HEADERS = 1000
"""Of more pictures than this, so many, evenly spread, stand for all."""

REMOTE_HEADERS = 8
"""The same behind URLs, where a picture is fetched whole to see its header."""

TRIES = 3
"""Pictures that are enlarged and encoded, in part, to see how long it takes and how large the files become."""

TRY_SIDE = 256
"""Pixels a side, at most, of the part."""


@dataclass(frozen=True)
class Estimate:
    """What is to be expected; pixels and bytes are those of the results."""

    pictures: int
    pixels: int
    seconds: float
    nbytes: int
    unreadable: int
    """How many of the pictures looked at cannot be read, scaled up to all."""


def estimate(
    todo: Sequence[Job], upscaler: Upscaler | ModelChooser, access: Access, *, quality: int | None = None
) -> Estimate:
    """Look at headers, try parts of a few pictures, and scale up.

    Reading and writing overlap with computing, so the slower of the two counts.
    """
    if not todo:
        return Estimate(0, 0, 0.0, 0, 0)
    chooser = as_chooser(upscaler)
    files = image.BandReader(chooser.channels)
    remote = isinstance(todo[0].source, Remote)
    looked = _spread(todo, REMOTE_HEADERS if remote else HEADERS)
    before = after = 0
    good: list[Job] = []
    for job in looked:
        try:
            with access.source(job) as path:
                header = files.probe(path)
        except SrganError:
            continue
        height, width = chooser.size_of(header.height, header.width)
        before += header.height * header.width
        after += height * width
        good.append(job)
    factor = len(todo) / len(looked)
    computing, encoding, nbytes = _rates(_spread(good, TRIES), chooser, access, quality)
    return Estimate(
        pictures=len(todo),
        pixels=round(after * factor),
        seconds=factor * max(before * computing, after * encoding),
        nbytes=round(after * factor * nbytes),
        unreadable=round((len(looked) - len(good)) * factor),
    )


def _spread(jobs: Sequence[Job], count: int) -> list[Job]:
    if len(jobs) <= count:
        return list(jobs)
    return [jobs[index * len(jobs) // count] for index in range(count)]


def _rates(
    jobs: Sequence[Job], chooser: ModelChooser, access: Access, quality: int | None
) -> tuple[float, float, float]:
    """Return seconds of computing an input pixel, and seconds of encoding and bytes an output pixel."""
    before = after = nbytes = 0
    computing = encoding = 0.0
    warm: set[str] = set()
    for job in jobs:
        try:
            with access.source(job) as path:
                part = _part(image.BandReader(chooser.channels).read(path), whole=not chooser.label.startswith("x"))
            upscaler = chooser.upscaler_for(part)
            if upscaler.name not in warm:
                warm.add(upscaler.name)
                upscaler(part.pixels)  # the network is compiled when it is first used
            began = time.perf_counter()
            pixels = upscaler(part.pixels)
            computed = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="srgan-") as folder:
                place = Path(folder) / f"try{job.target.suffix}"
                image.write(part.with_pixels(pixels, pixels.shape[1] / part.width), place, quality=quality)
                encoding += time.perf_counter() - computed
                nbytes += place.stat().st_size
        except SrganError:
            continue
        computing += computed - began
        before += part.width * part.height
        after += pixels.shape[0] * pixels.shape[1]
    return computing / max(before, 1), encoding / max(after, 1), nbytes / max(after, 1)


def _part(picture: Picture, *, whole: bool) -> Picture:
    """Return the middle of a picture; all of it where the result's size is fixed, since then a part is enlarged more."""
    if whole:
        return picture
    height, width = min(picture.height, TRY_SIDE), min(picture.width, TRY_SIDE)
    top, left = (picture.height - height) // 2, (picture.width - width) // 2
    return picture.with_pixels(picture.pixels[top : top + height, left : left + width].copy())
