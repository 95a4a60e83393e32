"""EXIF data: corrected in three places, and apart from them what goes in is what Pillow reads out of each format."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from srgan.image import Picture, exif, left_out, probe, read, write
from support import picture_samples as samples

BLOCKS = ["jpg", "png", "webp", "avif"]


def picture(**metadata: Any) -> Picture:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return Picture(pixels, **metadata)


def block_of(path: Path) -> bytes:
    with Image.open(path) as file:
        return file.info["exif"].removeprefix(b"Exif\0\0")


# --- The correction --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("kind", ["short", "long"])
def test_orientation_and_size_are_corrected_and_nothing_else(order: str, prefix: bytes, kind: str) -> None:
    data = samples.exif(order, orientation=6, size_kind=kind)
    changed = exif.corrected(prefix + data, 1234, 567)
    assert changed is not None
    assert changed.startswith(prefix + data[:8])
    before, after = samples.tags(data), samples.tags(changed)
    assert before["first"][0x0112] == 6
    before["first"] |= {0x0100: 1234, 0x0101: 567, 0x0112: 1}
    before["camera"] |= {0xA002: 1234, 0xA003: 567}
    assert after == before
    # In bytes as well: each of the five numbers differs in its own field only.
    body = changed.removeprefix(prefix)
    differs = [i for i, (a, b) in enumerate(zip(data, body, strict=False)) if a != b]
    assert len(differs) <= 4 + 4 * 2 + 1 + 2  # sizes, orientation, link to the thumbnail


@pytest.mark.parametrize("order", "<>")
def test_a_size_too_large_for_its_type_gets_a_larger_type(order: str) -> None:
    changed = exif.corrected(samples.exif(order, size_kind="short"), 70_000, 100_000)
    assert changed is not None
    found = samples.tags(changed)
    assert (found["first"][0x0100], found["first"][0x0101]) == (70_000, 100_000)
    assert (found["camera"][0xA002], found["camera"][0xA003]) == (70_000, 100_000)


@pytest.mark.parametrize("order", "<>")
def test_the_old_thumbnail_goes(order: str) -> None:
    def link(data: bytes) -> int:
        count = struct.unpack_from(order + "H", data, 8)[0]
        return int(struct.unpack_from(order + "I", data, 10 + 12 * count)[0])

    data = samples.exif(order)
    assert link(data) > 0
    assert data.endswith(samples.thumbnail())
    changed = exif.corrected(data, 10, 10)
    assert changed is not None
    assert link(changed) == 0
    assert data.removesuffix(samples.thumbnail())[-200:-50] in changed
    assert len(changed) == len(data) - len(samples.thumbnail())


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dpi", [300, None])
def test_the_resolution_is_corrected_or_added(order: str, dpi: int | None) -> None:
    data = samples.exif(order, dpi=dpi)
    changed = exif.corrected(data, 40, 30, (1200 / 25.4, 600 / 25.4))
    assert changed is not None
    before, after = samples.tags(data), samples.tags(changed)
    assert (after["first"][0x011A], after["first"][0x011B], after["first"][0x0128]) == (1200, 600, 2)
    assert after == {**before, "first": before["first"] | {0x0112: 1, 0x011A: 1200, 0x011B: 600, 0x0128: 2}}
    assert exif.resolution(changed) == pytest.approx((1200 / 25.4, 600 / 25.4))


def test_the_resolution_in_centimetres() -> None:
    entries = [(0x011A, "rational", [(100, 1)]), (0x011B, "rational", [(101, 2)]), (0x0128, "short", [3])]
    data = b"II*\0\x08\0\0\0" + samples.directory(entries, "<", 8, 0)
    assert exif.resolution(data) == pytest.approx((10, 5.05))
    changed = exif.corrected(data, 1, 1, (40, 20.2))
    assert changed is not None
    assert exif.resolution(changed) == pytest.approx((40, 20.2))
    assert samples.tags(changed)["first"][0x0128] == 3


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["short", "long"])
def test_the_orientation_is_found(order: str, kind: str) -> None:
    head = b"II*\0" if order == "<" else b"MM\0*"
    for value in (*range(10), 65535):
        entries = [(0x0112, kind, [value])]
        data = head + struct.pack(order + "I", 8) + samples.directory(entries, order, 8, 0)
        assert exif.orientation(data) == (value if 1 <= value <= 8 else 1)
        assert exif.orientation(b"Exif\0\0" + data) == exif.orientation(data)
    assert exif.orientation(samples.exif(order, orientation=3)) == 3


# --- Damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"x", b"Exif\0\0", b"II*\0", b"XX*\0\x08\0\0\0\0\0", b"II*\0\xff\xff\xff\xff\1\0"]
)
def test_what_is_no_exif_data_is_dropped(data: bytes) -> None:
    assert exif.corrected(data, 10, 10, (1, 1)) is None
    assert exif.orientation(data) == 1
    assert exif.resolution(data) is None


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.sampled_from("<>"))
def test_damage_raises_nothing_and_moves_nothing(seed: int, order: str) -> None:
    """Random bytes overwritten, cut short anywhere: either dropped, or as long as before, or with a directory added."""
    chance = random.Random(seed)
    data = bytearray(samples.exif(order, dpi=chance.choice([None, 300])))
    for _ in range(chance.randrange(1, 30)):
        data[chance.randrange(min(len(data), 900))] = chance.choice([0, 1, 0xFF, chance.randrange(256)])
    del data[chance.randrange(8, len(data) + 1) :]
    assert 1 <= exif.orientation(bytes(data)) <= 8
    exif.resolution(bytes(data))
    same = exif.corrected(bytes(data), 160, 120)
    assert same is None or len(same) <= len(data)
    more = exif.corrected(bytes(data), 160, 120, (10, 10))
    assert more is None or len(more) <= len(data) + 12_100


@pytest.mark.parametrize("end", [*BLOCKS, "tif"])
@pytest.mark.parametrize("cut", [3, 9, 20, 200, 400, 700])
def test_a_picture_with_cut_exif_data_is_written_all_the_same(end: str, cut: int, tmp_path: Path) -> None:
    write(picture(exif=samples.exif()[:cut]), tmp_path / f"p.{end}", quality=100)
    back = read(tmp_path / f"p.{end}")
    assert (back.width, back.height) == (80, 60)
    with Image.open(tmp_path / f"p.{end}") as other:
        other.load()
        assert other.getexif().get(0x0112, 1) == 1


# --- In files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", BLOCKS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_it_stands_in_the_file_to_the_byte(end: str, order: str, prefix: bytes, tmp_path: Path) -> None:
    data = samples.exif(order)
    wanted = exif.corrected(data, 80, 60, (24, 24))
    assert wanted is not None
    write(picture(exif=prefix + data, resolution=(24, 24)), tmp_path / f"p.{end}")
    found = block_of(tmp_path / f"p.{end}")
    assert found[: len(wanted)] == wanted
    assert not any(found[len(wanted) :])
    assert samples.tags(found) == samples.tags(wanted)
    with Image.open(tmp_path / f"p.{end}") as other:
        other.load()
        assert np.asarray(other).std() > 50
    # And out of the file it comes as it went in.
    back = read(tmp_path / f"p.{end}").exif
    assert back is not None
    assert samples.tags(back) == samples.tags(wanted)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("source", ["jpg", "tif"])
def test_a_tiff_file_has_it_among_its_own_tags(order: str, source: str, tmp_path: Path) -> None:
    """Into TIFF, out of it, and into it again."""
    data = samples.exif(order)
    original = picture(exif=data, resolution=(24, 24))
    write(original, tmp_path / f"first.{source}", quality=100)
    first = read(tmp_path / f"first.{source}")
    write(first, tmp_path / "p.tif")
    with Image.open(tmp_path / "p.tif") as other:
        found = samples.all_tags(other.getexif())
        assert (other.width, other.height) == (80, 60)
        np.testing.assert_array_equal(np.asarray(other), first.pixels)
    wanted = exif.corrected(data, 80, 60, (24, 24))
    assert wanted is not None
    expected = samples.tags(wanted)
    assert found["camera"] == expected["camera"]
    assert found["camera"][0x927C] == samples.MAKER_NOTE
    assert found["place"] == expected["place"]
    for tag, value in expected["first"].items():
        if tag != 0x0112:
            near = pytest.approx(value, rel=1e-6) if tag in (0x011A, 0x011B) else value
            assert found["first"][tag] == near, hex(tag)
    assert found["first"].get(0x0112, 1) == 1


@pytest.mark.parametrize("end", [*BLOCKS, "tif"])
def test_no_exif_data_gives_none(end: str, tmp_path: Path) -> None:
    write(picture(), tmp_path / f"p.{end}")
    with Image.open(tmp_path / f"p.{end}") as other:
        assert "exif" not in other.info
    assert read(tmp_path / f"p.{end}").exif is None


@pytest.mark.parametrize("end", [*BLOCKS, "tif"])
def test_the_largest_that_a_jpeg_file_can_hold(end: str, tmp_path: Path) -> None:
    """Up to the last byte of a segment; of more, only PNG and TIFF have room for it, and the others say so."""
    short = samples.exif(filler=60_000)
    whole = samples.exif(filler=60_000 + exif.MAX_BYTES - len(short) + len(samples.thumbnail()) - len(short) % 2)
    wanted = exif.corrected(whole, 80, 60)
    assert wanted is not None
    assert exif.MAX_BYTES - 1 <= len(wanted) <= exif.MAX_BYTES
    write(picture(exif=whole), tmp_path / f"p.{end}")
    with Image.open(tmp_path / f"p.{end}") as other:
        found = samples.all_tags(other.getexif())
    assert found["camera"] == samples.tags(wanted)["camera"]
    assert found["first"][0xFDE8] == samples.tags(wanted)["first"][0xFDE8]
    larger = picture(exif=samples.exif(filler=70_000))
    write(larger, tmp_path / f"q.{end}")
    kept = end in ("png", "tif")
    assert bool(left_out(larger, tmp_path / f"q.{end}")) != kept
    with Image.open(tmp_path / f"q.{end}") as other:
        assert (0x010F in other.getexif()) == kept
    assert (read(tmp_path / f"q.{end}").width, read(tmp_path / f"q.{end}").height) == (80, 60)


# --- Upright ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("value", range(1, 9))
def test_each_orientation_is_turned_as_pillow_turns_it(end: str, value: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(value).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    about = Image.Exif()
    about[0x0112] = value
    options: dict[str, Any] = {"quality": 95} if end == "jpg" else {"lossless": True} if end == "webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"p.{end}", exif=about, dpi=(300, 200), **options)
    with Image.open(tmp_path / f"p.{end}") as other:
        expected = np.asarray(ImageOps.exif_transpose(other))
    found = read(tmp_path / f"p.{end}")
    np.testing.assert_allclose(found.pixels.astype(int), expected, atol=2 if end == "jpg" else 0)
    assert (found.height, found.width) == ((32, 24) if value >= 5 else (24, 32))
    header = probe(tmp_path / f"p.{end}")
    assert (header.width, header.height) == (found.width, found.height)
    if found.resolution is not None:
        across, down = (200, 300) if value >= 5 else (300, 200)
        assert found.resolution == pytest.approx((across / 25.4, down / 25.4), rel=1e-3)
    # What is written says upright, so that nothing turns it twice.
    write(found, tmp_path / "large.png")
    with Image.open(tmp_path / "large.png") as other:
        assert other.getexif().get(0x0112) == (1 if found.exif else None)
        np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(other)), found.pixels)


@pytest.mark.parametrize("value", range(1, 9))
def test_avif_is_turned_as_its_container_says(value: int, tmp_path: Path) -> None:
    """Pillow writes the orientation into the container, as the standard asks; there it counts, and in EXIF it does not."""
    pixels = np.zeros((40, 64, 3), np.uint8)
    pixels[:20, :32] = 255
    about = Image.Exif()
    about[0x0112] = value
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=about)
    with Image.open(tmp_path / "turned.png") as turned:
        upright = np.asarray(ImageOps.exif_transpose(turned))
    Image.fromarray(pixels).save(tmp_path / "p.avif", exif=about, quality=90)
    found = read(tmp_path / "p.avif")
    assert found.pixels.shape == upright.shape
    assert abs(found.pixels.astype(int) - upright).mean() < 4
    header = probe(tmp_path / "p.avif")
    assert (header.width, header.height) == (found.width, found.height)
