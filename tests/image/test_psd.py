"""Photoshop's documents of 8 and 16 bits, small and large: as the layers show together, with what belongs to them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan.errors import ImageReadError, ImageTooLargeError
from srgan.image import left_out, probe, read, write
from srgan.image.colour import Colour, profile
from support import picture_samples as samples
from support.metadata import larger, noise

GRAY, RGB, CMYK = 1, 3, 4


def packed(row: bytes) -> bytes:
    """PackBits: a run where there is one, else bytes as they are."""
    out = b""
    at = 0
    while at < len(row):
        run = 1
        while at + run < len(row) and run < 128 and row[at + run] == row[at]:
            run += 1
        out += bytes([257 - run, row[at]]) if run > 2 else bytes([run - 1]) + row[at : at + run]
        at += run
    return out


def document(
    path: Path, pixels: Any, mode: int = RGB, *, large: bool = False, rle: bool = True, layers: int = 0, **about: bytes
) -> Path:
    height, width, channels = pixels.shape
    depth = 8 * pixels.dtype.itemsize
    numbers = {"icc": 0x040F, "exif": 0x0422, "xmp": 0x0424, "caption": 0x0404, "size": 0x03ED, "version": 0x0421}
    blocks = b"".join(
        b"8BIM" + struct.pack(">H2xI", numbers[name], len(data)) + data + bytes(len(data) % 2)
        for name, data in about.items()
    )
    long = ">Q" if large else ">I"
    info = struct.pack(long, 10) + struct.pack(">h", layers) + bytes(8) if layers else b""
    out = struct.pack(">4sH6xH2I2HI", b"8BPS", 1 + large, channels, height, width, depth, mode, 0)
    out += struct.pack(">I", len(blocks)) + blocks + struct.pack(long, len(info)) + info + struct.pack(">H", rle)
    planes = [
        [np.ascontiguousarray(row).tobytes() for row in p] for p in pixels.astype(f">u{depth // 8}").transpose(2, 0, 1)
    ]
    if rle:
        rows = [packed(row) for plane in planes for row in plane]
        out += b"".join(struct.pack(">I" if large else ">H", len(row)) for row in rows) + b"".join(rows)
    else:
        out += b"".join(row for plane in planes for row in plane)
    path.write_bytes(out)
    return path


@pytest.mark.parametrize("rle", [False, True])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("mode", "channels"), [(GRAY, 1), (RGB, 3), (RGB, 4)])
def test_it_comes_back_exactly(mode: int, channels: int, dtype: Any, large: bool, rle: bool, tmp_path: Path) -> None:
    pixels = noise(9, 12, channels, dtype)
    pixels[:4, :9] = pixels[0, 0]  # runs
    path = document(tmp_path / "a.psb", pixels, mode, large=large, rle=rle)
    header = probe(path)
    assert (header.format, header.bands, header.depth) == ("PSD", channels, 8 * pixels.dtype.itemsize)
    np.testing.assert_array_equal(read(path).pixels, pixels)


def test_what_belongs_to_it_goes_along(tmp_path: Path) -> None:
    wide = profile(Colour(12, 13)) or b""
    size = struct.pack(">I2HI2H", 300 << 16, 1, 1, 150 << 16, 1, 1)
    path = document(
        tmp_path / "a.psd",
        noise(9, 12, 3, np.uint16),
        layers=3,
        icc=wide,
        exif=samples.exif(orientation=1, dpi=None),
        xmp=samples.xmp(1),
        caption=samples.caption(),
        size=size,
    )
    found = read(path)
    assert (found.icc, found.xmp) == (wide, samples.xmp(1))
    assert b"Hallo Welt!" in (found.iptc or b"")
    assert [round(value * 25.4) for value in found.resolution or ()] == [300, 150]
    assert left_out(found, "a.tif") == ("3 layers: the picture is what they show together",)


def test_paths_and_guides_go_along_and_no_resolution_is_made_up(tmp_path: Path) -> None:
    path = document(tmp_path / "a.psd", noise(9, 12, 3), size=struct.pack(">I2HI2H", 1, 1, 1, 1, 1, 1))
    data = path.read_bytes()
    guides = b"8BIM" + struct.pack(">HHI", 0x0408, 0, 16) + struct.pack(">4I", 1, 576, 576, 0)
    outline = b"8BIM" + struct.pack(">H", 0x07D0) + b"\6Path 1\0" + struct.pack(">I", 26) + bytes([0, 6]) + bytes(24)
    old = struct.unpack_from(">I", data, 30)[0]
    path.write_bytes(
        data[:30]
        + struct.pack(">I", old + len(guides + outline))
        + data[34 : 34 + old]
        + guides
        + outline
        + data[34 + old :]
    )
    found = read(path)
    assert found.resolution is None
    assert found.iptc == b"Photoshop 3.0\0" + guides + outline
    write(larger(path), tmp_path / "b.jpg")
    assert b"Path 1" in (read(tmp_path / "b.jpg").iptc or b"")


def test_a_saved_selection_is_no_transparency(tmp_path: Path) -> None:
    pixels = noise(9, 12, 4)
    found = read(document(tmp_path / "a.psd", pixels, layers=2))
    np.testing.assert_array_equal(found.pixels, pixels[:, :, :3])
    assert "1 saved selection, or spot colours" in found.notes


def test_half_transparent_colours_lose_the_white_that_they_lie_on(tmp_path: Path) -> None:
    pixels = noise(9, 12, 4)
    pixels[:, :, 3] = 128
    share = 128 / 255
    shown = pixels.copy()
    shown[:, :, :3] = np.rint(pixels[:, :, :3] * share + 255 * (1 - share))
    found = read(document(tmp_path / "a.psd", shown, layers=-1))
    assert np.abs(found.pixels.astype(int) - pixels).max() <= 1


def test_inks_become_srgb(tmp_path: Path) -> None:
    inks = np.zeros((9, 12, 4), np.uint16)  # none of any: white paper. A document holds them inverted
    inks[:, 6:, 3] = 65535
    found = read(document(tmp_path / "a.psd", 65535 - inks, CMYK))
    assert found.pixels.shape == (9, 12, 3)
    assert found.pixels[0, 0].min() > 60000
    assert found.pixels[0, -1].max() < 16000


def test_without_the_picture_of_all_layers_it_says_so(tmp_path: Path) -> None:
    found = read(document(tmp_path / "a.psd", noise(9, 12, 3), version=struct.pack(">IB", 1, 0) + bytes(8)))
    assert any("maximise compatibility" in note for note in found.notes)


def test_damage_and_bombs(tmp_path: Path) -> None:
    data = document(tmp_path / "a.psb", noise(9, 12, 3, np.uint16), large=True).read_bytes()
    for bad in (data[:-9], data[:40], data[:20]):
        (tmp_path / "b.psb").write_bytes(bad)
        with pytest.raises(ImageReadError, match="damaged, cut short"):
            read(tmp_path / "b.psb")
    enormous = data[:34] + b"\xff" * 8 + data[42:]  # the length of its layers
    (tmp_path / "b.psb").write_bytes(enormous)
    with pytest.raises(ImageReadError, match="damaged, cut short"):
        read(tmp_path / "b.psb")
    (tmp_path / "c.psb").write_bytes(data[:14] + struct.pack(">2I", 90_000, 90_000) + data[22:])
    with pytest.raises(ImageTooLargeError):
        read(tmp_path / "c.psb")
