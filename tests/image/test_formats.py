"""Formats that other libraries read: what phones, cameras and programs write, sizes known before anything is decoded."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.errors import ImageReadError, ImageTooLargeError, MissingExtraError, UsageError
from srgan.image import Picture, formats, probe, read, read_rows, write
from support import extras
from support import picture_samples as samples
from support.metadata import larger, noise

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
        samples.dng(tmp_path / "a.dng") if end == "dng" else write(Picture(noise()), tmp_path / f"a.{end}")
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
