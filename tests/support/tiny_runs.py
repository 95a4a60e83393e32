"""Tiny real training runs: pictures, VGG weights and recipes that a processor trains in seconds, and ways to start them."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RECIPE = """
[generator]
scale = 2
features = 4
blocks = 1
norm = "none"
output = "linear"

[discriminator]
features = 2
dense = 4

[stages.pixels]
steps = 60
batch = 2
crop = 32
optimizer = "muon"
rate = 1e-3
muon_lr = 1e-3
final_rate = 1e-4
warmup = 5
ema = 0.9
pixel = { weight = 1.0 }

[stages.gan]
steps = 40
batch = 2
crop = 32
rate = 1e-3
final_rate = 1e-4
ema = 0.9
pixel = { weight = 1.0 }
content = { weight = 0.1, network = "vgg16", kind = "l1", layers = { conv2_2 = 1.0 } }
adversarial = { weight = 0.05, kind = "relativistic" }

[run]
precision = "fp32"
validate_every = 25
checkpoint_every = 4
log_every = 1
diagnose_every = 20
"""

SHORT = RECIPE[: RECIPE.index("[stages.gan]")] + RECIPE[RECIPE.index("[run]") :]

SHORT = SHORT.replace("steps = 60", "steps = 2").replace("warmup = 5", "warmup = 0")
"""One short stage of pixels."""


def save_photo(path: Path, height: int = 48, width: int = 56, seed: int = 0, mode: str = "RGB") -> Path:
    """Write a smooth random picture, as photographs are: a network can learn to enlarge it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    picture.convert(mode).save(path)
    return path


def save_photos(folder: Path, count: int = 12) -> Path:
    for number in range(count):
        save_photo(folder / f"{number:02}.png", seed=number)
    return folder


def save_vgg(path: Path, network: str = "vgg16", layer: str = "conv2_2") -> Path:
    """Write random weights in the form of torchvision's, as deep as ``layer``."""
    import torch
    from safetensors.torch import save_file

    from srgan.networks.vgg import VGGFeatures

    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(dict(VGGFeatures(network, [layer]).state_dict()), path)
    return path


@dataclass(frozen=True)
class Result:
    """What a command left: exit code (negative: the signal that ended it), stdout and stderr."""

    code: int
    out: str
    err: str


def call(*arguments: Any) -> Result:
    """Run the command ``srgan`` in this process; an exception that it lets through is a traceback, and fails the test."""
    from srgan.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    before, sys.argv = sys.argv, ["srgan", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = before
    return Result(code or 0, out.getvalue(), err.getvalue())


def save_material(folder: Path) -> Path:
    """Make what short trainings need: photos/, my.toml of two stages, short.toml of one, vgg.safetensors."""
    save_photos(folder / "photos", 3)
    (folder / "my.toml").write_text(RECIPE)
    (folder / "short.toml").write_text(SHORT)
    save_vgg(folder / "vgg.safetensors")
    return folder


def train(
    material: Path, out: Path, *more: Any, photos: str | Path = "photos", recipe: str | Path = "short.toml"
) -> Result:
    """Train on such material on the processor."""
    arguments = ["--recipe", material / recipe, "--out", out, "--device", "cpu"]
    return call("train", material / photos, *arguments, *more)


def assert_line(result: Result, code: int, *words: str) -> None:
    """One line for a person, on stderr alone, behind what the run said before (if anything)."""
    last = result.err.splitlines()[-1]
    assert result.code == code, result.err
    assert last.startswith("srgan: ")
    assert result.err.count("srgan: ") == 1
    assert "Traceback" not in result.err
    for word in words:
        assert word in last
    assert result.out == ""


def initializers(path: Path) -> dict[str, Any]:
    """Return the weights of a network's file by their names."""
    import onnx
    from onnx import numpy_helper

    return {entry.name: numpy_helper.to_array(entry) for entry in onnx.load(path).graph.initializer}


@dataclass(frozen=True)
class Death:
    """When and by which signal a process ends.

    Attributes
    ----------
    line : once this stands in the run's log
    delay : and so many seconds have passed
    torn : instead: while this many-th checkpoint is being written, half of which reaches the disk
    """

    line: str = ""
    delay: float = 0.0
    signal: int = signal.SIGKILL
    torn: int = 0


def run(
    folder: Path,
    *arguments: Any,
    death: Death | None = None,
    file_size: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Run ``srgan`` in a process of its own, which has the libraries imported already; ``folder`` is the run's.

    ``file_size`` is the largest file in bytes that it may write: to a program it looks like a full disk.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["srgan.training.run", "torch.utils.tensorboard"])
    out, err = folder.with_name(folder.name + ".out"), folder.with_name(folder.name + ".err")
    process = context.Process(
        target=_child, args=(list(map(str, arguments)), out, err, folder, death, file_size, environment or {})
    )
    process.start()
    process.join(590)
    assert process.exitcode is not None, f"still running: {err.read_text()}"
    return Result(process.exitcode, out.read_text(), err.read_text())


def _child(
    arguments: list[str],
    out: Path,
    err: Path,
    folder: Path,
    death: Death | None,
    file_size: int | None,
    environment: Mapping[str, str],
) -> None:
    os.environ.update(environment)
    import torch

    from srgan.cli import main

    torch.set_num_threads(1)  # of several processes on few cores
    os.setpgrp()  # a terminal's Ctrl-C goes to the group: to this process and those it starts
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server of forks ignores it
    if file_size is not None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if death and death.torn:
        _die_while_writing(death.torn)
    elif death:
        threading.Thread(target=_die_at, args=(folder / "log.txt", death), daemon=True).start()
    sys.argv = ["srgan", *arguments]
    main()


def _die_at(log: Path, death: Death) -> None:
    while not (log.exists() and death.line in log.read_text()):
        time.sleep(0.002)
    time.sleep(death.delay)
    if death.signal == signal.SIGINT:
        os.killpg(0, death.signal)
    else:
        os.kill(os.getpid(), death.signal)


def _die_while_writing(number: int) -> None:
    sync = os.fsync
    left = number

    def fsync(descriptor: int) -> None:
        nonlocal left
        file = Path(f"/proc/self/fd/{descriptor}").resolve()
        if file.parent.name == "checkpoints" and file.suffix == ".part":
            left -= 1
            if not left:
                os.ftruncate(descriptor, file.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync


def delays(seed: int, count: int) -> list[float]:
    """Return moments within a few steps, in seconds."""
    generator = random.Random(seed)
    return [generator.uniform(0, 0.1) for _ in range(count)]
