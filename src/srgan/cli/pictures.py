"""The lines that ``srgan upscale`` prints for pictures."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

from srgan.cli.lines import printable, say
from srgan.jobs.job import Job
from srgan.jobs.reports import Done, Failure, Listener


class _Lines(Listener):
    def __init__(self, *, many: bool, quiet: bool, chosen: bool) -> None:
        self._many = many
        self._quiet = quiet
        self._chosen = chosen

    def written(self, done: Done) -> None:
        if self._quiet:
            return
        print(line(done, chosen=self._chosen), flush=True)
        if done.pages > done.enlarged:
            say(first_of(done))

    def leaves_out(self, job: Job, notes: tuple[str, ...]) -> None:
        if not self._quiet:
            say(left_out(job, notes))

    def skipped(self, job: Job) -> None:
        if not self._quiet:
            say(f"{job.target} exists, skipped (--overwrite replaces it)")

    def failed(self, failure: Failure) -> None:
        if self._many:  # the error of a single picture is raised and printed at the end
            say(str(failure.error))


def line(done: Done, *, chosen: bool = False) -> str:
    """Return the line for a picture that was written; ``chosen`` if it says which network was chosen for it."""
    before, after = ("x".join(map(str, size)) for size in (done.before, done.after))
    said = "" if done.check is None else f"  consistency {done.check.psnr:.1f} dB"
    if done.enlarged > 1:
        before = f"{done.enlarged} pages, {'each' if done.alike else 'the first'} {before}"
    said += f"  {done.by}" if chosen and done.network else ""
    return f"{printable(str(done.job.target))}  {before} -> {after}  {done.seconds:.1f} s{said}"


def first_of(done: Done) -> str:
    """Return the line for a picture that is one of several in its file."""
    return f"{done.job.source} has {done.pages} pages or frames: the first one was enlarged"


def left_out(job: Job, notes: tuple[str, ...]) -> str:
    """Return the line that says what the result will lose."""
    return f"{job.source}: left out: {'; '.join(notes)}"


def picture_listener(*, many: bool, quiet: bool, chosen: bool) -> AbstractContextManager[Listener]:
    """Return what prints a run's lines, with a progress bar around it if a person is watching."""
    lines = _Lines(many=many, quiet=quiet, chosen=chosen)
    if quiet or not sys.stderr.isatty():
        return nullcontext(lines)

    from srgan.cli.progress import Bar

    return Bar(lines, many=many)
