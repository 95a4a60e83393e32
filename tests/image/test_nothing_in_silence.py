"""Every writer and every property of a picture: it is in the file that came out, or a line says that it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from image.test_parts import VIDEO, ultra_hdr
from srgan.image import Picture, left_out, read, stream, write
from srgan.image.colour import Colour, profile
from srgan.image.parts import Part
from srgan.image.text import Text
from srgan.image.tiff_entries import Entry
from support import extras
from support import picture_samples as samples

WRITERS = ["jpg", "png", "webp", "avif", "tif", "gif", "bmp", "ppm", "heic", "jxl"]
STREAMED = ["jpg", "png", "tif", "ppm"]
P3 = Colour(12, 13)
GEO = Entry(0x830E, 12, 3, np.array([2.5, 2.5, 0.0]).tobytes())


def soft(channels: int = 3, dtype: Any = np.uint8) -> Any:
    """A ramp that survives lossy encoders, of as many levels as 16 bits need to be told from 8."""
    down, across = np.mgrid[0:24, 0:32]
    values = np.stack([(across * 6 + down * number) % 256 for number in range(1, channels + 1)], axis=2)
    return (
        (values * 257 + across[:, :, None]).clip(0, 65535).astype(dtype) if dtype == np.uint16 else values.astype(dtype)
    )


def with_alpha(*, half: bool) -> Any:
    pixels = soft(4)
    pixels[:, :, 3] = 255
    pixels[:10, :, 3] = 128 if half else 0
    return pixels


Check = Callable[[Picture], bool]


def depth_of(least: int) -> Check:
    return lambda back: back.depth >= least and back.pixels.dtype == np.uint16


def has_text(back: Picture) -> bool:
    return any("a tree" in text.text for text in back.texts) or b"a tree" in (back.xmp or b"")


def wide(back: Picture) -> bool:
    return back.icc is not None or back.colour == P3


def density(back: Picture) -> bool:
    return back.resolution is not None and bool(
        np.allclose(back.resolution, np.array((300, 150)) * 2 / 25.4, rtol=0.01)
    )


def shape(back: Picture) -> bool:
    return back.aspect is not None and abs(back.aspect[0] / back.aspect[1] - 2) < 0.01


CASES: dict[str, tuple[Callable[[], Picture], Check, str]] = {
    "16 bits": (lambda: Picture(soft(3, np.uint16), depth=16), depth_of(16), "of its 16 bits a channel"),
    "16 bits gray": (lambda: Picture(soft(1, np.uint16), depth=16), depth_of(16), "of its 16 bits a channel"),
    "16 bits from a program": (lambda: Picture(soft(4, np.uint16)), depth_of(16), "of its 16 bits a channel"),
    "12 bits": (lambda: Picture(soft(3, np.uint16), depth=12), depth_of(12), "of its 12 bits a channel"),
    "transparent": (
        lambda: Picture(with_alpha(half=False)),
        lambda back: back.has_alpha and not back.pixels[0, 0, 3] and back.pixels[-1, -1, 3] == 255,
        "transparency, which is laid on white",
    ),
    "half transparent": (
        lambda: Picture(with_alpha(half=True)),
        lambda back: back.has_alpha and abs(int(back.pixels[5, 5, 3]) - 128) < 3,
        "transparency",
    ),
    "many colours": (
        lambda: Picture(soft(), format="PNG"),
        lambda back: len(np.unique(back.pixels.reshape(-1, 3), axis=0)) > 256,
        "256 colours",
    ),
    "profile": (lambda: Picture(soft(), icc=profile(P3)), wide, "the colour profile"),
    "gray profile": (
        lambda: Picture(soft(1), icc=samples.gray_profile(1.8)),
        lambda back: back.icc is not None and back.pixels.shape[2] == 1,
        "the colour profile",
    ),
    "colour by numbers": (lambda: Picture(soft(), colour=P3), wide, "the colour profile"),
    "EXIF": (
        lambda: Picture(soft(), exif=samples.exif(orientation=1)),
        lambda back: back.exif is not None and samples.MAKER_NOTE in back.exif,
        "EXIF",
    ),
    "XMP": (lambda: Picture(soft(), xmp=samples.xmp(1)), lambda back: b"Maker 6" in (back.xmp or b""), "XMP"),
    "caption": (
        lambda: Picture(soft(), iptc=samples.photoshop_blocks()),
        lambda back: b"Hallo Welt!" in (back.iptc or b""),
        "the caption (IPTC)",
    ),
    "text": (lambda: Picture(soft(), texts=(Text("parameters", "a tree"),)), has_text, "text (parameters)"),
    "comment": (lambda: Picture(soft(), texts=(Text("Comment", "a tree"),)), has_text, "the comment"),
    "print size": (lambda: Picture(soft(), resolution=(300 / 25.4, 150 / 25.4)), density, "the print size (300 dots"),
    "shape of pixels": (lambda: Picture(soft(), aspect=(2.0, 1.0)), shape, "the shape of its pixels"),
    "place on the earth": (
        lambda: Picture(soft(), reference=(GEO,)),
        lambda back: [entry.tag for entry in back.reference] == [GEO.tag],
        "the place on the earth",
    ),
    "video": (
        lambda: Picture(soft(), parts=(Part("video", VIDEO),)),
        lambda back: [part.data for part in back.parts] == [VIDEO],
        "the video of the moving picture",
    ),
    "second eye": (
        lambda: Picture(soft(), parts=(Part("picture", b"\xff\xd8\xff"),)),
        lambda back: [part.kind for part in back.parts] == ["picture"],
        "another picture in the file",
    ),
}


def written(picture: Picture, path: Path, *, streamed: bool) -> Picture:
    pixels = picture.pixels.repeat(2, axis=0).repeat(2, axis=1)
    if streamed:
        with stream(picture, path, *pixels.shape[:2]) as sink:
            sink.write(pixels)
    else:
        write(picture.with_pixels(pixels, 2), path)
    return read(path)


def fate(picture: Picture, kept: Check, words: str, path: Path, *, streamed: bool) -> None:
    """Fail unless the property is in the file, or a line names it; and never both."""
    back = written(picture, path, streamed=streamed)
    said = [note for note in left_out(picture, path) if words in note]
    assert kept(back) != bool(said), f"kept: {kept(back)}; said: {left_out(picture, path)}"


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("end", WRITERS)
def test_it_is_in_the_file_or_a_line_says_that_it_is_not(end: str, what: str, tmp_path: Path) -> None:
    extras.need_format(end)
    make, kept, words = CASES[what]
    fate(make(), kept, words, tmp_path / f"a.{end}", streamed=False)


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("end", STREAMED)
def test_what_is_streamed_has_the_same(end: str, what: str, tmp_path: Path) -> None:
    make, kept, words = CASES[what]
    fate(make(), kept, words, tmp_path / f"a.{end}", streamed=True)


@pytest.mark.parametrize("end", WRITERS)
def test_a_gain_map_too(end: str, tmp_path: Path) -> None:
    extras.need_format(end)
    ultra_hdr(tmp_path / "a.jpg")
    found = replace(read(tmp_path / "a.jpg"), notes=())
    fate(
        found,
        lambda back: any(p.kind == "gain map" for p in back.parts),
        "gain map",
        tmp_path / f"b.{end}",
        streamed=False,
    )


@pytest.mark.parametrize("end", WRITERS)
def test_nothing_is_said_where_nothing_is_lost(end: str) -> None:
    """An opaque picture of 8 bits in sRGB; GIF's colours are the one loss."""
    opaque = soft(4)
    opaque[:, :, 3] = 255
    for picture in (Picture(soft()), Picture(opaque), Picture(soft(), icc=samples.srgb_profile())):
        assert left_out(picture, f"a.{end}") == (("all but 256 colours",) if end == "gif" else ())


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (37724, "Photoshop's layers: the picture is what they show together"),
        (50839, "ImageJ's overlays, labels and lookup tables"),
    ],
)
def test_what_programs_put_beside_the_pixels_of_tiff_is_said(tag: int, words: str, tmp_path: Path) -> None:
    extra = [(tag, 7, 8, b"8BIMrayL", True)]
    tifffile.imwrite(tmp_path / "a.tif", soft(), photometric="rgb", metadata=None, extratags=extra)
    assert left_out(read(tmp_path / "a.tif"), "b.tif") == (words,)
    with tifffile.TiffWriter(tmp_path / "d.tif") as file:
        file.write(soft(), photometric="rgb", subifds=1, metadata=None)
        file.write(soft()[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    assert left_out(read(tmp_path / "d.tif"), "b.tif") == ("pictures inside of the page: smaller copies, or more",)
