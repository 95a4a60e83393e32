"""What belongs to the shell: completion of values, the manual page, and what is kept between runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan.cli import app
from srgan.models.catalogue import AUTO, CATALOGUE
from srgan.runtime import cache
from srgan.training.recipe import shipped_recipes
from support import tiny_models
from support.tiny_runs import call


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


def test_the_manual_has_each_command_and_each_option() -> None:
    done = call("man")
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    for name in ("upscale", "train", "data check", "data distil", "cache clear", "man"):
        assert f".SS srgan {name}" in done.out
    text = done.out.replace("\\-", "-")
    for command in ("upscale", "train", "evaluate", "serve", "convert"):
        for flag in re.findall(r"--[a-z][a-z0-9-]+", call(command, "--help").out):
            assert flag in text, f"{command} {flag}"
    assert len(app.registered_commands) >= 7


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff to read it with")
def test_the_manual_is_sound_roff() -> None:
    read = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww"],
        input=call("man").out,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert read.stderr == ""
    assert "SRGAN(1)" in read.stdout


def test_the_cache_says_where_it_lies_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kept"
    monkeypatch.setenv("SRGAN_CACHE", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    model = tiny_models.nearest(tmp_path / "net.onnx")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert call("upscale", tmp_path / "a.png", "-m", model, "-q").code == 0
    entries = list(folder.iterdir())
    assert entries, "the network was kept"
    said = call("cache")
    assert said.out.startswith(f"compiled networks: {folder} ({len(entries)}, ")
    (folder / cache.TRIALS).write_text("{}")
    (folder / "mine.txt").write_text("not the program's")
    assert call("cache", "clear").out.startswith("removed 1 compiled network, ")
    assert [file.name for file in folder.iterdir()] == ["mine.txt"]
    (folder / "mine.txt").unlink()
    assert call("cache", "clear").out == "removed 0 compiled networks, 0 B\n"
    assert not folder.exists()
    weights = tmp_path / "torch/hub/checkpoints/vgg16-397923af.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"1234")
    assert f"{weights} (4 B)" in call("cache").out
    monkeypatch.setenv("SRGAN_CACHE", "")
    assert call("cache").out.startswith("compiled networks: none are kept")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may remove everything")
def test_a_cache_that_cannot_be_removed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.compiled").write_bytes(b"x")
    monkeypatch.setenv("SRGAN_CACHE", str(tmp_path))
    tmp_path.chmod(0o500)
    try:
        done = call("cache", "clear")
    finally:
        tmp_path.chmod(0o700)
    assert done.code == 1
    assert done.err.startswith("srgan: cannot remove ")
