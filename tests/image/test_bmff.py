"""Boxes of AVIF and HEIC files: colours by code points, brightness and the shape of pixels, and pixels that decode as before."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.image import Picture, bmff, read, write
from srgan.image.colour import Colour
from srgan.image.file_metadata import parts_of
from support import extras

LIGHT = (
    (b"mDCV", struct.pack(">8H2I", 34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450, 10_000_000, 50)),
    (b"cLLI", struct.pack(">2I", 10_000_000, 4_000_000)),
)
PQ = Colour(9, 16, light=LIGHT)


def ramp(dtype: Any = np.uint8) -> Any:
    down, across = np.mgrid[0:48, 0:64]
    values = np.dstack([across * 4, down * 5, (across + down) * 2])
    return (values * (257 if dtype == np.uint16 else 1)).astype(dtype)


@pytest.mark.parametrize("quality", [None, 100])
@pytest.mark.parametrize("end", ["avif", "heic"])
@pytest.mark.parametrize(("dtype", "said"), [(np.uint8, Colour(12, 13)), (np.uint16, PQ)])
def test_code_points_stay_code_points(end: str, quality: int | None, dtype: Any, said: Colour, tmp_path: Path) -> None:
    extras.need_format(end)
    path = tmp_path / f"a.{end}"
    write(Picture(ramp(dtype), colour=said, aspect=(1.0, 2.0)), path, quality=quality)
    back = read(path)
    assert (back.colour, back.icc, back.aspect) == (said, None, (1.0, 2.0))
    assert abs(back.pixels.astype(int) - ramp(dtype)).max() <= (6 if dtype == np.uint8 else 1200)


def test_another_decoder_takes_luma_and_chroma_as_they_were_made(tmp_path: Path) -> None:
    """Without loss libheif stores green, blue and red as they are: what it says of that stays when code points change."""
    for quality, most in ((100, 0), (90, 5)):
        write(Picture(ramp(), colour=Colour(12, 13)), tmp_path / "a.avif", overwrite=True, quality=quality)
        with Image.open(tmp_path / "a.avif") as picture:
            assert abs(np.asarray(picture.convert("RGB")).astype(int) - ramp()).max() <= most


def test_a_profile_stands_alone(tmp_path: Path) -> None:
    """Code points count more in PNG; AVIF gets them alone, as a profile counts more there."""
    write(Picture(ramp(), colour=Colour(12, 13), icc=b"\0" * 128), tmp_path / "a.avif")
    with (tmp_path / "a.avif").open("rb") as file:
        found = bmff.read(file)
    assert found.property(b"colr", b"prof") is None
    assert (found.property(b"colr", b"nclx") or b"")[4:8] == bytes([0, 12, 0, 13])


@pytest.mark.parametrize("cut", [0, 8, 12, 40, 100, 200, 300])
def test_damaged_boxes_say_nothing(cut: int, tmp_path: Path) -> None:
    write(Picture(ramp()), tmp_path / "a.avif")
    data = bytearray((tmp_path / "a.avif").read_bytes())
    bmff.read(io.BytesIO(bytes(data[:cut])))
    data[cut : cut + 4] = b"\xff\xff\xff\xf0"
    bmff.read(io.BytesIO(bytes(data)))


def test_what_else_is_in_the_file_has_words() -> None:
    urn = b"urn:com:apple:photo:2020:aux:hdrgainmap"
    words = parts_of(
        bmff.Contents(kinds=(b"hvc1", b"tmap"), auxiliary=(urn, b"urn:mpeg:hevc:2015:auxid:2"), has_film=True)
    )
    assert words == ("the gain map for bright displays (HDR)", "the depth map", "the frames of a film")
    assert parts_of(bmff.Contents(kinds=(b"hvc1", b"Exif"))) == ()
