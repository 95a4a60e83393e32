"""Kinds of pictures that people have, written by Pillow or by hand: what they mean is what comes out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms, IptcImagePlugin

from srgan.errors import ImageReadError, ImageTooLargeError
from srgan.image import Picture, probe, read, read_rgb8, read_rows, to_rgb8, write
from support import picture_samples as samples


def noise(height: int = 13, width: int = 17, channels: int = 3) -> Any:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def bars(*colours: Any) -> Any:
    """Bars of 16 x 16 pixels, one of each colour: what survives a lossy format."""
    return np.repeat(np.repeat(np.array([colours], np.uint8), 16, axis=0), 16, axis=1)


# --- PNG -------------------------------------------------------------------------------------------------------------


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(noise()).quantize(16)
    picture.save(tmp_path / "p.png")
    found = read(tmp_path / "p.png")
    np.testing.assert_array_equal(found.pixels, np.asarray(picture.convert("RGB")))


def test_a_transparent_palette_gets_alpha(tmp_path: Path) -> None:
    picture = Image.fromarray(noise()).quantize(4)
    picture.save(tmp_path / "p.png", transparency=bytes([0, 100, 255, 255]))
    found = read(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as other:
        np.testing.assert_array_equal(found.pixels, np.asarray(other.convert("RGBA")))
    assert set(np.unique(found.pixels[:, :, 3])) == {0, 100, 255}


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (1, 2, 3))])
def test_one_transparent_colour_gets_alpha(mode: str, key: Any, tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[1:3] = (1, 2, 3)
    gray = np.array([[0, 7, 8, 255]] * 4, np.uint8)
    Image.fromarray(gray if mode == "L" else pixels).save(tmp_path / "p.png", transparency=key)
    found = read(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as other:
        expected = np.asarray(other.convert("LA" if mode == "L" else "RGBA"))
    np.testing.assert_array_equal(found.pixels, expected)
    assert not found.pixels[:, :, -1].all()


@pytest.mark.parametrize("end", ["png", "tif", "bmp"])
def test_one_bit_becomes_black_and_white(end: str, tmp_path: Path) -> None:
    bits = noise(channels=1)[:, :, 0] > 127
    Image.fromarray(bits).save(tmp_path / f"p.{end}")
    found = read(tmp_path / f"p.{end}")
    np.testing.assert_array_equal(to_rgb8(found), np.repeat(bits[:, :, None] * np.uint8(255), 3, axis=2))
    assert found.pixels.shape[2] == 1


def test_16_bit_gray_keeps_its_bits(tmp_path: Path) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for end in ("png", "tif"):
        Image.fromarray(values).save(tmp_path / f"p.{end}")
        found = read(tmp_path / f"p.{end}")
        assert found.depth == 16
        np.testing.assert_array_equal(found.pixels[:, :, 0], values)


def test_interlaced_png_is_the_same_picture(tmp_path: Path) -> None:
    pixels = noise(37, 41)
    image = pyvips.Image.new_from_memory(pixels.tobytes(), 41, 37, 3, "uchar").copy(interpretation="srgb")
    image.pngsave(str(tmp_path / "p.png"), interlace=True)
    with Image.open(tmp_path / "p.png") as other:
        assert other.info.get("interlace") == 1
    np.testing.assert_array_equal(read(tmp_path / "p.png").pixels, pixels)


def test_animated_png_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    frames[0].save(tmp_path / "p.png", save_all=True, append_images=frames[1:])
    assert (read(tmp_path / "p.png").pixels == (255, 0, 0)).all()


# --- JPEG ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": "4:2:0"}, {"optimize": True}])
def test_kinds_of_jpeg(options: dict[str, Any], tmp_path: Path) -> None:
    Image.fromarray(bars((200, 30, 40), (20, 100, 200))).save(tmp_path / "p.jpg", quality=95, **options)
    with Image.open(tmp_path / "p.jpg") as other:
        np.testing.assert_allclose(read(tmp_path / "p.jpg").pixels.astype(int), np.asarray(other), atol=2)


def cmyk() -> Any:
    return bars((0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0))


def test_cmyk_becomes_srgb(tmp_path: Path) -> None:
    """White is white, black is dark, and the inks are on their side of the circle: no channel is upside down."""
    Image.fromarray(cmyk(), "CMYK").save(tmp_path / "p.jpg", quality=95)
    found = read(tmp_path / "p.jpg")
    assert found.pixels.shape == (16, 80, 3)
    assert found.icc is None
    white, black, cyan, magenta, yellow = found.pixels[8, 8::16].astype(int)
    assert white.min() > 245
    assert black.max() < 70
    assert cyan[0] < 80 < 150 < cyan[2]
    assert magenta[1] < 80 < 150 < magenta[0]
    assert yellow[2] < 80 < 200 < yellow[0]


def test_cmyk_goes_through_its_own_profile(tmp_path: Path) -> None:
    """Against another engine: Pillow's LittleCMS with the same profile."""
    profile = bytes(pyvips.Image.profile_load("cmyk"))
    picture = Image.fromarray(cmyk(), "CMYK")
    picture.save(tmp_path / "p.tif", icc_profile=profile)
    found = read(tmp_path / "p.tif")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    expected = ImageCms.profileToProfile(
        picture, source, ImageCms.createProfile("sRGB"), renderingIntent=1, outputMode="RGB"
    )
    assert abs(found.pixels.astype(int) - np.asarray(expected)).max() <= 4
    assert found.icc is None


# --- TIFF ------------------------------------------------------------------------------------------------------------


def test_lab_of_16_bits_becomes_rgb(tmp_path: Path) -> None:
    lab = np.zeros((8, 8, 3), np.uint16)
    lab[:, :, 0] = 65535  # L = 100, a = b = 0
    lab[:, 4:] = (34_900, 80 * 256, 67 * 256)  # L = 53.3, a = 80, b = 67: sRGB's red
    tifffile.imwrite(tmp_path / "p.tif", lab, photometric="cielab")
    found = to_rgb8(read(tmp_path / "p.tif"))
    assert found[0, 0].min() >= 254
    assert abs(found[0, 7].astype(int) - (255, 0, 0)).max() <= 2


def test_lab_of_8_bits_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noise(), "LAB").save(tmp_path / "p.tif")
    with pytest.raises(ImageReadError, match=r"L\*a\*b\* picture of 8 bits: convert it to RGB"):
        read(tmp_path / "p.tif")


def test_floats_from_0_to_1_become_16_bits(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3)
    tifffile.imwrite(tmp_path / "p.tif", values, photometric="rgb")
    found = read(tmp_path / "p.tif")
    assert found.pixels.dtype == np.uint16
    np.testing.assert_array_equal(found.pixels, np.rint(values * np.float32(65535)))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.01, 1.01, 255])
def test_other_floats_are_refused(wrong: float, tmp_path: Path) -> None:
    values = np.full((4, 4, 3), 0.5, np.float32)
    values[2, 1, 0] = wrong
    tifffile.imwrite(tmp_path / "p.tif", values, photometric="rgb")
    with pytest.raises(ImageReadError, match="not numbers" if not np.isfinite(wrong) else "scale them to 0 to 1"):
        read(tmp_path / "p.tif")


@pytest.mark.parametrize(
    ("dtype", "word"), [(np.int16, "short"), (np.int32, "int"), (np.uint32, "uint"), (np.int8, "char")]
)
def test_other_samples_are_refused(dtype: Any, word: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "p.tif", np.ones((4, 4), dtype), photometric="minisblack")
    with pytest.raises(ImageReadError, match=f"{word} numbers: convert it to 8 or 16 bits"):
        read(tmp_path / "p.tif")


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "p.tif", noise(channels=7), photometric="minisblack", planarconfig="contig")
    with pytest.raises(ImageReadError, match="it has 7 channels"):
        read(tmp_path / "p.tif")


def test_each_page_of_a_tiff_file(tmp_path: Path) -> None:
    pages = [np.full((4 + n, 5, 3), 50 * n, np.uint8) for n in range(3)]
    images = [Image.fromarray(page) for page in pages]
    images[0].save(tmp_path / "p.tif", save_all=True, append_images=images[1:])
    assert probe(tmp_path / "p.tif").pages == 3
    np.testing.assert_array_equal(read(tmp_path / "p.tif").pixels, pages[0])
    for number, page in enumerate(pages):
        found = read(tmp_path / "p.tif", page=number)
        np.testing.assert_array_equal(found.pixels, page)
        assert found.pages == 3
    for number in (3, -1):
        with pytest.raises(ImageReadError) as caught:
            read(tmp_path / "p.tif", page=number)
        assert "damaged" not in str(caught.value)
        assert f"page {number}" in str(caught.value)
    Image.fromarray(pages[0]).save(tmp_path / "p.png")
    with pytest.raises(ImageReadError, match="leave the page out"):
        read(tmp_path / "p.png", page=1)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_kinds_of_tiff(order: str, big: bool, dtype: Any, tmp_path: Path) -> None:
    pixels = (noise(33, 40).astype(dtype) * np.iinfo(dtype).max // 255).astype(dtype)
    for number, options in enumerate(({}, {"tile": (16, 16)}, {"planarconfig": "separate"}, {"rowsperstrip": 3})):
        data = pixels.transpose(2, 0, 1) if "planarconfig" in options else pixels
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, data, byteorder=order, bigtiff=big, photometric="rgb", description="a tag", **options)
        found = read(path)
        np.testing.assert_array_equal(found.pixels, pixels)
        assert found.exif is not None
        assert samples.tags(found.exif)["first"][0x010E] == "a tag"


def test_white_is_zero_in_some_tiff_files(tmp_path: Path) -> None:
    gray = noise(channels=1)[:, :, 0]
    tifffile.imwrite(tmp_path / "p.tif", 255 - gray, photometric="miniswhite")
    np.testing.assert_array_equal(read(tmp_path / "p.tif").pixels[:, :, 0], gray)


# --- GIF, WebP, AVIF -------------------------------------------------------------------------------------------------


def test_an_animated_png_says_so_and_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "p.png", save_all=True, append_images=frames[1:])
    assert probe(tmp_path / "p.png").pages == 3
    found = read(tmp_path / "p.png")
    assert (found.pages, tuple(found.pixels[0, 0])) == (3, (255, 0, 0))
    frames[0].save(tmp_path / "still.png")
    assert probe(tmp_path / "still.png").pages == 1


@pytest.mark.parametrize("end", ["gif", "webp"])
def test_an_animation_gives_its_first_frame_or_another(end: str, tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    frames = [Image.new("RGB", (20, 10), colour) for colour in colours]
    options: dict[str, Any] = {"lossless": True} if end == "webp" else {}
    frames[0].save(tmp_path / f"p.{end}", save_all=True, append_images=frames[1:], duration=100, **options)
    assert probe(tmp_path / f"p.{end}").pages == 3
    for page, colour in enumerate(colours):
        found = read(tmp_path / f"p.{end}", page=page)
        assert found.pixels.shape[:2] == (10, 20)
        assert (found.pixels[:, :, :3] == colour).all()
    assert (read(tmp_path / f"p.{end}").pixels[:, :, :3] == colours[0]).all()


def test_12_bit_avif_is_spread_over_16_bits(tmp_path: Path) -> None:
    """The extremes are the extremes: 4095 means white."""
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    pixels = np.broadcast_to(ramp[None, :, None], (64, 64, 3)).copy()
    image = pyvips.Image.new_from_memory(pixels.tobytes(), 64, 64, 3, "ushort").copy(interpretation="rgb16")
    for bits in (10, 12):
        image.heifsave(str(tmp_path / "p.avif"), compression="av1", bitdepth=bits, lossless=True)
        found = read(tmp_path / "p.avif")
        assert found.depth == bits
        assert found.pixels.dtype == np.uint16
        assert abs(found.pixels.astype(int) - pixels).max() <= 65535 // (1 << bits) + 1
        assert found.pixels.max() == 65535


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_pillows_webp_and_avif(mode: str, tmp_path: Path) -> None:
    colours = [(200, 30, 40, 255), (20, 100, 200, 100)]
    picture = Image.fromarray(bars(*(colour[: len(mode)] for colour in colours)))
    picture.save(tmp_path / "p.webp", lossless=True, exact=True)
    np.testing.assert_array_equal(read(tmp_path / "p.webp").pixels, np.asarray(picture))
    picture.save(tmp_path / "p.avif", quality=95, subsampling="4:4:4")
    assert abs(read(tmp_path / "p.avif").pixels.astype(int) - np.asarray(picture)).mean() < 2


# --- What belongs to a picture ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["jpg", "png", "webp", "avif", "tif"])
def test_profile_and_xmp_go_along(end: str, tmp_path: Path) -> None:
    """The profile byte for byte, through two writes; XMP too, but for the orientation, which is no longer true."""
    profile = samples.srgb_profile()
    write(Picture(noise(), icc=profile, xmp=samples.xmp(6)), tmp_path / f"a.{end}")
    write(read(tmp_path / f"a.{end}"), tmp_path / f"b.{end}")
    found = read(tmp_path / f"b.{end}")
    assert found.icc == profile
    assert found.xmp == samples.xmp(1)
    with Image.open(tmp_path / f"b.{end}") as other:
        assert other.info["icc_profile"] == profile
        assert other.getexif().get(0x0112, 1) == 1


def test_a_gray_profile_goes_along_where_gray_is_gray(tmp_path: Path) -> None:
    profile = samples.gray_profile(1.0)
    gray = np.full((8, 8, 1), 51, np.uint8)
    for end in ("jpg", "png", "tif"):
        write(Picture(gray, icc=profile), tmp_path / f"p.{end}")
        found = read(tmp_path / f"p.{end}")
        assert found.icc == profile
        assert abs(found.pixels.astype(int) - 51).max() <= 1
    for end in ("webp", "avif", "pgm", "bmp"):  # 0.2 in light is 0.485 in sRGB (IEC 61966-2-1)
        write(Picture(gray, icc=profile), tmp_path / f"p.{end}", quality=100)
        found = read(tmp_path / f"p.{end}")
        assert found.icc is None
        assert abs(found.pixels.astype(int) - round(0.485 * 255)).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_become_srgb_where_there_is_no_profile(dtype: Any, tmp_path: Path) -> None:
    profile = bytes(pyvips.Image.profile_load("p3"))
    full = np.iinfo(dtype).max
    pixels = (bars((200, 100, 50), (10, 200, 100)).astype(np.uint32) * full // 255).astype(dtype)
    write(Picture(pixels, icc=profile), tmp_path / "p.ppm")
    found = to_rgb8(read(tmp_path / "p.ppm"))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    eight = Image.fromarray(bars((200, 100, 50), (10, 200, 100)))
    expected = ImageCms.profileToProfile(eight, source, ImageCms.createProfile("sRGB"), renderingIntent=1)
    assert abs(found.astype(int) - np.asarray(expected)).max() <= 1
    assert abs(found.astype(int) - np.asarray(eight)).max() > 8
    # Values of an sRGB profile are not touched, and a profile that is none hurts nothing.
    for icc in (samples.srgb_profile(), b"no profile", samples.gray_profile(2.2)):
        write(Picture(pixels, icc=icc), tmp_path / "p.ppm", overwrite=True)
        np.testing.assert_array_equal(read(tmp_path / "p.ppm").pixels, pixels)


@pytest.mark.parametrize("source", ["jpg", "tif"])
@pytest.mark.parametrize("target", ["jpg", "tif"])
def test_captions_go_along_between_jpeg_and_tiff(source: str, target: str, tmp_path: Path) -> None:
    write(Picture(noise(), iptc=samples.photoshop_blocks()), tmp_path / f"a.{source}")
    write(read(tmp_path / f"a.{source}"), tmp_path / f"b.{target}")
    with Image.open(tmp_path / f"b.{target}") as other:
        assert IptcImagePlugin.getiptcinfo(other) == {(2, 0): b"\0\4", (2, 80): b"Anna", (2, 120): b"Hallo Welt!"}


@pytest.mark.parametrize(
    "iptc", [b"", b"x", b"Photoshop 3.0\0", b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff\xff\xff", b"\x1c"]
)
def test_damaged_captions_hurt_nothing(iptc: bytes, tmp_path: Path) -> None:
    for end in ("jpg", "tif", "png"):
        write(Picture(noise(), iptc=iptc), tmp_path / f"a.{end}")
        assert read(tmp_path / f"a.{end}").width == 17


@pytest.mark.parametrize("end", ["jpg", "png", "tif", "bmp", "webp", "avif"])
def test_the_print_size_stays(end: str, tmp_path: Path) -> None:
    """Four times the pixels at four times the resolution; WebP and AVIF have it in their EXIF data alone."""
    pixels = noise(20, 30)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", dpi=(300, 150))
    small = read(tmp_path / "a.jpg")
    assert small.resolution == pytest.approx((300 / 25.4, 150 / 25.4))
    if end in ("webp", "avif"):
        small = Picture(pixels, exif=samples.exif(orientation=1), resolution=small.resolution)
    large = small.with_pixels(small.pixels.repeat(4, axis=0).repeat(4, axis=1), 4)
    write(large, tmp_path / f"b.{end}")
    assert read(tmp_path / f"b.{end}").resolution == pytest.approx((1200 / 25.4, 600 / 25.4), rel=1e-3)
    if end not in ("webp", "avif"):
        with Image.open(tmp_path / f"b.{end}") as other:
            assert other.info["dpi"] == pytest.approx((1200, 600), rel=1e-3)


def test_a_picture_that_says_nothing_says_nothing(tmp_path: Path) -> None:
    for end in ("jpg", "png", "tif", "webp", "avif", "bmp", "ppm", "gif"):
        write(Picture(noise()), tmp_path / f"a.{end}")
        found = read(tmp_path / f"a.{end}")
        assert (found.icc, found.exif, found.xmp, found.iptc) == (None, None, None, None)
        assert found.pages == 1
        assert (found.resolution, found.aspect, found.texts, found.colour) == (None, None, (), None), end


# --- The call --------------------------------------------------------------------------------------------------------


def test_the_limit_counts_pixels(tmp_path: Path) -> None:
    write(Picture(noise(10, 20)), tmp_path / "a.png")
    assert read(tmp_path / "a.png", max_pixels=200).width == 20
    with pytest.raises(ImageTooLargeError, match="20 x 10 pixels"):
        read(tmp_path / "a.png", max_pixels=199)
    assert probe(tmp_path / "a.png").width == 20


def test_rgb8_is_what_metrics_take(tmp_path: Path) -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(2, 3, 2) * 5000
    write(Picture(deep), tmp_path / "a.png")
    expected = np.repeat(np.rint(deep[:, :, :1] / 257), 3, axis=2)
    np.testing.assert_array_equal(read_rgb8(tmp_path / "a.png"), expected)


# --- By rows ---------------------------------------------------------------------------------------------------------


def tall(kind: str, folder: Path) -> Path:
    """A picture of 700 rows of 33 pixels, in one of the ways that decoders find hard to read from top to bottom."""
    values = np.random.default_rng(5).integers(0, 256, (700, 33, 3), dtype=np.uint8)
    deep = values.astype(np.uint16) * 257
    file = folder / kind.split()[0]
    picture = pyvips.Image.new_from_array(values)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ways: dict[str, Any] = {
        "a.jpg": lambda: picture.jpegsave(str(file)),
        "b.jpg progressive": lambda: picture.jpegsave(str(file), interlace=True),
        "c.jpg CMYK": lambda: Image.fromarray(values).convert("CMYK").save(file),
        "d.png": lambda: Image.fromarray(values).save(file, icc_profile=profile, exif=samples.exif(orientation=1)),
        "e.png interlaced": lambda: picture.pngsave(str(file), interlace=True),
        "f.png palette": lambda: Image.fromarray(values).quantize(16).save(file),
        "g.png 16": lambda: picture.cast("ushort").copy(interpretation="rgb16").pngsave(str(file)),
        "h.png gray": lambda: Image.fromarray(values[:, :, 0]).save(file, dpi=(300, 300)),
        "i.tif": lambda: tifffile.imwrite(file, deep, rowsperstrip=7, photometric="rgb"),
        "j.tif tiles": lambda: tifffile.imwrite(file, deep, tile=(48, 16), photometric="rgb"),
        "k.tif floats": lambda: tifffile.imwrite(file, values.astype(np.float32) / 255, photometric="rgb"),
        "l.webp": lambda: picture.webpsave(str(file)),
        "m.gif": lambda: Image.fromarray(values).quantize(64).save(file),
        "n.avif": lambda: picture.heifsave(str(file), compression="av1", effort=1),
    }
    ways[kind]()
    return file


KINDS = """a.jpg / b.jpg progressive / c.jpg CMYK / d.png / e.png interlaced / f.png palette / g.png 16 / h.png gray
/ i.tif / j.tif tiles / k.tif floats / l.webp / m.gif / n.avif""".replace("\n", " ").split(" / ")


@pytest.mark.parametrize("kind", KINDS)
def test_by_rows_it_is_the_same_picture(kind: str, tmp_path: Path) -> None:
    file = tall(kind, tmp_path)
    whole, by_rows = read(file), read_rows(file)
    assert by_rows is not None
    assert (by_rows.height, by_rows.width, by_rows.pixels.dtype) == (700, 33, whole.pixels.dtype)
    for name in ("icc", "exif", "xmp", "iptc", "resolution", "format", "depth", "pages"):
        assert getattr(by_rows, name) == getattr(whole, name), name
    rows: Any = by_rows.pixels
    for top, bottom in [(0, 1), (0, 70), (50, 200), (190, 640), (600, 700)]:
        rows.forget(top)
        np.testing.assert_array_equal(rows[top:bottom, 3:33], whole.pixels[top:bottom, 3:33])


def test_what_is_not_read_by_rows(tmp_path: Path) -> None:
    picture = Image.fromarray(noise())
    picture.save(tmp_path / "a.bmp")
    picture.save(tmp_path / "b.ppm")
    picture.convert("RGBA").save(tmp_path / "c.png")
    picture.save(tmp_path / "d.jpg", exif=b"Exif\0\0" + samples.exif(orientation=6))
    for name in ("a.bmp", "b.ppm", "c.png", "d.jpg"):
        assert read_rows(tmp_path / name) is None
    picture.save(tmp_path / "e.png")
    with pytest.raises(ImageTooLargeError):
        read_rows(tmp_path / "e.png", max_pixels=100)
    with pytest.raises(ImageReadError, match="there is no such file"):
        read_rows(tmp_path / "f.png")


def test_damage_shows_where_the_rows_are_used(tmp_path: Path) -> None:
    file = tall("a.jpg", tmp_path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    found = read_rows(file)
    assert found is not None
    with pytest.raises(ImageReadError) as caught:
        found.pixels[:, :]
    assert str(file) in str(caught.value)
    assert "get the picture again" in str(caught.value)
