"""What a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from srgan.cli import completion
from srgan.models.catalogue import AUTO, CATALOGUE
from srgan.runtime import devices
from srgan.training.recipe import shipped_recipes
from support.fake_devices import FakeBackend, card, install


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


def test_devices_are_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeBackend([card("cuda:0", "Card A"), card("cuda:1", "Card A")]))
    assert completion.devices("") == [
        ("auto", "a GPU if it is right and faster"),
        ("cpu", "the processor"),
        ("gpu", "the first graphics card"),
        *((name, "Card A") for name in ("gpu:0", "gpu:1", "cuda:0", "cuda:1")),
    ]
    assert completion.devices("gpu:0,g") == [("gpu:0,gpu:1", "Card A")]
    monkeypatch.setattr(devices, "may_have_gpu", lambda: False)
    monkeypatch.setattr(devices, "BACKENDS", {})
    assert [name for name, _ in completion.devices("")] == ["auto", "cpu", "gpu"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("srgan upscale a.png --model ", [AUTO, *CATALOGUE]),
        ("srgan models srr", ["srresnet-x4"]),
        ("srgan evaluate bi", ["bicubic"]),
        ("srgan train photos --recipe ", list(shipped_recipes())),
        ("srgan train photos --init photo-p", ["photo-psnr-x4"]),
        ("srgan upscale --precision b", ["bf16"]),
        ("srgan upscale --device c", ["cpu"]),
        ("srgan train photos --device m", ["mps"]),
        ("srgan cac", ["cache"]),
    ],
)
def test_values_are_completed(line: str, offered: list[str]) -> None:
    assert completed(line) == offered
