"""Memory between layers is given back once it lies idle, and not before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan.runtime import kept
from srgan.runtime.kept import Kept
from srgan.runtime.network import open_network
from support import tiny_models

MB = 1_000_000


class Graph:
    def __init__(self) -> None:
        self.given_back = 0
        self.kept = Kept(self.give_back)

    def give_back(self) -> None:
        self.given_back += 1
        self.kept.given_back()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_all", type(kept._all)())


def test_what_is_used_stays() -> None:
    graph = Graph()
    for _ in range(100):
        graph.kept.used(100 * MB, 5.0)
        graph.kept.used(60 * MB, 5.0)  # of similar size
    assert not graph.given_back


def test_what_lies_idle_goes_after_work_beside_which_it_costs_nothing() -> None:
    graph = Graph()
    graph.kept.used(100 * MB, 1.0)
    for _ in range(9):
        graph.kept.used(1 * MB, 1.0)
    assert not graph.given_back
    graph.kept.used(1 * MB, 1.1)  # ten seconds for 100 MB
    assert graph.given_back == 1
    for _ in range(100):
        graph.kept.used(1 * MB, 1.0)  # little may be kept for ever
    assert graph.given_back == 1


def test_other_graphs_work_counts() -> None:
    idle, busy = Graph(), Graph()
    idle.kept.used(100 * MB, 1.0)
    busy.kept.used(200 * MB, 11.0)
    assert (idle.given_back, busy.given_back) == (1, 0)


def resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_network_keeps_little_after_a_large_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx", channels=32), precision="fp32").tail
    small, large = np.ones((1, network._inputs, 8, 8), np.float32), np.ones((1, network._inputs, 400, 400), np.float32)
    network(small)
    before = resident()
    network(large)
    after = resident() - before
    assert after > 50 * MB
    monkeypatch.setattr(kept, "SECONDS_A_BYTE", 0.0)
    result = network(small)
    assert resident() - before < after / 4
    np.testing.assert_array_equal(network(small), result)
