"""What TGA, DDS and Netpbm files say beside their pixels."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.image import read

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)


def extension(wide: int = 1, high: int = 1) -> bytes:
    comment = b"line one".ljust(81, b"\0") + b"line two".ljust(81, b"\0") + bytes(162)
    data = (
        struct.pack("<H", 495) + b"Ann".ljust(41, b"\0") + comment + bytes(12) + b"the job".ljust(41, b"\0") + bytes(6)
    )
    data += b"prog".ljust(41, b"\0") + bytes(7) + struct.pack("<4H", wide, high, 1, 1)
    return data.ljust(495, b"\0")


@pytest.mark.parametrize("packed", [None, "tga_rle"])
def test_tga_says_who_made_it(packed: str | None, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.tga", compression=packed, id_section=b"an id")
    data = (tmp_path / "a.tga").read_bytes()
    data = data[:-26] if data.endswith(b"TRUEVISION-XFILE.\0") else data
    (tmp_path / "a.tga").write_bytes(data + extension(2, 1) + struct.pack("<II", len(data), 0) + b"TRUEVISION-XFILE.\0")
    picture = read(tmp_path / "a.tga")
    assert np.array_equal(picture.pixels, PIXELS)
    assert [(text.keyword, text.text) for text in picture.texts] == [
        ("Comment", "an id"),
        ("Author", "Ann"),
        ("Comment", "line one\nline two"),
        ("Title", "the job"),
        ("Software", "prog"),
    ]
    assert picture.aspect == (1.0, 2.0)


def test_mipmaps_and_faces_have_words(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.dds")
    data = bytearray((tmp_path / "a.dds").read_bytes())
    assert read(tmp_path / "a.dds").notes == ()
    struct.pack_into("<I", data, 28, 4)
    struct.pack_into("<I", data, 112, 0x200)
    (tmp_path / "a.dds").write_bytes(data)
    assert read(tmp_path / "a.dds").notes == ("3 smaller copies of it (mipmaps)", "the other faces of its cube")


def test_netpbm_has_comments_and_further_pictures(tmp_path: Path) -> None:
    one = b"P6\n# from a scanner\n16 12 # second\n255\n" + PIXELS.tobytes()
    (tmp_path / "a.ppm").write_bytes(one + b"\n" + one)
    picture = read(tmp_path / "a.ppm")
    assert np.array_equal(picture.pixels, PIXELS)
    assert [text.text for text in picture.texts] == ["from a scanner", "second"]
    assert picture.notes == ("further pictures behind the first one",)
    (tmp_path / "a.ppm").write_bytes(one)
    assert read(tmp_path / "a.ppm").notes == ()
