"""Memory that is freed goes back to the system, where the C library (glibc) would keep it.

glibc takes large blocks from the system one by one and gives them back at once: blocks above a threshold, which begins at
128 KB and rises with each such block that is freed, up to 32 MB. Once a process has enlarged a large picture, nearly all
of its blocks are therefore parts of heaps. There is a heap for each of up to eight threads a core, and each may keep up
to 64 MB at its end that are free. A folder of pictures of all sizes, which reads, computes and writes on threads of its
own, seems to grow for hours like that: 400 MB after 600 small pictures, of which 25 MB were in use, and 150 MB here.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

LARGE = 1 << 20
"""Blocks of this size and more are taken from the system, and returned to it, one by one."""

KEPT = 4 << 20
"""Bytes that each heap keeps at its end."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_VARIABLES = "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"

_lock = threading.Lock()
_done = False


def bound() -> None:
    """Fix the thresholds, once a process; whoever has set them in the environment keeps their own."""
    global _done
    with _lock:
        if _done:
            return
        _done = True
        tuned = "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", "")
        set_option = _function("mallopt")
        if set_option is None or tuned or any(name in os.environ for name in _VARIABLES):
            return
        set_option(_M_MMAP_THRESHOLD, LARGE)
        set_option(_M_TRIM_THRESHOLD, KEPT)


def trim() -> None:
    """Give back what is free in the heaps now.

    Left alone, glibc keeps what lies below a block in use: 120 MB after a dozen tiles, when each gives its memory back.
    """
    give_back = _function("malloc_trim")
    if give_back is not None:
        give_back(0)


@lru_cache
def _function(name: str) -> Callable[..., Any] | None:
    if sys.platform != "linux":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)  # musl has neither
