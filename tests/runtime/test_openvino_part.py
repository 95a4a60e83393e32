"""A compiled half: results of their own, turns for threads, memory that is short."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from srgan.runtime import heap
from srgan.runtime.network import open_network
from srgan.runtime.openvino_part import TRIM_FROM, CompiledPart
from support import tiny_models
from support.memory import needs_proc, resident


def batch(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape, np.float32)


def test_results_are_not_overwritten_by_the_next_call(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    first = network(batch(1, 3, 8, 8, seed=1))
    kept = first.copy()
    network(batch(1, 3, 8, 8, seed=2))
    np.testing.assert_array_equal(first, kept)


def settled() -> int:
    heap.trim()
    return resident()


@needs_proc
def test_a_large_result_belongs_to_the_caller_alone(tmp_path: Path) -> None:
    part = open_network(tiny_models.nearest(tmp_path / "net.onnx", scale=4, name="nearest"), precision="fp32").tail
    assert isinstance(part, CompiledPart)
    large = batch(1, 3, 400, 500)
    expected = large.repeat(4, 2).repeat(4, 3)
    part(large)
    part.release()
    before = settled()
    result = part(large)  # 38 MB
    part.release()
    # Elsewhere a few pages may have gone meanwhile: 4 KB were seen.
    assert result.nbytes - 65536 < settled() - before < 1.3 * result.nbytes
    np.testing.assert_array_equal(result, expected)
    part(batch(1, 3, 8, 8))
    np.testing.assert_array_equal(result, expected)
    size = result.nbytes
    del result
    assert settled() - before < size / 4


def test_a_network_that_takes_no_single_pixel_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = open_network(tiny_models.nearest(tmp_path / "net.onnx", scale=4, name="nearest"), precision="fp32").tail
    assert isinstance(part, CompiledPart)
    computed, asked = CompiledPart._computed, []

    def refusing(part: CompiledPart, given: Any) -> Any:
        asked.append(given.shape)
        if given.shape[2:] == (1, 1):
            raise RuntimeError("Check 'pads' failed")
        return computed(part, given)

    monkeypatch.setattr(CompiledPart, "_computed", refusing)
    large = batch(1, 3, 200, 300)
    for calls in (2, 3):  # it is asked once
        expected = large.repeat(4, 2).repeat(4, 3)
        np.testing.assert_array_equal(part(large), expected)
        part.release()
        assert len(asked) == calls


def test_threads_take_turns(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    expected = [network(batch(1, 3, 20 + n, 30, seed=n)) for n in range(6)]
    wrong = []

    def call(n: int) -> None:
        for _ in range(10):
            if not np.array_equal(network(batch(1, 3, 20 + n, 30, seed=n)), expected[n]):
                wrong.append(n)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("made", [b"graph", io.BytesIO(b"graph")])
def test_a_graph_is_exported_as_each_version_gives_it(tmp_path: Path, made: Any) -> None:
    part = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32").tail
    assert isinstance(part, CompiledPart)
    part._compiled = SimpleNamespace(export_model=lambda: made)
    assert part.export() == b"graph"


def test_the_heap_is_trimmed_after_large_tiles_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32").tail
    trimmed: list[bool] = []
    monkeypatch.setattr(heap, "trim", lambda: trimmed.append(True))
    pixels = TRIM_FROM // part.bytes_per_pixel
    for side, expected in ((int(pixels**0.5) - 1, 0), (int(pixels**0.5) + 2, 1)):
        part(batch(1, 8, side, side))
        part.release()
        assert len(trimmed) == expected


def test_no_memory_is_a_memory_error_and_the_network_goes_on(tmp_path: Path) -> None:
    """In a process of its own, whose address space is limited for a while."""
    file = tiny_models.residual(tmp_path / "net.onnx", channels=32)
    code = f"""
import resource, numpy as np
from srgan.runtime.network import open_network
network = open_network({str(file)!r}, precision="fp32")
small = np.ones((1, 3, 16, 16), np.float32)
before = network(small)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
large = np.ones((1, 3, 600, 600), np.float32)
resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), -1))
try:
    network(large)
except MemoryError as error:
    print("MemoryError:", error)
assert (network(small) == before).all()
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(network(large).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("MemoryError")
    assert last == "(1, 3, 2400, 2400)"
