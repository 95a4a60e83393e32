"""``srgan upscale`` with a network of other bands than RGB."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from srgan.cli.lines import printable, say
from srgan.errors import ImageError, SrganError, UsageError


def run(
    paths: Sequence[str],
    output: str | None,
    model: str,
    *,
    options: Mapping[str, Any],
    refused: Sequence[str],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Enlarge pictures, one after the other; a bad one is reported and the rest goes on.

    Parameters
    ----------
    paths, output, model : as given to ``srgan upscale``
    options : for :class:`srgan.engine.multiband.Enlarger`
    refused : names of the options that were given and have no meaning here
    """
    from srgan import storage
    from srgan.engine.multiband import Enlarger, bands_of
    from srgan.jobs.plan import plan

    bands = bands_of(model)
    if refused:
        raise UsageError(f"{', '.join(refused)}: not with a network of {bands} bands: leave that out")
    if any(storage.is_url(path) for path in (*paths, output or "")):
        raise UsageError(f"a network of {bands} bands takes files of this machine: copy them here")
    enlarger = Enlarger(model, **options)
    work = plan(paths, output, scale=f"x{enlarger.scale}", format="tif")
    failed = 0
    for job in work:
        start = time.monotonic()
        try:
            with _bar(str(job.source), quiet) as progress:
                before, after = enlarger(job.source, job.target, overwrite=overwrite, progress=progress)
        except SrganError as error:
            if len(work) == 1 or not isinstance(error, ImageError | UsageError):
                raise
            failed += 1
            say(str(error))
            continue
        if not quiet:
            sizes = " -> ".join(f"{height}x{width}" for height, width in (before, after))
            print(f"{printable(str(job.target))}  {sizes}  {time.monotonic() - start:.1f} s", flush=True)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _bar(name: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how many rows of a picture are done, if a person is watching."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=quiet or not errors.is_terminal) as bar:
        task = bar.add_task(printable(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
