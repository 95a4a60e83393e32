"""A server's computing comes after its event loop."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from srgan.runtime import priority
from support import tiny_models

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere priority belongs to the process")

CODE = """
import os, sys, threading
import numpy as np
from srgan import Upscaler
from srgan.runtime import priority

if sys.argv[2] == "low":
    priority.lower_computing()
Upscaler(sys.argv[1], precision="fp32", threads=2)(np.zeros((64, 64, 3), np.uint8))
of_python = {thread.native_id for thread in threading.enumerate()}
levels = {number: os.getpriority(os.PRIO_PROCESS, number) for number in map(int, os.listdir("/proc/self/task"))}
print(*sorted({levels[number] for number in of_python}))
print(*sorted({level for number, level in levels.items() if number not in of_python}))
"""


def levels(network: Path, how: str) -> list[str]:
    """Return the levels of niceness of Python's threads, and those of the others."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(network), how], capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout.splitlines()


def test_threads_that_compute_come_after_those_of_python(tmp_path: Path) -> None:
    """Python's do not: they hold a lock for which the event loop would wait."""
    network = tiny_models.residual(tmp_path / "net.onnx")
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert levels(network, "as ever") == [str(ours), str(ours)]
    python, others = levels(network, "low")
    assert python == str(ours)
    assert str(min(ours + 5, 19)) in others.split()  # among others', such as numpy's


TURNS = """
import threading
from pathlib import Path
from srgan.runtime import priority

def turn():
    lines = Path(f"/proc/self/task/{threading.get_native_id()}/sched").read_text().splitlines()
    return next(int(line.split()[-1]) for line in lines if line.split(":")[0].strip().endswith("slice"))

usual = turn()
priority.take_short_turns()
print(turn())
priority.lower_computing()
print(priority.begun_low(turn) - usual)
"""


def knows_turns() -> bool:
    """Whether this is Linux 6.12 or later, with a kernel that shows turns."""
    version = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))
    shown = Path("/proc/self/sched")
    return version >= (6, 12) and shown.exists() and "slice " in shown.read_text()


@pytest.mark.skipif(sys.platform != "linux" or not knows_turns(), reason="before Linux 6.12 all turns are the same")
def test_the_event_loop_has_short_turns_and_what_computes_has_not() -> None:
    done = subprocess.run([sys.executable, "-c", TURNS], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines() == [str(round(priority.TURN * 1e9)), "0"]
