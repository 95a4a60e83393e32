"""The quality that a JPEG file was saved with: as its writer was told, and never a crash."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srgan.image import read
from srgan.image.jpeg import quality
from support import picture_samples as samples


def saved(**options: Any) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("asked", range(1, 101))
def test_the_quality_is_what_the_writer_was_told(asked: int) -> None:
    assert quality(io.BytesIO(saved(quality=asked))) == asked


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"subsampling": "4:4:4"},
        {"exif": samples.exif(filler=30_000), "icc_profile": samples.srgb_profile() * 40},  # several segments before
    ],
)
def test_however_the_file_is_built(options: dict[str, Any]) -> None:
    assert quality(io.BytesIO(saved(quality=77, **options))) == 77


def test_other_writers_and_tables() -> None:
    image = pyvips.Image.new_from_array(np.full((24, 32, 3), 99, np.uint8))
    assert quality(io.BytesIO(image.jpegsave_buffer(Q=61))) == 61
    assert quality(io.BytesIO(saved(qtables=[[255] * 64, [1] * 64]))) == 1
    assert quality(io.BytesIO(saved(qtables=[[1] * 64]))) == 100


def test_tables_of_16_bits_and_fill_bytes() -> None:
    table = struct.pack(">64H", *[300] * 64)
    segment = b"\xff\xff\xff\xdb" + struct.pack(">H", 2 + 65 + 129) + b"\x01" + bytes([9] * 64) + b"\x10" + table
    assert quality(io.BytesIO(b"\xff\xd8" + segment)) == 1  # table 0, not table 1


@given(st.binary(max_size=200), st.integers(0, 700))
def test_damaged_files_have_none_or_a_quality(noise: bytes, kept: int) -> None:
    for data in (noise, b"\xff\xd8" + noise, saved(quality=50)[:kept] + noise):
        assert quality(io.BytesIO(data)) in (None, *range(1, 101))
    assert quality(io.BytesIO(saved(quality=50)[:20])) is None


def test_a_picture_knows_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(quality=42))
    assert read(tmp_path / "a.jpg").jpeg_quality == 42
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").jpeg_quality is None
