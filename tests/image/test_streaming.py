"""A picture written band by band is the file that writing it whole gives."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan import image
from srgan.errors import ImageWriteError, OutputExistsError, UsageError
from srgan.image import Picture
from support import picture_samples

EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x00\0\x04\0\0\0\x01\0\0\0\x05\0\0\0\0"


def picture(height: int, width: int, channels: int, dtype: str, **more: Any) -> Picture:
    full = np.iinfo(dtype).max
    return Picture(np.random.default_rng(channels).integers(0, full, (height, width, channels), dtype, True), **more)


def profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".ppm"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_file_has_the_same_pixels_and_metadata(tmp_path: Path, suffix: str, dtype: str, channels: int) -> None:
    small = picture(30, 20, channels, dtype, exif=EXIF, xmp=b"<x/>", iptc=b"iptc", resolution=(5.0, 4.0))
    if channels > 2:
        small = Picture(**{**small.__dict__, "icc": profile()})
    large = picture(120, 80, channels, dtype).pixels
    whole, streamed = tmp_path / f"whole{suffix}", tmp_path / f"streamed{suffix}"
    image.write(small.with_pixels(large, 4), whole)
    with image.stream(small, streamed, 120, 80) as sink:
        for top, bottom in [(0, 1), (1, 50), (50, 120)]:
            sink.write(large[top:bottom])
    first, second = image.read(whole), image.read(streamed)
    np.testing.assert_array_equal(second.pixels, first.pixels)
    for name in ("icc", "exif", "xmp", "iptc", "resolution", "format", "depth", "pages"):
        assert getattr(second, name) == getattr(first, name), name
    if suffix in (".png", ".ppm"):
        assert streamed.read_bytes() == whole.read_bytes()


def test_many_rows_go_through_the_pipe(tmp_path: Path) -> None:
    """More than a pipe or a strip holds."""
    large = picture(1500, 1300, 3, "uint8")
    with image.stream(large, tmp_path / "a.png", 1500, 1300) as sink:
        sink.write(large.pixels)
    np.testing.assert_array_equal(image.read(tmp_path / "a.png").pixels, large.pixels)


class StopError(Exception):
    pass


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".ppm"])
def test_when_the_computing_fails_nothing_is_left(tmp_path: Path, suffix: str) -> None:
    small = picture(600, 500, 3, "uint8")

    def fail_half_way() -> None:
        with image.stream(small, tmp_path / f"a{suffix}", 600, 500) as sink:
            sink.write(small.pixels[:300])
            raise StopError

    with pytest.raises(StopError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []
    assert "srgan-encode" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
def test_too_few_rows_are_no_picture(tmp_path: Path, suffix: str) -> None:
    small = picture(60, 50, 3, "uint8")
    with (
        pytest.raises(ValueError, match="40 rows were written, not 60"),
        image.stream(small, tmp_path / f"a{suffix}", 60, 50) as sink,
    ):
        sink.write(small.pixels[:40])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    small = picture(6, 5, 3, "uint8")
    (tmp_path / "there.png").touch()
    for name, width, error, says in [
        ("a.jpg", 70_000, ImageWriteError, "more than JPEG can hold"),
        ("a.webp", 100, ImageWriteError, "written whole"),
        ("a.xyz", 100, UsageError, "name it with one of"),
        ("there.png", 100, OutputExistsError, "exists"),
    ]:
        with pytest.raises(error, match=says), image.stream(small, tmp_path / name, 10, width):
            pytest.fail("the block was entered")
    assert [path.name for path in tmp_path.iterdir()] == ["there.png"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm", ".jpg"])
def test_a_full_disk_stops_the_computing_with_one_line(tmp_path: Path, suffix: str) -> None:
    """A limit on the size of files stands for the disk; in a process of its own."""
    code = f"""
import resource, signal, sys
import numpy as np
from srgan import image
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
rows = np.random.default_rng(0).integers(0, 256, (100, 1000, 3), np.uint8)
picture = image.Picture(rows)
written = 0
try:
    with image.stream(picture, {str(tmp_path / f"a{suffix}")!r}, 100_00, 1000) as sink:
        for _ in range(100):
            sink.write(rows)
            written += 1
except image.writing.ImageWriteError as error:
    print(error)
assert written < 90, written
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"cannot write '{tmp_path}/a{suffix}': ")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_memory_does_not_grow_with_the_picture(tmp_path: Path, suffix: str) -> None:
    code = f"""
import resource
import numpy as np
from srgan import image
rows = np.zeros((100, 8000, 3), np.uint8)
rows[:, :, 1] = np.arange(8000) // 40
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
with image.stream(image.Picture(rows), {str(tmp_path / f"a{suffix}")!r}, 4000, 8000) as sink:
    for _ in range(40):
        sink.write(rows)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 70, "megabytes, for a picture of 96"
    header = image.probe(tmp_path / f"a{suffix}")
    assert (header.width, header.height) == (8000, 4000)


@pytest.mark.parametrize("nbytes", [0, 4 << 30], ids=["classic", "BigTIFF"])
def test_pages_of_a_tiff_file_keep_what_belongs_to_each(tmp_path: Path, nbytes: int) -> None:
    pages = [
        picture(7, 9, 1, "uint16", exif=EXIF, iptc=b"iptc"),
        picture(1, 1, 4, "uint8"),
        picture(300, 200, 3, "uint8", icc=profile(), exif=picture_samples.exif(), xmp=b"<x/>", resolution=(5.0, 4.0)),
        picture(50, 1000, 1, "uint8", resolution=(2.0, 2.0)),
    ]
    file = tmp_path / "pages.tif"
    with image.stream_pages(file, nbytes=nbytes) as page:
        for number, entry in enumerate(pages):
            alone = tmp_path / f"{number}.tif"
            with image.stream(entry, alone, entry.height, entry.width) as sink:
                sink.write(entry.pixels)
            with page(entry, entry.height, entry.width) as sink:
                sink.write(entry.pixels)
    assert file.read_bytes()[2:4] == (b"+\0" if nbytes else b"*\0")
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["0.tif", "1.tif", "2.tif", "3.tif", "pages.tif"]
    for number, entry in enumerate(pages):
        found, alone_read = image.read(file, page=number), image.read(tmp_path / f"{number}.tif")
        np.testing.assert_array_equal(found.pixels, entry.pixels)
        for name in ("icc", "exif", "xmp", "iptc", "resolution", "depth"):
            assert getattr(found, name) == getattr(alone_read, name), (number, name)
        assert found.pages == 4
    with Image.open(file) as pillow:  # another reader, and what libvips does not read
        assert pillow.n_frames == 4
        for number, entry in enumerate(pages):
            pillow.seek(number)
            assert pillow.size == (entry.width, entry.height)
            np.testing.assert_array_equal(np.asarray(pillow).reshape(entry.pixels.shape), entry.pixels)
        pillow.seek(2)
        place = pillow.getexif().get_ifd(0x8825)
        with Image.open(tmp_path / "2.tif") as alone_pillow:
            assert place == alone_pillow.getexif().get_ifd(0x8825)
        assert place


def test_a_page_that_fails_leaves_no_file(tmp_path: Path) -> None:
    small = picture(4, 5, 3, "uint8")

    def write_two(rows_of_the_second: int) -> None:
        with image.stream_pages(tmp_path / "a.tif", nbytes=0) as page:
            for rows in (4, rows_of_the_second):
                with page(small, 4, 5) as sink:
                    sink.write(small.pixels[:rows])

    with pytest.raises(ValueError, match="2 rows were written, not 4"):
        write_two(2)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ImageWriteError, match="one page"), image.stream_pages(tmp_path / "a.png", nbytes=0):
        pass
