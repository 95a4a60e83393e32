"""Pictures to files and back: every mode and depth in every format, exact where the format keeps it, read by Pillow too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from srgan.errors import ImageWriteError, OutputExistsError, UsageError
from srgan.image import FORMATS, WRITABLE, Picture, boxes, format_of, read, to_8_bit, to_rgb8, write
from srgan.image.colour import Colour
from support import extras

FULL = {np.uint8: 255, np.uint16: 65535}
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def noise(channels: int = 3, dtype: Any = np.uint8, height: int = 13, width: int = 17, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, FULL[dtype] + 1, (height, width, channels)).astype(dtype)


def smooth(channels: int = 3, height: int = 48, width: int = 64) -> Any:
    """A picture that a lossy format keeps nearly."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 / width, y * 255 / height, (x + y) * 255 / (height + width), 128 + 100 * np.sin(x / 20)]
    return np.stack(planes[:channels], axis=2).astype(np.uint8)


def there_and_back(picture: Picture, path: Path, **options: Any) -> Picture:
    write(picture, path, overwrite=True, **options)
    return read(path)


# --- What a format keeps, it keeps exactly ---------------------------------------------------------------------------

KEPT = [
    *((end, channels, dtype) for end in ("png", "tif") for channels in MODES for dtype in FULL),
    *(("ppm", channels, dtype) for channels in (1, 3) for dtype in FULL),
    *(("bmp", channels, np.uint8) for channels in (1, 3)),
    *((end, channels, np.uint8) for end in ("webp", "avif") for channels in (3, 4)),
]


@pytest.mark.parametrize(("end", "channels", "dtype"), KEPT)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_every_value_comes_back(end: str, channels: int, dtype: Any, data: Any, tmp_path_factory: Any) -> None:
    """Any size and any values, through the formats that lose nothing (WebP and AVIF at quality 100)."""
    size = st.integers(1, 40)
    shape = data.draw(size), data.draw(size), channels
    pixels = data.draw(hnp.arrays(dtype, shape, elements=st.integers(0, FULL[dtype]), fill=st.just(0)))
    # One folder for all examples: hypothesis runs them in one call of the test.
    path = tmp_path_factory.getbasetemp() / f"kept-{os.getpid()}.{end}"
    back = there_and_back(Picture(pixels), path, quality=100)
    assert back.pixels.dtype == dtype
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.format == format_of(path).name
    assert back.depth == 8 * np.dtype(dtype).itemsize


@pytest.mark.parametrize(("end", "channels"), [(end, channels) for end, channels, dtype in KEPT if dtype is np.uint8])
def test_pillow_reads_the_same_8_bit_values(end: str, channels: int, tmp_path: Path) -> None:
    pixels = noise(channels)
    write(Picture(pixels), tmp_path / f"p.{end}", quality=100)
    with Image.open(tmp_path / f"p.{end}") as other:
        assert other.mode == MODES[channels]
        np.testing.assert_array_equal(np.asarray(other).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("channels", MODES)
def test_another_library_reads_the_same_16_bit_tiff(channels: int, tmp_path: Path) -> None:
    pixels = noise(channels, np.uint16)
    write(Picture(pixels), tmp_path / "p.tif")
    # The predictor of the strips needs a codec that tifffile has not got: the tags tell the rest.
    with tifffile.TiffFile(tmp_path / "p.tif") as file:
        page = file.pages[0]
        assert (page.imagelength, page.imagewidth, page.samplesperpixel) == pixels.shape
        assert page.bitspersample == 16
        assert len(page.extrasamples) == (channels in (2, 4))


@pytest.mark.parametrize("end", ["png", "ppm"])
def test_pillow_reads_the_same_16_bit_gray(end: str, tmp_path: Path) -> None:
    pixels = noise(1, np.uint16)
    write(Picture(pixels), tmp_path / f"p.{end}")
    with Image.open(tmp_path / f"p.{end}") as other:
        np.testing.assert_array_equal(np.asarray(other).astype(np.uint16), pixels[:, :, 0])


# --- What it cannot keep comes near ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "channels"),
    [
        ("jpg", 1),
        ("jpg", 3),
        ("bmp", 1),
        ("bmp", 3),
        *((end, channels) for end in ("webp", "gif") for channels in MODES),
    ],
)
def test_16_bits_are_written_as_8_where_there_are_no_more(end: str, channels: int, tmp_path: Path) -> None:
    """Rounded as to_8_bit does it, so that the two files are one."""
    deep = noise(channels, np.uint16)
    write(Picture(deep), tmp_path / f"deep.{end}")
    write(Picture(to_8_bit(deep)), tmp_path / f"eight.{end}")
    assert (tmp_path / f"deep.{end}").read_bytes() == (tmp_path / f"eight.{end}").read_bytes()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 65535), min_size=1, max_size=50))
def test_16_bits_round_to_the_nearest_of_8(values: list[int]) -> None:
    pixels = np.array(values, np.uint16).reshape(1, -1, 1)
    eight = to_8_bit(pixels)
    assert eight.dtype == np.uint8
    assert abs(eight.astype(int) * 257 - pixels).max() <= 128


@pytest.mark.parametrize("end", ["bmp", "ppm", "jpg"])
@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_laid_on_white_where_there_is_none(end: str, dtype: Any, channels: int, tmp_path: Path) -> None:
    full = FULL[dtype]
    pixels = np.zeros((8, 24, channels), dtype)
    pixels[:, :8, -1] = full  # black: opaque, half, clear
    pixels[:, 8:16, -1] = full // 2 + 1
    pixels[:, 16:, 0] = full // 3
    back = there_and_back(Picture(pixels), tmp_path / f"p.{end}")
    assert back.pixels.shape == (8, 24, channels - 1)
    levels = back.pixels[4, [4, 12, 20]] / np.iinfo(back.pixels.dtype).max
    tolerance = 0.01 if end == "jpg" else 1 / np.iinfo(back.pixels.dtype).max
    np.testing.assert_allclose(
        levels, [[0] * (channels - 1), [0.5] * (channels - 1), [1] * (channels - 1)], atol=tolerance
    )


@pytest.mark.parametrize("end", ["webp", "avif"])
@pytest.mark.parametrize("channels", [1, 2])
def test_gray_becomes_three_equal_channels_where_there_is_only_colour(end: str, channels: int, tmp_path: Path) -> None:
    pixels = noise(channels)
    back = there_and_back(Picture(pixels), tmp_path / f"p.{end}", quality=100)
    expected = pixels[:, :, [0, 0, 0, 1][: channels + 2]]
    # Gray goes through luma and back, where a level may be lost.
    assert abs(back.pixels.astype(int) - expected).max() <= 1


def test_avif_keeps_12_of_16_bits(tmp_path: Path) -> None:
    pixels = noise(4, np.uint16, 40, 40)
    back = there_and_back(Picture(pixels), tmp_path / "p.avif", quality=100)
    assert back.depth == 12
    assert back.pixels.dtype == np.uint16
    assert abs(back.pixels.astype(int) - pixels).max() <= 16


@pytest.mark.parametrize("end", ["jpg", "webp", "avif"])
def test_lossy_formats_come_near_by_themselves_and_worse_if_asked(end: str, tmp_path: Path) -> None:
    pixels = smooth()
    near = there_and_back(Picture(pixels), tmp_path / f"near.{end}")
    far = there_and_back(Picture(pixels), tmp_path / f"far.{end}", quality=5)

    def error(picture: Picture) -> float:
        return float(abs(picture.pixels.astype(int) - pixels).mean())

    assert error(near) < 1.5
    assert error(far) > 2 * error(near)
    assert (tmp_path / f"far.{end}").stat().st_size < (tmp_path / f"near.{end}").stat().st_size


def test_gif_keeps_few_colours_and_full_transparency(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:8] = (255, 0, 0, 255)
    pixels[8:, :8] = (0, 0, 255, 255)
    back = there_and_back(Picture(pixels), tmp_path / "p.gif")
    np.testing.assert_array_equal(back.pixels[:8], pixels[:8])
    np.testing.assert_array_equal(back.pixels[8:, :8], pixels[8:, :8])
    assert not back.pixels[8:, 8:, 3].any()
    with Image.open(tmp_path / "p.gif") as other:
        seen = np.asarray(other.convert("RGBA"))
    np.testing.assert_array_equal(seen[:, :, 3], back.pixels[:, :, 3])
    np.testing.assert_array_equal(seen[seen[:, :, 3] > 0], back.pixels[seen[:, :, 3] > 0])


# --- The call --------------------------------------------------------------------------------------------------------


def test_each_suffix_writes_its_format_whatever_its_case(tmp_path: Path) -> None:
    for suffix in sorted(WRITABLE):
        for name in (f"a{suffix}", f"b{suffix.upper()}"):
            write(Picture(smooth()), tmp_path / name)
            back = read(tmp_path / name)
            assert suffix in FORMATS[back.format or ""].suffixes
            assert (back.width, back.height) == (64, 48)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.psd", "a.jpg.part", ".png", "a.svg"])
def test_other_suffixes_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name it with one of .*\.jpg.*\.png"):
        write(Picture(smooth()), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quality", [0, -1, 101])
def test_a_quality_out_of_range_is_refused(quality: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 to 100"):
        write(Picture(smooth()), tmp_path / "a.jpg", quality=quality)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        write(Picture(smooth()), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"precious"
    write(Picture(smooth()), tmp_path / "a.png", overwrite=True)
    assert read(tmp_path / "a.png").width == 64
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("end", "side"), [("jpg", 65_500), ("webp", 16_383), ("avif", 16_384), ("gif", 65_535)])
def test_a_side_too_long_for_the_format_is_refused(end: str, side: int, tmp_path: Path) -> None:
    for shape in ((1, side + 1, 3), (side + 1, 1, 3)):
        with pytest.raises(ImageWriteError, match=f"{side} a side.*write PNG or TIFF"):
            write(Picture(np.zeros(shape, np.uint8)), tmp_path / f"a.{end}")
    assert not list(tmp_path.iterdir())
    back = there_and_back(Picture(np.full((1, side, 3), 200, np.uint8)), tmp_path / f"a.{end}")
    assert (back.width, back.height) == (side, 1)


@pytest.mark.parametrize("end", ["jpg", "png", "webp", "avif", "tif", "gif", "bmp", "ppm"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_the_narrowest_pictures(end: str, size: tuple[int, int], tmp_path: Path) -> None:
    back = there_and_back(Picture(np.full((*size, 3), 200, np.uint8)), tmp_path / f"a.{end}")
    assert back.pixels.shape[:2] == size
    assert abs(to_rgb8(back).astype(int) - 200).max() <= 2


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 0), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        [[[1, 2, 3]]],
    ],
)
def test_what_is_no_picture_is_refused(pixels: Any) -> None:
    with pytest.raises(UsageError):
        Picture(pixels)


def test_pixels_that_are_a_view_are_written_as_they_look(tmp_path: Path) -> None:
    pixels = noise(3, np.uint16)
    for number, view in enumerate((pixels[::-1], pixels[:, ::-2], pixels.swapaxes(0, 1), pixels[:, :, ::-1])):
        for end in ("png", "ppm", "tif"):
            np.testing.assert_array_equal(there_and_back(Picture(view), tmp_path / f"{number}.{end}").pixels, view)


def test_a_density_that_bmp_has_no_number_for_is_left_out(tmp_path):
    for density in (1e300, 5e6, 1e-9):  # pixels a millimetre, as a damaged file may say
        write(Picture(np.zeros((2, 3, 3), np.uint8), resolution=(density, 4.0)), tmp_path / f"{density}.bmp")
        with Image.open(tmp_path / f"{density}.bmp") as picture:
            assert (picture.size, picture.info.get("dpi", (0, 0))[0]) == ((3, 2), 0)


@pytest.mark.parametrize("end", ["avif", "heic"])
def test_a_file_that_the_encoder_built_in_another_way_is_one_line(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an encoder of tomorrow might: boxes that ours cannot be added to."""
    extras.need_format(end)

    def refuse(*_: Any) -> bytes:
        raise boxes.BoxError("its boxes are of another kind")

    monkeypatch.setattr("srgan.image.bmff.with_properties", refuse)
    with pytest.raises(ImageWriteError, match="encoder says: its boxes are of another kind"):
        write(Picture(np.zeros((8, 8, 3), np.uint8), colour=Colour(12, 13)), tmp_path / f"a.{end}")
    assert not list(tmp_path.iterdir())
