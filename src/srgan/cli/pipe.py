"""``srgan upscale - -o -``: a picture from stdin, a result to stdout."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from srgan.cli.lines import say
from srgan.cli.pictures import first_of, left_out, line
from srgan.cli.upscale_options import CommandOptions
from srgan.errors import ImageReadError, SrganError, UsageError
from srgan.jobs.job import Job
from srgan.jobs.naming import checked_extension
from srgan.jobs.plan import plan
from srgan.jobs.run import run_one
from srgan.models.catalogue import AUTO

STREAM = "-"
"""What stands for stdin as a path, and for stdout as an output; ``./-`` is a file of that name."""


def is_asked_for(paths: Sequence[str], output: str | None) -> bool:
    """Return whether a picture comes from stdin or goes to stdout."""
    return STREAM in paths or output == STREAM


def run(options: CommandOptions) -> bool:
    """Enlarge one picture; its line goes to stderr where the result goes to stdout."""
    check(options)
    with tempfile.TemporaryDirectory(prefix="srgan-") as name:
        source = _received(Path(name)) if options.paths[0] == STREAM else Path(options.paths[0])
        job = _job(options, source, Path(name))
        try:
            done = run_one(
                job,
                options.open(),
                overwrite=options.overwrite,
                quality=options.quality,
                check=options.check,
                keeping=options.keeping,
            )
            if options.output == STREAM:
                with job.target.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        except SrganError as error:
            _call_as_given(error, options, job)
            raise
    if not options.quiet:
        called = Job(
            Path("stdin") if options.paths[0] == STREAM else job.source,
            Path("stdout") if options.output == STREAM else job.target,
        )
        shown = replace(done, job=called)
        text = line(shown, chosen=options.model == AUTO)
        if options.output == STREAM:
            say(text)
        else:
            print(text, flush=True)
        if done.pages > done.enlarged:
            say(first_of(shown))
        if done.notes:
            say(left_out(called, done.notes))
    return True


def check(options: CommandOptions) -> None:
    """Raise UsageError for what has no meaning with a stream."""
    if len(options.paths) != 1:
        raise UsageError("- is one picture from stdin, or one to stdout: name nothing beside it")
    if options.output is None:
        raise UsageError("a picture from stdin needs a place for the result: pass -o FILE, or -o - for stdout")
    given = {
        "--check-map": options.check_map,
        "--dry-run": options.dry_run,
        "--report": options.report,
        "--ray": options.ray,
        "--watch": options.watch,
        "--skip-larger": options.skip_larger,
        "--suffix": options.suffix,
        "--name": options.name,
        "--keep-date": options.keeping.date,
    }
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} is not for stdin and stdout: leave it out")
    if options.output == STREAM and sys.stdout.isatty():
        raise UsageError("stdout is a terminal: send it to a file or a program, as in -o - > large.png")


def _received(folder: Path) -> Path:
    source = folder / "stdin"
    with source.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    if not source.stat().st_size:
        raise ImageReadError("nothing came from stdin: send a picture, as in srgan upscale - -o - < small.png")
    return source


def _job(options: CommandOptions, source: Path, folder: Path) -> Job:
    """Return what is read and written; the output's format is the one asked for, or the input's."""
    if options.output != STREAM:
        (job,) = plan(
            [source], options.output, scale=options.label, format=options.format, bands=options.bands
        ).pictures
        return job
    if options.format is not None:
        end = checked_extension(options.format)
        return Job(source, folder / f"result{end}")
    (job,) = plan([source], folder / "", scale=options.label, name="result.{ext}", bands=options.bands).pictures
    return Job(job.source, folder / job.target.name)


def _call_as_given(error: SrganError, options: CommandOptions, job: Job) -> None:
    """Let an error name the streams, and not the files that stood for them."""
    if options.paths[0] == STREAM and error.subject == str(job.source):
        error.subject = "stdin"
    elif options.output == STREAM and error.subject == str(job.target):
        error.subject = "stdout"
