"""The bar of a notebook and that of a terminal."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srgan
from srgan.api import bars


def plain_with_detail(place: tuple[int, int], size: tuple[int, int] = (600, 800)) -> np.ndarray:
    picture = np.full((*size, 3), 90, np.uint8)
    top, left = place
    picture[top : top + 200, left : left + 200] = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    return picture


class Notebook:
    """IPython as far as a bar needs it: it keeps what each output shows."""

    def __init__(self) -> None:
        self.outputs: list[list[str]] = []
        self.display = types.SimpleNamespace(display=self.show, HTML=str)

    def get_ipython(self) -> Any:
        return types.SimpleNamespace(kernel=object())

    def show(self, text: str, *, display_id: bool) -> Any:
        assert display_id
        output = [text]
        self.outputs.append(output)
        return types.SimpleNamespace(update=output.append)


def test_a_notebook_has_one_element_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    notebook = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setattr(bars, "_EVERY_SECONDS", 0)
    srgan.upscale(plain_with_detail((0, 0)), model=model, progress=True)
    (output,) = notebook.outputs
    assert "<div>800 x 600 <progress value='480000' max='480000'></progress> 100 %" in output[-2]
    assert output[-1] == ""


def test_the_bar_of_a_notebook_goes_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    with pytest.raises(ZeroDivisionError), bars.bar("<a>") as tell:
        tell(1 // 0, 1)
    (output,) = notebook.outputs
    assert output[0].startswith("<div>&lt;a&gt; <progress")
    assert output[-1] == ""


def test_nothing_is_printed_where_nobody_is(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    srgan.upscale(np.zeros((4, 4), np.uint8), model=model, progress=True)
    assert capsys.readouterr() == ("", "")
