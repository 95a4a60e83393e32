"""``srgan upscale`` with a network of other bands than RGB."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from srgan import storage
from srgan.cli.lines import printable, say
from srgan.cli.upscale_options import UpscaleOptions
from srgan.engine.multiband import Enlarger, bands_of
from srgan.errors import ImageError, SrganError, UsageError


def run(options: UpscaleOptions) -> bool:
    """Enlarge pictures, one after the other; a bad one is reported and the rest goes on.

    Returns
    -------
    whether nothing failed
    """
    bands = bands_of(options.model)
    given: dict[str, Any] = {f"--{name}": options.network[name] for name in ("scale", "width", "height", "fit")}
    given |= {f"--{name}": options.network[name] for name in ("wrap", "tta", "fidelity")}
    given["--denoise"] = options.network["denoise"] is not None
    given |= {"--format": options.format, "--quality": options.quality, "--check": options.check}
    given |= {"--check-map": options.check_map, "--dry-run": options.dry_run, "--report": options.report}
    given |= {"--ray": options.ray, "--watch": options.watch}
    refused = [name for name, value in given.items() if value]
    if refused:
        raise UsageError(f"{', '.join(refused)}: not with a network of {bands} bands: leave that out")
    if any(storage.is_url(path) for path in (*options.paths, options.output or "")):
        raise UsageError(f"a network of {bands} bands takes files of this machine: copy them here")
    enlarger = Enlarger(options.model, **{name: options.network[name] for name in ("precision", "memory", "threads")})
    found = options.plan(scale=f"x{enlarger.scale}", format="tif", clips=False)
    for failure in found.refused:
        say(str(failure.error))
    failed = len(found.refused)
    for job in found.pictures:
        start = time.monotonic()
        try:
            with _bar(str(job.source), options.quiet) as progress:
                before, after = enlarger(job.source, job.target, overwrite=options.overwrite, progress=progress)
        except SrganError as error:
            if found.single or not isinstance(error, ImageError | UsageError):
                raise
            failed += 1
            say(str(error))
            continue
        if not options.quiet:
            sizes = " -> ".join(f"{width}x{height}" for height, width in (before, after))
            print(f"{printable(str(job.target))}  {sizes}  {time.monotonic() - start:.1f} s", flush=True)
    return not failed


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
