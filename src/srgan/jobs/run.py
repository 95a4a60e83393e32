"""Picture files in, picture files out: one run over all of them.

Reading the next picture and writing the last one happen on threads of their own while the network computes. Each file
is written atomically (:mod:`srgan.jobs.steps`); a picture that fails is reported and the rest goes on.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from srgan import image
from srgan.errors import SrganError, UsageError
from srgan.files import refuse_existing
from srgan.jobs import before, steps
from srgan.jobs.access import Access
from srgan.jobs.job import KEEPING, Job, Keeping
from srgan.jobs.plan import plan
from srgan.jobs.reports import Done, Failure, Listener, Report
from srgan.jobs.steps import Steps, Task
from srgan.runtime import kept

if TYPE_CHECKING:
    from srgan.engine.choice import Choice, ModelChooser
    from srgan.engine.tile_pass import Progress
    from srgan.engine.upscaler import Upscaler
    from srgan.image import Picture

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

    listener = listener or Listener()
    replaceable = frozenset(jobs) if overwrite else frozenset(replace)
    chooser, reached = as_chooser(upscaler), access or Access()
    todo = Steps(chooser, quality, check, max_pixels, keeping, reached, replaceable, listener.progress)
    return _Run(todo, listener)(jobs)


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


class _Run:
    """A pipeline of two slots: one picture is read ahead, and one written behind, while the network computes."""

    def __init__(self, steps: Steps, listener: Listener) -> None:
        self._steps = steps
        self._listener = listener
        self._opening, self._large = threading.Lock(), threading.Lock()
        self._report = Report()
        self._many = False
        self._reader = ThreadPoolExecutor(1, "srgan-read")
        self._writer = ThreadPoolExecutor(1, "srgan-write")
        self._ahead: Future[tuple[Picture, Choice]] | None = None
        self._behind: tuple[Job, Future[Done]] | None = None

    def __call__(self, jobs: Sequence[Job]) -> Report:
        """Do all pictures."""
        self._many = len(jobs) > 1
        try:
            waiting = self._free(jobs)
            if len(waiting) > 1 and self._steps.chooser.slots > 1:
                self._side_by_side(waiting, self._steps.chooser.slots)
                return self._report
            for number, job in enumerate(waiting):
                started = time.perf_counter()
                read = self._next(waiting, number)
                if read is None:
                    continue
                self._listener.started(job, number + 1, len(waiting))
                try:
                    self._enlarge(self._steps.task(job, *read, started), last=number + 1 == len(waiting))
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
        self._steps.progress = lambda *_: None  # there is no one picture to be told of
        under_way: deque[tuple[Job, Future[Done]]] = deque()

        def finish() -> None:
            job, whole = under_way.popleft()
            try:
                done = whole.result()
                if done.notes:
                    self._listener.leaves_out(job, done.notes)
                self._written(done)
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
        read = self._steps.read(job)
        with self._opening:
            task = self._steps.task(job, *read, started)
        if self._steps.goes_straight(task):
            with self._large:
                return self._steps.straight(task)
        height, width = task.size
        nbytes = height * width * task.picture.pixels.shape[2] * task.picture.pixels.dtype.itemsize
        with self._large if nbytes > BESIDE_BYTES else nullcontext():
            return self._steps.write(task, self._steps.computed(task))

    def _free(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs whose results can be written, by what is known before any picture is read."""
        waiting: list[Job] = []
        places = before.Places()
        for job in jobs:
            if job not in self._steps.replaceable and self._steps.access.exists(job):
                self._report.skipped.append(job)
                self._listener.skipped(job)
                continue
            try:
                places.check(job.target)
                image.check_bands(job.target, self._steps.chooser.channels)
            except SrganError as error:
                self._fail(job, error)
            else:
                waiting.append(job)
        return waiting

    def _next(self, waiting: Sequence[Job], number: int) -> tuple[Picture, Choice] | None:
        """Return a picture and the choice for it, perhaps read ahead, and begin to read the next; None if it failed."""
        current = self._ahead or self._reader.submit(self._steps.read, waiting[number])
        self._ahead = None
        read = None
        try:
            read = current.result()
        except SrganError as error:
            self._fail(waiting[number], error)
        if number + 1 < len(waiting):
            self._ahead = self._reader.submit(self._steps.read, waiting[number + 1])
        return read

    def _enlarge(self, task: Task, *, last: bool) -> None:
        """Compute a picture, and write it or have it written."""
        straight = self._steps.goes_straight(task)
        if task.notes:
            self._listener.leaves_out(task.job, task.notes)
        if straight:
            self._settle()
            self._written(self._steps.straight(task))
            return
        pixels = self._steps.computed(task)
        self._settle()
        alone = pixels.nbytes > steps.LARGE_BYTES
        if alone or last:  # the network does not need its memory meanwhile
            kept.make_room(steps.ENCODER_FACTOR * pixels.nbytes)
        self._behind = task.job, self._writer.submit(self._steps.write, task, pixels)
        if alone:
            self._settle()

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
        if self._steps.keeping.date:
            self._steps.access.keep_date(done.job)
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
