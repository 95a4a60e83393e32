"""Drawn pictures: repeatable, of use for training, written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.data.check import check
from srgan.data.drawing import draw, draw_picture
from srgan.data.drawing.canvas import Canvas
from srgan.data.drawing.fonts import default_faces
from srgan.data.drawing.pages import KINDS, inks, luma
from srgan.data.drawing.words import Words
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


def test_every_kind_is_worth_training_on(tmp_path: Path) -> None:
    """By the same check that photographs go through: not flat, no copies, not too small."""
    files = draw(tmp_path, 2 * len(KINDS), width=400, height=300)
    assert {file.stem.rpartition("_")[2] for file in files} == set(KINDS)
    assert all(Image.open(file).size == (400, 300) and Image.open(file).mode == "RGB" for file in files)
    report = check(tmp_path, smallest=192, quality=60)
    assert report.pictures == len(files)
    assert [problem.reason for problem in report.problems] == []


def test_most_sheets_have_edges_as_sharp_as_a_pixel() -> None:
    """They are to teach edges: between neighbouring pixels there are steps of more than 60 levels."""
    for index in range(2 * len(KINDS)):
        gray = draw_picture(index, width=400, height=300).astype(int).mean(axis=2)
        assert np.abs(np.diff(gray, axis=1)).max() > 60, list(KINDS)[index % len(KINDS)]


@pytest.mark.parametrize("oversampling", [2, 3])
def test_what_is_drawn_larger_ends_up_in_the_same_place(oversampling: int) -> None:
    face = default_faces()[0]

    def sheet(times: int) -> np.ndarray:
        canvas = Canvas(200, 100, (255, 255, 255), times)
        canvas.text((10, 10), "Hamburg", face, 32, (0, 0, 0))
        canvas.box((20, 60), (90, 90), (200, 0, 0))
        canvas.line([(100, 60), (190, 95)], (0, 0, 200), 3)
        canvas.shade(np.full((100, 200), -20, np.float32))
        return canvas.finished(Image.Resampling.BOX).astype(float)

    assert np.abs(sheet(1) - sheet(oversampling)).mean() < 6
    assert np.abs(sheet(1) - np.roll(sheet(oversampling), 4, axis=1)).mean() > 10


def test_text_can_be_told_from_its_ground() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        colours = inks(rng)
        assert abs(luma(colours.ground) - luma(colours.ink)) >= 90


def test_words_have_the_letters_of_their_alphabet() -> None:
    words = Words("greek", np.random.default_rng(0))
    letters = {letter for _ in range(300) for letter in words.word()}
    assert letters == set("αβγδεζηθικλμνξοπρστυφχψω")
    assert all(1 <= len(words.word()) <= 12 for _ in range(100))


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
