"""What a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from srgan.models.catalogue import AUTO, CATALOGUE
from srgan.training.recipe import shipped_recipes


def completed(line: str) -> list[str]:
    """What bash is offered after a line that was typed; a word that ends in a space is done."""
    words = line.split()
    about = {
        "_SRGAN_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) if line.endswith(" ") else len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "srgan"],
        env={**os.environ, **about},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("srgan upscale a.png --model ", [AUTO, *CATALOGUE]),
        ("srgan models srr", ["srresnet-x4"]),
        ("srgan evaluate bi", ["bicubic"]),
        ("srgan train photos --recipe ", list(shipped_recipes())),
        ("srgan train photos --init photo-p", ["photo-psnr-x4"]),
        ("srgan upscale --precision b", ["bf16"]),
        ("srgan cac", ["cache"]),
    ],
)
def test_values_are_completed(line: str, offered: list[str]) -> None:
    assert completed(line) == offered
