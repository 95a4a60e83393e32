"""Options of the Python interface: typed, checked, numbers of numpy too."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import srgan
from srgan.api.options import NetworkOptions
from srgan.engine import upscaler as engine_upscaler


def noise(height: int, width: int, dtype: str = "uint8") -> Any:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(dtype)


def test_both_take_the_same_options_and_the_types_know_all_of_them() -> None:
    taken = set(inspect.signature(srgan.Upscaler.__init__).parameters) - {"self", "model"}
    assert taken == set(NetworkOptions.__annotations__)
    engines = set(inspect.signature(engine_upscaler.Upscaler.__init__).parameters) - {"self", "model"}
    assert engines == taken - {"denoise"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scale": "2"}, "scale is '2': give a number"),
        ({"width": 3.5}, "width is 3.5: give a whole number"),
        ({"fit": "1920x1080"}, r"give the width and the height of a box, for instance \(1920, 1080\)"),
        ({"memory": "1GB"}, "memory is '1GB': give a whole number of bytes"),
        ({"model": None}, "model is None"),
        ({"quality": "best"}, "quality is 'best'"),
        ({"quality": 200}, "quality is 200: give 1 to 100"),
        ({"progress": 3}, "progress is 3: give True"),
        ({"cancel": 3}, "cancel is 3: give a threading.Event"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_a_wrong_option_is_one_line(model: Path, tmp_path: Path, options: dict[str, Any], says: str) -> None:
    Image.fromarray(noise(4, 4)).save(tmp_path / "a.png")
    with pytest.raises(srgan.UsageError, match=says):
        srgan.upscale(tmp_path / "a.png", tmp_path / "b.jpg", **({"model": model} | options))
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_numbers_of_numpy_are_numbers(model: Path) -> None:
    large = srgan.upscale(noise(4, 4), model=model, width=np.int64(6), memory=np.int64(10**8))
    assert large.shape == (6, 6, 3)
