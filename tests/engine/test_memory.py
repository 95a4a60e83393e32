"""What a whole command takes of the machine's memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize(("memory", "most"), [("1GB", 350e6), ("60MB", 240e6)], ids=["whole", "in tiles"])
def test_a_small_photograph_takes_little(tmp_path: Path, memory: str, most: float) -> None:
    random = np.random.default_rng(0)
    small = Image.fromarray(random.integers(0, 256, (32, 48, 3), np.uint8))
    small.resize((480, 320), Image.Resampling.BICUBIC).save(tmp_path / "photo.jpg")
    command = [sys.executable, "-m", "srgan", "upscale", str(tmp_path / "photo.jpg"), "--precision", "fp32"]
    # The peak is that of a child of this process, which begins with the size of its parent: one in between is small.
    code = (
        "import os, subprocess, sys\n"
        "process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "_, status, usage = os.wait4(process.pid, 0)\n"
        "print(status, usage.ru_maxrss * 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--threads", "2", "--memory", memory],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "SRGAN_CACHE": ""},  # without the cache it takes a little more
    )
    status, peak = map(int, done.stdout.split())
    assert status == 0
    assert peak < most
