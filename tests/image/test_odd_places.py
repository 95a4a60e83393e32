"""What programs put where nobody looks: blocks as text, a profile in a bitmap, chunks and segments of their own."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from srgan.image import Picture, jpeg_segments, left_out, read, write
from srgan.image.colour import Colour, profile
from support import picture_samples as samples
from support.metadata import add_chunks, chunks, larger, noise

WIDE = profile(Colour(12, 13)) or b""


def as_text(kind: str, data: bytes) -> tuple[bytes, bytes]:
    """A chunk as ImageMagick writes it."""
    body = f"\n{kind}\n{len(data):8d}\n{data.hex()}\n".encode()
    return b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(body)


@pytest.mark.parametrize("name", ["exif", "APP1"])
def test_blocks_that_imagemagick_writes_as_text(name: str, tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    about = as_text(name, b"Exif\0\0" + samples.exif(orientation=6))
    add_chunks(tmp_path / "a.png", about, as_text("xmp", samples.xmp(6)), as_text("icc", WIDE))
    found = read(tmp_path / "a.png")
    assert (found.width, found.height, found.icc, found.texts) == (32, 48, WIDE, ())  # upright
    write(larger(tmp_path / "a.png"), tmp_path / "b.png")
    back = read(tmp_path / "b.png")
    assert samples.tags(back.exif or b"")["first"][0x0112] == 1
    assert b'tiff:Orientation="1"' in (back.xmp or b"")
    assert back.icc == WIDE
    assert b"eXIf" in chunks(tmp_path / "b.png")


def test_code_points_count_more_than_the_profile_beside_them(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png", icc_profile=WIDE)
    add_chunks(tmp_path / "a.png", (b"cICP", bytes([9, 16, 0, 1])))
    write(larger(tmp_path / "a.png"), tmp_path / "b.png")
    found = chunks(tmp_path / "b.png")
    assert found[b"cICP"] == bytes([9, 16, 0, 1])
    assert b"iCCP" in found


def test_a_bitmap_with_a_profile(tmp_path: Path) -> None:
    pixels = noise(8, 8)
    rows = np.ascontiguousarray(pixels[::-1, :, ::-1]).tobytes()
    head = struct.pack("<IiiHHIIii8x", 124, 8, 8, 1, 24, 0, len(rows), 0, 0)
    head += bytes(16) + b"DEBM" + bytes(48) + struct.pack("<4I", 4, 124 + len(rows), len(WIDE), 0)
    data = struct.pack("<2sI4xI", b"BM", 138 + len(rows) + len(WIDE), 138) + head + rows + WIDE
    (tmp_path / "a.bmp").write_bytes(data)
    found = read(tmp_path / "a.bmp")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.icc == WIDE
    assert left_out(found, "b.bmp") == ("the colour profile: the colours become sRGB",)
    (tmp_path / "c.bmp").write_bytes(data[:-9])
    assert read(tmp_path / "c.bmp").icc is None


def test_chunks_and_segments_of_programs_are_named(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    add_chunks(tmp_path / "a.png", (b"bKGD", bytes(6)), (b"tIME", bytes(7)), (b"prVt", b"x"))
    assert left_out(read(tmp_path / "a.png"), "b.png") == ("the chunks bKGD, prVt",)
    Image.fromarray(noise()).save(tmp_path / "a.jpg", icc_profile=WIDE, exif=b"Exif\0\0" + samples.exif(), dpi=(72, 72))
    assert left_out(read(tmp_path / "a.jpg"), "b.jpg") == ()
    data = (tmp_path / "a.jpg").read_bytes()
    thermal = jpeg_segments.segment(0xE1, b"FLIR\0\1" + bytes(5000))
    (tmp_path / "b.jpg").write_bytes(data[:2] + thermal + data[2:])
    assert left_out(read(tmp_path / "b.jpg"), "c.jpg") == ("the data 'FLIR' (5,006 bytes)",)


@pytest.mark.parametrize("end", ["jpg", "tif"])
def test_inks_are_said_to_become_srgb(end: str, tmp_path: Path) -> None:
    Image.fromarray(noise()).convert("CMYK").save(tmp_path / f"a.{end}")
    assert "its inks (CMYK): the colours become sRGB" in left_out(read(tmp_path / f"a.{end}"), f"b.{end}")


def test_a_gif_with_a_profile(tmp_path: Path) -> None:
    Image.fromarray(noise()).convert("P").save(tmp_path / "a.gif")
    data = (tmp_path / "a.gif").read_bytes()
    at = data.index(b"\x2c", 13 + 768)
    pieces = b"".join(bytes([len(WIDE[i : i + 255])]) + WIDE[i : i + 255] for i in range(0, len(WIDE), 255))
    (tmp_path / "b.gif").write_bytes(data[:at] + b"\x21\xff\x0bICCRGBG1012" + pieces + b"\0" + data[at:])
    found = read(tmp_path / "b.gif")
    assert found.icc == WIDE
    assert left_out(found, "c.png") == ()
    assert left_out(found, "c.gif") == ("the colour profile: the colours become sRGB",)


def test_blocks_without_a_name_are_named_by_their_number(tmp_path: Path) -> None:
    write(Picture(noise()), tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:2] + b"\xff\xe4\0\x08\1\2\3\4\5\6" + data[2:])
    assert read(tmp_path / "a.jpg").notes == ("the data 'APP4' (6 bytes)",)


@pytest.mark.parametrize("end", ["webp", "gif"])
def test_blocks_of_programs_in_webp_and_gif(end: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{end}"
    write(Picture(noise()), path)
    data = path.read_bytes()
    if end == "webp":
        data += b"ABCD" + struct.pack("<I", 5) + b"hello\0"
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    else:
        plain = b"!\x01\x0c" + bytes(12) + b"\5hello\0"
        data = data[:-1] + b"!\xff\x0bMAGMAGIC1.0\3\1\2\3\0" + plain + b";"
    path.write_bytes(data)
    drawn = "text that GIF's decoders should draw into the picture, and do not"
    right = ("the data 'ABCD' (5 bytes)",) if end == "webp" else (drawn, "the data 'MAGMAGIC1.0'")
    assert read(path).notes == right


def test_gif_keeps_the_shape_of_its_pixels(tmp_path: Path) -> None:
    write(Picture(noise(), aspect=(1.0, 2.0)), tmp_path / "a.gif")
    assert (tmp_path / "a.gif").read_bytes()[12] == 2 * 64 - 15
    assert read(tmp_path / "a.gif").aspect == (1.0, 2.0)
    assert left_out(Picture(noise(), aspect=(1.0, 2.0), format="GIF"), "b.gif") == ()


def test_primaries_of_a_tiff_become_a_profile(tmp_path: Path) -> None:
    primaries = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    rationals = tuple(number for value in primaries for number in (round(value * 10_000), 10_000))
    tags = [
        (0x013E, 5, 2, (3127, 10_000, 3290, 10_000), True),
        (0x013F, 5, 6, rationals, True),
        (0x011D, 2, 6, "a page", True),
    ]
    tifffile.imwrite(tmp_path / "a.tif", noise(), photometric="rgb", metadata=None, extratags=tags)
    picture = read(tmp_path / "a.tif")
    assert picture.colour is not None
    assert picture.colour.chromaticities is not None
    assert picture.colour.chromaticities[1] == (0.68, 0.32)
    for end in ("jpg", "tif"):
        write(picture, tmp_path / f"b.{end}")
        assert read(tmp_path / f"b.{end}").icc is not None
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.tags[0x011D].value == "a page"
