"""Pixels are brought to the nearest that a format can hold, and what that costs is put into words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image import vips
from srgan.image.formats import Format
from srgan.image.metadata import with_profile
from srgan.image.picture import Picture, to_8_bit

_CUBE = 17
"""Steps of each colour by which a profile is compared with sRGB."""


def fitted(picture: Picture, kind: Format) -> Picture:
    """Bring the pixels to what the format can hold."""
    picture = with_profile(picture, kind)
    if picture.icc is not None and not _holds_profile(picture, kind):
        picture = replace(picture, pixels=vips.to_srgb(picture.pixels, picture.icc), icc=None)
    pixels = picture.pixels
    if picture.has_alpha and not kind.alpha:
        pixels = on_white(pixels)
    if kind.depth == 8:
        pixels = to_8_bit(pixels)
    return picture if pixels is picture.pixels else picture.with_pixels(pixels)


def losses(picture: Picture, kind: Format) -> tuple[str, ...]:
    """Return what of the pixels :func:`fitted` and the encoder leave out: a few words each.

    Parameters
    ----------
    picture : as it was read, or enlarged. That a lossy format loses a little everywhere is not said
    """
    notes = []
    bits = (picture.depth if picture.pixels.dtype == np.uint16 else 0) or 8 * picture.pixels.dtype.itemsize
    held = min(kind.depth, 16)
    if bits > held:
        notes.append(f"all but {held} of its {bits} bits a channel")
    if picture.has_alpha and not kind.alpha and _is_transparent(picture):
        notes.append("the transparency, which is laid on white")
    if kind.name == "GIF":
        if picture.has_alpha and _is_transparent(picture, half=True):
            notes.append("half transparency: a pixel of GIF is there or not")
        if picture.format != "GIF":
            notes.append("all but 256 colours")
    known = with_profile(picture, kind)
    if known.icc is not None and not _holds_profile(known, kind) and _differs_from_srgb(known):
        notes.append("the colour profile: the colours become sRGB")
    return tuple(notes)


def on_white(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return [H, W, C] with its alpha laid on white, and without alpha."""
    full = int(np.iinfo(pixels.dtype).max)
    out = np.empty((*pixels.shape[:2], pixels.shape[2] - 1), pixels.dtype)
    for row, values in enumerate(pixels):  # by rows: a whole picture in 64 bit would be large
        alpha = values[:, -1:].astype(np.uint64)
        out[row] = (values[:, :-1] * alpha + full * (full - alpha) + full // 2) // full
    return out


def _holds_profile(picture: Picture, kind: Format) -> bool:
    return kind.profile and (kind.gray or picture.pixels.shape[2] > 2)


def _is_transparent(picture: Picture, *, half: bool = False) -> bool:
    """Return whether a picture with alpha shows what is behind it; with ``half``, whether in part only."""
    alpha = picture.pixels[:, :, -1]
    full = np.iinfo(alpha.dtype).max
    return bool(((alpha < full) & (alpha > 0)).any() if half else (alpha < full).any())


def _differs_from_srgb(picture: Picture) -> bool:
    """Return whether any colour of its profile is another one in sRGB, by more than a level of 255."""
    assert picture.icc is not None
    steps = np.linspace(0, 255, _CUBE).round().astype(np.uint8)
    if picture.pixels.shape[2] <= 2:
        cube = steps[None, :, None]
    else:
        cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(_CUBE, -1, 3)
    return bool(np.abs(vips.to_srgb(cube, picture.icc).astype(int) - cube).max() > 1)
