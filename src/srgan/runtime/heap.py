"""Memory that is freed goes back to the system, where the C library (glibc) would keep it.

glibc takes large blocks from the system one by one and gives them back at once: blocks above a threshold, which begins at
128 KB and rises with each such block that is freed, up to 32 MB. Once a process has enlarged a large picture, nearly all
of its blocks are therefore parts of heaps. There is a heap for each of up to eight threads a core, and each may keep up
to 64 MB at its end that are free. A folder of pictures of all sizes, which reads, computes and writes on threads of its
own, seems to grow for hours like that: 400 MB after 600 small pictures, of which 25 MB were in use.

So all threads share one heap, and what is free in it is given back every other second of work. Of further heaps glibc keeps
the free end, up to 64 MB, however often it is asked.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

INTERVAL = 2.0
"""Seconds between two times at which :func:`settle` gives memory back."""

HEAPS = 1
"""For all threads together: two make no difference to the time of a picture, of 24 x 24 pixels or of 96 x 96."""

_M_ARENA_MAX = -8  # of malloc.h

_last = 0.0


def ask(size: int) -> None:
    """Raise MemoryError unless the system would give so many bytes now, within the limits on this process (``ulimit -v``).

    For libraries that end the process where they cannot get memory. Nothing is taken: that would need the pages touched.
    """
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    try:
        mmap.mmap(-1, size, **private).close()
    except OSError:
        raise MemoryError(f"the system does not give {size} bytes") from None


def share() -> None:
    """Let all threads that begin from now on share their heaps, unless the environment says how many."""
    tuned = "glibc.malloc.arena" in os.environ.get("GLIBC_TUNABLES", "") or "MALLOC_ARENA_MAX" in os.environ
    set_option = _function("mallopt")
    if set_option is not None and not tuned:
        set_option(_M_ARENA_MAX, HEAPS)


def settle() -> None:
    """Give back what is free in the heaps, unless that was done a moment ago: to be called after each piece of work."""
    if time.monotonic() - _last >= INTERVAL:
        trim()


def trim() -> None:
    """Give back what is free in the heaps now.

    Left alone, glibc keeps what lies below a block in use: 120 MB after a dozen tiles, when each gives its memory back.
    """
    global _last
    _last = time.monotonic()  # two threads at once do no harm
    give_back = _function("malloc_trim")
    if give_back is not None:
        give_back(0)


@lru_cache
def _function(name: str) -> Callable[..., Any] | None:
    if sys.platform != "linux":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)  # musl has neither
