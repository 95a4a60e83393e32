"""Memory does not grow with the variety of sizes, and what is set for that is not felt by others in the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from srgan.runtime import primitives
from srgan.runtime.network import open_network
from support import tiny_models

GROWTH = """
import resource, sys
import numpy as np
from srgan.runtime import primitives
from srgan.runtime.network import open_network
path, kept = sys.argv[1:]
if kept:
    primitives.KEPT = int(kept)
network = open_network(path, precision="fp32", threads=1)
sizes = [(height, width) for height in range(8, 20) for width in range(8, 18)]
np.random.default_rng(0).shuffle(sizes)
at = []
for number, (height, width) in enumerate(sizes):
    network(np.zeros((1, 3, height, width), np.float32))
    for part in (network.body, network.tail):
        part.release()
    if number in (29, len(sizes) - 1):
        at.append(int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize())
print(at[1] - at[0])
"""


def growth(path: Path, *, cache: str = "", kept: str = "", capacity: str | None = None) -> float:
    """Return by how many MB a process grows between the 30th and the 120th size."""
    environment = {name: value for name, value in os.environ.items() if "PRIMITIVE_CACHE" not in name}
    environment["SRGAN_CACHE"] = cache
    if capacity is not None:
        environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = capacity
    command = [sys.executable, "-c", GROWTH, str(path), kept]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=environment)
    return int(done.stdout) / 1e6


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_hundred_sizes_take_no_more_than_thirty(tmp_path: Path) -> None:
    network = tiny_models.residual(tmp_path / "net.onnx", channels=16)
    assert growth(network) < 10
    # Either cache alone, as it is by default, would keep more.
    assert growth(network, kept="5000") > 25
    assert growth(network, capacity="1024") > 25


def test_a_network_from_the_cache_is_bounded_as_well(tmp_path: Path) -> None:
    network = tiny_models.residual(tmp_path / "net.onnx", channels=16)
    folder = tmp_path / "cache"
    growth(network, cache=str(folder))
    assert list(folder.iterdir())
    assert growth(network, cache=str(folder)) < 10


def test_the_environment_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(primitives, "_done", False)
    before = dict(os.environ)
    with primitives.bounded():
        assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == str(primitives.KEPT_BY_PROCESS)
    assert dict(os.environ) == before
    open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"])
def test_what_the_user_has_set_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primitives, "_done", False)
    monkeypatch.setenv(name, "7")
    before = dict(os.environ)
    with primitives.bounded():
        assert dict(os.environ) == before
    assert dict(os.environ) == before


def test_a_graph_that_fails_to_compile_leaves_the_next_one_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    monkeypatch.setattr(primitives, "_done", False)
    with pytest.raises(RuntimeError), primitives.bounded():
        raise RuntimeError
    assert "ONEDNN_PRIMITIVE_CACHE_CAPACITY" not in os.environ
    with primitives.bounded():
        assert "ONEDNN_PRIMITIVE_CACHE_CAPACITY" in os.environ
