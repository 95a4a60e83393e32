"""Satellites and microscopes: where the pixels are and how large, after there are more of them."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from srgan.image import geotiff, left_out, notes_of_pages, read, write
from srgan.image.change import Change, Origin
from srgan.image.tiff_entries import Entry
from support.metadata import larger, noise

KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)


def satellite(path: Path, *, point: bool = False, **options: Any) -> None:
    keys = list(KEYS)
    keys[11] = 2 if point else 1
    tags = [
        (33550, "d", 3, (10.0, 10.0, 0.0), True),
        (33922, "d", 12, (0.0, 0.0, 0.0, 500000.0, 4600000.0, 0.0, 48.0, 32.0, 0.0, 500480.0, 4599680.0, 0.0), True),
        (34735, "H", 16, tuple(keys), True),
        (42112, "s", 0, '<GDALMetadata><Item name="ACQ">2024-01-01</Item></GDALMetadata>', True),
        (42113, "s", 0, "0", True),
        (50844, "d", 92, (0.0, 0.0, 15.5, 23.5, 1.0, 2.0, 3.0, 16.0, 24.0, *([0.0] * 83)), True),
    ]
    tifffile.imwrite(path, noise(), photometric="rgb", metadata=None, extratags=tags, **options)


def tag(path: Path, number: int) -> Any:
    with tifffile.TiffFile(path) as file:
        return file.pages[0].tags[number].value


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_geotiff_stays_in_its_place(order: str, big: bool, tmp_path: Path) -> None:
    satellite(tmp_path / "a.tif", byteorder=order, bigtiff=big)
    write(larger(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert tag(tmp_path / "b.tif", 33550) == (2.5, 2.5, 0)
    assert tag(tmp_path / "b.tif", 33922) == (0, 0, 0, 500000, 4600000, 0, 192, 128, 0, 500480, 4599680, 0)
    assert tag(tmp_path / "b.tif", 34735) == KEYS
    assert tag(tmp_path / "b.tif", 42112).startswith("<GDALMetadata>")
    assert tag(tmp_path / "b.tif", 42113) == "0"
    # Of RPC, offsets and scales count lines and samples, offsets from the middle of a pixel.
    assert tag(tmp_path / "b.tif", 50844)[:9] == (0, 0, 63.5, 95.5, 1, 2, 3, 64, 96)


def test_pixels_that_are_points_move_by_half_of_one(tmp_path: Path) -> None:
    satellite(tmp_path / "a.tif", point=True)
    write(larger(tmp_path / "a.tif"), tmp_path / "b.tif")
    # The middle of the first old pixel is 1.5 new pixels behind the middle of the first new one.
    assert tag(tmp_path / "b.tif", 33922)[:2] == (1.5, 1.5)


def test_a_transformation_has_smaller_steps(tmp_path: Path) -> None:
    matrix = (10.0, 1.0, 0.0, 500.0, -1.0, -10.0, 0.0, 400.0, *([0.0] * 7), 1.0)
    tifffile.imwrite(tmp_path / "a.tif", noise(), photometric="rgb", extratags=[(34264, "d", 16, matrix, True)])
    write(larger(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert tag(tmp_path / "b.tif", 34264)[:8] == (2.5, 0.25, 0, 500, -0.25, -2.5, 0, 400)


@pytest.mark.parametrize("way", ["scale", "matrix", "points"])
@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_satellite_picture_stays_in_its_place(turn: int, point: bool, way: str) -> None:
    """Each pixel of the stored picture is over the same ground as where it went."""
    middle = 0.5 if point else 0.0
    matrix = [10.0, 1, 0, 5e5, 2, -8, 0, 5.2e6, 0, 0, 0, 0, 0, 0, 0, 1]
    corners = [(0.0, 0.0), (47.0, 0.0), (0.0, 31.0), (47.0, 31.0)]
    said: dict[int, list[float]] = {0x85D8: matrix}
    if way == "scale":
        said = {0x830E: [10.0, 8, 0], 0x8482: [3.0, 2, 0, 5e5, 5.2e6, 0]}
    elif way == "points":
        said = {0x8482: [number for x, y in corners for number in (x, y, 0, *ground({0x85D8: matrix}, x, y), 0)]}
    keys = struct.pack("<8H", 1, 1, 0, 1, 1025, 0, 1, 1 + point)
    entries = [Entry(tag, 12, len(v), struct.pack(f"<{len(v)}d", *v)) for tag, v in said.items()]
    change = Change(Origin(*((32, 48) if turn >= 5 else (48, 32)), turn), *((128, 192) if turn >= 5 else (192, 128)))
    new = geotiff.corrected([*entries, Entry(0x87AF, 3, 8, keys)], change)
    found = {e.tag: list(struct.unpack(f"<{e.count}d", e.value)) for e in new if e.kind == 12}
    if way == "points":
        moved = np.array(found[0x8482]).reshape(-1, 6)
        old = np.array(said[0x8482]).reshape(-1, 6)
        there = [change.point(x + middle, y + middle) for x, y in old[:, :2]]
        assert np.allclose(moved[:, :2] + middle, there)
        assert np.array_equal(moved[:, 3:], old[:, 3:])
        return
    for x, y in corners:
        there = change.point(x + middle, y + middle)
        assert ground(found, there[0] - middle, there[1] - middle) == pytest.approx(ground(said, x, y), abs=1e-6)


def test_what_does_not_come_along_of_further_pages_is_said(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(3):
            layers = [(0x935C, 7, 4, b"Adob", True)] if number else []
            file.write(noise(), photometric="rgb", metadata=None, extratags=layers)
    words = "Photoshop's layers: the picture is what they show together"
    assert notes_of_pages(tmp_path / "a.tif") == (f"of pages 2, 3: {words}",)
    assert read(tmp_path / "a.tif").notes == ()
    (tmp_path / "b.txt").write_text("no TIFF")
    assert notes_of_pages(tmp_path / "b.txt") == ()


def ground(said: dict[int, list[float]], column: float, row: float) -> tuple[float, float]:
    """Return where on the earth a place of the raster is (GeoTIFF 1.1, section 7.3)."""
    if 0x85D8 in said:
        m = said[0x85D8]
        return m[0] * column + m[1] * row + m[3], m[4] * column + m[5] * row + m[7]
    i, j, _, x, y, _ = said[0x8482]
    return x + (column - i) * said[0x830E][0], y - (row - j) * said[0x830E][1]


def test_what_has_no_place_for_it_says_so(tmp_path: Path) -> None:
    satellite(tmp_path / "a.tif")
    for end in ("png", "jpg"):
        (said,) = left_out(larger(tmp_path / "a.tif"), f"b.{end}")
        assert said.startswith("the place on the earth (GeoTIFF)")
    assert not left_out(larger(tmp_path / "a.tif"), "b.tif")


# --- Microscopes -----------------------------------------------------------------------------------------------------


def imagej(path: Path) -> None:
    about = {"unit": "um", "spacing": 0.5, "xorigin": 3, "min": 0.0, "max": 255.0}
    tifffile.imwrite(path, noise(channels=1)[:, :, 0], imagej=True, resolution=(15.4321, 15.4321), metadata=about)


def test_imagejs_scale_bar_stays_true(tmp_path: Path) -> None:
    imagej(tmp_path / "a.tif")
    write(larger(tmp_path / "a.tif"), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages[0]
        about = file.imagej_metadata or {}
        across, down = (page.tags[name].value for name in ("XResolution", "YResolution"))
        assert page.tags["ResolutionUnit"].value == 1
    assert across[0] / across[1] == pytest.approx(4 * 15.4321, rel=1e-6)
    assert down[0] / down[1] == pytest.approx(4 * 15.4321, rel=1e-6)
    assert (about["unit"], about["spacing"], about["xorigin"], about["max"]) == ("um", 0.5, 12, 255.0)


def test_imagejs_scale_becomes_a_resolution_in_other_formats(tmp_path: Path) -> None:
    imagej(tmp_path / "a.tif")
    write(larger(tmp_path / "a.tif"), tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as other:
        assert other.info["dpi"][0] == pytest.approx(4 * 15.4321 * 25_400, rel=1e-6)


def ome(path: Path, *, many: int = 1) -> None:
    planes = noise(channels=1)[:, :, 0] if many == 1 else np.stack([noise(channels=1)[:, :, 0]] * many)
    about = {"axes": "YX" if many == 1 else "ZYX", "PhysicalSizeX": 0.65, "PhysicalSizeXUnit": "µm"}
    about |= {"PhysicalSizeY": 0.65, "PhysicalSizeYUnit": "µm", "Description": "x" * (100_000 if many == 1 else 1)}
    tifffile.imwrite(path, planes, ome=True, metadata=about, photometric="minisblack")


def test_ome_counts_the_new_pixels(tmp_path: Path) -> None:
    ome(tmp_path / "a.ome.tif")
    write(larger(tmp_path / "a.ome.tif"), tmp_path / "b.ome.tif")
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        assert file.is_ome
        said = file.ome_metadata or ""
        assert file.pages[0].shape == (128, 192)
    pixels = re.search("<Pixels[^>]*>", said)
    assert pixels is not None
    found = dict(re.findall(r'(\w+)="([^"]*)"', pixels[0]))
    assert (found["SizeX"], found["SizeY"]) == ("192", "128")
    assert (float(found["PhysicalSizeX"]), float(found["PhysicalSizeY"])) == (0.1625, 0.1625)
    assert found["PhysicalSizeXUnit"] == "µm"
    assert "x" * 100_000 in said


def test_a_description_too_long_for_jpeg_is_left_out_alone_and_said(tmp_path: Path) -> None:
    ome(tmp_path / "a.ome.tif")
    picture = larger(tmp_path / "a.ome.tif")
    assert any("description" in said for said in left_out(picture, "b.jpg"))
    write(picture, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as other:
        assert other.getexif()[0x0131] == "tifffile.py"


def test_tifffiles_shape_is_the_new_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(), photometric="rgb")
    write(larger(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert '"shape": [128, 192, 3]' in tag(tmp_path / "b.tif", 270)
    assert read(tmp_path / "b.tif").aspect == (1, 1)  # as the file says: no unit


def test_a_resolution_in_centimetres_is_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(), photometric="rgb", resolution=(100, 50), resolutionunit="CENTIMETER")
    write(larger(tmp_path / "a.tif"), tmp_path / "b.tif")
    found = read(tmp_path / "b.tif").resolution
    assert found == pytest.approx((40, 20))
    data = (tmp_path / "b.tif").read_bytes()
    assert data[:4] == struct.pack("<2sH", b"II", 42)
