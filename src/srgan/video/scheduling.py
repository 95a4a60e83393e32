"""Undoes real-time scheduling that an encoder takes for itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def kept() -> Iterator[None]:
    """Schedule this process as before, with the threads that are started within.

    SVT-AV1 run by root, which is usual in a container, makes the thread that opens it and all of its own real-time threads of
    the highest priority; what they start inherits it. Nothing else on the machine runs then.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if policy not in (os.SCHED_FIFO, os.SCHED_RR):
            for task in Path("/proc/self/task").iterdir():
                with suppress(OSError):  # it has ended
                    if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                        os.sched_setscheduler(int(task.name), policy, parameters)
