"""Picture files in, picture files out: one run over all of them.

Reading the next picture and writing the last one happen on threads of their own while the network computes. Each file
is written atomically by :mod:`srgan.image`; a picture that fails is reported and the rest goes on.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.errors import SrganError, UsageError
from srgan.files import refuse_existing
from srgan.jobs import before
from srgan.jobs.access import Access
from srgan.jobs.job import KEEPING, Job, Keeping
from srgan.jobs.plan import plan
from srgan.jobs.reports import Done, Failure, Listener, Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from srgan.engine.choice import Choice, ModelChooser
    from srgan.engine.consistency import Consistency
    from srgan.engine.tile_pass import Progress
    from srgan.engine.upscaler import Upscaler
    from srgan.image import Picture

LARGE_BYTES = 256 << 20
"""A result of more bytes than this is written while it is computed, and never is in memory as a whole; where its format
cannot be written like that, it is written before the next picture is computed, so that only one is in memory."""

BESIDE_BYTES = 64 << 20
"""Where several pictures are computed at the same time, those with larger results wait for each other."""


def run_pictures(
    jobs: Sequence[Job],
    upscaler: Upscaler | ModelChooser,
    *,
    overwrite: bool = False,
    replace: Collection[Job] = (),
    quality: int | None = None,
    check: bool = False,
    max_pixels: int = image.MAX_PIXELS,
    keeping: Keeping = KEEPING,
    listener: Listener | None = None,
    access: Access | None = None,
) -> Report:
    """Upscale pictures one after the other, reading ahead and writing behind.

    An output that exists is skipped, unless ``overwrite``; so a run that was stopped resumes. A picture
    that cannot be read, computed or written is reported and leaves no file behind. Places that cannot be written to are
    reported before anything is computed.

    Parameters
    ----------
    upscaler : an open network for all pictures, or what chooses one for each
    replace : those whose output may be replaced without ``overwrite``
    quality : 1 to 100, for formats that lose
    check : compare each result with its input (:mod:`srgan.engine.consistency`); of several pictures only the figure is kept
    max_pixels : largest width * height of an input
    keeping : what results get beside their pixels and what belongs to their inputs
    access : reaches the files, where they do not lie on this machine
    """
    from srgan.engine.choice import as_chooser

    run = _Run(as_chooser(upscaler), quality, check, max_pixels, keeping, listener or Listener(), access or Access())
    run.replaceable = frozenset(jobs) if overwrite else frozenset(replace)
    return run(jobs)


def upscale_file(
    source: Path,
    target: Path | None,
    upscaler: Upscaler | ModelChooser,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Upscale one picture file and return the path written; arguments as in :func:`plan` and :func:`run_pictures`.

    ``progress`` is told how far it is; what it raises ends the work, and nothing is written.

    Raises
    ------
    OutputExistsError
        if the output exists and ``overwrite`` is not set
    SrganError
        whatever kept the picture from being read, computed or written
    """
    if os.path.isdir(source):
        raise UsageError(
            f"{source} is a folder: call this for each file in it, or use the command 'srgan upscale {source}'"
        )
    (job,) = plan([source], target, scale=upscaler.label, bands=upscaler.channels).pictures
    listener = Listener()
    if progress is not None:
        listener.progress = progress  # type: ignore[method-assign,assignment]
    run_one(job, upscaler, overwrite=overwrite, quality=quality, listener=listener)
    return job.target


def run_one(
    job: Job,
    upscaler: Upscaler | ModelChooser,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    check: bool = False,
    max_pixels: int = image.MAX_PIXELS,
    keeping: Keeping = KEEPING,
    listener: Listener | None = None,
) -> Done:
    """Upscale a single picture; unlike in :func:`run_pictures`, whatever goes wrong is raised, an existing output too."""
    refuse_existing(job.target, overwrite=overwrite)
    report = run_pictures(
        [job],
        upscaler,
        overwrite=overwrite,
        quality=quality,
        check=check,
        max_pixels=max_pixels,
        keeping=keeping,
        listener=listener,
    )
    if report.failed:
        raise report.failed[0].error
    if not report.written:  # it came into being a moment ago
        refuse_existing(job.target, overwrite=False)
    return report.written[0]


@dataclass(frozen=True)
class _Task:
    """A picture that was read, and what enlarges it."""

    job: Job
    picture: Picture
    choice: Choice
    upscaler: Upscaler
    started: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result."""
        return self.upscaler.size_of(self.picture.height, self.picture.width)

    def done(self, height: int, width: int, comparison: Consistency | None) -> Done:
        sizes = (self.picture.width, self.picture.height), (width, height)
        seconds = time.perf_counter() - self.started
        notes = image.left_out(self.picture, self.job.target)
        network, seen = self.upscaler.name, self.choice.seen
        return Done(self.job, *sizes, seconds, comparison, self.picture.pages, network=network, seen=seen, notes=notes)


class _Run:
    """A pipeline of two slots: one picture is read ahead, and one written behind, while the network computes."""

    replaceable: frozenset[Job] = frozenset()
    """Those whose output may be replaced."""

    def __init__(
        self,
        chooser: ModelChooser,
        quality: int | None,
        check: bool,
        max_pixels: int,
        keeping: Keeping,
        listener: Listener,
        access: Access,
    ) -> None:
        self._chooser = chooser
        self._quality = quality
        self._check = check
        self._max_pixels = max_pixels
        self._keeping = keeping
        self._listener = listener
        self._access = access
        self._progress: Progress = self._listener.progress
        self._opening, self._large = threading.Lock(), threading.Lock()
        self._report = Report()
        self._many = False
        self._files = image.BandReader(chooser.channels)
        self._reader = ThreadPoolExecutor(1, "srgan-read")
        self._writer = ThreadPoolExecutor(1, "srgan-write")
        self._ahead: Future[tuple[Picture, Choice]] | None = None
        self._behind: tuple[Job, Future[Done]] | None = None

    def __call__(self, jobs: Sequence[Job]) -> Report:
        """Do all pictures."""
        self._many = len(jobs) > 1
        try:
            waiting = self._free(jobs)
            if len(waiting) > 1 and self._chooser.slots > 1:
                self._side_by_side(waiting, self._chooser.slots)
                return self._report
            for number, job in enumerate(waiting):
                started = time.perf_counter()
                read = self._next(waiting, number)
                if read is None:
                    continue
                self._listener.started(job, number + 1, len(waiting))
                try:
                    self._enlarge(self._task(job, *read, started))
                except SrganError as error:
                    self._fail(job, error)
                del read
            self._settle()
        finally:
            # After Ctrl-C: what is being written is finished (it is atomic), what was read ahead is dropped.
            self._reader.shutdown(cancel_futures=True)
            self._writer.shutdown()
        return self._report

    def _side_by_side(self, waiting: Sequence[Job], slots: int) -> None:
        """Do several pictures at the same time: a device computes faster than one thread decodes and encodes."""
        self._progress = lambda *_: None  # there is no one picture to be told of
        under_way: deque[tuple[Job, Future[Done]]] = deque()

        def finish() -> None:
            job, whole = under_way.popleft()
            try:
                self._written(whole.result())
            except SrganError as error:
                self._fail(job, error)

        with ThreadPoolExecutor(slots, "srgan-picture") as pool:
            try:
                for number, job in enumerate(waiting):
                    if len(under_way) > slots:
                        finish()
                    self._listener.started(job, number + 1, len(waiting))
                    under_way.append((job, pool.submit(self._whole, job)))
                while under_way:
                    finish()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _whole(self, job: Job) -> Done:
        """Read, compute and write one picture."""
        started = time.perf_counter()
        read = self._read(job)
        with self._opening:
            task = self._task(job, *read, started)
        if self._goes_straight(task):
            with self._large:
                return self._straight(task)
        height, width = task.size
        nbytes = height * width * task.picture.pixels.shape[2] * task.picture.pixels.dtype.itemsize
        with self._large if nbytes > BESIDE_BYTES else nullcontext():
            return self._write(task, self._computed(task))

    def _free(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs whose results can be written, by what is known before any picture is read."""
        waiting: list[Job] = []
        places = before.Places()
        for job in jobs:
            if job not in self.replaceable and self._access.exists(job):
                self._report.skipped.append(job)
                self._listener.skipped(job)
                continue
            try:
                places.check(job.target)
                image.check_bands(job.target, self._chooser.channels)
            except SrganError as error:
                self._fail(job, error)
            else:
                waiting.append(job)
        return waiting

    # --- Reading -----------------------------------------------------------------------------------------------------

    def _next(self, waiting: Sequence[Job], number: int) -> tuple[Picture, Choice] | None:
        """Return a picture and the choice for it, perhaps read ahead, and begin to read the next; None if it failed."""
        current = self._ahead or self._reader.submit(self._read, waiting[number])
        self._ahead = None
        read = None
        try:
            read = current.result()
        except SrganError as error:
            self._fail(waiting[number], error)
        if number + 1 < len(waiting):
            self._ahead = self._reader.submit(self._read, waiting[number + 1])
        return read

    def _read(self, job: Job) -> tuple[Picture, Choice]:
        """Read a picture, and choose what enlarges it; one whose result is streamed is decoded while it is computed.

        Not where it is compared with its result, for which it would have to be decoded again, and not from a file that
        lies there for this moment only.
        """
        with _in_memory(job.source), self._access.source(job) as path:
            if path == job.source and not self._check:
                picture = self._files.read_rows(path, max_pixels=self._max_pixels)
                if (
                    picture is not None
                    and picture.pages == 1
                    and self._chooser.takes_rows(picture.height, picture.width)
                    and _is_streamed(picture, job, self._chooser.size_of(picture.height, picture.width))
                ):
                    choice = self._chooser.choose(picture.pixels, picture.jpeg_quality)
                    if choice.cleaner is None:  # a mixture takes the picture twice
                        again = self._files.read_rows(
                            path, max_pixels=self._max_pixels
                        )  # the choice has used up the rows
                        assert again is not None
                        return again, choice
            picture = self._files.read(path, max_pixels=self._max_pixels)
            return picture, self._chooser.choose(picture.pixels, picture.jpeg_quality)

    def _task(self, job: Job, picture: Picture, choice: Choice, started: float) -> _Task:
        network = self._chooser.open(choice)
        return _Task(job, self._with_history(picture, network), choice, network, started)

    def _with_history(self, picture: Picture, network: Upscaler) -> Picture:
        return replace(picture, history=network.name or "a network") if self._keeping.history else picture

    # --- Computing ---------------------------------------------------------------------------------------------------

    def _enlarge(self, task: _Task) -> None:
        """Compute a picture, and write it or have it written."""
        if self._goes_straight(task):
            self._settle()
            self._written(self._straight(task))
            return
        pixels = self._computed(task)
        self._settle()
        self._behind = task.job, self._writer.submit(self._write, task, pixels)
        if pixels.nbytes > LARGE_BYTES:
            self._settle()

    def _goes_straight(self, task: _Task) -> bool:
        """Return whether a result is written while it is computed; check that it can be written at all."""
        # What the format cannot hold, and what the disk has no room for, is said before the work, not after it.
        height, width = task.size
        kind = image.checked_format(task.job.target, width, height, self._quality)
        before.check_room(task.job, before.least_bytes(task.job, task.picture, (height, width)))
        return self._is_paged(task, kind.name) or _is_streamed(task.picture, task.job, task.size)

    def _is_paged(self, task: _Task, kind: str) -> bool:
        return task.picture.pages > 1 and task.picture.format == kind == "TIFF"

    def _straight(self, task: _Task) -> Done:
        """Compute a picture, or the pages of one, into its file."""
        paged = self._is_paged(task, image.format_of(task.job.target).name)
        with self._access.target(task.job, overwrite=task.job in self.replaceable) as place:
            return self._stream_pages(task, *place) if paged else self._stream(task, *place)

    def _computed(self, task: _Task) -> NDArray[Any]:
        with _named(task.job.source):
            return task.upscaler(task.picture.pixels, progress=self._progress)

    def _stream(self, task: _Task, path: Path, overwrite: bool) -> Done:
        height, width = task.size
        with (
            _in_memory(task.job.source),
            image.stream(task.picture, path, height, width, overwrite=overwrite, quality=self._quality) as sink,
        ):
            comparison = self._fill(sink, task, self._progress)
        return task.done(height, width, comparison)

    def _stream_pages(self, task: _Task, path: Path, overwrite: bool) -> Done:
        """Compute all pages of a TIFF file into another one; the task has the first of them."""
        worst: Consistency | None = None
        with _in_memory(task.job.source), self._access.source(task.job) as source:
            headers = [self._files.probe(source, page=number) for number in range(task.picture.pages)]
            after = [task.upscaler.size_of(header.height, header.width) for header in headers]
            nbytes = sum(
                height * width * header.bands * (2 if header.depth > 8 else 1)
                for header, (height, width) in zip(headers, after, strict=True)
            )
            earlier, total = 0, sum(header.height * header.width for header in headers)

            def tell(done: int, of: int) -> None:
                # A page may take several passes through the network: what counts is its share that is done.
                self._progress(earlier + header.height * header.width * done // of, total)

            with image.stream_pages(path, nbytes=nbytes, overwrite=overwrite) as page:
                for number, (header, size) in enumerate(zip(headers, after, strict=True)):
                    picture = task.picture
                    if number:
                        picture = self._with_history(self._files.read(source, page=number), task.upscaler)
                    with page(picture, *size) as sink:
                        comparison = self._fill(sink, replace(task, picture=picture), tell)
                    if comparison is not None and (worst is None or comparison.psnr < worst.psnr):
                        worst = comparison
                    earlier += header.height * header.width
        alike = len({(header.height, header.width) for header in headers}) == 1
        return replace(task.done(*after[0], worst), enlarged=task.picture.pages, alike=alike)

    def _fill(self, sink: image.Sink, task: _Task, progress: Progress) -> Consistency | None:
        """Compute a picture into a sink."""
        comparison = _comparison(task, *task.size) if self._check else None

        def bands() -> Iterator[NDArray[Any]]:
            with _named(task.job.source):
                yield from task.upscaler.bands(task.picture.pixels, progress=progress)

        for band in bands():
            sink.write(band)
            if comparison is not None:
                comparison.feed(band)
        return comparison

    # --- Writing -----------------------------------------------------------------------------------------------------

    def _write(self, task: _Task, pixels: NDArray[Any]) -> Done:
        with _in_memory(task.job.source):
            larger = task.picture.with_pixels(pixels, pixels.shape[1] / task.picture.width)
            with self._access.target(task.job, overwrite=task.job in self.replaceable) as (path, overwrite):
                image.write(larger, path, overwrite=overwrite, quality=self._quality)
            comparison = _comparison(task, larger.height, larger.width) if self._check else None
            if comparison is not None:
                comparison.feed(pixels)
        return task.done(larger.height, larger.width, comparison)

    def _settle(self) -> None:
        """Wait until the picture behind is written."""
        if self._behind is None:
            return
        (job, write), self._behind = self._behind, None
        try:
            done = write.result()
        except SrganError as error:
            self._fail(job, error)
        else:
            self._written(done)

    def _written(self, done: Done) -> None:
        if self._keeping.date:
            self._access.keep_date(done.job)
        self._listener.written(done)
        if self._many and done.check is not None:
            done.check.release()
        self._report.written.append(done)

    def _fail(self, job: Job, error: SrganError) -> None:
        if self._many:
            # The frames that it came through hold the picture, and the report is kept until all pictures are done.
            error.__traceback__ = error.__cause__ = error.__context__ = None
        self._report.failed.append(Failure(job, error))
        self._listener.failed(self._report.failed[-1])


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


def _comparison(task: _Task, height: int, width: int) -> Consistency:
    from srgan.engine.consistency import Consistency

    return Consistency(task.picture.pixels, (height, width), task.upscaler.channels)


def _is_streamed(picture: Picture, job: Job, size: tuple[int, int]) -> bool:
    height, width = size
    nbytes = height * width * picture.pixels.shape[2] * picture.pixels.dtype.itemsize
    return nbytes > LARGE_BYTES and image.can_stream(job.target)
