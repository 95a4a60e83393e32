"""JPEG XL: every depth, packed JPEG files and packed metadata; sizes are known before anything is decoded."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import ImageTooLargeError
from srgan.image import Picture, probe, read, write
from srgan.image.boxes import of_bytes
from srgan.image.jxl import _header
from support import picture_samples as samples
from support.metadata import larger, noise, smooth


@pytest.mark.extra("formats")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_xl_comes_back_exactly_at_100(channels: int, tmp_path: Path) -> None:
    write(Picture(noise(channels=channels)), tmp_path / "a.jxl", quality=100)
    np.testing.assert_array_equal(read(tmp_path / "a.jxl").pixels, noise(channels=channels))
    write(Picture(smooth(channels)), tmp_path / "b.jxl")
    assert abs(read(tmp_path / "b.jxl").pixels.astype(int) - smooth(channels)).mean() < 2


@pytest.mark.extra("formats")
def test_what_belongs_to_a_jpeg_xl_picture(tmp_path: Path) -> None:
    write(Picture(smooth(), exif=samples.exif(orientation=1), xmp=samples.xmp(1)), tmp_path / "a.jxl")
    write(larger(tmp_path / "a.jxl"), tmp_path / "b.jxl")
    found = read(tmp_path / "b.jxl")
    assert found.xmp == samples.xmp(1)
    assert samples.tags(found.exif or b"")["first"][0x0100] == 192


@pytest.mark.extra("formats")
def test_metadata_that_jpeg_xl_has_packed_is_read(tmp_path: Path) -> None:
    """As cjxl writes it."""
    import imagecodecs

    write(Picture(smooth(), exif=samples.exif(orientation=1), xmp=samples.xmp(1)), tmp_path / "a.jxl")
    data, wanted = (tmp_path / "a.jxl").read_bytes(), read(tmp_path / "a.jxl")
    assert wanted.exif
    assert wanted.xmp

    def packed(more: bytes) -> Picture:
        new, at = b"", 0
        for box in of_bytes(data):
            if box.kind in (b"Exif", b"xml "):
                body = box.kind + imagecodecs.brotli_encode(data[box.body : box.end] + more)
                new += data[at : box.start] + struct.pack(">I4s", 8 + len(body), b"brob") + body
                at = box.end
        (tmp_path / "packed.jxl").write_bytes(new + data[at:])
        return read(tmp_path / "packed.jxl")

    found = packed(b"")
    assert (found.exif, found.xmp, found.notes) == (wanted.exif, wanted.xmp, ())
    found = packed(bytes(20 << 20))
    assert (found.exif, found.xmp) == (None, None)
    assert found.notes == ("EXIF data, which is damaged or enormous", "XMP, which is damaged or enormous")
    np.testing.assert_array_equal(found.pixels, wanted.pixels)


@pytest.mark.extra("formats")
def test_a_jpeg_file_packed_as_jpeg_xl(tmp_path: Path) -> None:
    import pillow_jxl

    Image.fromarray(smooth()).save(tmp_path / "a.jpg", quality=90)
    encoder = pillow_jxl.Encoder(
        mode="RGB", lossless=True, quality=100, decoding_speed=0, effort=3, use_container=True,
        use_original_profile=False, num_threads=1,
    )  # fmt: skip
    data = encoder((tmp_path / "a.jpg").read_bytes(), 48, 32, jpeg_encode=True)
    (tmp_path / "a.jxl").write_bytes(data)
    assert abs(read(tmp_path / "a.jxl").pixels.astype(int) - read(tmp_path / "a.jpg").pixels).max() <= 3


@pytest.mark.extra("formats")
@pytest.mark.parametrize(
    "size", [(8, 8), (256, 256), (12, 8), (64, 48), (160, 90), (17, 13), (600, 40), (2, 1), (513, 3)]
)
def test_the_size_of_jpeg_xl_is_read_from_its_first_bits(size: tuple[int, int], tmp_path: Path) -> None:
    """Small and large, square and of the ratios that have a number of their own: as libjxl decodes them."""
    write(Picture(noise(size[1], size[0])), tmp_path / "a.jxl")
    header = probe(tmp_path / "a.jxl")
    assert (header.width, header.height) == size
    assert read(tmp_path / "a.jxl").pixels.shape[:2] == size[::-1]


@pytest.mark.extra("formats")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_xl_of_16_bits_is_read_with_them(channels: int, tmp_path: Path) -> None:
    import imagecodecs

    pixels = noise(channels=channels, dtype=np.uint16)
    data = imagecodecs.jpegxl_encode(pixels[:, :, 0] if channels == 1 else pixels, lossless=True)
    (tmp_path / "a.jxl").write_bytes(data)
    assert probe(tmp_path / "a.jxl").depth == 16
    found = read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert b"Lin" in (found.icc or b"").replace(b"\0", b"")  # this encoder says so


@pytest.mark.extra("formats")
def test_jpeg_xl_of_12_bits_has_its_white_at_the_end(tmp_path: Path) -> None:
    import imagecodecs

    white = np.full((8, 8, 3), 4095, np.uint16)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(white, lossless=True, bitspersample=12))
    assert (probe(tmp_path / "a.jxl").depth, int(read(tmp_path / "a.jxl").pixels.min())) == (12, 65535)


@pytest.mark.extra("formats")
def test_of_a_jpeg_xl_animation_the_first_frame(tmp_path: Path) -> None:
    import imagecodecs

    frames = np.stack([noise(), 255 - noise(), noise()[::-1]])
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(frames, lossless=True))
    found = read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(found.pixels, noise())
    assert found.notes == ("the further frames of the animation",)


def bits(text: str) -> bytes:
    """Return bits, written as they are read: from the lowest of each byte on."""
    flat = text.replace(" ", "").ljust(64, "0")
    return bytes(int(flat[at : at + 8][::-1], 2) for at in range(0, 64, 8))


def test_a_turned_jpeg_xl_picture_is_as_wide_as_it_was_high() -> None:
    # Small; 8 x 2 high; no ratio; 8 x 3 wide; not all defaults; extra fields; orientation 5 + 1.
    assert _header(b"\xff\x0a" + bits("1 10000 000 01000 0 1 101"))[:2] == (16, 24)
    assert _header(b"\xff\x0a" + bits("1 10000 000 01000 0 1 100"))[:2] == (24, 16)


@pytest.mark.extra("formats")
def test_a_jpeg_xl_bomb(tmp_path: Path) -> None:
    data = bits(f"0 11 {999_999_999:030b}"[:5] + f"{999_999_999:030b}"[::-1] + "100 1")  # as high as that, and as wide
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + data + bytes(100))
    with pytest.raises(ImageTooLargeError, match="1000000000 x 1000000000"):
        read(tmp_path / "a.jxl")
