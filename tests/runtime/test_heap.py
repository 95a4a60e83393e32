"""Memory that is freed goes back to the system, however many threads have used it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from srgan.runtime import heap
from support import tiny_models

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; other systems have other heaps")

THREADS = """
import resource, sys, threading
import numpy as np
from srgan.runtime import heap
from srgan.runtime.network import open_network
path, bounded = sys.argv[1:]
if not bounded:
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
print(taken() - before)
ready.wait()
"""


def left(path: Path, *, bounded: bool, **environment: str) -> float:
    """Return how many MB more a process has when its threads have freed all that they had taken."""
    given = {name: value for name, value in os.environ.items() if "MALLOC" not in name and name != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS, str(path), "yes" if bounded else ""],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={**given, "SRGAN_CACHE": "", **environment},
    )
    return int(done.stdout) / 1e6


def test_threads_keep_little_of_what_they_have_freed(tmp_path: Path) -> None:
    network = tiny_models.residual(tmp_path / "net.onnx")
    assert left(network, bounded=True) < 20
    assert left(network, bounded=False) > 60


def test_what_the_user_has_set_counts(tmp_path: Path) -> None:
    network = tiny_models.residual(tmp_path / "net.onnx")
    assert left(network, bounded=True, MALLOC_MMAP_THRESHOLD_="33554432", MALLOC_TRIM_THRESHOLD_="67108864") > 60


def test_it_is_set_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(heap, "_done", False)
    monkeypatch.setattr(heap, "_function", lambda _: lambda *values: calls.append(values))
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    heap.bound()
    heap.bound()
    assert calls == [(-3, heap.LARGE), (-1, heap.KEPT)]
