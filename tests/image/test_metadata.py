"""What belongs to a picture, from file to file: kept, corrected, or said; nothing that no file said is made up."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, PngImagePlugin

from srgan.image import left_out, probe, read, write
from support.metadata import add_chunks, chunks, larger, noise

# --- No default for the file's word ----------------------------------------------------------------------------------


def silent(kind: str, folder: Path) -> Path:
    """A file that says nothing of its resolution, as Pillow and tifffile write it."""
    path = folder / f"silent.{kind}"
    if kind == "tif":
        tifffile.imwrite(path, noise(), photometric="rgb", metadata=None)
    else:
        Image.fromarray(noise()).save(path, **({"dpi": (0, 0)} if kind == "bmp" else {}))
    return path


@pytest.mark.parametrize("source", ["png", "jpg", "bmp", "webp", "avif", "gif", "ppm"])
@pytest.mark.parametrize("target", ["png", "jpg", "tif", "bmp", "webp"])
def test_no_resolution_appears_out_of_nowhere(source: str, target: str, tmp_path: Path) -> None:
    path = silent(source, tmp_path)
    assert read(path).resolution is None
    write(larger(path), tmp_path / f"large.{target}")
    with Image.open(tmp_path / f"large.{target}") as other:
        dpi = other.info.get("dpi")
        if target == "tif":
            assert not {0x011A, 0x011B, 0x0128} & set(other.tag_v2)
        elif target == "jpg":
            assert (other.info["jfif_unit"], other.info["jfif_density"]) == (0, (1, 1))
        else:
            assert dpi in (None, (0, 0))
    if target == "png":
        assert b"pHYs" not in chunks(tmp_path / "large.png")


def test_libvips_own_word_is_one(tmp_path: Path) -> None:
    """libvips writes pHYs into every PNG file: in the file it is the file's word."""
    image = pyvips.Image.new_from_array(noise()).copy(interpretation="srgb")
    image.pngsave(str(tmp_path / "a.png"))
    write(larger(tmp_path / "a.png"), tmp_path / "b.png")
    assert chunks(tmp_path / "b.png")[b"pHYs"] == struct.pack(">IIB", 4000, 4000, 1)


@pytest.mark.parametrize("target", ["png", "jpg", "tif"])
def test_pixels_that_are_not_square_stay_so(target: str, tmp_path: Path) -> None:
    """A ratio without a unit is a ratio still: JFIF's, PNG's."""
    Image.fromarray(noise()).save(tmp_path / "a.png")
    add_chunks(tmp_path / "a.png", (b"pHYs", struct.pack(">IIB", 12, 11, 0)))
    write(larger(tmp_path / "a.png"), tmp_path / f"b.{target}")
    found = read(tmp_path / f"b.{target}")
    assert found.resolution is None
    assert found.aspect is not None
    assert found.aspect[0] / found.aspect[1] == pytest.approx(12 / 11)


# --- Pages -----------------------------------------------------------------------------------------------------------


def pyramid(path: Path, *, mask: bool = False) -> None:
    with tifffile.TiffWriter(path) as file:
        for size in (64, 32, 16):
            file.write(noise(size, size), photometric="rgb", subfiletype=int(size < 64), metadata=None)
        if mask:
            file.write(noise(64, 64, 1)[:, :, 0] > 127, photometric="minisblack", subfiletype=4, metadata=None)
        file.write(noise(40, 40), photometric="rgb", subfiletype=2, metadata=None)


def test_smaller_copies_and_masks_are_no_pages(tmp_path: Path) -> None:
    pyramid(tmp_path / "a.tif", mask=True)
    assert probe(tmp_path / "a.tif").pages == 2
    first, second = (read(tmp_path / "a.tif", page=page) for page in range(2))
    assert (first.width, second.width) == (64, 40)
    np.testing.assert_array_equal(second.pixels, noise(40, 40))
    assert first.notes == ("2 smaller copies of the picture", "1 transparency mask")
    assert left_out(first, "b.tif") == first.notes


def test_where_all_are_smaller_copies_all_are_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for size in (32, 16):
            file.write(noise(size, size), photometric="rgb", subfiletype=1, metadata=None)
    assert probe(tmp_path / "a.tif").pages == 2
    assert read(tmp_path / "a.tif", page=1).width == 16


# --- Texts -----------------------------------------------------------------------------------------------------------

PROMPT = "a tree, masterpiece\nNegative prompt: grass\nSteps: 20, Seed: 968002204"
WORKFLOW = '{"nodes": [1, 2], "title": "ä☆"}'


def prompted(path: Path) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("parameters", PROMPT)
    about.add_itxt("workflow", WORKFLOW, "en", "Arbeit")
    about.add_text("Author", "Jane Doe", zip=True)
    about.add_text("long", "x" * 100_000)
    Image.fromarray(noise()).save(path, pnginfo=about)


def test_texts_go_along_in_png(tmp_path: Path) -> None:
    prompted(tmp_path / "a.png")
    picture = larger(tmp_path / "a.png")
    write(picture, tmp_path / "b.png")
    assert not left_out(picture, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as other:
        texts = other.text
    assert dict(texts) == {"parameters": PROMPT, "workflow": WORKFLOW, "Author": "Jane Doe", "long": "x" * 100_000}
    assert (texts["workflow"].lang, texts["workflow"].tkey) == ("en", "Arbeit")
    assert read(tmp_path / "b.png").texts == picture.texts


def test_texts_behind_the_pixels_count_too(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    body = b"tEXtComment\0late"
    late = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(data[:-12] + late + data[-12:])
    assert [(text.keyword, text.text) for text in read(tmp_path / "a.png").texts] == [("Comment", "late")]


@pytest.mark.parametrize("target", ["tif", "webp", "avif"])
def test_texts_become_xmp_where_there_are_none(target: str, tmp_path: Path) -> None:
    prompted(tmp_path / "a.png")
    write(larger(tmp_path / "a.png"), tmp_path / f"b.{target}")
    xmp = (read(tmp_path / f"b.{target}").xmp or b"").decode()
    assert "<dc:creator><rdf:Seq><rdf:li>Jane Doe</rdf:li></rdf:Seq></dc:creator>" in xmp
    assert f"<PNG:parameters>{PROMPT}</PNG:parameters>" in xmp
    assert f"<PNG:workflow>{WORKFLOW}</PNG:workflow>" in xmp


def test_texts_become_comments_in_jpeg(tmp_path: Path) -> None:
    prompted(tmp_path / "a.png")
    write(larger(tmp_path / "a.png"), tmp_path / "b.jpg")
    texts = [text.text for text in read(tmp_path / "b.jpg").texts]
    assert texts[:3] == [f"parameters: {PROMPT}", f"workflow: {WORKFLOW}", "Author: Jane Doe"]
    assert "".join(texts[3:]) == "long: " + "x" * 100_000


@pytest.mark.parametrize("target", ["jpg", "gif", "png"])
@pytest.mark.parametrize("source", ["jpg", "gif"])
def test_comments_go_along(source: str, target: str, tmp_path: Path) -> None:
    said = "Grüße aus Köln " * 30
    Image.fromarray(noise()).save(tmp_path / f"a.{source}", comment=said.encode())
    write(larger(tmp_path / f"a.{source}"), tmp_path / f"b.{target}")
    assert [(text.keyword, text.text) for text in read(tmp_path / f"b.{target}").texts] == [("Comment", said)]
    with Image.open(tmp_path / f"b.{target}") as other:
        other.load()
        comment = other.info.get("comment") or other.info["Comment"]
        assert comment in (said, said.encode())


@pytest.mark.parametrize("target", ["bmp", "ppm"])
def test_what_has_no_place_is_said(target: str, tmp_path: Path) -> None:
    prompted(tmp_path / "a.png")
    (said,) = left_out(larger(tmp_path / "a.png"), f"b.{target}")
    assert "text (parameters, workflow, Author, long)" in said


def test_a_text_that_unpacks_to_gigabytes_is_left_out_and_said(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    add_chunks(tmp_path / "a.png", (b"zTXt", b"bomb\0\0" + zlib.compress(bytes(100_000_000), 9)))
    found = read(tmp_path / "a.png")
    assert (found.texts, found.notes) == ((), ("1 damaged or enormous text",))
