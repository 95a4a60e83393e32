"""Names of files with markup, control characters and marks of direction, in all places that show them."""

from __future__ import annotations

import io
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from srgan.cli import frames, progress
from srgan.jobs.job import Job
from support import tiny_models
from support.names import FORBIDDEN, NAMES
from support.tiny_runs import call

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no files with such names")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in NAMES:
        Image.new("RGB", (5, 4)).save(folder / name)
        (folder / f"bad {name}").write_bytes(b"no picture")
    return folder


def test_the_terminal_and_the_report(photos: Path, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = call("upscale", photos, "-o", tmp_path / "out", "--model", model, "--report", page)
    assert done.code == 1
    assert len(os.listdir(tmp_path / "out")) >= len(NAMES)
    for said in (done.out, done.err):
        assert not FORBIDDEN.search(said)
        assert r"\u202e" in said or said == done.out
    assert r"a\nsrgan: done\r\x1b[2J\x9b31m" in done.err
    text = page.read_text()
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text
    assert not FORBIDDEN.search(text)
    assert r"photo\u202egnp" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_bars(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a terminal gets, with colours off: the only escapes are the bar's own."""
    for module, start in ((progress, _photo), (frames, _clip)):
        shown = io.StringIO()
        monkeypatch.setattr(
            module,
            "Console",
            partial(_Console, file=shown, force_terminal=True, width=500, no_color=True),
        )
        start(name)
        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown.getvalue()).replace("\r", "")
        assert not FORBIDDEN.search(text), name
        assert name[:3].replace("\n", r"\n").replace("\u2028", r"\u2028")[:3] in text
        assert "[link=" in text or "[link=" not in name


class _Console(Console):
    def __init__(self, *, stderr: bool, **options: Any) -> None:
        assert stderr
        super().__init__(**options)


def _photo(name: str) -> None:
    with progress.Bar(progress.Listener(), many=True) as bar:
        bar.started(Job(Path(name), Path("out.png")), 1, 2)


def _clip(name: str) -> None:
    class Nobody:
        def __getattr__(self, _: str) -> Any:
            return lambda *_: None

    with frames.FrameBar(Nobody()) as bar:  # type: ignore[arg-type]
        bar.started(Path(name), 2, 0)
