"""Kinds of sheets: worth training on, sharp, legible."""

from pathlib import Path

import numpy as np
from PIL import Image

from srgan.data.check import check
from srgan.data.drawing import draw, draw_picture
from srgan.data.drawing.pages import KINDS, inks, luma


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


def test_text_can_be_told_from_its_ground() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        colours = inks(rng)
        assert abs(luma(colours.ground) - luma(colours.ink)) >= 90
