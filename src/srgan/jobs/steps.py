"""The steps of one picture: read it and choose what enlarges it, compute it, write it.

:mod:`srgan.jobs.run` puts them into an order; they may run on several threads at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.errors import SrganError
from srgan.jobs import before
from srgan.jobs.access import Access
from srgan.jobs.job import Job, Keeping
from srgan.jobs.reports import Done

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from srgan.engine.choice import Choice, ModelChooser
    from srgan.engine.consistency import Consistency
    from srgan.engine.tile_pass import Progress
    from srgan.engine.upscaler import Upscaler
    from srgan.image import Picture

ENCODER_FACTOR = 5
"""What a result of 48 megapixels takes while it is encoded as JPEG with tables of its own, in its bytes, itself included."""

LARGE_BYTES = 256 << 20
"""A result of more bytes than this is written while it is computed, and never is in memory as a whole; where its format
cannot be written like that, it is written before the next picture is computed, so that only one is in memory."""


@dataclass(frozen=True)
class Task:
    """A picture that was read, and what enlarges it."""

    job: Job
    picture: Picture
    choice: Choice
    upscaler: Upscaler
    started: float
    notes: tuple[str, ...] = ()
    """What the result will not have."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result."""
        return self.upscaler.size_of(self.picture.height, self.picture.width)

    def done(self, height: int, width: int, comparison: Consistency | None) -> Done:
        """Return what is reported of it, once its result of this size is written."""
        sizes = (self.picture.width, self.picture.height), (width, height)
        seconds = time.perf_counter() - self.started
        network, seen = self.upscaler.name, self.choice.seen
        return Done(
            self.job, *sizes, seconds, comparison, self.picture.pages, network=network, seen=seen, notes=self.notes
        )


@dataclass
class Steps:
    """What is done with a picture, by the settings of a run: those of :func:`srgan.jobs.run.run_pictures`.

    Attributes
    ----------
    replaceable : those whose output may be replaced
    progress : is told how far the computing of a picture is
    """

    chooser: ModelChooser
    quality: int | None
    check: bool
    max_pixels: int
    keeping: Keeping
    access: Access
    replaceable: frozenset[Job]
    progress: Progress

    def __post_init__(self) -> None:
        self._files = image.BandReader(self.chooser.channels)

    def read(self, job: Job) -> tuple[Picture, Choice]:
        """Read a picture, and choose what enlarges it; one whose result is streamed is decoded while it is computed.

        Not where it is compared with its result, for which it would have to be decoded again, and not from a file that
        lies there for this moment only.
        """
        with _in_memory(job.source), self.access.source(job) as path:
            if path == job.source and not self.check:
                picture = self._files.read_rows(path, max_pixels=self.max_pixels)
                if (
                    picture is not None
                    and picture.pages == 1
                    and self.chooser.takes_rows(picture.height, picture.width)
                    and _is_streamed(picture, job, self.chooser.size_of(picture.height, picture.width))
                ):
                    choice = self.chooser.choose(picture.pixels, picture.jpeg_quality)
                    if choice.cleaner is None:  # a mixture takes the picture twice
                        again = self._files.read_rows(
                            path, max_pixels=self.max_pixels
                        )  # the choice has used up the rows
                        assert again is not None
                        return again, choice
            picture = self._files.read(path, max_pixels=self.max_pixels)
            if picture.pages > 1 and picture.format == "TIFF" == image.format_of(job.target).name:
                picture = replace(picture, notes=picture.notes + image.notes_of_pages(path))
            return picture, self.chooser.choose(picture.pixels, picture.jpeg_quality)

    def task(self, job: Job, picture: Picture, choice: Choice, started: float) -> Task:
        """Return a picture that was read with the open network for it; errors as :meth:`ModelChooser.open`."""
        network = self.chooser.open(choice)
        notes = image.left_out(picture, job.target)
        return Task(job, self._with_history(picture, network), choice, network, started, notes)

    def _with_history(self, picture: Picture, network: Upscaler) -> Picture:
        return replace(picture, history=network.name or "a network") if self.keeping.history else picture

    def goes_straight(self, task: Task) -> bool:
        """Return whether a result is written while it is computed; check that it can be written at all."""
        # What the format cannot hold, and what the disk has no room for, is said before the work, not after it.
        height, width = task.size
        kind = image.checked_format(task.job.target, width, height, self.quality)
        before.check_room(task.job, before.least_bytes(task.job, task.picture, (height, width)))
        return self._is_paged(task, kind.name) or _is_streamed(task.picture, task.job, task.size)

    def _is_paged(self, task: Task, kind: str) -> bool:
        return task.picture.pages > 1 and task.picture.format == kind == "TIFF"

    def straight(self, task: Task) -> Done:
        """Compute a picture, or the pages of one, into its file."""
        paged = self._is_paged(task, image.format_of(task.job.target).name)
        with self.access.target(task.job, overwrite=task.job in self.replaceable) as place:
            return self._stream_pages(task, *place) if paged else self._stream(task, *place)

    def computed(self, task: Task) -> NDArray[Any]:
        """Return the pixels of the result; errors as :meth:`Upscaler.__call__`, and say which picture they are about."""
        with _named(task.job.source):
            return task.upscaler(task.picture.pixels, progress=self.progress)

    def _stream(self, task: Task, path: Path, overwrite: bool) -> Done:
        height, width = task.size
        with (
            _in_memory(task.job.source),
            image.stream(task.picture, path, height, width, overwrite=overwrite, quality=self.quality) as sink,
        ):
            comparison = self._fill(sink, task, self.progress)
        return task.done(height, width, comparison)

    def _stream_pages(self, task: Task, path: Path, overwrite: bool) -> Done:
        """Compute all pages of a TIFF file into another one; the task has the first of them."""
        worst: Consistency | None = None
        with _in_memory(task.job.source), self.access.source(task.job) as source:
            headers = [self._files.probe(source, page=number) for number in range(task.picture.pages)]
            after = [task.upscaler.size_of(header.height, header.width) for header in headers]
            nbytes = sum(
                height * width * header.bands * (2 if header.depth > 8 else 1)
                for header, (height, width) in zip(headers, after, strict=True)
            )
            earlier, total = 0, sum(header.height * header.width for header in headers)

            def tell(done: int, of: int) -> None:
                # A page may take several passes through the network: what counts is its share that is done.
                self.progress(earlier + header.height * header.width * done // of, total)

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

    def _fill(self, sink: image.Sink, task: Task, progress: Progress) -> Consistency | None:
        """Compute a picture into a sink."""
        comparison = _comparison(task, *task.size) if self.check else None

        def bands() -> Iterator[NDArray[Any]]:
            with _named(task.job.source):
                yield from task.upscaler.bands(task.picture.pixels, progress=progress)

        for band in bands():
            sink.write(band)
            if comparison is not None:
                comparison.feed(band)
        return comparison

    def write(self, task: Task, pixels: NDArray[Any]) -> Done:
        """Write a result as a whole, with its metadata; errors as :func:`srgan.image.write`."""
        with _in_memory(task.job.source):
            larger = task.picture.with_pixels(pixels, pixels.shape[1] / task.picture.width)
            with self.access.target(task.job, overwrite=task.job in self.replaceable) as (path, overwrite):
                image.write(larger, path, overwrite=overwrite, quality=self.quality)
            comparison = _comparison(task, larger.height, larger.width) if self.check else None
            if comparison is not None:
                comparison.feed(pixels)
        return task.done(larger.height, larger.width, comparison)


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


def _comparison(task: Task, height: int, width: int) -> Consistency:
    from srgan.engine.consistency import Consistency

    return Consistency(task.picture.pixels, (height, width), task.upscaler.channels)


def _is_streamed(picture: Picture, job: Job, size: tuple[int, int]) -> bool:
    height, width = size
    nbytes = height * width * picture.pixels.shape[2] * picture.pixels.dtype.itemsize
    return nbytes > LARGE_BYTES and image.can_stream(job.target)
