"""Whether srgan may run for weeks: ``python benchmarks/soak.py [--minutes 60] [--only server folder …] [--json FILE]``.

Each load runs in a process of its own, one after the other, for an equal share of the time: a server under 32 clients, folder
jobs, one Upscaler in eight threads, networks opened again and again, a long clip of black frames, a training. Their pictures
are a mixture that nobody tuned for (``soak_mixture.py``); the networks are tiny, so that what is exercised is all that is
around them. Every interval (a minute; less where the time is short) prints the least and the most memory in it, descriptors,
threads and temporary files of the process that works, with its children.

Exits with 1 if one of them has a trend: the floor of memory (the lower quartile of the least of each interval: what is not
given back) rises by more than ``--growth`` MB from the second to the last third of the time, or the medians of descriptors,
threads or temporary files by more than a few; or if a load fails. Needs ``pip install -e '.[dev]'``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles

import psutil

HERE = Path(__file__).parent
LOADS = ("server", "folder", "threads", "openings", "clip", "train")
ALLOWED = {"descriptors": 6, "threads": 4, "files": 6}
"""How many more there may be at the end than in the middle."""


@dataclass
class Interval:
    """What a process took in one interval; the least, but for the peak."""

    minute: float
    floor: float
    """MB"""
    peak: float
    descriptors: int
    threads: int
    files: int


@dataclass
class Outcome:
    """What became of one load."""

    load: str
    intervals: list[Interval]
    said: list[str]
    faults: list[str] = field(default_factory=list)


def growth(values: Sequence[float], typical: Callable[[Sequence[float]], float] = median) -> float:
    """Return by how much the last third of a series lies above the second, by what is typical; the first is warming up."""
    third = len(values) // 3
    if third < 1:
        return 0.0
    return typical(values[-third:]) - typical(values[third : 2 * third])


def lower_quartile(values: Sequence[float]) -> float:
    """Return what a quarter is below. A median of memory would say how many pictures were large, which is kept for a while."""
    return quantiles(values, n=4)[0] if len(values) > 1 else values[0]


def trends(intervals: Sequence[Interval], megabytes: float) -> list[str]:
    """Return a sentence for each thing that grows."""
    found = []
    if (more := growth([one.floor for one in intervals], lower_quartile)) > megabytes:
        found.append(f"memory grows: {more:.0f} MB from the second to the last third of the time")
    for name, allowed in ALLOWED.items():
        if (more := growth([getattr(one, name) for one in intervals])) > allowed:
            found.append(f"{name} grow: {more:.0f} more in the last third of the time than in the second")
    return found


def sample(pid: int, folder: Path) -> tuple[float, int, int, int] | None:
    """Return megabytes, descriptors, threads and temporary files of a process and its children, or None if it is gone."""
    megabytes, descriptors, threads = 0.0, 0, 0
    try:
        family = [psutil.Process(pid)]
        family += family[0].children(recursive=True)
    except psutil.Error:
        return None
    for process in family:
        try:
            with process.oneshot():
                megabytes += process.memory_info().rss / 1e6
                threads += process.num_threads()
                descriptors += process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
        except psutil.Error:
            continue
    if not megabytes:
        return None
    files = sum(len(names) for _, _, names in os.walk(folder))
    return megabytes, descriptors, threads, files


def watch(pid: int, folder: Path, alive: threading.Event, interval: float, pause: float, name: str) -> list[Interval]:
    """Sample a process until ``alive`` is cleared, and print a line for each interval."""
    intervals: list[Interval] = []
    samples: list[tuple[float, int, int, int]] = []
    began = last = time.monotonic()
    while alive.is_set() and (now := sample(pid, folder)) is not None:
        samples.append(now)
        time.sleep(pause)
        if time.monotonic() - last >= interval:
            last = time.monotonic()
            columns = list(zip(*samples, strict=True))
            least = [min(column) for column in columns]
            one = Interval((last - began) / 60, least[0], max(columns[0]), int(least[1]), int(least[2]), int(least[3]))
            intervals.append(one)
            samples.clear()
            print(
                f"{name:9} {one.minute:6.1f} min  {one.floor:6.0f} to {one.peak:6.0f} MB  {one.descriptors:4} descriptors  "
                f"{one.threads:4} threads  {one.files:4} files",
                flush=True,
            )
    return intervals


def run(load: str, seconds: float, interval: float, megabytes: float, seed: int) -> Outcome:
    """Run one load and watch it."""
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        temporary = Path(scratch) / "tmp"
        temporary.mkdir()
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, str(HERE / "soak_load.py"), load, str(seconds), scratch, str(seed)]
        pipe = subprocess.PIPE
        # A session of its own, as the load may lower the priority of its session.
        process = subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stderr is not None
        said: list[str] = []
        errors: list[str] = []
        alive = threading.Event()
        alive.set()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line.rstrip())
            alive.clear()

        first = process.stdout.readline().split()  # a server is another process than those who ask it
        pid = int(first[1]) if first else process.pid
        readers = [threading.Thread(target=read), threading.Thread(target=lambda: errors.extend(process.stderr))]
        for reader in readers:
            reader.start()
        try:
            intervals = watch(pid, temporary, alive, interval, min(1.0, interval / 8), load)
        finally:
            if sys.exc_info()[0] is not None:
                process.send_signal(signal.SIGTERM)
            code = process.wait(600)
            for reader in readers:
                reader.join()
    outcome = Outcome(load, intervals, said, trends(intervals, megabytes))
    if code:
        outcome.faults.append(f"it failed with exit code {code}: {(errors or said or ['it said nothing'])[-1].strip()}")
    return outcome


def main() -> int:
    """Run the loads and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="for all loads together")
    parser.add_argument("--only", nargs="+", choices=LOADS, default=LOADS, metavar="LOAD", help=", ".join(LOADS))
    parser.add_argument("--growth", type=float, default=30.0, help="MB that the floor of memory may rise by")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the curves here")
    wish = parser.parse_args()
    seconds = 60 * wish.minutes / len(wish.only)
    interval = min(60.0, seconds / 12)
    outcomes = [run(load, seconds, interval, wish.growth, wish.seed) for load in wish.only]
    if wish.json:
        wish.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
    print(
        "\n| load | minutes | floor of memory, second to last third | most | what was done | |\n|---|---|---|---|---|---|"
    )
    for outcome in outcomes:
        floors = [one.floor for one in outcome.intervals]
        third = max(len(floors) // 3, 1)
        before, after = floors[third : 2 * third] or floors or [0.0], floors[-third:] or [0.0]
        span = f"{lower_quartile(before):.0f} -> {lower_quartile(after):.0f} MB"
        most = max((one.peak for one in outcome.intervals), default=0.0)
        minutes = outcome.intervals[-1].minute if outcome.intervals else 0.0
        verdict = "; ".join(outcome.faults) or "no trend"
        print(f"| {outcome.load} | {minutes:.1f} | {span} | {most:.0f} MB | {'; '.join(outcome.said)} | {verdict} |")
    return 1 if any(outcome.faults for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
