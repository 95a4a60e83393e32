"""The contact sheet: which pictures it takes, and that each of its panels is the crop, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import UsageError
from srgan.evaluation import figure
from srgan.evaluation.figure import write_figure
from srgan.evaluation.sample import Sample, make_sample
from srgan.evaluation.scores import BenchmarkReport, ImageScore, SetScore

SCORE = (25.0, 0.7)


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def sample(name: str, height: int = 128, width: int = 128, *, psnr: float = 25.0, channels: int = 3) -> Sample:
    pictures = [noise(height, width, channels, seed) for seed in range(3)]
    return make_sample(name, *pictures, before=(psnr, 0.7), after=(psnr + 1, 0.8))


def report(*samples: Sample, model: str = "net") -> BenchmarkReport:
    return BenchmarkReport(model, 4, (SetScore("Set", (ImageScore("a", 26.0, 0.8),), samples),))


def test_the_crop_is_the_most_detailed_part_of_each_picture() -> None:
    hr = np.full((400, 800, 3), 90, np.uint8)
    hr[200:328, 512:640] = noise(128, 128)
    bicubic, sr = noise(400, 800, seed=1), noise(400, 800, seed=2)
    made = make_sample("a", bicubic, sr, hr, before=SCORE, after=SCORE)
    # Seen with the picture 800 wide shrunk three times, to fit 384.
    left, top, width, height = (round(3 * value) for value in made.box)
    assert abs(left - 512) <= 1
    assert abs(top - 200) <= 1
    assert (width, height) == (128, 128)
    assert made.overview.shape == (134, 267, 3)
    for crop, picture in ((made.bicubic, bicubic), (made.sr, sr), (made.hr, hr)):
        np.testing.assert_array_equal(crop, picture[top : top + 128, left : left + 128])


def test_a_small_gray_picture_is_taken_whole_and_as_rgb() -> None:
    made = sample("a", 40, 60, channels=1)
    assert made.hr.shape == made.bicubic.shape == made.overview.shape == (40, 60, 3)
    np.testing.assert_array_equal(made.sr, noise(40, 60, 1, seed=1).repeat(3, axis=2))
    assert made.box == (0, 0, 60, 40)


def panel(sheet: np.ndarray, column: int, row: int) -> np.ndarray:
    """Cut a panel from the sheet: 384 pixels a side, 12 between them, 56 above all and 26 above each."""
    left, top = 12 + column * 396, 56 + row * 422 + 26
    return sheet[top : top + 384, left : left + 384]


def test_each_pixel_of_a_crop_is_three_by_three_of_the_sheet(tmp_path: Path) -> None:
    write_figure(report(sample("a"), sample("b")), tmp_path / "f.png")
    sheet = np.asarray(Image.open(tmp_path / "f.png").convert("RGB"))
    assert sheet.shape == (56 + 2 * 422, 12 + 4 * 396, 3)
    for column, seed in ((1, 0), (2, 1), (3, 2)):  # bicubic, model, original
        expected = noise(128, 128, seed=seed).repeat(3, axis=0).repeat(3, axis=1)
        for row in range(2):
            np.testing.assert_array_equal(panel(sheet, column, row), expected)
    # The overview is drawn as it is, in the middle of its panel.
    middle = panel(sheet, 0, 0)[128:256, 128:256]
    assert (middle == noise(128, 128, seed=2)).mean() > 0.9  # the rest is the mark around the crop


def test_bicubic_alone_is_not_drawn_twice(tmp_path: Path) -> None:
    write_figure(report(sample("a"), model="bicubic"), tmp_path / "f.png")
    sheet = np.asarray(Image.open(tmp_path / "f.png").convert("RGB"))
    assert sheet.shape[1] == 12 + 3 * 396
    np.testing.assert_array_equal(panel(sheet, 2, 0)[::3, ::3], noise(128, 128, seed=2))


def test_sets_take_turns_and_the_worst_of_each_comes_first() -> None:
    one = [sample(f"one {psnr}", 8, 8, psnr=psnr) for psnr in (30, 22, 26)]
    two = [sample(f"two {psnr}", 8, 8, psnr=psnr) for psnr in (29, 28)]
    chosen = [entry.name for entry in figure._choose([one, two], 3)]
    assert chosen == ["one 22", "one 26", "two 28"]  # in the end in their sets' order
    assert len(figure._choose([one, two], 9)) == 5
    assert figure._choose([], 3) == []


@pytest.mark.parametrize(("suffix", "magic"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_each_format(tmp_path: Path, suffix: str, magic: bytes) -> None:
    target = tmp_path / f"f{suffix}"
    target.write_text("the sheet of an earlier run")
    write_figure(report(sample("a", 16, 16)), target)
    assert target.read_bytes().startswith(magic)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a figure is \.png, \.svg, \.pdf, not 'f\.jpg'"):
        figure.check_target(tmp_path / "f.jpg")
    with pytest.raises(UsageError):
        write_figure(report(sample("a", 8, 8)), tmp_path / "f.jpg")
    with pytest.raises(ValueError, match="keep_samples=True"):
        write_figure(report(), tmp_path / "f.png")
    assert list(tmp_path.iterdir()) == []
