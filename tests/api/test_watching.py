"""Progress is told, and a run can be cancelled."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import srgan


def noise(height: int, width: int, dtype: str = "uint8") -> Any:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(dtype)


def given(kind: str, folder: Path) -> Any:
    array = noise(40, 50)
    Image.fromarray(array).save(folder / "a.png")
    return {"path": folder / "a.png", "array": array, "pil": Image.fromarray(array)}[kind]


@pytest.mark.parametrize("kind", ["path", "array", "pil"])
def test_progress_is_told_to_its_end(upscaler: srgan.Upscaler, tmp_path: Path, kind: str) -> None:
    told: list[tuple[int, int]] = []
    upscaler(given(kind, tmp_path), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2000, 2000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {2000}


@pytest.mark.parametrize("kind", ["path", "array", "pil"])
@pytest.mark.parametrize("early", [True, False])
def test_cancelling_ends_the_work_and_leaves_nothing(model: Path, tmp_path: Path, kind: str, early: bool) -> None:
    picture, stop, told = given(kind, tmp_path), threading.Event(), []

    def tell(done: int, total: int) -> None:
        told.append(done / total)
        if done < total:  # as from another thread
            stop.set()

    if early:
        stop.set()
    small = srgan.Upscaler(model, memory=300_000)
    assert len(small.plan(40, 50).tiles) > 1
    with pytest.raises(srgan.Cancelled, match="cancelled: nothing was written"):
        small(picture, progress=tell, cancel=stop)
    assert len(told) == (0 if early else 1)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_what_progress_raises_comes_through(upscaler: srgan.Upscaler, tmp_path: Path) -> None:
    class MineError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise MineError(done, total)

    for kind in ("path", "array"):
        with pytest.raises(MineError):
            upscaler(given(kind, tmp_path), progress=stop)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
