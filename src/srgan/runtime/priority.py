"""The priority of the threads that compute, in a process that has something more urgent to do.

A server's event loop needs a processor for a fraction of a millisecond at a time, and it waits for one beside threads that
compute without pause: on two cores, most of the time that ``/healthz`` took was that. OpenVINO begins its threads while it
compiles a network, and on Linux a thread inherits the priority of the one that begins it; they never hold Python's lock, so
nobody waits for a lock that a thread of low priority holds.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

SERVER_NICE = 5
"""Levels by which a server's computing comes after its event loop: a quarter of the weight, where both want one core."""

_levels = 0


def lower(levels: int = SERVER_NICE) -> None:
    """Let the threads of networks opened from now on come so many levels of niceness after this process."""
    global _levels
    _levels = levels


def begun_low(make: Callable[[], Result]) -> Result:
    """Return what ``make`` returns, which begins threads; where they shall have a low priority, it is called on such a thread."""
    if not _levels or sys.platform != "linux":  # elsewhere priority belongs to the process
        return make()

    def begin() -> None:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _levels)

    with ThreadPoolExecutor(1, "srgan-open", initializer=begin) as opener:
        return opener.submit(make).result()
