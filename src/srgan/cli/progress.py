"""The progress bar of ``srgan upscale``: on stderr, and only made where that is a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from srgan.cli.lines import printable
from srgan.jobs.job import Job
from srgan.jobs.reports import Done, Failure, Listener


class Bar(Listener):
    """Shows how far a run is and passes everything on to ``lines``, which prints above the bar.

    The bar counts pictures, and within each its pixels, so that it moves evenly for one large picture as for many.
    """

    def __init__(self, lines: Listener, *, many: bool) -> None:
        self._lines = lines
        self._many = many
        # stdout stays what it is where it goes to a file or a pipe.
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            redirect_stdout=sys.stdout.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._number = 1

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, job: Job, number: int, total: int) -> None:
        """Show the picture's name."""
        self._number = number
        place = f"[{number}/{total}] " if self._many else ""
        name = place + printable(job.source.name)
        self._progress.update(self._task, description=name, total=total, completed=number - 1)

    def leaves_out(self, job: Job, notes: tuple[str, ...]) -> None:
        """Print its line."""
        self._lines.leaves_out(job, notes)

    def progress(self, done: int, total: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=self._number - 1 + done / total)

    def written(self, done: Done) -> None:
        """Print its line."""
        self._lines.written(done)

    def skipped(self, job: Job) -> None:
        """Print its line."""
        self._lines.skipped(job)

    def failed(self, failure: Failure) -> None:
        """Print its line."""
        self._lines.failed(failure)
