"""What belongs to a PIL image and comes back with its result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

import srgan

MAKE, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x10F, 0x112, 0x11A, 0x11B, 0x128
EXIF_FOLDER, PIXELS_ACROSS, PIXELS_DOWN = 0x8769, 0xA002, 0xA003


def photograph(orientation: int = 6) -> Image.Image:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    about = Image.Exif()
    about.update({MAKE: "Maker", ORIENTATION: orientation, X_RESOLUTION: 72.0, Y_RESOLUTION: 72.0, UNIT: 2})
    about.get_ifd(EXIF_FOLDER).update({PIXELS_ACROSS: 30, PIXELS_DOWN: 20})
    image.info |= {"exif": about.tobytes(), "dpi": (72, 72)}
    return image


def test_exif_stays_and_counts_the_new_pixels(upscaler: srgan.Upscaler, tmp_path: Path) -> None:
    large = upscaler(photograph())
    assert large.size == (60, 40)
    about = large.getexif()
    assert about[MAKE] == "Maker"
    assert about[ORIENTATION] == 6, "the pixels were not turned"
    assert (about[X_RESOLUTION], about[Y_RESOLUTION]) == (144, 144)
    assert (about.get_ifd(EXIF_FOLDER)[PIXELS_ACROSS], about.get_ifd(EXIF_FOLDER)[PIXELS_DOWN]) == (60, 40)
    large.save(tmp_path / "a.jpg", exif=large.info["exif"], dpi=large.info["dpi"])
    with Image.open(tmp_path / "a.jpg") as saved:
        assert saved.info["dpi"] == (144, 144)
        assert saved.getexif()[MAKE] == "Maker"


def test_the_print_stays_as_large(upscaler: srgan.Upscaler, model: Path) -> None:
    assert upscaler(photograph()).info["dpi"] == (144, 144)
    assert srgan.Upscaler(model, width=45)(photograph()).info["dpi"] == (108, 108)


@pytest.mark.parametrize(
    ("dpi", "after"),
    [
        ((IFDRational(300, 1), IFDRational(150, 1)), (600, 300)),
        ((0, 0), None),
        ((IFDRational(1, 0), IFDRational(1, 0)), None),
        (300, None),
        (None, None),
    ],
)
def test_what_stands_for_the_print_size_in_files(upscaler: srgan.Upscaler, dpi: object, after: object) -> None:
    image = Image.new("L", (4, 4))
    if dpi is not None:
        image.info["dpi"] = dpi
    assert upscaler(image).info.get("dpi") == after


def test_an_empty_image_is_one_line(upscaler: srgan.Upscaler) -> None:
    with pytest.raises(srgan.SrganError, match="is empty"):
        upscaler(Image.new("L", (0, 3)))
