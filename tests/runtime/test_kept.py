"""Memory between layers is given back once it lies idle, and not before."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from srgan.runtime import kept
from srgan.runtime.kept import Kept
from srgan.runtime.network import open_network
from support import tiny_models
from support.memory import needs_proc, resident

MB = 1_000_000


class Graph:
    def __init__(self) -> None:
        self.given_back = 0
        self.kept = Kept(self.give_back)

    def give_back(self) -> None:
        self.given_back += 1
        self.kept.given_back()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes when it is told to, for no graphs but the test's."""
    now = [100.0]
    monkeypatch.setattr(kept, "_all", type(kept._all)())
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_what_is_used_stays(clock: list[float]) -> None:
    graph = Graph()
    for _ in range(100):
        graph.kept.used(100 * MB)
        clock[0] += 2.5
        graph.kept.used(60 * MB)  # of similar size
        clock[0] += 2.5
    assert not graph.given_back


def test_what_lies_idle_goes_after_a_time_beside_which_it_costs_nothing(clock: list[float]) -> None:
    graph = Graph()
    graph.kept.used(100 * MB)
    for _ in range(5):
        clock[0] += 0.98
        graph.kept.used(1 * MB)
    assert not graph.given_back
    clock[0] += 0.2  # five seconds for 100 MB
    graph.kept.used(1 * MB)
    assert graph.given_back == 1
    for _ in range(100):
        clock[0] += 1.0
        graph.kept.used(1 * MB)  # little may be kept for ever
    assert graph.given_back == 1


def test_it_goes_though_nothing_is_computed_or_other_graphs_alone(clock: list[float]) -> None:
    idle, busy = Graph(), Graph()
    idle.kept.used(100 * MB)
    clock[0] += 6.0
    busy.kept.used(200 * MB)
    assert (idle.given_back, busy.given_back) == (1, 0)
    kept.give_back_idle()
    assert (idle.given_back, busy.given_back) == (1, 0)
    clock[0] += 11.0
    kept.give_back_idle()
    assert (idle.given_back, busy.given_back) == (1, 1)


def test_all_together_keep_no_more_than_one_may_take(clock: list[float]) -> None:
    first, second, third = Graph(), Graph(), Graph()
    for graph, size in ((first, 300), (second, 500), (third, 10)):
        graph.kept.make_room(size * MB)
        graph.kept.used(size * MB)
        clock[0] += 1.0
    assert [graph.given_back for graph in (first, second, third)] == [0, 0, 0]
    second.kept.make_room(600 * MB)  # its own 500 are among them
    assert [graph.given_back for graph in (first, second, third)] == [0, 0, 0]
    third.kept.make_room(400 * MB)  # the one that is unused for longest
    assert [graph.given_back for graph in (first, second, third)] == [1, 0, 0]
    third.kept.make_room(5000 * MB)
    assert [graph.given_back for graph in (first, second, third)] == [1, 1, 0]


def test_what_is_no_graph_gets_room_too() -> None:
    graph = Graph()
    graph.kept.used(700 * MB)
    kept.make_room(200 * MB)
    assert not graph.given_back
    kept.make_room(400 * MB)
    assert graph.given_back == 1


@needs_proc
def test_a_network_keeps_little_after_a_large_picture(tmp_path: Path, clock: list[float]) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx", channels=32), precision="fp32").tail
    small, large = np.ones((1, network._inputs, 8, 8), np.float32), np.ones((1, network._inputs, 400, 400), np.float32)
    network(small)
    before = resident()
    network(large)
    after = resident() - before
    assert after > 50 * MB
    clock[0] += 60.0
    result = network(small)
    assert resident() - before < after / 4
    np.testing.assert_array_equal(network(small), result)
