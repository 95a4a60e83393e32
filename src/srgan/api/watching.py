"""How far a picture is, and how to stop it: ``progress=`` and ``cancel=``.

The engine calls back after each piece of work. That is where a bar moves, and where a caller's wish to stop is heeded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from srgan.api import bars
from srgan.errors import Cancelled, UsageError

Progress = Callable[[int, int], object]
"""Called with (input pixels done, input pixels in all) after each piece of work."""


@contextmanager
def watched(
    progress: Progress | bool | None, cancel: threading.Event | None, name: str
) -> Iterator[Callable[[int, int], None] | None]:
    """Give what the engine is to call, or None if nobody looks.

    Parameters
    ----------
    progress : is told; True shows a bar while the block lasts
    cancel : once it is set, the next call raises :class:`Cancelled`
    name : of the picture, for the bar
    """
    if progress not in (None, True, False) and not callable(progress):
        raise UsageError(f"progress is {progress!r}: give True for a bar, or a function of (done, total)")
    if cancel is not None and not hasattr(cancel, "is_set"):
        raise UsageError(f"cancel is {cancel!r}: give a threading.Event, and set it to stop")
    tell = None if isinstance(progress, bool) else progress
    if progress is True:
        with bars.bar(name) as shown:
            yield _heeding(shown, cancel)
    else:
        yield _heeding(tell, cancel)


def _heeding(tell: Progress | None, cancel: threading.Event | None) -> Callable[[int, int], None] | None:
    if tell is None and cancel is None:
        return None

    def told(done: int, total: int) -> None:
        _heed(cancel)
        if tell is not None:
            tell(done, total)

    _heed(cancel)  # who cancelled before need not wait for the first tile
    return told


def _heed(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled("cancelled: nothing was written")
