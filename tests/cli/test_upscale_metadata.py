"""``srgan upscale`` and what belongs to pictures: the lines that it says, the history that it writes, the date that it keeps."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from srgan.image import read
from support import tiny_models
from support.tiny_runs import call


@pytest.fixture(scope="module")
def nearest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise(height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def prompted(name: str) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("parameters", "a tree")
    Image.fromarray(noise()).save(name, pnginfo=about)


def test_what_goes_along_is_not_mentioned_and_what_does_not_is_one_line(nearest: Path) -> None:
    prompted("a.png")
    assert call("upscale", "a.png", "-m", nearest).err == ""
    assert [text.text for text in read("a_x4.png").texts] == ["a tree"]
    done = call("upscale", "a.png", "-m", nearest, "-o", "a.bmp")
    assert (done.code, done.err) == (0, "srgan: a.png: left out: text (parameters), for which BMP has no place\n")
    assert call("upscale", "a.png", "-m", nearest, "-o", "b.bmp", "-q").err == ""


def test_a_folder_says_it_too(nearest: Path) -> None:
    os.mkdir("in")
    prompted("in/a.png")
    done = call("upscale", "in", "-m", nearest, "--format", "bmp")
    assert "in/a.png: left out: text (parameters)" in done.err
    again = call("upscale", "in", "-m", nearest, "--format", "bmp")
    assert "1 up to date" in again.err
    assert "left out" not in again.err


def test_the_history_is_written_unless_it_is_refused(nearest: Path) -> None:
    Image.fromarray(noise()).save("a.png")
    assert call("upscale", "a.png", "-m", nearest, "-o", "b.png").code == 0
    said = (read("b.png").xmp or b"").decode()
    assert 'stEvt:parameters="enlarged 4 times by tiny-x4"' in said
    assert call("upscale", "a.png", "-m", nearest, "-o", "c.png", "--no-history").code == 0
    assert read("c.png").xmp is None
    assert call("upscale", "a.png", "-m", nearest, "-o", "d.png").code == 0
    assert Path("b.png").read_bytes() == Path("d.png").read_bytes()  # no time in it: the same becomes the same


def test_the_date_is_kept_on_request(nearest: Path) -> None:
    os.mkdir("in")
    Image.fromarray(noise()).save("in/a.png")
    os.utime("in/a.png", ns=(10**18, 10**18))
    assert call("upscale", "in/a.png", "-m", nearest, "-o", "now.png").code == 0
    assert os.stat("now.png").st_mtime_ns > 10**18
    assert call("upscale", "in/a.png", "-m", nearest, "-o", "then.png", "--keep-date").code == 0
    assert os.stat("then.png").st_mtime_ns == 10**18
    assert call("upscale", "in", "-m", nearest, "--keep-date").code == 0
    assert [path.stat().st_mtime_ns for path in Path("in_x4").glob("a*.png")] == [10**18]
    assert "1 up to date" in call("upscale", "in", "-m", nearest, "--keep-date").err


def test_pages_are_counted_in_the_line(nearest: Path) -> None:
    with tifffile.TiffWriter("same.tif") as file:
        for _ in range(3):
            file.write(noise(), photometric="rgb", metadata=None)
    done = call("upscale", "same.tif", "-m", nearest, "-o", "large.tif")
    assert "large.tif  3 pages, each 16x12 -> 64x48  " in done.out
    with tifffile.TiffWriter("pyramid.tif") as file:
        for size in (32, 16):
            file.write(noise(size, size), photometric="rgb", metadata=None, subfiletype=int(size < 32))
    done = call("upscale", "pyramid.tif", "-m", nearest, "-o", "top.tif")
    assert "top.tif  32x32 -> 128x128  " in done.out
    assert done.err == "srgan: pyramid.tif: left out: 1 smaller copy of the picture\n"
    with tifffile.TiffWriter("other.tif") as file:
        for size in (32, 16):
            file.write(noise(size, size), photometric="rgb", metadata=None)
    done = call("upscale", "other.tif", "-m", nearest, "-o", "both.tif")
    assert "both.tif  2 pages, the first 32x32 -> 128x128  " in done.out


@pytest.mark.parametrize("end", ["gif", "webp", "png"])
def test_an_animation_has_its_history_and_date(end: str, nearest: Path) -> None:
    frames = [Image.fromarray(noise()), Image.fromarray(255 - noise())]
    frames[0].save(f"a.{end}", save_all=True, append_images=frames[1:], duration=100)
    os.utime(f"a.{end}", ns=(10**18, 10**18))
    assert call("upscale", f"a.{end}", "-m", nearest, "-o", f"b.{end}", "--keep-date").err == ""
    assert 'stEvt:parameters="enlarged 4 times by tiny-x4"' in (read(f"b.{end}").xmp or b"").decode()
    assert os.stat(f"b.{end}").st_mtime_ns == 10**18
    assert call("upscale", f"a.{end}", "-m", nearest, "-o", f"c.{end}", "--no-history").code == 0
    assert read(f"c.{end}").xmp is None


def test_a_clip_keeps_its_date(nearest: Path) -> None:
    from support import clips

    os.utime(clips.make("a.mp4", clips.VARIABLE[:3]), ns=(10**18, 10**18))
    assert call("upscale", "a.mp4", "-m", nearest, "--keep-date", "--preset", "ultrafast").code == 0
    assert os.stat("a_x4.mp4").st_mtime_ns == 10**18
