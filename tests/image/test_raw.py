"""Cameras' raw files: developed with the camera's white, upright, in 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan.image import probe, read, write
from support import picture_samples as samples
from support.metadata import larger


@pytest.mark.extra("formats")
def test_a_raw_file_is_developed_with_the_cameras_white(tmp_path: Path) -> None:
    samples.dng(tmp_path / "a.dng")
    header = probe(tmp_path / "a.dng")
    assert (header.format, header.depth) == ("camera raw", 16)
    found = read(tmp_path / "a.dng")
    assert (found.width, found.height) == (header.width, header.height)
    assert found.pixels.dtype == np.uint16
    red, green, blue = found.pixels[10:-10, 10:-10].reshape(-1, 3).mean(axis=0) / 65535
    assert abs(red - green) < 0.05, "gray is gray"
    assert abs(blue - green) < 0.05, "gray is gray"
    assert samples.tags(found.exif or b"")["first"][271] == "Maker"
    assert found.notes == ("the unprocessed values of the sensor",)
    write(larger(tmp_path / "a.dng"), tmp_path / "b.tif")
    assert read(tmp_path / "b.tif").depth == 16


@pytest.mark.extra("formats")
def test_a_raw_file_of_an_upright_camera_is_turned(tmp_path: Path) -> None:
    samples.dng(tmp_path / "a.dng", turn=6)
    header = probe(tmp_path / "a.dng")
    assert header.height > header.width
    found = read(tmp_path / "a.dng")
    assert found.pixels.shape[:2] == (header.height, header.width)
    write(found, tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").pixels.shape[:2] == (header.height, header.width)
