"""The command 'srgan cache'."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan.runtime import cache
from support import tiny_models
from support.tiny_runs import call


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
