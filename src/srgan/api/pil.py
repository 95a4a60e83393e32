"""PIL images: to an array, and the result back into an image, with what belongs to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ImageReadError, UsageError
from srgan.image import exif
from srgan.image.change import Change, Origin

_MODES = {"L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "I;16": "I;16", "1": "L", "La": "LA", "RGBa": "RGBA"}
_OTHER_SPACES = ("CMYK", "YCbCr", "LAB", "HSV")


def is_pil(image: object) -> bool:
    """Return whether it is a PIL image, without importing PIL for it."""
    return any(kind.__module__.split(".")[0] == "PIL" for kind in type(image).__mro__)


def pixels_of(image: Any) -> NDArray[Any]:
    """Return an image's pixels: HW or HWC, uint8 or uint16; gray, RGB, with alpha where it is transparent.

    Raises
    ------
    UsageError
        if its mode has no range (``F``, ``I``), or it is empty
    ImageReadError
        if its file is damaged: Pillow decodes only now
    """
    if image.mode in ("F", "I"):
        raise UsageError(f"a PIL image of mode {image.mode} has no range: convert it to L, RGB or I;16")
    mode = _mode(image)
    deep = image.mode.startswith("I;16")  # in either order of bytes; Pillow would clip it to 8 bits
    try:
        picture = np.array(image if image.mode == mode or deep else image.convert(mode))
    except OSError as error:
        raise ImageReadError(f"cannot read the PIL image ({error}): get the picture again") from None
    return picture.astype(np.uint16) if deep else picture


def image_of(pixels: NDArray[Any], source: Any) -> Any:
    """Return the enlarged pixels as a PIL image that has the profile, EXIF and print size of its source.

    EXIF counts the new pixels and loses its thumbnail; its orientation stays, as the pixels are not turned. A profile of
    CMYK or gray values does not go along with the RGB that they became.
    """
    from PIL import Image

    large = Image.fromarray(pixels)
    info = source.info
    if "icc_profile" in info and _is_rgb(source.mode) == _is_rgb(_mode(source)) and source.mode not in _OTHER_SPACES:
        large.info["icc_profile"] = info["icc_profile"]
    factors = large.width / source.width, large.height / source.height
    dpi = _pair(info.get("dpi"))
    if dpi is not None:
        large.info["dpi"] = dpi[0] * factors[0], dpi[1] * factors[1]
    if isinstance(info.get("exif"), bytes):
        large.info["exif"] = _exif(info["exif"], source, large, factors)
    return large


def _exif(data: bytes, source: Any, large: Any, factors: tuple[float, float]) -> bytes:
    before = exif.resolution(data)
    after = before and (before[0] * factors[0], before[1] * factors[1])
    change = Change(Origin(source.width, source.height), large.width, large.height)
    corrected = exif.corrected(data, large.width, large.height, after, change=change, upright=False)
    return data if corrected is None else corrected


def _pair(dpi: object) -> tuple[float, float] | None:
    """Return pixels an inch, across and down, if a file said so in a way that makes sense."""
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    try:
        across, down = float(dpi[0]), float(dpi[1])  # TIFF files give fractions
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if across > 0 and down > 0 else None


def _mode(image: Any) -> str:
    transparent = image.mode == "PA" or "transparency" in image.info
    return "RGBA" if transparent else _MODES.get(image.mode, "RGB")


def _is_rgb(mode: str) -> bool:
    return mode.startswith(("RGB", "P"))
