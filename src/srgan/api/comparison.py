"""Before and after, for a notebook: the part with the most detail, side by side."""

from __future__ import annotations

import base64
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.api import pil
from srgan.errors import UsageError
from srgan.evaluation.crops import most_detailed
from srgan.image import Picture, pixels, read, to_rgb8
from srgan.image.fitting import on_white

SIDE = 400
"""Pixels of the result that are shown, across and down, one for one."""

_LOOKED_AT = 1024
"""Pixels of the smaller picture, across or down, in which the place is looked for; larger ones are thinned out for that."""


@dataclass(frozen=True)
class Comparison:
    """The same part of a picture before and after.

    Attributes
    ----------
    before, after : uint8 [H, W, 3], the part in the pixels of each
    sizes : (width, height) of both whole pictures
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    sizes: tuple[tuple[int, int], tuple[int, int]]

    def _repr_html_(self) -> str:
        wide, high = self.after.shape[1], self.after.shape[0]
        parts = []
        for word, part, (width, height) in zip(("before", "after"), (self.before, self.after), self.sizes, strict=True):
            parts.append(
                f"<figure style='display:inline-block;margin:0 8px 0 0'><img width='{wide}' height='{high}' "
                f"alt='{word}' src='{_data_uri(part)}'><figcaption>{word}: {width} &times; {height}</figcaption></figure>"
            )
        return f"<div>{''.join(parts)}</div>"

    def __repr__(self) -> str:
        (a, b), (c, d) = self.sizes
        return f"<srgan.Comparison: {a}x{b} before, {c}x{d} after>"


def compare(before: Any, after: Any, *, side: int = SIDE) -> Comparison:
    """Return the most detailed part of two pictures, which a notebook shows side by side.

    Parameters
    ----------
    before, after : a path, an array as :class:`srgan.Upscaler` takes, or a PIL image each; of one shape but for the size
    side : pixels of ``after`` to show, across and down

    Raises
    ------
    SrganError
        if one of them cannot be read or is no picture, or their shapes differ
    """
    small, large = _rgb(before), _rgb(after)
    factors = large.shape[0] / small.shape[0], large.shape[1] / small.shape[1]
    if not 0.9 < factors[0] / factors[1] < 1.1 and min(small.shape[:2]) > 10:
        raise UsageError("the two pictures have different shapes: give one and its result")
    high, wide = (
        max(min(round(side / factor), length), 1) for factor, length in zip(factors, small.shape, strict=False)
    )
    top, left = _most_detailed(small, high, wide)
    part = small[top : top + high, left : left + wide]
    rows, columns = (
        slice(round(start * factor), round((start + length) * factor))
        for start, length, factor in zip((top, left), (high, wide), factors, strict=True)
    )
    sizes = (small.shape[1], small.shape[0]), (large.shape[1], large.shape[0])
    return Comparison(part.copy(), large[rows, columns].copy(), sizes)


def _rgb(image: Any) -> NDArray[np.uint8]:
    """Return a picture in 8 bits, RGB, on white where it is transparent."""
    if isinstance(image, str | os.PathLike):
        picture = read(Path(image))
    elif isinstance(image, np.ndarray):
        picture = _picture(image)
    elif pil.is_pil(image):
        picture = _picture(pil.pixels_of(image))
    else:
        raise UsageError(f"cannot show a {type(image).__name__}: give a path, a numpy array or a PIL image")
    if pixels.has_alpha(picture.pixels.shape[2]):
        picture = replace(picture, pixels=on_white(picture.pixels))
    return to_rgb8(picture)


def _picture(array: NDArray[Any]) -> Picture:
    array = pixels.check(array)
    if array.dtype == np.float32:
        array = np.rint(np.clip(array, 0, 1) * 65535).astype(np.uint16)
    return Picture(array)


def _most_detailed(picture: NDArray[np.uint8], high: int, wide: int) -> tuple[int, int]:
    """Return top and left of the window with the most detail, as it is seen in a picture that is thinned out."""
    step = max(-(-max(picture.shape[:2]) // _LOOKED_AT), 1)
    top, left = most_detailed(picture[::step, ::step], max(high // step, 1), max(wide // step, 1))
    return min(top * step, picture.shape[0] - high), min(left * step, picture.shape[1] - wide)


def _data_uri(part: NDArray[np.uint8]) -> str:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(part).save(out, "WEBP", quality=92)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode("ascii")
