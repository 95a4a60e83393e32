"""OpenEXR and Radiance: linear light becomes values as displays show them, and what does not fit is said."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import OpenEXR
import pytest

from srgan.errors import ImageReadError, ImageTooLargeError
from srgan.image import left_out, probe, read


def light(channels: int = 3) -> Any:
    return np.random.default_rng(0).random((9, 12, channels)).astype(np.float32)


def shown(linear: Any) -> Any:
    """IEC 61966-2-1."""
    linear = np.clip(linear.astype(np.float64), 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 65535


def exr(path: Path, channels: dict[str, Any], **header: Any) -> Path:
    kinds = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(kinds | header, channels).write(str(path))
    return path


def test_light_becomes_values_by_srgbs_curve(tmp_path: Path) -> None:
    path = exr(tmp_path / "a.exr", {"RGB": light()})
    header = probe(path)
    assert (header.format, header.width, header.height, header.bands, header.depth) == ("OpenEXR", 12, 9, 3, 32)
    picture = read(path)
    assert picture.pixels.dtype == np.uint16
    assert np.abs(picture.pixels - shown(light())).max() <= 1
    assert left_out(picture, "a.png") == ("all but 16 of its 32 bits a channel",)


def test_gray_half_floats_and_alpha(tmp_path: Path) -> None:
    values, alpha = light(1)[:, :, 0], np.full((9, 12), 0.5, np.float16)
    gray = read(exr(tmp_path / "y.exr", {"Y": values.astype(np.float16)}))
    assert gray.pixels.shape == (9, 12, 1)
    assert np.abs(gray.pixels[:, :, 0] - shown(values.astype(np.float16))).max() <= 1
    both = read(exr(tmp_path / "a.exr", {"RGBA": np.dstack([light() * 0.5, alpha]).astype(np.float32)}))
    assert np.abs(both.pixels[:, :, :3] - shown(light())).max() <= 1  # no longer multiplied with alpha
    assert set(np.unique(both.pixels[:, :, 3])) == {32768}


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    values = light()
    values[0, 0] = (13.2, -0.5, np.nan)
    path = exr(tmp_path / "a.exr", {"RGB": values, "Z": values[:, :, 0].copy(), "ao": values[:, :, 0].copy()})
    picture = read(path)
    assert picture.pixels[0, 0].tolist() == [65535, 0, 0]
    said = "; ".join(picture.notes)
    for words in ("1 values that are no numbers", "of up to 13.2, in 0.31 %", "negative light", "the channels Z, ao"):
        assert words in said


def test_a_picture_of_sunlight_is_not_white(tmp_path: Path) -> None:
    picture = read(exr(tmp_path / "a.exr", {"RGB": light() * 4000}))
    assert np.median(picture.pixels) < 60000
    assert any("times darker" in note for note in picture.notes)


def test_its_primaries_become_a_profile(tmp_path: Path) -> None:
    wide = (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329)  # BT.2020
    picture = read(exr(tmp_path / "a.exr", {"RGB": light()}, chromaticities=wide))
    assert picture.icc is not None
    srgb = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    assert read(exr(tmp_path / "b.exr", {"RGB": light()}, chromaticities=srgb)).icc is None


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    across, down = read(exr(tmp_path / "a.exr", {"RGB": light()}, pixelAspectRatio=2.0)).aspect or (0, 0)
    assert down / across == 2


@pytest.mark.parametrize(
    "turn", ["-Y %d +X %d", "+Y %d +X %d", "-Y %d -X %d", "+Y %d -X %d", "+X %d +Y %d", "-X %d -Y %d"]
)
def test_radiance_is_turned_as_its_header_says(turn: str, tmp_path: Path) -> None:
    values = light()
    stored = (
        values if "Y" in turn[:2] else values.transpose(1, 0, 2)
    )  # the first axis of the file is in the order of rows
    stored = stored[::-1] if turn[0] == ("+" if turn[1] == "Y" else "-") else stored
    stored = stored[:, ::-1] if turn[6] == ("-" if turn[7] == "X" else "+") else stored
    data = imagecodecs.rgbe_encode(np.ascontiguousarray(stored), header=True)
    body = data[data.index(b"\n\n") :]
    body = body[body.index(b"\n", 2) + 1 :]
    head = b"#?RADIANCE\n# by a test\nEXPOSURE=1.0\nFORMAT=32-bit_rle_rgbe\n\n" + (turn % stored.shape[:2]).encode()
    (tmp_path / "a.hdr").write_bytes(head + b"\n" + body)
    assert (probe(tmp_path / "a.hdr").width, probe(tmp_path / "a.hdr").height) == (12, 9)
    picture = read(tmp_path / "a.hdr")
    wrong = np.abs(picture.pixels - shown(values)) / 65535
    assert wrong.max() < 0.05  # of values that share an exponent, the small ones are coarse
    assert wrong.mean() < 0.003


def test_damage_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = imagecodecs.rgbe_encode(light(), header=True)
    for number, bad in enumerate((data[:-30], data[:20], b"#?RADIANCE\n\nno size\n", b"#?RADIANCE\n\n-Y 0 +X 3\n")):
        (tmp_path / f"{number}.hdr").write_bytes(bad)
        with pytest.raises(ImageReadError, match="damaged, cut short"):
            read(tmp_path / f"{number}.hdr")
    whole = exr(tmp_path / "a.exr", {"RGB": light()}).read_bytes()
    for number, bad in enumerate((whole[:50], whole[:-40])):
        (tmp_path / f"{number}.exr").write_bytes(bad)
        with pytest.raises(ImageReadError, match="damaged, cut short"):
            read(tmp_path / f"{number}.exr")
    assert capsys.readouterr().out == ""


def test_bombs_are_refused_by_their_headers(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 90000 +X 90000\n" + bytes(99))
    with pytest.raises(ImageTooLargeError):
        read(tmp_path / "a.hdr")
    data = exr(tmp_path / "a.exr", {"RGB": light()}).read_bytes()
    window = b"dataWindow\0box2i\0\x10\0\0\0"
    at = data.index(window) + len(window)
    (tmp_path / "b.exr").write_bytes(data[:at] + struct.pack("<4i", 0, 0, 89_999, 89_999) + data[at + 16 :])
    with pytest.raises(ImageTooLargeError):
        read(tmp_path / "b.exr")
