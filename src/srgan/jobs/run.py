"""Picture files in, picture files out: one run over all of them.

Reading the next picture and writing the last one happen on threads of their own while the network computes. Each file
is written atomically by :mod:`srgan.image`; a picture that fails is reported and the rest goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.errors import SrganError, UsageError
from srgan.jobs.access import Access
from srgan.jobs.job import Job
from srgan.jobs.plan import plan, refuse_existing
from srgan.jobs.reports import Done, Failure, Listener, Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from srgan.engine.choice import ModelChooser
    from srgan.engine.consistency import Consistency
    from srgan.engine.tile_pass import Progress
    from srgan.engine.upscaler import Upscaler
    from srgan.image import Picture

LARGE_BYTES = 256 << 20
"""A result of more bytes than this is written while it is computed, and never is in memory as a whole; where its format
cannot be written like that, it is written before the next picture is computed, so that only one is in memory."""


def run_pictures(
    jobs: Sequence[Job],
    upscaler: Upscaler | ModelChooser,
    *,
    overwrite: bool = False,
    replace: Collection[Job] = (),
    quality: int | None = None,
    check: bool = False,
    listener: Listener | None = None,
    access: Access | None = None,
) -> Report:
    """Upscale pictures one after the other, reading ahead and writing behind.

    An output that exists is skipped, unless ``overwrite``; so a run that was stopped goes on where it was. A picture
    that cannot be read, computed or written is reported and leaves no file behind.

    Parameters
    ----------
    upscaler : an open network for all pictures, or what chooses one for each
    replace : those whose output may be replaced without ``overwrite``
    quality : 1 to 100, for formats that lose
    check : compare each result with its input (:mod:`srgan.engine.consistency`)
    access : reaches the files, where they do not lie on this machine
    """
    from srgan.engine.choice import as_chooser

    listener = listener or Listener()
    access = access or Access()
    chooser = as_chooser(upscaler)
    replaceable = frozenset(jobs) if overwrite else frozenset(replace)
    report = Report()
    waiting: list[Job] = []
    for job in jobs:
        if job not in replaceable and access.exists(job):
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
        ahead = reader.submit(_read, waiting[0], access, chooser, check) if waiting else None
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
                ahead = reader.submit(_read, waiting[number], access, chooser, check)
            if picture is None:
                continue
            listener.started(job, number, len(waiting))
            try:
                network = chooser.upscaler_for(picture)
                # What the format cannot hold is said before the work, not after it.
                height, width = network.size_of(picture.height, picture.width)
                image.checked_format(job.target, width, height, quality)
                paged = picture.pages > 1 and picture.format == image.format_of(job.target).name == "TIFF"
                if paged or _is_streamed(picture, job, network):
                    if last is not None:
                        settle(*last)
                        last = None
                    with access.target(job, overwrite=job in replaceable) as place:
                        if paged:
                            done = _stream_pages(picture, job, network, started, place, access, check, listener)
                        else:
                            done = _stream(picture, job, network, started, place, quality, check, listener)
                    report.written.append(done)
                    listener.written(done)
                    continue
                with _named(job.source):
                    pixels = network(picture.pixels, progress=listener.progress)
            except SrganError as error:
                fail(job, error)
                continue
            if last is not None:
                settle(*last)
            last = (
                job,
                writer.submit(
                    _write, picture, pixels, job, started, access, job in replaceable, quality, check, network.name
                ),
            )
            del picture
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
    source: Path,
    target: Path | None,
    upscaler: Upscaler | ModelChooser,
    *,
    overwrite: bool = False,
    quality: int | None = None,
) -> Path:
    """Upscale one picture file and return the path written; arguments as in :func:`plan` and :func:`run_pictures`.

    Raises
    ------
    OutputExistsError
        if the output exists and ``overwrite`` is not set
    SrganError
        whatever kept the picture from being read, computed or written
    """
    if os.path.isdir(source):
        raise UsageError(f"{source} is a folder: use 'srgan upscale {source}', or srgan.jobs")
    (job,) = plan([source], target, scale=upscaler.label)
    run_one(job, upscaler, overwrite=overwrite, quality=quality)
    return job.target


def run_one(
    job: Job,
    upscaler: Upscaler | ModelChooser,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    check: bool = False,
    listener: Listener | None = None,
) -> Done:
    """Upscale a single picture; unlike in :func:`run_pictures`, whatever goes wrong is raised, an existing output too."""
    refuse_existing(job.target, overwrite=overwrite)
    report = run_pictures([job], upscaler, overwrite=overwrite, quality=quality, check=check, listener=listener)
    if report.failed:
        raise report.failed[0].error
    if not report.written:  # it came into being a moment ago
        refuse_existing(job.target, overwrite=False)
    return report.written[0]


@contextmanager
def _named(source: Path) -> Iterator[None]:
    """Let the errors of computing say which picture they are about."""
    try:
        with _in_memory(source):
            yield
    except SrganError as error:
        if error.subject is None:
            error.subject = str(source)
        raise


@contextmanager
def _in_memory(source: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        error = SrganError("it does not fit into memory: cut it into parts, or close other programs")
        error.subject = str(source)
        raise error from None


def _read(job: Job, access: Access, upscaler: ModelChooser, check: bool) -> Picture:
    """Read a picture; one whose result is streamed is only opened, and decoded while it is computed.

    Not where it is compared with its result, for which it would have to be decoded again, and not from a file that lies
    there for this moment only.
    """
    with _in_memory(job.source), access.source(job) as path:
        if path == job.source and not check:
            picture = image.read_rows(path)
            if (
                picture is not None
                and picture.pages == 1
                and upscaler.takes_rows(picture.height, picture.width)
                and _is_streamed(picture, job, upscaler)
            ):
                return picture
        return image.read(path)


def _write(
    picture: Picture,
    pixels: NDArray[Any],
    job: Job,
    started: float,
    access: Access,
    overwrite: bool,
    quality: int | None,
    check: bool,
    network: str,
) -> Done:
    with _in_memory(job.source):
        larger = picture.with_pixels(pixels, pixels.shape[1] / picture.width)
        with access.target(job, overwrite=overwrite) as (path, replace):
            image.write(larger, path, overwrite=replace, quality=quality)
        comparison = _comparison(picture.pixels, larger.height, larger.width) if check else None
        if comparison is not None:
            comparison.feed(pixels)
    return _done(job, picture, larger.height, larger.width, started, comparison, network)


def _done(
    job: Job, before: Picture, height: int, width: int, started: float, comparison: Consistency | None, network: str
) -> Done:
    sizes = (before.width, before.height), (width, height)
    return Done(job, *sizes, time.perf_counter() - started, comparison, before.pages, network=network)


def _comparison(before: NDArray[Any], height: int, width: int) -> Consistency:
    from srgan.engine.consistency import Consistency

    return Consistency(before, (height, width))


def _is_streamed(picture: Picture, job: Job, upscaler: Upscaler | ModelChooser) -> bool:
    height, width = upscaler.size_of(picture.height, picture.width)
    nbytes = height * width * picture.pixels.shape[2] * picture.pixels.dtype.itemsize
    return nbytes > LARGE_BYTES and image.can_stream(job.target)


def _stream(
    picture: Picture,
    job: Job,
    upscaler: Upscaler,
    started: float,
    place: tuple[Path, bool],
    quality: int | None,
    check: bool,
    listener: Listener,
) -> Done:
    height, width = upscaler.size_of(picture.height, picture.width)
    path, overwrite = place
    with (
        _in_memory(job.source),
        image.stream(picture, path, height, width, overwrite=overwrite, quality=quality) as sink,
    ):
        comparison = _fill(sink, picture, job, upscaler, check, listener.progress)
    return _done(job, picture, height, width, started, comparison, upscaler.name)


def _fill(
    sink: image.Sink, picture: Picture, job: Job, upscaler: Upscaler, check: bool, progress: Progress
) -> Consistency | None:
    """Compute a picture into a sink."""
    comparison = _comparison(picture.pixels, *upscaler.size_of(picture.height, picture.width)) if check else None

    def bands() -> Iterator[NDArray[Any]]:
        with _named(job.source):
            yield from upscaler.bands(picture.pixels, progress=progress)

    for band in bands():
        sink.write(band)
        if comparison is not None:
            comparison.feed(band)
    return comparison


def _stream_pages(
    first: Picture,
    job: Job,
    upscaler: Upscaler,
    started: float,
    place: tuple[Path, bool],
    access: Access,
    check: bool,
    listener: Listener,
) -> Done:
    """Compute all pages of a TIFF file into another one; ``first`` is the first of them."""
    worst: Consistency | None = None
    path, overwrite = place
    with _in_memory(job.source), access.source(job) as source:
        headers = [image.probe(source, page=number) for number in range(first.pages)]
        after = [upscaler.size_of(header.height, header.width) for header in headers]
        nbytes = sum(
            height * width * header.bands * (2 if header.depth > 8 else 1)
            for header, (height, width) in zip(headers, after, strict=True)
        )
        before, total = 0, sum(header.height * header.width for header in headers)

        def tell(done: int, of: int) -> None:
            # A page may take several passes through the network: what counts is its share that is done.
            listener.progress(before + header.height * header.width * done // of, total)

        with image.stream_pages(path, nbytes=nbytes, overwrite=overwrite) as page:
            for number, (header, size) in enumerate(zip(headers, after, strict=True)):
                picture = image.read(source, page=number) if number else first
                with page(picture, *size) as sink:
                    comparison = _fill(sink, picture, job, upscaler, check, tell)
                if comparison is not None and (worst is None or comparison.psnr < worst.psnr):
                    worst = comparison
                before += header.height * header.width
    done = _done(job, first, *after[0], started, worst, upscaler.name)
    return replace(done, enlarged=first.pages)
