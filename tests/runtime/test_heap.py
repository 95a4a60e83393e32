"""Memory that is freed goes back to the system, however many threads have used it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from srgan.engine.upscaler import Upscaler
from srgan.runtime import heap
from support import tiny_models

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; other systems have other heaps")

THREADS = """
import resource, sys, threading
import numpy as np
from srgan.runtime import heap
from srgan.runtime.network import open_network
path, settles = sys.argv[1:]
if not settles:
    heap._function = lambda name: None
open_network(path, precision="fp32", threads=1)
def taken():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
before = taken()
np.ones(3 << 20)  # 24 MB: from now on the C library takes blocks of that size for small ones
ready = threading.Barrier(7)
def work():
    pictures = [np.ones(1 << 18) for _ in range(15)]  # 2 MB each
    ready.wait()
    del pictures
    ready.wait()  # still alive, as the threads of a pool are
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
ready.wait()
ready.wait()
if settles:
    heap.INTERVAL = 0
    heap.settle()
print(taken() - before)
ready.wait()
"""


def left(path: Path, *, settles: bool) -> float:
    """Return how many MB more a process has when its threads have freed all that they had taken."""
    given = {name: value for name, value in os.environ.items() if "MALLOC" not in name and name != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS, str(path), "yes" if settles else ""],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={**given, "SRGAN_CACHE": ""},
    )
    return int(done.stdout) / 1e6


def test_threads_keep_little_of_what_they_have_freed(tmp_path: Path) -> None:
    network = tiny_models.residual(tmp_path / "net.onnx")
    kept, kept_else = left(network, settles=True), left(network, settles=False)
    assert kept < 20
    assert kept_else > 120


def test_memory_is_given_back_after_pictures_but_not_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upscaler = Upscaler(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    asked: list[float] = []
    now = [1e6]
    monkeypatch.setattr(heap.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(heap, "_last", 0.0)
    monkeypatch.setattr(heap, "_function", lambda _: lambda _: asked.append(now[0]))
    for _ in range(10):  # half a second each
        heap.settle()
        now[0] += heap.INTERVAL / 4
    assert asked == [1e6, 1e6 + heap.INTERVAL, 1e6 + 2 * heap.INTERVAL]

    settled: list[bool] = []
    monkeypatch.setattr(heap, "settle", lambda: settled.append(True))
    upscaler(np.zeros((8, 8, 3), np.uint8))
    assert settled


def test_what_the_user_has_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(heap, "_function", lambda _: lambda *values: calls.append(values))
    for name in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    heap.share()
    assert calls == [(-8, heap.HEAPS)]
    monkeypatch.setenv("MALLOC_ARENA_MAX", "3")
    heap.share()
    monkeypatch.delenv("MALLOC_ARENA_MAX")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=3")
    heap.share()
    assert len(calls) == 1
