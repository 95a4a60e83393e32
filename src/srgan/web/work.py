"""One picture from file to file, on the worker thread: the run that the command does, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from srgan.jobs.job import Job
from srgan.jobs.reports import Done, Listener
from srgan.jobs.run import run_one

if TYPE_CHECKING:
    from srgan.engine.choice import ModelChooser
    from srgan.engine.tile_pass import Progress


class _Told(Listener):
    def __init__(self, tell: Progress) -> None:
        self._tell = tell

    def progress(self, done: int, total: int) -> None:
        self._tell(done, total)


def enlarge(
    job: Job,
    chooser: Callable[[], ModelChooser],
    progress: Progress,
    *,
    quality: int | None = None,
    max_pixels: int,
) -> Done:
    """Do one picture, and return what was done, the name of the network with it.

    Parameters
    ----------
    chooser : opens the network, or those among which one is chosen; it may take a while
    progress : may raise to end the work; nothing is written then
    quality, max_pixels : as for :func:`srgan.jobs.run.run_pictures`

    Raises
    ------
    SrganError
        as :func:`srgan.jobs.run.run_one`, and what ``chooser`` raises
    """
    return run_one(job, chooser(), quality=quality, max_pixels=max_pixels, listener=_Told(progress))
