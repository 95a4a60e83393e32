"""Colours that a file describes by numbers: kept in PNG, a profile elsewhere, converted where there is no profile."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from srgan.image import Picture, read, write
from srgan.image.colour import Colour, profile
from support.metadata import add_chunks, chunks, larger, noise

ADOBE = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
P3, PQ, LINEAR = bytes([12, 13, 0, 1]), bytes([9, 16, 0, 1]), struct.pack(">I", 100_000)
SAID: dict[str, list[tuple[bytes, bytes]]] = {
    "p3": [(b"cICP", P3)],
    "pq": [(b"cICP", PQ), (b"mDCV", bytes(24)), (b"cLLI", bytes(8))],
    "linear": [(b"gAMA", LINEAR)],
    "adobe": [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", ADOBE)],
    "srgb": [(b"sRGB", b"\1"), (b"gAMA", struct.pack(">I", 45455))],
}


def picture(name: str, path: Path, colour: Any = (200, 60, 40)) -> Path:
    Image.new("RGB", (48, 32), tuple(colour)).save(path)
    add_chunks(path, *SAID[name])
    return path


def seen(path: Path) -> Any:
    """What a program with colour management shows of the first pixel, in sRGB of 8 bits."""
    with Image.open(path) as file:
        rgb = file.convert("RGB")
        if "icc_profile" in file.info:
            source = ImageCms.ImageCmsProfile(io.BytesIO(file.info["icc_profile"]))
            shown = ImageCms.profileToProfile(rgb, source, ImageCms.createProfile("sRGB"), renderingIntent=1)
            return np.asarray(shown)[5, 5].astype(int)
    return np.asarray(rgb)[5, 5].astype(int)


def encoded(light: Any) -> Any:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def decoded(values: Any) -> Any:
    values = np.asarray(values) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


P3_TO_SRGB = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])


@pytest.mark.parametrize("name", SAID)
def test_png_keeps_the_chunks(name: str, tmp_path: Path) -> None:
    write(larger(picture(name, tmp_path / "a.png")), tmp_path / "b.png")
    found = chunks(tmp_path / "b.png")
    assert {kind: found.get(kind) for kind, _ in SAID[name]} == dict(SAID[name])
    assert b"iCCP" not in found


@pytest.mark.parametrize("target", ["jpg", "tif", "webp", "bmp", "ppm"])
def test_elsewhere_it_looks_the_same(target: str, tmp_path: Path) -> None:
    """By arithmetic: linear light is encoded as sRGB; a muted colour of Display P3 by the matrix between the two."""
    for name, light in (("linear", np.array([200, 60, 40]) / 255), ("p3", P3_TO_SRGB @ decoded([200, 90, 80]))):
        path = picture(name, tmp_path / f"{name}.png", (200, 60, 40) if name == "linear" else (200, 90, 80))
        write(larger(path), tmp_path / f"{name}.{target}", quality=100)
        assert abs(seen(tmp_path / f"{name}.{target}") - encoded(light)).max() <= 3, name


def test_a_profile_of_pq_says_so_for_those_who_know(tmp_path: Path) -> None:
    write(larger(picture("pq", tmp_path / "a.png")), tmp_path / "b.tif")
    icc = read(tmp_path / "b.tif").icc
    assert icc is not None
    assert b"cicp\0\0\0\0" + PQ in icc
    # For all others white is the white of an ordinary picture: 203 candela are at 58 % of PQ.
    for value, least, most in ((148, 245, 255), (100, 80, 180), (255, 255, 255), (0, 0, 0)):
        write(larger(picture("pq", tmp_path / "c.png", (value,) * 3)), tmp_path / "c.jpg", overwrite=True)
        assert least <= seen(tmp_path / "c.jpg").min() <= seen(tmp_path / "c.jpg").max() <= most, value


@pytest.mark.parametrize(
    "said", [Colour(), Colour(1, 13), Colour(1, 1), Colour(gamma=0.45455), Colour(intent=0, gamma=1)]
)
def test_what_is_srgb_gets_no_profile(said: Colour) -> None:
    assert profile(said) is None


def test_points_that_span_no_plane_are_no_colours(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    add_chunks(tmp_path / "a.png", (b"gAMA", LINEAR), (b"cHRM", bytes(32)))
    write(larger(tmp_path / "a.png"), tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").icc is None


def test_gray_gets_a_gray_profile(tmp_path: Path) -> None:
    Image.new("L", (48, 32), 51).save(tmp_path / "a.png")
    add_chunks(tmp_path / "a.png", (b"gAMA", LINEAR))
    write(larger(tmp_path / "a.png"), tmp_path / "b.jpg")
    assert (read(tmp_path / "b.jpg").icc or b"")[16:20] == b"GRAY"
    write(larger(tmp_path / "a.png"), tmp_path / "b.pgm")
    assert abs(read(tmp_path / "b.pgm").pixels.astype(int) - encoded(0.2)).max() <= 1


@pytest.mark.parametrize("target", ["avif", "jpg", "png"])
def test_display_p3_of_avif_without_a_profile_is_kept(target: str, tmp_path: Path) -> None:
    """By nclx: the code points stand in the container, where libvips writes those of sRGB."""
    write(Picture(np.full((32, 48, 3), (200, 90, 80), np.uint8)), tmp_path / "a.avif", quality=100)
    data = (tmp_path / "a.avif").read_bytes()
    assert b"colrnclx\0\1\0\r" in data
    (tmp_path / "a.avif").write_bytes(data.replace(b"colrnclx\0\1\0\r", b"colrnclx\0\x0c\0\r"))
    assert read(tmp_path / "a.avif").icc is None
    write(larger(tmp_path / "a.avif"), tmp_path / f"b.{target}", quality=100)
    if target == "png":
        assert chunks(tmp_path / "b.png")[b"cICP"] == bytes([12, 13, 0, 1])
    elif target == "avif":
        assert (tmp_path / "b.avif").read_bytes().count(b"colrnclx\0\x0c\0\r") == 1
        assert abs(read(tmp_path / "b.avif").pixels.astype(int) - (200, 90, 80)).max() <= 1
    else:
        assert abs(seen(tmp_path / f"b.{target}") - encoded(P3_TO_SRGB @ decoded([200, 90, 80]))).max() <= 3
