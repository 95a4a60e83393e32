"""Which threads come first, in a process that has something more urgent to do than to compute.

A server's event loop needs a core for a fraction of a millisecond at a time, and beside threads that compute without pause it
waits for one: on two busy cores that was three quarters of the time whenever ``/healthz`` took long. Two means that Linux gives
to everyone:

- Threads that compute get a lower priority. OpenVINO begins its own while it compiles a network, and a thread inherits the
  priority of the one that begins it; they never hold Python's lock, so nobody waits for a lock that a thread of low
  priority holds.
- The event loop asks for short turns. Since Linux 6.12 a thread may say how long its turn at a core shall be; the shorter, the
  sooner it comes. Its share stays the same.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

SERVER_NICE = 5
"""Levels by which a server's computing comes after its event loop: a quarter of the cores, where both want all of them."""

TURN = 0.0003
"""Seconds of the event loop's turn at a core; Linux's own are 1 to 3 ms long."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}

_levels = 0


def lower_computing(levels: int = SERVER_NICE) -> None:
    """Let the threads of networks opened from now on come so many levels of niceness after this process."""
    global _levels
    _levels = levels


def begun_low(make: Callable[[], Result]) -> Result:
    """Return what ``make`` returns, which begins threads; where they shall have a low priority, it is called on such a thread."""
    if not _levels or sys.platform != "linux":  # elsewhere priority belongs to the process
        return make()

    def begin() -> None:
        take_short_turns(0)
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _levels)

    with ThreadPoolExecutor(1, "srgan-open", initializer=begin) as opener:
        return opener.submit(make).result()


def take_short_turns(seconds: float = TURN) -> None:
    """Let this thread, and those that it begins, have turns of so many seconds where Linux knows of that; 0 for its own."""
    number = _SCHED_SETATTR.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        return
    thread = threading.get_native_id()
    nice = os.getpriority(os.PRIO_PROCESS, thread)
    # struct sched_attr: size, policy (SCHED_OTHER), flags, nice, priority, runtime in ns, deadline, period, two bounds
    given = struct.pack("=IIQiIQQQII", 56, 0, 0, nice, 0, round(seconds * 1e9), 0, 0, 0, 0)
    ctypes.CDLL(None).syscall(number, thread, given, 0)  # where it is refused, all is as it would be without
