"""The soak in short: it runs, and it fails on what grows. Nothing here is about how much; that takes an hour."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

pytestmark = pytest.mark.slow


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    return load("soak")


def intervals(soak: ModuleType, **series: list[float]) -> list[Any]:
    count = len(next(iter(series.values())))
    plain = {"floor": 200.0, "descriptors": 9, "threads": 12, "files": 0}
    return [
        soak.Interval(
            minute=number, peak=900.0, **{name: series.get(name, [plain[name]] * count)[number] for name in plain}
        )
        for number in range(count)
    ]


def test_what_rises_is_a_trend_and_what_swings_is_none(soak: ModuleType) -> None:
    draw = random.Random(0)
    warming = [100.0 + 40 * min(minute, 10) + draw.uniform(-10, 10) for minute in range(60)]
    assert soak.trends(intervals(soak, floor=warming), 30) == []
    leaking = [value + 2.5 * minute for minute, value in enumerate(warming)]
    assert [line.split(":")[0] for line in soak.trends(intervals(soak, floor=leaking), 30)] == ["memory grows"]
    for name in ("descriptors", "threads", "files"):
        found = soak.trends(intervals(soak, **{name: [5 + minute for minute in range(30)]}), 30)
        assert [line.split(":")[0] for line in found] == [f"{name} grow"]
        assert soak.trends(intervals(soak, **{name: [5 + minute % 7 for minute in range(30)]}), 30) == []


LEAK = """
import tempfile, time
kept = []
while True:
    kept.append(bytearray(b"x") * 2_000_000)
    kept.append(tempfile.TemporaryFile())
    kept.append(tempfile.NamedTemporaryFile(delete=False))
    time.sleep(0.02)
"""


def test_a_process_that_leaks_is_found(soak: ModuleType, tmp_path: Path) -> None:
    alive = threading.Event()
    alive.set()
    with subprocess.Popen([sys.executable, "-c", LEAK], env={"TMPDIR": str(tmp_path)}) as process:
        threading.Timer(8, alive.clear).start()
        found = soak.watch(process.pid, tmp_path, alive, 0.5, 0.05, "leak")
        process.kill()
    lines = soak.trends(found, 30)
    assert {line.split(" ")[0] for line in lines} == {"memory", "descriptors", "files"}


def test_the_mixture_has_all_sizes_and_kinds() -> None:
    mixture = load("soak_mixture")
    draw = random.Random(1)
    sizes = [mixture.size(draw) for _ in range(2000)]
    assert max(height * width for height, width in sizes) > 20_000_000
    assert min(height * width for height, width in sizes) == 1
    drawn = [mixture.picture(draw, 10_000) for _ in range(300)]
    assert {suffix for suffix, _, _ in drawn} >= {"jpg", "png", "webp", "tif", "gif", "bmp", "ppm", "pgm", "avif"}
    assert 10 < sum(not sound for _, _, sound in drawn) < 80


@pytest.mark.parametrize("name", ["server", "folder", "clip"])
def test_each_load_runs(name: str, tmp_path: Path) -> None:
    command = [sys.executable, BENCHMARKS / "soak.py", "--minutes", "0.08", "--only", name]
    command += ["--growth", "10000", "--json", tmp_path / "curves.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    (outcome,) = json.loads((tmp_path / "curves.json").read_text())
    assert outcome["load"] == name
    assert not [fault for fault in outcome["faults"] if "failed" in fault], done.stdout + done.stderr
    assert outcome["said"]
    assert len(outcome["intervals"]) >= 2
