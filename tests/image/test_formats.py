"""Formats that other libraries read: what phones, cameras and programs write, sizes known before anything is decoded."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from srgan.errors import ImageReadError, ImageTooLargeError, MissingExtraError, UsageError
from srgan.image import Picture, colour, formats, jp2, left_out, probe, read, read_rows, write
from srgan.image.boxes import of_bytes
from srgan.image.jxl import _header
from support import extras
from support import picture_samples as samples
from support.metadata import larger, noise


def smooth(channels: int = 3, dtype: Any = np.uint8) -> Any:
    y, x = np.mgrid[0:32, 0:48]
    planes = [x / 48, y / 32, (x + y) / 80, 0.5 + 0.4 * np.sin(x / 9)]
    return (np.stack(planes[:channels], axis=2) * np.iinfo(dtype).max).astype(dtype)


# --- HEIC ------------------------------------------------------------------------------------------------------------


@pytest.mark.extra("formats")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_heic_comes_back(channels: int, tmp_path: Path) -> None:
    write(Picture(smooth(channels)), tmp_path / "a.heic")
    found = read(tmp_path / "a.heic")
    expected = smooth(channels)
    expected = expected if channels != 2 else expected[:, :, [0, 0, 0, 1]]
    assert abs(found.pixels.astype(int) - expected).mean() < 3
    assert (found.format, found.depth) == ("HEIC", 8)


@pytest.mark.extra("formats")
def test_heic_of_10_bits_has_its_white_at_the_end(tmp_path: Path) -> None:
    write(Picture(smooth(dtype=np.uint16)), tmp_path / "a.heic", quality=100)
    found = read(tmp_path / "a.heic")
    assert (found.depth, found.pixels.dtype) == (10, np.uint16)
    assert abs(found.pixels.astype(int) - smooth(dtype=np.uint16)).mean() < 200
    write(Picture(np.full((32, 32, 3), 65535, np.uint16)), tmp_path / "b.heic", quality=100)
    assert read(tmp_path / "b.heic").pixels.min() > 65_400


@pytest.mark.extra("formats")
def test_what_belongs_to_a_heic_picture(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write(Picture(smooth(), icc=profile, exif=samples.exif(orientation=1), xmp=samples.xmp(1)), tmp_path / "a.heic")
    write(larger(tmp_path / "a.heic"), tmp_path / "b.heic")
    found = read(tmp_path / "b.heic")
    assert (found.icc, found.xmp) == (profile, samples.xmp(1))
    tags = samples.tags(found.exif or b"")
    assert (tags["first"][0x0100], tags["camera"][0xA003], tags["camera"][0x927C]) == (192, 128, samples.MAKER_NOTE)


@pytest.mark.extra("formats")
def test_display_p3_of_a_phone_is_kept(tmp_path: Path) -> None:
    """By nclx, without a profile: code points 12 and 13."""
    import pillow_heif

    made = pillow_heif.from_bytes("RGB", (48, 32), smooth().tobytes())
    made.save(tmp_path / "a.heic", color_primaries=12, transfer_characteristics=13, matrix_coefficients=6)
    assert read(tmp_path / "a.heic").icc is None
    write(larger(tmp_path / "a.heic"), tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").icc is not None
    write(larger(tmp_path / "a.heic"), tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as other:
        other.load()
        assert b"cICP\x0c\x0d\0\1" in (tmp_path / "b.png").read_bytes()


@pytest.mark.extra("formats")
def test_other_pictures_in_the_file_are_said(tmp_path: Path) -> None:
    import pillow_heif

    made = pillow_heif.from_bytes("RGB", (48, 32), smooth().tobytes())
    made.add_frombytes("RGB", (48, 32), noise().tobytes())
    made.save(tmp_path / "a.heic")
    assert left_out(read(tmp_path / "a.heic"), "b.png") == ("1 more picture in the file",)


# --- JPEG XL ---------------------------------------------------------------------------------------------------------


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


def test_jpeg_2000_has_its_16_bits_profile_and_blocks(tmp_path: Path) -> None:
    import imagecodecs

    pixels = noise(dtype=np.uint16)
    data = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2")
    wide = colour.profile(colour.Colour(12, 13)) or b""
    boxes = [(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + samples.xmp(1))]
    boxes.append((b"uuid", b"JpgTiffExif->JP2" + samples.exif(orientation=1)))
    added = b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in boxes)
    old = data.index(b"colr") - 4
    size = struct.unpack_from(">I", data, old)[0]
    colr = struct.pack(">I4s3B", 11 + len(wide), b"colr", 2, 0, 0) + wide
    head = data.index(b"jp2h") - 4
    grown = struct.unpack_from(">I", data, head)[0] - size + len(colr)
    data = data[:head] + struct.pack(">I", grown) + data[head + 4 : old] + colr + data[old + size :]
    at = data.index(b"jp2c") - 4
    (tmp_path / "a.jp2").write_bytes(data[:at] + added + data[at:])
    found = read(tmp_path / "a.jp2")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert (found.icc, found.xmp, found.depth) == (wide, samples.xmp(1), 16)
    assert samples.tags(found.exif or b"")["first"][0x010F] == "Maker Corp"


def test_jpeg_2000_of_16_bits_without_the_extra_says_what_it_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imagecodecs

    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(noise(dtype=np.uint16), level=0, codecformat="jp2"))
    monkeypatch.setattr(jp2, "find_spec", lambda _: None)
    found = read(tmp_path / "a.jp2")
    assert found.pixels.dtype == np.uint8
    assert found.notes == ("all but 8 of its 16 bits a channel: pip install 'srgan[formats]' reads all",)


def bits(text: str) -> bytes:
    """Return bits, written as they are read: from the lowest of each byte on."""
    flat = text.replace(" ", "").ljust(64, "0")
    return bytes(int(flat[at : at + 8][::-1], 2) for at in range(0, 64, 8))


def test_a_turned_jpeg_xl_picture_is_as_wide_as_it_was_high() -> None:
    # Small; 8 x 2 high; no ratio; 8 x 3 wide; not all defaults; extra fields; orientation 5 + 1.
    assert _header(b"\xff\x0a" + bits("1 10000 000 01000 0 1 101"))[:2] == (16, 24)
    assert _header(b"\xff\x0a" + bits("1 10000 000 01000 0 1 100"))[:2] == (24, 16)


# --- Cameras' raw files ----------------------------------------------------------------------------------------------


def dng(path: Path, turn: int = 1) -> None:
    """A raw file as a camera writes it: 64 x 48 sensor values behind red, green, green and blue filters."""
    sensor = np.zeros((48, 64), np.uint16)
    sensor[0::2, 0::2] = 8000  # red
    sensor[0::2, 1::2] = sensor[1::2, 0::2] = 16000
    sensor[1::2, 1::2] = 4000  # blue
    tags = [
        (271, "s", 0, "Maker", True),
        (272, "s", 0, "Camera", True),
        (274, "H", 1, turn, True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),
        (50708, "s", 0, "Maker Camera", True),
        (50717, "I", 1, 65535, True),
        (50721, "2i", 9, (*(10000, 10000, 0, 10000, 0, 10000), *(0, 10000, 10000, 10000, 0, 10000),
                          *(0, 10000, 0, 10000, 10000, 10000)), True),
        (50728, "2I", 3, (1, 2, 1, 1, 1, 4), True),  # neutral: as this sensor sees gray
        (50778, "H", 1, 21, True),
    ]  # fmt: skip
    tifffile.imwrite(path, sensor, photometric=32803, extratags=tags, metadata=None, software="fw")


@pytest.mark.extra("formats")
def test_a_raw_file_is_developed_with_the_cameras_white(tmp_path: Path) -> None:
    dng(tmp_path / "a.dng")
    header = probe(tmp_path / "a.dng")
    assert (header.format, header.depth) == ("camera raw", 16)
    found = read(tmp_path / "a.dng")
    assert (found.width, found.height) == (header.width, header.height)
    assert found.pixels.dtype == np.uint16
    red, green, blue = found.pixels[10:-10, 10:-10].reshape(-1, 3).mean(axis=0) / 65535
    assert abs(red - green) < 0.05, "gray is gray"
    assert abs(blue - green) < 0.05, "gray is gray"
    assert samples.tags(found.exif or b"")["first"][271] == "Maker"
    assert found.notes == ("the unprocessed values of the sensor",)
    write(larger(tmp_path / "a.dng"), tmp_path / "b.tif")
    assert read(tmp_path / "b.tif").depth == 16


@pytest.mark.extra("formats")
def test_a_raw_file_of_an_upright_camera_is_turned(tmp_path: Path) -> None:
    dng(tmp_path / "a.dng", turn=6)
    header = probe(tmp_path / "a.dng")
    assert header.height > header.width
    found = read(tmp_path / "a.dng")
    assert found.pixels.shape[:2] == (header.height, header.width)
    write(found, tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").pixels.shape[:2] == (header.height, header.width)


# --- What Pillow reads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "name"), [("tga", "TGA"), ("dds", "DDS"), ("ico", "ICO"), ("jp2", "JPEG 2000")])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_pillow_reads_them(end: str, name: str, mode: str, tmp_path: Path) -> None:
    pixels = noise(channels=len(mode))
    options: dict[str, Any] = {"irreversible": False} if end == "jp2" else {"sizes": [(48, 32)]} if end == "ico" else {}
    Image.fromarray(pixels).save(tmp_path / f"a.{end}", **options)
    header = probe(tmp_path / f"a.{end}")
    assert (header.format, header.width, header.height) == (name, 48, 32)
    found = read(tmp_path / f"a.{end}")
    np.testing.assert_array_equal(found.pixels[:, :, : len(mode)], pixels)
    assert read_rows(tmp_path / f"a.{end}") is None
    write(larger(tmp_path / f"a.{end}"), tmp_path / "b.png")
    with pytest.raises(UsageError, match="name it with one of"):
        write(found, tmp_path / f"b.{end}")


def test_jpeg_2000_of_16_bit_gray_keeps_them(tmp_path: Path) -> None:
    values = noise(channels=1, dtype=np.uint16)
    Image.fromarray(values[:, :, 0]).save(tmp_path / "a.jp2", irreversible=False)
    np.testing.assert_array_equal(read(tmp_path / "a.jp2").pixels, values)


def photoshop(pixels: Any, *resources: tuple[int, bytes]) -> bytes:
    """A flat Photoshop document without layers, as "maximise compatibility" adds one."""
    height, width, channels = pixels.shape
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, height, width, 8, 3) + struct.pack(">I", 0)
    blocks = b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2) for number, data in resources
    )
    return (
        head + struct.pack(">I", len(blocks)) + blocks + struct.pack(">IH", 0, 0) + pixels.transpose(2, 0, 1).tobytes()
    )


def test_a_photoshop_document_is_read_as_it_shows(tmp_path: Path) -> None:
    profile = samples.srgb_profile()
    about = [(0x040F, profile), (0x0422, samples.exif(orientation=1)), (0x0424, samples.xmp(1))]
    (tmp_path / "a.psd").write_bytes(photoshop(noise(), *about))
    found = read(tmp_path / "a.psd")
    np.testing.assert_array_equal(found.pixels, noise())
    assert (found.icc, found.xmp) == (profile, samples.xmp(1))
    write(larger(tmp_path / "a.psd"), tmp_path / "b.jpg")
    assert samples.tags(read(tmp_path / "b.jpg").exif or b"")["first"][0x0100] == 192


def test_of_several_icons_the_largest(tmp_path: Path) -> None:
    Image.fromarray(noise(64, 64, 4)).save(tmp_path / "a.ico", sizes=[(16, 16), (64, 64), (32, 32)])
    found = read(tmp_path / "a.ico")
    assert (found.width, found.notes) == (64, ("2 smaller icons",))


# --- Refused in one line ---------------------------------------------------------------------------------------------


SOUND = {"tga": {}, "dds": {}, "ico": {}, "jp2": {}}


@pytest.mark.parametrize("end", [*SOUND, "psd", "heic", "jxl", "dng"])
def test_what_is_cut_short_is_refused_in_one_line(end: str, tmp_path: Path) -> None:
    if end in ("heic", "jxl", "dng"):
        extras.need_format(end)
        dng(tmp_path / "a.dng") if end == "dng" else write(Picture(noise()), tmp_path / f"a.{end}")
        data = (tmp_path / f"a.{end}").read_bytes()
    elif end == "psd":
        data = photoshop(noise())
    else:
        file = io.BytesIO()
        Image.fromarray(noise(48, 48)).save(file, {"jp2": "JPEG2000"}.get(end, end.upper()))
        data = file.getvalue()
    for cut in (5, 20, 40, len(data) // 4, len(data) // 2):
        (tmp_path / f"b.{end}").write_bytes(data[:cut])
        with pytest.raises(ImageReadError) as caught:
            read(tmp_path / f"b.{end}")
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize("end", ["tga", "psd", "dds"])
def test_a_bomb_is_refused_before_it_is_decoded(end: str, tmp_path: Path) -> None:
    if end == "psd":
        data = bytearray(photoshop(noise()))
        struct.pack_into(">II", data, 14, 60_000, 60_000)
    elif end == "tga":
        data = bytearray(bytes(2) + b"\2" + bytes(9) + struct.pack("<HHBB", 60_000, 60_000, 24, 0))
    else:
        file = io.BytesIO()
        Image.fromarray(noise()).save(file, "DDS")
        data = bytearray(file.getvalue())
        struct.pack_into("<II", data, 12, 60_000, 60_000)
    (tmp_path / f"a.{end}").write_bytes(data)
    assert probe(tmp_path / f"a.{end}").width == 60_000
    with pytest.raises(ImageTooLargeError):
        read(tmp_path / f"a.{end}")


@pytest.mark.extra("formats")
def test_a_jpeg_xl_bomb(tmp_path: Path) -> None:
    data = bits(f"0 11 {999_999_999:030b}"[:5] + f"{999_999_999:030b}"[::-1] + "100 1")  # as high as that, and as wide
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + data + bytes(100))
    with pytest.raises(ImageTooLargeError, match="1000000000 x 1000000000"):
        read(tmp_path / "a.jxl")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is HEIC: pip install 'srgan[formats]'"),
        ("photo.jxl", b"\xff\x0a" + bytes(20), "it is JPEG XL: pip install 'srgan[formats]'"),
        ("photo.nef", b"MM\0*\0\0\0\x08" + bytes(20), "it is a camera's raw file: pip install 'srgan[formats]'"),
    ],
)
def test_without_the_extra_one_line_names_it(
    name: str, data: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageReadError) as caught:
        read(tmp_path / name)
    assert str(caught.value) == f"cannot read {str(tmp_path / name)!r}: {said}"


@pytest.mark.parametrize("end", ["heic", "jxl"])
def test_writing_without_the_extra_names_it_too(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"srgan\[formats\]"):
        write(Picture(noise()), tmp_path / f"a.{end}")


def test_a_large_document_of_nothing_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"8BPS\0\2" + bytes(60))
    with pytest.raises(ImageReadError, match="large document of another kind"):
        read(tmp_path / "a.psd")
