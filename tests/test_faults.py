"""Faults of the machine, each against every command: one line or the whole work, and nothing half done in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support import clips, tiny_models
from support.limits import call_unprivileged, small_files
from support.tiny_runs import RECIPE, Result, call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals as Linux has them")


@dataclass(frozen=True)
class Command:
    """A command that writes files into a folder.

    ``arguments`` gets the folder with the material, and the one for results.
    """

    name: str
    arguments: Callable[[Path, Path], list[Any]]


def _upscale(suffix: str) -> Command:
    return Command(
        f"a picture, {suffix}",
        lambda given, out: ["upscale", given / "photos/00.png", "-m", given / "net.onnx", "-o", out / f"a.{suffix}"],
    )


def _evaluate(given: Path, out: Path) -> list[Any]:
    return [
        *("evaluate", given / "net.onnx", given / "bench", "--scale", 2),
        *("--json", out / "a.json", "--figure", out / "a.png"),
    ]


PICTURES = [_upscale(suffix) for suffix in ("png", "jpg", "tif", "webp", "avif", "gif", "bmp", "ppm")]
TILES = ["--tile", 32, "--overlap", 8]
COMMANDS = [
    *PICTURES,
    Command("a folder", lambda given, out: ["upscale", given / "photos", "-m", given / "net.onnx", "-o", out / "all"]),
    Command("a clip", lambda given, out: ["upscale", given / "a.mp4", "-m", given / "net.onnx", "-o", out / "b.mp4"]),
    Command("a GIF", lambda given, out: ["upscale", given / "a.gif", "-m", given / "net.onnx", "-o", out / "b.gif"]),
    Command("evaluate", _evaluate),
    Command("convert", lambda given, out: ["convert", given / "net.pth", "-o", out / "a.onnx"]),
    Command(
        "data prepare",
        lambda given, out: ["data", "prepare", given / "photos", out / "shards", "--tile", 32, "--overlap", 8],
    ),
    Command(
        "data check", lambda given, out: ["data", "check", given / "photos", "--smallest", 32, "--json", out / "a.json"]
    ),
    Command("data draw", lambda _, out: ["data", "draw", out / "drawn", "-n", 1, "--size", "192x192"]),
]

TRAIN = Command(
    "train",
    lambda given, out: [
        *("train", given / "photos", "--recipe", given / "short.toml", "--out", out / "run", "--device", "cpu"),
        *("--set", "run.precision=fp32"),
    ],
)
PROCESSES = [COMMANDS[0], *COMMANDS[len(PICTURES) :], TRAIN]
"""Commands for what takes a process of its own."""


def named(command: Command) -> str:
    return command.name


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, a benchmark, a clip, an animation, networks, a recipe: what the commands work on."""
    import torch

    from srgan.interop.torch_pth import MSRResNet

    folder = tmp_path_factory.mktemp("given")
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        for place in ("photos", "bench"):
            (folder / place).mkdir(exist_ok=True)
            Image.fromarray(noise).save(folder / place / f"{number:02}.png")
    tiny_models.nearest(folder / "net.onnx")
    clips.make(folder / "a.mp4", clips.VARIABLE[:4])
    frames = [Image.fromarray(clips.picture(number)) for number in range(3)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    stage = RECIPE[: RECIPE.index("[stages.gan]")].replace("steps = 60", "steps = 6")
    (folder / "short.toml").write_text(stage + RECIPE[RECIPE.index("[run]") :])
    torch.manual_seed(0)
    torch.save({"params": MSRResNet(8, 2, 4).state_dict()}, folder / "net.pth")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, of a training's the weights of its networks.

    A journal's bytes, which hold times, do not count, nor do parts that a clip goes on from.
    """
    return {
        str(path.relative_to(folder)): b"" if ".srgan.sqlite" in path.name else _without_times(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.parent.name.endswith(".parts")
        and ("run" not in path.relative_to(folder).parts or path.suffix == ".onnx")  # a training's log has times
    }


def _without_times(path: Path) -> bytes:
    """Return a file's bytes; of a network, whose card says how long it was trained, those of its weights."""
    if path.suffix != ".onnx":
        return path.read_bytes()
    import onnx

    return b"".join(one.SerializeToString() for one in onnx.load(path).graph.initializer)


def is_a_line(result: Result) -> None:
    """Assert that a command failed and said so: lines of its own, the last of them an error, no traceback."""
    assert result.code in (1, 2), (result.code, result.err)
    assert "Traceback" not in result.err
    assert result.err.strip().splitlines()[-1].startswith("srgan: "), result.err


# --- A full disk -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=named)
def test_a_full_disk_at_any_write(command: Command, given: Path, tmp_path: Path) -> None:
    """Whatever can be written of a file, its beginning or all but the end: no part of a result is called one."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    whole.mkdir()
    out.mkdir()
    done = call(*command.arguments(given, whole))
    assert done.code == 0, done.err
    expected = contents(whole)
    sizes = sorted({len(data) for name, data in expected.items() if data})
    for limit in (60, sizes[-1] - 1):
        with small_files(limit):
            result = call(*command.arguments(given, out))
        is_a_line(result)
        for name, data in contents(out).items():
            assert data == expected.get(name), f"{name} with {limit} bytes"
        shutil.rmtree(out)
        out.mkdir()
    result = call(*command.arguments(given, out))
    assert result.code == 0, result.err
    assert contents(out) == expected


# --- A process that stands still, and a clock that goes back ----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("command", PROCESSES, ids=named)
def test_stopped_and_continued(command: Command, given: Path, tmp_path: Path) -> None:
    """SIGSTOP, as from Ctrl-Z or a machine that sleeps, at three moments: the work goes on as if nothing had been."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    whole.mkdir()
    out.mkdir()
    assert call(*command.arguments(given, whole)).code == 0
    arguments = [sys.executable, "-m", "srgan", *map(str, command.arguments(given, out))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            time.sleep(0.5)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert contents(out) == contents(whole)


def test_a_clock_that_was_set_back(given: Path, tmp_path: Path) -> None:
    """Sources from the future, and results older than they are: what is done stays done, what changed is made again."""
    shutil.copytree(given / "photos", tmp_path / "mine/in")
    tomorrow = time.time() + 86_400
    for path in (tmp_path / "mine/in").iterdir():
        os.utime(path, (tomorrow, tomorrow))
    command = ["upscale", tmp_path / "mine/in", "-m", given / "net.onnx", "-o", tmp_path / "out"]
    assert call(*command).code == 0
    again = call(*command)
    assert (again.code, "3 up to date" in again.out + again.err) == (0, True), again
    Image.fromarray(np.zeros((20, 24, 3), np.uint8)).save(
        tmp_path / "mine/in/00.png"
    )  # now, which is before the others
    third = call(*command)
    assert third.code == 0
    assert not np.asarray(Image.open(tmp_path / "out/00.png")).any()
    assert "2 up to date" in third.out + third.err


# --- Places that are not what they were -------------------------------------------------------------------------------


def upscaled(given: Path, out: Path) -> list[Any]:
    return ["upscale", given / "photos", "-m", given / "net.onnx", "-o", out]


def test_a_journal_of_another_user(given: Path, tmp_path: Path) -> None:
    """One who may read a folder of results and not write there is told, and changes nothing."""
    out = tmp_path / "out"
    assert call(*upscaled(given, out)).code == 0
    (out / "01.png").unlink()
    before = contents(out)
    (out / ".srgan.sqlite").chmod(0o444)
    result = call_unprivileged(*upscaled(given, out))
    is_a_line(result)
    assert "get permission there" in result.err
    out.chmod(0o555)
    try:
        result = call_unprivileged(*upscaled(given, out))
        is_a_line(result)
    finally:
        out.chmod(0o755)
    (out / ".srgan.sqlite").chmod(0o644)
    assert contents(out) == before
    assert call_unprivileged(*upscaled(given, out)).code == 0
    assert "01.png" in contents(out)


def test_a_folder_that_is_removed_meanwhile(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is done or failed in a line, and the next run does what is missing."""
    from srgan.cli import pictures

    out = tmp_path / "out"
    expected = tmp_path / "expected"
    assert call(*upscaled(given, expected)).code == 0
    written = pictures._Lines.written

    def remove(self: Any, done: Any) -> None:
        written(self, done)
        if done.job.target.name == "00.png":
            shutil.rmtree(out)

    monkeypatch.setattr(pictures._Lines, "written", remove)
    first = call(*upscaled(given, out))
    assert "Traceback" not in first.err
    monkeypatch.undo()
    assert call(*upscaled(given, out)).code == 0
    assert contents(out) == contents(expected)


# --- Little memory ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("command", PROCESSES, ids=named)
@pytest.mark.parametrize("megabytes", [300, 600])
def test_little_memory(command: Command, megabytes: int, given: Path, tmp_path: Path) -> None:
    """An address space (ulimit -v) too small for the libraries, or for their threads: the work, or a line."""
    arguments = [f"--as={megabytes * 1_000_000}", sys.executable, "-m", "srgan"]
    done = subprocess.run(
        ["prlimit", *arguments, *map(str, command.arguments(given, tmp_path))],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        is_a_line(Result(done.returncode, done.stdout, done.stderr))


# --- What else happens to commands that run for long --------------------------------------------------------------------

EVALUATE, PREPARE, CLIP, FOLDER = (
    next(one for one in COMMANDS if one.name == name) for name in ("evaluate", "data prepare", "a clip", "a folder")
)


def begun(command: Command, given: Path, out: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "srgan", *map(str, command.arguments(given, out))]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def made(command: Command, given: Path, out: Path) -> dict[str, bytes]:
    """Run a command to its end, and return what it made in a folder, which may be new."""
    out.mkdir(exist_ok=True)
    assert call(*command.arguments(given, out)).code == 0
    return contents(out)


def whole_or_a_line(process: subprocess.Popen[str]) -> int:
    """Wait for a command, and return its exit code; it was done, or it says in lines of its own why not."""
    out, err = process.communicate(timeout=300)
    if process.returncode:
        is_a_line(Result(process.returncode, out, err))
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("command", [FOLDER, EVALUATE, PREPARE, CLIP], ids=named)
def test_sigterm(command: Command, given: Path, tmp_path: Path) -> None:
    """Early and late: nothing is half written, and the same command does it afterwards."""
    whole, out = made(command, given, tmp_path / "whole"), tmp_path / "out"
    for seconds in (0.6, 1.2):
        out.mkdir()
        with begun(command, given, out) as process:
            time.sleep(seconds)
            process.terminate()
            _, err = process.communicate(timeout=300)
        assert "Traceback" not in err
        for name, data in contents(out).items():
            assert data == whole.get(name), name
        shutil.rmtree(out)
    assert made(command, given, out) == whole


@pytest.mark.slow
@pytest.mark.parametrize("command", [EVALUATE, PREPARE, CLIP, TRAIN], ids=named)
def test_results_whose_folder_is_removed_while_a_command_runs(command: Command, given: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with begun(command, given, out) as process:
        while process.poll() is None:
            shutil.rmtree(out, ignore_errors=True)
            time.sleep(0.02)
        whole_or_a_line(process)
    out.mkdir(exist_ok=True)
    assert call(*command.arguments(given, out)).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", [CLIP, TRAIN], ids=named)
def test_a_folder_that_belongs_to_another_user(command: Command, given: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o555)
    try:
        is_a_line(call_unprivileged(*command.arguments(given, out)))
    finally:
        out.chmod(0o755)
    assert not contents(out)


@pytest.mark.slow
@pytest.mark.parametrize("command", [COMMANDS[0], EVALUATE, CLIP, TRAIN], ids=named)
@pytest.mark.parametrize("descriptors", [8, 14])
def test_few_descriptors(command: Command, descriptors: int, given: Path, tmp_path: Path) -> None:
    limited = ["prlimit", f"--nofile={descriptors}", sys.executable, "-m", "srgan"]
    done = subprocess.run(
        [*limited, *map(str, command.arguments(given, tmp_path))], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        is_a_line(Result(done.returncode, done.stdout, done.stderr))


@pytest.mark.slow
@pytest.mark.parametrize("command", [EVALUATE, PREPARE, CLIP], ids=named)
def test_two_at_once_into_one_folder(command: Command, given: Path, tmp_path: Path) -> None:
    """One of them does it, whatever becomes of the other; what is there in the end is whole."""
    whole, out = made(command, given, tmp_path / "whole"), tmp_path / "out"
    out.mkdir()
    with begun(command, given, out) as one, begun(command, given, out) as other:
        codes = whole_or_a_line(one), whole_or_a_line(other)
    assert 0 in codes
    assert contents(out) == whole


@pytest.mark.slow
def test_two_trainings_into_one_folder(given: Path, tmp_path: Path) -> None:
    with begun(TRAIN, given, tmp_path) as one, begun(TRAIN, given, tmp_path) as other:
        codes = whole_or_a_line(one), whole_or_a_line(other)
    assert 0 in codes


@pytest.mark.slow
def test_a_pipe_and_a_broken_link_among_the_pictures_of_a_training(given: Path, tmp_path: Path) -> None:
    """Nobody waits for what is never written."""
    shutil.copytree(given, tmp_path / "mine")
    os.mkfifo(tmp_path / "mine/photos/pipe.png")
    (tmp_path / "mine/photos/link.png").symlink_to("nowhere.png")
    for command in (TRAIN, PREPARE):
        with begun(command, tmp_path / "mine", tmp_path) as process:
            whole_or_a_line(process)
