"""BMP through Pillow: libvips has no reader of its own for it."""

from __future__ import annotations

import struct
import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.files import without_descriptor

_MOST_PROFILE = 16 << 20
_DENSITY = 38
"""Place of the pixels a metre in a file, across and down; 0 where it does not say."""


class BmpError(ValueError):
    """The bytes are no whole BMP picture."""


def open_bmp(file: BinaryIO) -> Any:
    """Return the picture as Pillow sees it, nothing decoded yet.

    Raises
    ------
    BmpError
        when it is damaged
    """
    from PIL import BmpImagePlugin, Image

    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked before decoding
            picture = BmpImagePlugin.BmpImageFile(file)
    except (OSError, SyntaxError, ValueError, KeyError, OverflowError, IndexError) as error:
        raise BmpError(f"its header is damaged ({error})") from None
    if min(picture.size) < 1:
        raise BmpError("its header says that it has no pixels")
    return picture


def profile(file: BinaryIO) -> bytes | None:
    """Return the ICC profile in an open file's header of version 5 (BITMAPV5HEADER), or None."""
    file.seek(0)
    head = file.read(14 + 124)
    if len(head) < 138 or struct.unpack_from("<I", head, 14)[0] < 124 or head[14 + 56 : 14 + 60] != b"DEBM":
        return None
    place, size = struct.unpack_from("<II", head, 14 + 112)
    file.seek(14 + place)
    data = file.read(min(size, _MOST_PROFILE))
    return data if len(data) == size and data[36:40] == b"acsp" else None


def bands_of(picture: Any) -> int:
    """Return the channels that :func:`decode` gives."""
    return {"1": 1, "L": 1, "RGBA": 4}.get(picture.mode, 3)


def decode(picture: Any) -> NDArray[np.uint8]:
    """Return ``[H, W, C]`` uint8, C = 1, 3 or 4.

    Raises
    ------
    BmpError
        when pixels are missing or damaged
    """
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[bands_of(picture)]
    try:
        pixels = np.asarray(picture.convert(mode))
    except (OSError, SyntaxError, ValueError, IndexError) as error:
        raise BmpError(f"it is damaged or cut short ({error})") from None
    if mode == "RGBA" and not pixels[:, :, 3].any():
        pixels = pixels[:, :, :3]  # many programs leave the fourth byte at zero and mean an opaque picture
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def encode(pixels: NDArray[np.uint8], file: Any, pixels_per_metre: tuple[float, float] | None) -> None:
    """Write ``[H, W, C]`` uint8 with C = 1 or 3 to an open file; a density that the format has no number for is left out."""
    from PIL import Image

    if pixels_per_metre is not None and not all(0.5 <= value < 1 << 31 for value in pixels_per_metre):
        pixels_per_metre = None
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    options = {} if pixels_per_metre is None else {"dpi": tuple(value * 0.0254 for value in pixels_per_metre)}
    picture.save(without_descriptor(file), format="BMP", **options)
    if pixels_per_metre is None:  # Pillow makes up 96 dpi
        file.seek(_DENSITY)
        file.write(bytes(8))
