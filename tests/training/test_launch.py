"""``srgan train --devices 2`` as users start and end it: one line for all processes, and nothing is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from srgan.models.metadata import read_info
from srgan.training.checkpoint import load_checkpoint
from support.tiny_runs import RECIPE, call, save_photos

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process groups and /proc as Linux has them")

# One stage of pixels, too long to reach its end by itself.
LONG = RECIPE[: RECIPE.index("[stages.gan]")] + RECIPE[RECIPE.index("[run]") :]
LONG = LONG.replace("steps = 60", "steps = 100000").replace("validate_every = 25", "validate_every = 100000")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    save_photos(folder / "photos", 3)
    (folder / "long.toml").write_text(LONG)
    return folder


@pytest.fixture(scope="module")
def start():
    """Start a command in a process group of its own, as a shell does; nothing of it outlives the tests."""
    started = []

    def start(out, *command):
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            process_group=0,
            cwd=out.parent,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(out, line, process):
    log = out / "log.txt"
    while not (log.exists() and line in log.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def ended(process, pids):
    """Return what the command left on stderr, and check that no process is left."""
    _, err = process.communicate(timeout=300)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    return err


@pytest.fixture(scope="module")
def stopped(material, start):
    """Two processes that Ctrl-C reaches at the same time, between any two steps of either."""
    out = material / "run"
    arguments = ["--recipe", material / "long.toml", "--out", out, "--device", "cpu", "--devices", "2"]
    process = start(out, "srgan", "train", material / "photos", *arguments)
    wait_for(out, "pixels 7/", process)
    (child,) = children(process)
    os.killpg(process.pid, signal.SIGINT)
    return out, process, ended(process, [child])


def test_ctrl_c_is_answered_by_one_line_and_one_checkpoint(stopped):
    out, process, err = stopped
    assert process.returncode == 130
    *_, last = err.splitlines()
    found = re.fullmatch(r"srgan: stopped after step (\d+) of 100000 of pixels, checkpoint saved; to resume: .*", last)
    assert found, err
    assert err.count("srgan: ") == 1
    assert "Traceback" not in err
    assert "rank" not in err.lower()  # none of the words of the libraries beneath
    assert load_checkpoint(out / "checkpoints", pytest.fail).step == int(found[1]) >= 7


def test_a_killed_process_stops_the_run_with_a_line_and_it_goes_on_alone(stopped, start):
    out, _, _ = stopped
    before = load_checkpoint(out / "checkpoints", pytest.fail).step
    process = start(out, "srgan", "train", "--resume", "--out", out, "--devices", "2", "--device", "cpu")
    wait_for(out, f"pixels {before + 9}/", process)
    (child,) = children(process)
    os.kill(child, signal.SIGKILL)
    err = ended(process, [child])
    assert process.returncode == 1
    *_, last = err.splitlines()
    assert last == (
        "srgan: process 2 of 2 was ended by SIGKILL (out of memory?): resume from the last checkpoint with srgan train "
        f"--resume --out '{out}'"
    )
    assert err.count("srgan: ") == 1
    assert "Traceback" not in err
    assert "stopped: process 2 of 2 was ended" in (out / "log.txt").read_text().splitlines()[-1]
    reached = load_checkpoint(out / "checkpoints", pytest.fail).step
    assert reached >= before + 4  # one every four steps
    steps = f"stages.pixels.steps={reached + 2}"
    alone = call("train", "--resume", "--out", out, "--device", "cpu", "--set", steps)
    assert alone.code == 0, alone.err
    assert f"resuming after step {reached} of pixels" in alone.err
    assert read_info(out / "pixels-x2.onnx").card["steps"] == reached + 2
