"""Round trips through real encoders, with their blocks anywhere in the picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

GRID = 16
"""Side in pixels of the largest blocks that JPEG (with 4:2:0) and WebP divide a picture into."""


def jpeg(x: Floats, quality: float, coarse: bool, offset: tuple[int, int] = (0, 0)) -> Floats:
    """Save ``[H, W, C]`` in [0, 1], C = 1 or 3, as JPEG and read it back.

    Parameters
    ----------
    quality : libjpeg's
    coarse : halve the resolution of colours (4:2:0, else 4:4:4)
    offset : how far right of and below a block's corner the picture begins, pixels: blocks of a picture that was cut lie so
    """
    gray = x.shape[2] == 1
    return _round_trip(
        x, "JPEG", offset, quality=round(quality), **({} if gray else {"subsampling": 2 if coarse else 0})
    )


def webp(x: Floats, quality: float, offset: tuple[int, int] = (0, 0)) -> Floats:
    """Save as lossy WebP and read back; otherwise as :func:`jpeg`."""
    return _round_trip(x, "WEBP", offset, quality=round(quality), method=2)


def _round_trip(x: Floats, form: str, offset: tuple[int, int], **options: Any) -> Floats:
    from PIL import Image

    top, left = offset
    pixels = to_bytes(x)
    if top or left:
        pixels = np.pad(pixels, ((top, 0), (left, 0), (0, 0)), mode="symmetric")
    file = io.BytesIO()
    gray = pixels.shape[2] == 1
    Image.fromarray(pixels[:, :, 0] if gray else pixels).save(file, form, **options)
    with Image.open(file) as picture:
        back = np.asarray(picture.convert("L" if gray else "RGB"), dtype=np.float32)
    decoded: Floats = (back[:, :, None] if gray else back)[top:, left:] / np.float32(255)
    return decoded


def to_bytes(x: Floats) -> NDArray[np.uint8]:
    """Round [0, 1] to uint8; what lies outside is clipped."""
    rounded: NDArray[np.uint8] = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return rounded
