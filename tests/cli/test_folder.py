"""``srgan upscale FOLDER``, a job that can be left alone: real processes, killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.jobs.journal import NAME
from support import tiny_models

KILLS = int(os.environ.get("SRGAN_KILLS", "3"))
"""How many times the folder job is killed; 50 for the long version."""

COMMAND = [sys.executable, "-m", "srgan", "upscale"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx")


def pictures(folder: Path, count: int, size: tuple[int, int] = (24, 32)) -> Path:
    for number in range(count):
        place = folder / f"{number % 3}" / f"{number:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)).save(place)
    return folder


def upscale(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=500, check=False)


def results(folder: Path) -> dict[Path, tuple[int, int]]:
    """The visible files, each with what changes when it is written once more."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_a_folder_is_done_once_then_only_what_changed_and_a_bad_picture_stops_nothing(
    model: Path, tmp_path: Path
) -> None:
    photos, out = pictures(tmp_path / "photos", 3), tmp_path / "out"
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    first = upscale(photos, "-o", out, "-m", model)
    assert first.returncode == 1
    assert first.stderr.splitlines()[-1] == "srgan: 3 written, 0 skipped, 1 failed"
    assert "bad.jpg" in first.stderr.splitlines()[-2]
    there = results(out)
    assert len(there) == 3
    (photos / "bad.jpg").unlink()
    Image.new("RGB", (8, 8)).save(photos / "0" / "000.png")
    second = upscale(photos, "-o", out, "-m", model)
    assert (second.returncode, second.stderr) == (0, "srgan: 1 written, 2 up to date, 0 skipped, 0 failed\n")
    assert [path.name for path, seen in results(out).items() if there[path] != seen] == ["000_x2.png"]


def test_killed_at_any_moment_nothing_is_lost_half_written_or_done_twice(model: Path, tmp_path: Path) -> None:
    count = 30 + 4 * KILLS
    photos, out = pictures(tmp_path / "photos", count, (90, 120)), tmp_path / "out"
    arguments = [*COMMAND, str(photos), "-o", str(out), "-m", str(model), "--quiet"]
    chance = random.Random(0)
    there: dict[Path, tuple[int, int]] = {}
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(arguments)
        wanted = len(there) + chance.randrange(4)
        while process.poll() is None and len(results(out) if out.exists() else ()) < wanted:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.03))  # somewhere in reading, computing, encoding, renaming or recording
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        now = results(out) if out.exists() else {}
        for path in now.keys() - there.keys():
            with Image.open(path) as whole:
                whole.load()
        assert {path: now.get(path) for path in there} == there  # none lost, none written again
        there = now
    assert killed > KILLS // 2  # else the folder is too small for so many
    subprocess.run(arguments, check=True, timeout=500)
    now = results(out)
    assert {path: now.get(path) for path in there} == there
    assert len(now) == count
    for source in photos.rglob("*.png"):
        enlarged = np.asarray(Image.open(source)).repeat(2, 0).repeat(2, 1)
        target = out / source.parent.name / f"{source.stem}_x2.png"
        np.testing.assert_array_equal(np.asarray(Image.open(target)), enlarged)
    assert [path.name for path in out.rglob(".*")] == [NAME]  # no leftovers
