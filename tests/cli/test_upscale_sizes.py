"""``srgan upscale`` with sizes, patterns and the self-ensemble: real processes, real files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.resize.imresize import downscale
from support import tiny_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.residual(tmp_path_factory.mktemp("models") / "tiny.onnx", blocks=1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png", dpi=(100, 100))
    return tmp_path / "photo.png"


def upscale(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "srgan", "upscale", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    ("options", "name", "size"),
    [
        (["--scale", "3"], "photo_x3.png", (120, 90)),
        (["--scale", "1.5"], "photo_x1.5.png", (60, 45)),
        (["--scale", "4"], "photo_x4.png", (160, 120)),
        (["--width", "100"], "photo_w100.png", (100, 75)),
        (["--height", "200"], "photo_h200.png", (267, 200)),
        (["--fit", "100x60"], "photo_100x60.png", (80, 60)),
    ],
)
def test_the_result_has_the_size_and_is_named_after_it(
    model: Path, photo: Path, options: list[str], name: str, size: tuple[int, int]
) -> None:
    done = upscale(photo, "--model", model, *options)
    assert (done.returncode, done.stderr) == (0, "")
    target = photo.with_name(name)
    assert f"{target}  40x30 -> {size[0]}x{size[1]}" in done.stdout
    with Image.open(target) as result:
        assert result.size == size
        assert result.info["dpi"][0] == pytest.approx(100 * size[0] / 40, rel=1e-3)  # printed, it stays as large


def test_wrap_and_tta_reach_the_engine(model: Path, photo: Path, tmp_path: Path) -> None:
    done = upscale(photo, "-o", tmp_path / "out.png", "--model", model, "--wrap", "--tta", "--precision", "fp32")
    assert (done.returncode, done.stderr) == (0, "")
    expected = Upscaler(model, wrap=True, tta=True, precision="fp32")(np.asarray(Image.open(photo)))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), expected)


def test_check_prints_the_consistency_and_draws_where(model: Path, photo: Path, tmp_path: Path) -> None:
    heat = tmp_path / "heat.png"
    done = upscale(photo, "--model", model, "--precision", "fp32", "--check-map", heat)
    assert (done.returncode, done.stderr) == (0, "")
    small = np.asarray(Image.open(photo)).astype(float)
    back = downscale(np.asarray(Image.open(photo.with_name("photo_x4.png"))), 4)
    psnr = 10 * np.log10(255**2 / np.mean((back - small) ** 2))
    said = float(re.search(r"consistency ([\d.]+) dB", done.stdout)[1])
    assert said == pytest.approx(psnr, abs=0.1)
    with Image.open(heat) as drawn:
        assert drawn.size == (40, 30)
        assert np.asarray(drawn).max() == 255
    again = upscale(photo, "--model", model, "-o", tmp_path / "new.png", "--check-map", heat)
    assert (again.returncode, again.stdout) == (2, "")
    assert "heat.png exists" in again.stderr
    assert not (tmp_path / "new.png").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scale", "3", "--width", "100"], "scale and width each say how large the result is: give one of them"),
        (["--width", "100", "--height", "100"], "give one of them, or fit"),
        (["--fit", "100"], "'100' is no size in pixels"),
        (["--scale", "0.5"], "or more, and at most 64"),
        (["--scale", "three"], "'--scale'"),
    ],
)
def test_a_contradiction_is_one_line(photo: Path, options: list[str], says: str) -> None:
    done = upscale(photo, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.startswith("srgan: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]
