"""HEIC: pixels, profiles and metadata there and back; what else is in the file is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from srgan.image import Picture, left_out, read, write
from support import picture_samples as samples
from support.metadata import larger, noise, smooth


@pytest.mark.extra("formats")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_heic_comes_back(channels: int, tmp_path: Path) -> None:
    write(Picture(smooth(channels)), tmp_path / "a.heic")
    found = read(tmp_path / "a.heic")
    expected = smooth(channels)
    expected = expected if channels != 2 else expected[:, :, [0, 0, 0, 1]]
    assert abs(found.pixels.astype(int) - expected).mean() < 3
    assert (found.format, found.depth) == ("HEIC", 8)


@pytest.mark.extra("formats")
def test_heic_of_10_bits_has_its_white_at_the_end(tmp_path: Path) -> None:
    write(Picture(smooth(dtype=np.uint16)), tmp_path / "a.heic", quality=100)
    found = read(tmp_path / "a.heic")
    assert (found.depth, found.pixels.dtype) == (10, np.uint16)
    assert abs(found.pixels.astype(int) - smooth(dtype=np.uint16)).mean() < 200
    write(Picture(np.full((32, 32, 3), 65535, np.uint16)), tmp_path / "b.heic", quality=100)
    assert read(tmp_path / "b.heic").pixels.min() > 65_400


@pytest.mark.extra("formats")
def test_what_belongs_to_a_heic_picture(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write(Picture(smooth(), icc=profile, exif=samples.exif(orientation=1), xmp=samples.xmp(1)), tmp_path / "a.heic")
    write(larger(tmp_path / "a.heic"), tmp_path / "b.heic")
    found = read(tmp_path / "b.heic")
    assert (found.icc, found.xmp) == (profile, samples.xmp(1))
    tags = samples.tags(found.exif or b"")
    assert (tags["first"][0x0100], tags["camera"][0xA003], tags["camera"][0x927C]) == (192, 128, samples.MAKER_NOTE)


@pytest.mark.extra("formats")
def test_display_p3_of_a_phone_is_kept(tmp_path: Path) -> None:
    """By nclx, without a profile: code points 12 and 13."""
    import pillow_heif

    made = pillow_heif.from_bytes("RGB", (48, 32), smooth().tobytes())
    made.save(tmp_path / "a.heic", color_primaries=12, transfer_characteristics=13, matrix_coefficients=6)
    assert read(tmp_path / "a.heic").icc is None
    write(larger(tmp_path / "a.heic"), tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").icc is not None
    write(larger(tmp_path / "a.heic"), tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as other:
        other.load()
        assert b"cICP\x0c\x0d\0\1" in (tmp_path / "b.png").read_bytes()


@pytest.mark.extra("formats")
def test_other_pictures_in_the_file_are_said(tmp_path: Path) -> None:
    import pillow_heif

    made = pillow_heif.from_bytes("RGB", (48, 32), smooth().tobytes())
    made.add_frombytes("RGB", (48, 32), noise().tobytes())
    made.save(tmp_path / "a.heic")
    assert left_out(read(tmp_path / "a.heic"), "b.png") == ("1 more picture in the file",)
