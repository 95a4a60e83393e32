"""Metadata that counts pixels, for a picture that was turned and enlarged: each number worked by hand."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.image import Picture, exif, iptc, read, write, xmp
from srgan.image.change import Change, Origin
from support import picture_samples as samples
from support.metadata import larger, noise

UPRIGHT = Change(Origin(48, 32), 192, 128)
TURNED = {value: Change(Origin(*((32, 48) if value >= 5 else (48, 32)), value), 128, 192) for value in range(5, 9)}


# --- Points ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_point_goes_where_its_pixel_goes(turn: int, tmp_path: Path) -> None:
    """Against the pixels: a white one in a black picture, turned by reading and enlarged four times."""
    stored = np.zeros((32, 48), np.uint8)
    stored[5, 20] = 255
    about = Image.Exif()
    about[0x0112] = turn
    Image.fromarray(stored).save(tmp_path / "a.png", exif=about)
    picture = larger(tmp_path / "a.png")
    assert picture.origin is not None
    rows, columns = np.nonzero(picture.pixels[:, :, 0])
    middle = columns.mean() + 0.5, rows.mean() + 0.5
    assert Change(picture.origin, picture.width, picture.height).point(20.5, 5.5) == pytest.approx(middle)


# --- EXIF ------------------------------------------------------------------------------------------------------------


def focal(order: str, turn: int, area: list[int]) -> bytes:
    camera = [
        (0x9214, "short", area),
        (0xA20E, "rational", [(2048, 1)]),
        (0xA20F, "rational", [(1024, 1)]),
        (0xA214, "short", [24, 16]),
    ]
    first = [(0x0112, "short", [turn]), (0x8769, "long", [8 + 2 + 2 * 12 + 4])]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = samples.directory(first, order, 8, 0)
    return head + body + samples.directory(camera, order, 8 + len(body), 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("turn", "area", "place", "focus"),
    [
        (1, (96, 64, 40, 32), (96, 64), (8192, 4096)),
        (6, (64, 96, 32, 40), (64, 96), (4096, 8192)),
        (3, (96, 64, 40, 32), (96, 64), (8192, 4096)),
    ],
)
def test_the_subject_and_the_sensor(order: str, turn: int, area: Any, place: Any, focus: Any) -> None:
    change = UPRIGHT if turn == 1 else TURNED[6] if turn == 6 else Change(Origin(48, 32, 3), 192, 128)
    changed = exif.corrected(focal(order, turn, [24, 16, 10, 8]), change.width, change.height, change=change)
    assert changed is not None
    found = samples.tags(changed)["camera"]
    assert (found[0x9214], found[0xA214], (found[0xA20E], found[0xA20F])) == (area, place, focus)


def test_a_place_beyond_65535_becomes_a_wider_number() -> None:
    change = Change(Origin(40_000, 30_000), 160_000, 120_000)
    changed = exif.corrected(focal("<", 1, [20_000, 15_000, 10, 8]), 160_000, 120_000, change=change)
    assert changed is not None
    assert samples.tags(changed)["camera"][0x9214] == (80_000, 60_000, 40, 32)


@pytest.mark.parametrize("area", [[24, 16], [24, 16, 10]])
def test_points_and_circles(area: list[int]) -> None:
    changed = exif.corrected(focal("<", 1, area), 192, 128, change=UPRIGHT)
    assert changed is not None
    assert samples.tags(changed)["camera"][0x9214] == tuple(4 * value for value in area)


# --- XMP -------------------------------------------------------------------------------------------------------------

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" {names} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
NAMES = {
    "tiff": xmp.TIFF,
    "exif": xmp.EXIF,
    "G": xmp.PANORAMA,
    "xmp": xmp.XAP,
    "mwg-rs": xmp.REGIONS,
    "stArea": xmp.AREA,
    "stDim": xmp.DIMENSIONS[0],
    "MPReg": xmp.MICROSOFT_REGION,
}


def packet(attributes: str = "", elements: str = "") -> bytes:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
    return HEAD.format(names=names, attributes=attributes, elements=elements).encode()


PANORAMA = {
    **{f"G:FullPano{side}Pixels": size for side, size in (("Width", (96, 384)), ("Height", (48, 192)))},
    **{f"G:CroppedAreaImage{side}Pixels": size for side, size in (("Width", (48, 192)), ("Height", (32, 128)))},
    **{f"G:CroppedArea{side}Pixels": size for side, size in (("Left", (7, 28)), ("Top", (9, 36)))},
    "G:PoseHeadingDegrees": ("350.5", "350.5"),
    "tiff:ImageWidth": (48, 192),
    "tiff:ImageLength": (32, 128),
    "tiff:XResolution": ("300/1", "1200/1"),
    "tiff:YResolution": ("300/1", "1200/1"),
    "exif:PixelXDimension": (48, 192),
    "exif:PixelYDimension": (32, 128),
    "exif:FocalPlaneXResolution": ("20481/10", "40962/5"),
    "exif:FocalPlaneYResolution": ("2048/1", "8192/1"),
}


@pytest.mark.parametrize("way", ["attributes", "elements"])
def test_sizes_are_corrected_and_nothing_else(way: str) -> None:
    def made(place: int) -> bytes:
        if way == "attributes":
            return packet(" ".join(f'{name}="{sizes[place]}"' for name, sizes in PANORAMA.items()))
        return packet(elements="".join(f"<{name}>{sizes[place]}</{name}>" for name, sizes in PANORAMA.items()))

    assert xmp.corrected(made(0), UPRIGHT) == made(1)


def test_the_files_own_resolution_counts_more_than_the_one_in_xmp() -> None:
    old = packet('tiff:XResolution="300/1" tiff:YResolution="300/1" tiff:ResolutionUnit="3"')
    assert b'tiff:XResolution="200/1"' in xmp.corrected(old, UPRIGHT, (20.0, 20.0))


def test_subject_and_thumbnails() -> None:
    area = "<exif:SubjectArea><rdf:Seq>" + "".join(f"<rdf:li>{n}</rdf:li>" for n in (24, 16, 10, 8))
    thumbnail = "<xmp:Thumbnails><rdf:Alt><rdf:li>/9j/4AAQ</rdf:li></rdf:Alt></xmp:Thumbnails>"
    said = xmp.corrected(packet(elements=area + "</rdf:Seq></exif:SubjectArea>" + thumbnail), TURNED[6]).decode()
    assert "<rdf:li>64</rdf:li><rdf:li>96</rdf:li><rdf:li>32</rdf:li><rdf:li>40</rdf:li>" in said
    assert "Thumbnails" not in said.split("rdf:about")[1].split(">", 1)[1]


def regions(size: tuple[int, int], area: tuple[float, float, float, float], *, elements: bool) -> str:
    x, y, w, h = (f"{value:.6g}" for value in area)
    if elements:
        drawn = f"<stDim:w>{size[0]}</stDim:w><stDim:h>{size[1]}</stDim:h>"
        inner = f"<stArea:x>{x}</stArea:x><stArea:y>{y}</stArea:y><stArea:w>{w}</stArea:w><stArea:h>{h}</stArea:h>"
        return (
            f"<mwg-rs:AppliedToDimensions rdf:parseType='Resource'>{drawn}</mwg-rs:AppliedToDimensions>"
            f"<mwg-rs:Area rdf:parseType='Resource'>{inner}</mwg-rs:Area>"
        )
    return (
        f'<mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/>'
        f'<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" stArea:unit="normalized"/>'
    )


@pytest.mark.parametrize("elements", [False, True])
def test_faces_stay_on_their_heads(elements: bool) -> None:
    area = (0.25, 0.125, 0.1, 0.2)
    old = packet(elements=regions((48, 32), area, elements=elements))
    assert xmp.corrected(old, UPRIGHT) == packet(elements=regions((192, 128), area, elements=elements))
    turned = regions((128, 192), (0.875, 0.25, 0.2, 0.1), elements=elements)
    assert xmp.corrected(old, TURNED[6]) == packet(elements=turned)
    # Drawn on the upright picture: only its size is another.
    drawn = packet(elements=regions((32, 48), area, elements=elements))
    assert xmp.corrected(drawn, TURNED[6]) == packet(elements=regions((128, 192), area, elements=elements))


def test_microsofts_faces() -> None:
    old = packet('MPReg:Rectangle="0.2, 0.025, 0.1, 0.2"')
    assert b'MPReg:Rectangle="0.775, 0.2, 0.2, 0.1"' in xmp.corrected(old, TURNED[6])
    assert xmp.corrected(old, UPRIGHT) == old


@pytest.mark.parametrize("data", [b"", b"x", b"\xff\xfe<\0x\0", b"<x:xmpmeta>" * 1000, packet()[:300]])
def test_what_is_no_packet_is_left_alone(data: bytes) -> None:
    assert xmp.corrected(data, UPRIGHT) == data


# --- Photoshop's blocks ----------------------------------------------------------------------------------------------


def block(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)


def guides(*places: tuple[float, int]) -> bytes:
    body = b"".join(struct.pack(">iB", round(32 * place), level) for place, level in places)
    return struct.pack(">4I", 1, 576, 576, len(places)) + body


def resolution(dpi: float) -> bytes:
    return struct.pack(">I2HI2H", round(dpi * 65536), 1, 1, round(dpi * 65536), 1, 1)


def test_photoshops_blocks() -> None:
    """Resolution and guides follow; thumbnails go, and slices; captions and the rest stay to the byte."""
    kept = block(0x0404, samples.caption()) + block(0x03F3, bytes(9))
    stale = block(0x0409, b"JFIF" * 50) + block(0x040C, b"JFIF" * 51) + block(0x041A, bytes(7))
    old = iptc.HEAD + kept + block(0x03ED, resolution(300)) + block(0x0408, guides((12, 0), (20.5, 1))) + stale
    new = iptc.HEAD + kept + block(0x03ED, resolution(1200))
    grid = struct.pack(">4I", 1, 2304, 2304, 2) + guides((48, 0), (82, 1))[16:]
    assert iptc.corrected(old, UPRIGHT) == new + block(0x0408, grid)
    said = iptc.corrected(old, UPRIGHT, (600 / 25.4, 600 / 25.4)) or b""
    assert block(0x03ED, resolution(600)) in said
    turned = iptc.corrected(old, TURNED[6]) or b""
    grid = struct.pack(">4I", 1, 2304, 2304, 2) + guides((48, 1), (128 - 82, 0))[16:]
    assert block(0x0408, grid) in turned


@pytest.mark.parametrize("end", ["jpg", "tif", "png"])
def test_photoshops_blocks_go_along(end: str, tmp_path: Path) -> None:
    blocks = iptc.HEAD + block(0x03F3, bytes(range(9))) + block(0x0404, samples.caption())
    blocks += block(0x03ED, resolution(300)) + block(0x1234, bytes(100_000))
    write(Picture(noise(), iptc=blocks), tmp_path / f"a.{end}")
    write(larger(tmp_path / f"a.{end}"), tmp_path / f"b.{end}")
    assert read(tmp_path / f"b.{end}").iptc == blocks.replace(resolution(300), resolution(1200))


def test_photoshops_paths_turn_with_the_picture() -> None:
    """Knots are shares of the picture, down and across, in 8.24 fixed numbers: of an enlarged one they stay."""

    def path(*knots: tuple[float, float]) -> bytes:
        records = struct.pack(">H24x", 6) + struct.pack(">HH22x", 0, len(knots))
        for x, y in knots:
            records += struct.pack(">H6i", 1, *[round(value * (1 << 24)) for value in (y, x)] * 3)
        return block(0x07D0, records)

    old = iptc.HEAD + path((0.25, 0.5), (0.75, 0.125))
    assert iptc.corrected(old, UPRIGHT) == old
    # Turned by 90 degrees clockwise, what was down from the top is now from the right.
    assert iptc.corrected(old, TURNED[6]) == iptc.HEAD + path((0.5, 0.25), (0.875, 0.75))


def test_the_related_sizes_of_interoperability_are_the_new_ones() -> None:
    def entries(*records: tuple[int, int, int]) -> bytes:
        return (
            struct.pack("<H", len(records))
            + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in records)
            + bytes(4)
        )

    size = 2 + 12 + 4
    data = b"II*\0" + struct.pack("<I", 8) + entries((0x8769, 4, 8 + size)) + entries((0xA005, 4, 8 + 2 * size))
    data += entries((0x1001, 4, 48), (0x1002, 3, 32))
    out = exif.corrected(data, 192, 128, change=UPRIGHT)
    assert out is not None
    assert out[8 + 2 * size :] == entries((0x1001, 4, 192), (0x1002, 3, 128))
