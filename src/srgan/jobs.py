"""Picture files in, picture files out: where each result goes, and one run over all of them.

Reading the next picture and writing the last one happen on threads of their own while the network computes. Each file
is written atomically by :mod:`srgan.image`; a picture that fails is reported and the rest goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.errors import ImageReadError, OutputExistsError, SrganError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from srgan.consistency import Consistency
    from srgan.image import Picture
    from srgan.upscaler import Upscaler

LARGE_BYTES = 256 << 20
"""A result of more bytes than this is written while it is computed, and never is in memory as a whole; where its format
cannot be written like that, it is written before the next picture is computed, so that only one is in memory."""


@dataclass(frozen=True)
class Job:
    """One picture to do: read ``source``, write ``target``."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Done:
    """A picture that was written: its sizes as (width, height) in pixels, and the seconds from file to file."""

    job: Job
    before: tuple[int, int]
    after: tuple[int, int]
    seconds: float
    check: Consistency | None = None
    """How far the result, reduced again, is from the input, where that was asked for."""


@dataclass(frozen=True)
class Failure:
    """A picture that was not, and the one line that says why."""

    job: Job
    error: SrganError


@dataclass
class Report:
    """What a run did."""

    written: list[Done] = field(default_factory=list)
    skipped: list[Job] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


class Listener:
    """Is told what a run does, when it does it; the methods here do nothing. All calls come from the calling thread."""

    def started(self, job: Job, number: int, total: int) -> None:
        """Note that the network begins with picture ``number`` (from 1) of ``total``."""

    def progress(self, done: int, total: int) -> None:
        """Note that so many input pixels of the picture are computed."""

    def written(self, done: Done) -> None:
        """Note that a picture lies in its place."""

    def skipped(self, job: Job) -> None:
        """Note that a picture's output was there already."""

    def failed(self, failure: Failure) -> None:
        """Note that a picture could not be done."""


# --- Where results go ------------------------------------------------------------------------------------------------


def plan(
    paths: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    *,
    scale: int | str,
    format: str | None = None,
) -> list[Job]:
    """Find the pictures and decide the names of the results.

    A result is called ``NAME_x4.EXT`` (or ``NAME_w1920.EXT`` and so on, after the label given as ``scale``), with the
    input's extension, or ``.png`` where that format is only read. Without ``output``, the result of ``photos/a.jpg``
    lies beside it, and those of the folder ``photos`` in ``photos_x4``.

    Parameters
    ----------
    paths : pictures, and folders to take all pictures from, with what is below them
    output : for one picture the file to write; else the folder to write to, which then has the folders' structure. It
        is a folder if it exists as one, ends with a slash, or there are many pictures
    scale : enlargement, for the names, or the whole label (:attr:`srgan.Upscaler.label`)
    format : extension for all results, for instance ``"png"``

    Raises
    ------
    UsageError
        if a path is missing, a folder has no pictures, or two pictures would be written to one file, or over an input.
    """
    if not paths:
        raise UsageError("nothing to upscale: name a picture or a folder")
    label = scale if isinstance(scale, str) else f"x{scale}"
    extension = None if format is None else _extension(format)
    sources = [Path(path) for path in paths]
    for source in sources:
        if not source.exists():
            raise UsageError(f"{source} does not exist: check the path")
    as_folder = output is not None and (os.fspath(output).endswith(("/", os.sep)) or Path(output).is_dir())
    one_file = len(sources) == 1 and not sources[0].is_dir()
    if output is not None and one_file and not as_folder:
        target = Path(output)
        if extension is not None and _extension(target.suffix) != extension:
            raise UsageError(f"{target} is not {format}: name the output accordingly, or leave --format out")
        jobs = [Job(sources[0], target)]
    else:
        folder = None if output is None else Path(output)
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file, and the results need a folder: choose another output")
        jobs = [job for source in sources for job in _jobs_of(source, folder, label, extension)]
    _refuse_collisions(jobs)
    return jobs


def _jobs_of(source: Path, folder: Path | None, label: str, extension: str | None) -> list[Job]:
    def named(path: Path, place: Path) -> Job:
        end = extension or (path.suffix if path.suffix.lower() in image.WRITABLE else ".png")
        return Job(path, place / f"{path.stem}_{label}{end}")

    if not source.is_dir():
        return [named(source, folder or source.parent)]
    whole = source.resolve()
    place = folder or whole.parent / f"{whole.name}_{label}"
    results = place.resolve()
    # A results folder inside the pictures' folder is no input of the next run.
    inside = results != whole and results.is_relative_to(whole)
    pictures = [p for p in image.list_pictures(source) if not (inside and p.resolve().is_relative_to(results))]
    if not pictures:
        raise UsageError(f"{source} has no pictures: name another folder")
    return [named(path, place / path.parent.relative_to(source)) for path in pictures]


def _extension(format: str) -> str:
    extension = "." + format.lower().lstrip(".")
    if extension not in image.WRITABLE:
        raise UsageError(f"cannot write the format {format!r}: choose one of {', '.join(sorted(image.WRITABLE))}")
    return extension


def _refuse_collisions(jobs: Iterable[Job]) -> None:
    jobs = list(jobs)
    inputs = {job.source.resolve(): job.source for job in jobs}
    taken: dict[Path, Path] = {}
    for job in jobs:
        target = job.target.resolve()
        if target in inputs:
            raise UsageError(f"{job.target} is an input: choose another output")
        if target in taken:
            raise UsageError(f"{taken[target]} and {job.source} would both become {job.target}: rename one")
        taken[target] = job.source


# --- Doing it --------------------------------------------------------------------------------------------------------


def run(
    jobs: Sequence[Job],
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    check: bool = False,
    listener: Listener | None = None,
) -> Report:
    """Upscale pictures one after the other, reading ahead and writing behind.

    An output that exists is skipped, unless ``overwrite``; so a run that was stopped goes on where it was. A picture
    that cannot be read, computed or written is reported and leaves no file behind.

    Parameters
    ----------
    quality : 1 to 100, for formats that lose
    check : compare each result with its input (:mod:`srgan.consistency`)
    """
    listener = listener or Listener()
    report = Report()
    waiting: list[Job] = []
    for job in jobs:
        if not overwrite and os.path.lexists(job.target):
            report.skipped.append(job)
            listener.skipped(job)
        else:
            waiting.append(job)

    def settle(job: Job, write: Future[Done]) -> None:
        try:
            done = write.result()
        except SrganError as error:
            fail(job, error)
        else:
            report.written.append(done)
            listener.written(done)

    def fail(job: Job, error: SrganError) -> None:
        report.failed.append(Failure(job, error))
        listener.failed(report.failed[-1])

    reader = ThreadPoolExecutor(1, "srgan-read")
    writer = ThreadPoolExecutor(1, "srgan-write")
    last: tuple[Job, Future[Done]] | None = None
    try:
        ahead = reader.submit(_read, waiting[0].source) if waiting else None
        for number, job in enumerate(waiting, 1):
            current, ahead = ahead, None
            assert current is not None
            started = time.perf_counter()
            try:
                picture = current.result()
            except SrganError as error:
                fail(job, error)
                picture = None
            if number < len(waiting):
                ahead = reader.submit(_read, waiting[number].source)
            if picture is None:
                continue
            listener.started(job, number, len(waiting))
            if _is_streamed(picture, job, upscaler):
                if last is not None:
                    settle(*last)
                    last = None
                try:
                    done = _stream(picture, job, upscaler, started, overwrite, quality, check, listener)
                except SrganError as error:
                    fail(job, error)
                else:
                    report.written.append(done)
                    listener.written(done)
                continue
            try:
                pixels = upscaler(picture.pixels, progress=listener.progress)
            except SrganError as error:
                fail(job, type(error)(f"{job.source}: {error}"))
                continue
            if last is not None:
                settle(*last)
            before = picture.pixels
            larger = picture.with_pixels(pixels, pixels.shape[1] / picture.width)
            last = job, writer.submit(_write, larger, job, before, started, overwrite, quality, check)
            del picture, larger, before
            if pixels.nbytes > LARGE_BYTES:
                settle(*last)
                last = None
            del pixels
        if last is not None:
            settle(*last)
    finally:
        # After Ctrl-C: what is being written is finished (it is atomic), what was read ahead is dropped.
        reader.shutdown(cancel_futures=True)
        writer.shutdown()
    return report


def upscale_file(
    source: Path, target: Path | None, upscaler: Upscaler, *, overwrite: bool = False, quality: int | None = None
) -> Path:
    """Upscale one picture file and return the path written; arguments as in :func:`plan` and :func:`run`.

    Raises
    ------
    OutputExistsError
        if the output exists and ``overwrite`` is not set
    SrganError
        whatever kept the picture from being read, computed or written
    """
    if source.is_dir():
        raise UsageError(f"{source} is a folder: use 'srgan upscale {source}', or srgan.jobs")
    (job,) = plan([source], target, scale=upscaler.label)
    run_one(job, upscaler, overwrite=overwrite, quality=quality)
    return job.target


def run_one(
    job: Job,
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    check: bool = False,
    listener: Listener | None = None,
) -> Done:
    """Upscale a single picture; unlike in :func:`run`, whatever goes wrong is raised, an existing output too."""
    refuse_existing(job, overwrite=overwrite)
    report = run([job], upscaler, overwrite=overwrite, quality=quality, check=check, listener=listener)
    if report.failed:
        raise report.failed[0].error
    if not report.written:  # it came into being a moment ago
        refuse_existing(job, overwrite=False)
    return report.written[0]


def refuse_existing(job: Job, *, overwrite: bool) -> None:
    """Raise OutputExistsError if the job's output is there and may not be replaced."""
    if not overwrite and os.path.lexists(job.target):
        raise OutputExistsError(f"{job.target} exists: pass --overwrite to replace it, or choose another output")


def _read(source: Path) -> Picture:
    try:
        return image.read(source)
    except MemoryError:
        raise ImageReadError(f"{source} does not fit into memory: cut it into parts") from None


def _write(
    picture: Picture,
    job: Job,
    before: NDArray[Any],
    started: float,
    overwrite: bool,
    quality: int | None,
    check: bool,
) -> Done:
    image.write(picture, job.target, overwrite=overwrite, quality=quality)
    comparison = _comparison(before, picture.height, picture.width) if check else None
    if comparison is not None:
        comparison.feed(picture.pixels)
    sizes = (before.shape[1], before.shape[0]), (picture.width, picture.height)
    return Done(job, *sizes, time.perf_counter() - started, comparison)


def _comparison(before: NDArray[Any], height: int, width: int) -> Consistency:
    from srgan.consistency import Consistency

    return Consistency(before, (height, width))


def _is_streamed(picture: Picture, job: Job, upscaler: Upscaler) -> bool:
    height, width = upscaler.size_of(picture.height, picture.width)
    nbytes = height * width * picture.pixels.shape[2] * picture.pixels.itemsize
    return nbytes > LARGE_BYTES and image.can_stream(job.target)


def _stream(
    picture: Picture,
    job: Job,
    upscaler: Upscaler,
    started: float,
    overwrite: bool,
    quality: int | None,
    check: bool,
    listener: Listener,
) -> Done:
    height, width = upscaler.size_of(picture.height, picture.width)

    def bands() -> Iterator[NDArray[Any]]:
        try:
            yield from upscaler.bands(picture.pixels, progress=listener.progress)
        except SrganError as error:
            raise type(error)(f"{job.source}: {error}") from None

    comparison = _comparison(picture.pixels, height, width) if check else None
    with image.stream(picture, job.target, height, width, overwrite=overwrite, quality=quality) as sink:
        for band in bands():
            sink.write(band)
            if comparison is not None:
                comparison.feed(band)
    before = picture.width, picture.height
    return Done(job, before, (width, height), time.perf_counter() - started, comparison)
