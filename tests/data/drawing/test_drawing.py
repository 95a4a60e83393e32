"""Drawn pictures: repeatable, of use for training, written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.data.drawing import draw, draw_picture
from srgan.data.drawing.pages import KINDS
from srgan.errors import OutputExistsError, UsageError


def test_a_picture_is_the_same_whatever_else_is_drawn(tmp_path: Path) -> None:
    few = draw(tmp_path / "few", 2, width=256, height=192)
    many = draw(tmp_path / "many", 3, width=256, height=192)
    assert [file.name for file in few] == ["drawn_0000_text.png", "drawn_0001_slide.png"]
    for a, b in zip(few, many, strict=False):
        assert a.read_bytes() == b.read_bytes()


def test_other_numbers_and_other_seeds_draw_other_pictures() -> None:
    kinds = len(KINDS)
    pictures = [draw_picture(i, seed=s, width=256, height=192) for i, s in [(0, 0), (kinds, 0), (0, 1)]]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_nothing_is_drawn_over_a_picture_that_is_there(tmp_path: Path) -> None:
    taken = tmp_path / "drawn_0001_slide.png"
    taken.write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="drawn_0001_slide"):
        draw(tmp_path, 3, width=256, height=192)
    assert [file.name for file in tmp_path.iterdir()] == [taken.name]
    assert taken.read_bytes() == b"mine"
    draw(tmp_path, 3, width=256, height=192, overwrite=True)
    assert Image.open(taken).size == (256, 192)


@pytest.mark.parametrize(("width", "height"), [(191, 500), (500, 191), (8000, 8000)])
def test_sizes_of_no_use_are_refused(width: int, height: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{width} x {height}"):
        draw(tmp_path / "out", 1, width=width, height=height)
    assert not (tmp_path / "out").exists()
