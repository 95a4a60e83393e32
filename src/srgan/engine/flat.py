"""Where a picture has one colour all around, so has its result.

Each convolution pads a picture with zeros, and a network that is trained to invent detail makes something of that edge: dots
in the corners of slides, scans and logos, up to 100 levels of 255 off. Padding with copies of the border instead does not help:
it costs 0.3 to 0.6 dB in the outermost pixels of photographs, whose textures do not go on like that. So nothing is padded; pixels
whose surroundings have one colour, where there is nothing to invent, are interpolated, and with some distance from anything
else on they are interpolated alone. Elsewhere nothing changes. Near the picture's edge, where the network's answer is worst,
surroundings count as flat that differ by two levels of 255, as scans do.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.alpha import ALPHA_RADIUS, enlarge_alpha
from srgan.engine.tiling import Box
from srgan.image.pixels import FULL

REACH = 12
"""Input pixels on each side that must be flat for a pixel to be interpolated alone; a network that sees less needs less."""

_TOLERANCE = 2 / 255
"""Difference, of full intensity 1, that still is flat near the picture's edge."""

_STRIP = 64

_CELL = 96
"""Side of the squares that are looked at closely, if a glance finds something flat there: in photographs most have nothing."""


def reach_of(halo: int) -> int:
    """Return the input pixels on each side of a tile that :func:`keep_flat` looks at; 0 if it would change nothing.

    ``halo`` is how far around the tile the network sees; what pads with one pixel of zeros spoils one.
    """
    return min(REACH, halo) if halo > ALPHA_RADIUS else 0


def keep_flat(
    part: NDArray[Any], core: Box, shown: Box, picture: Box | None, scale: int, reach: int, out: NDArray[Any]
) -> None:
    """Write interpolated colours over those of the network where the picture is flat.

    Parameters
    ----------
    part : HWC colours of the input, uint8, uint16 or float32 in [0, 1]
    core : the tile
    shown : what ``part`` shows: the core and, inside the picture, ``reach`` pixels on each side of it
    picture : whose edge counts, None for a repeating pattern, which has none. All boxes are in the same pixels
    scale : enlargement
    reach : from :func:`reach_of`
    out : HWC of the enlarged core, of the same dtype; changed in place
    """
    weights = _weights(part, core, shown, picture, reach)
    rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
    if not len(rows):
        return
    inside = core.relative_to(shown)
    for top in range(rows[0], rows[-1] + 1, _STRIP):  # only the box around what is flat, little by little
        box = Box(top, columns[0], min(top + _STRIP, rows[-1] + 1), columns[-1] + 1)
        here = Box(box.top + inside.top, box.left + inside.left, box.bottom + inside.top, box.right + inside.left)
        shares = weights[box.slices].repeat(scale, axis=0).repeat(scale, axis=1)
        place = out[box.scaled(scale).slices]
        smooth = np.empty(shares.shape, out.dtype)
        for channel in range(part.shape[2]):
            enlarge_alpha(part[:, :, channel], here, scale, smooth)
            made = place[:, :, channel]
            mixed = shares * smooth + (1 - shares) * made
            np.copyto(made, (mixed if out.dtype == np.float32 else np.rint(mixed)).astype(out.dtype), where=shares > 0)


def _weights(part: NDArray[Any], core: Box, shown: Box, picture: Box | None, reach: int) -> NDArray[np.float32]:
    """Return the share of the interpolation for each pixel of the core, 0 to 1, [h, w].

    Flat as far as ``reach`` is 1, as far as two thirds of that the first step above 0.
    """
    total = np.zeros((core.height, core.width), np.float32)
    least = reach - reach // 3
    side = (least + 2) // 2  # even in a corner, a flat window of least + 1 pixels holds one whole block
    blocks = _flat_blocks(part, side, 2 * (2 * reach + side) if picture is not None else 0)
    if blocks.size == 0:  # a picture of a few pixels
        return _cell_weights(part, core, shown, picture, reach)
    if not blocks.any():
        return total
    for top in range(core.top, core.bottom, _CELL):
        for left in range(core.left, core.right, _CELL):
            cell = Box(top, left, min(top + _CELL, core.bottom), min(left + _CELL, core.right))
            around = cell.grow(reach, shown)
            rows, columns = (
                slice(max(low // side - 1, 0), high // side + 1)
                for low, high in (
                    (around.top - shown.top, around.bottom - shown.top),
                    (around.left - shown.left, around.right - shown.left),
                )
            )
            if blocks[rows, columns].any():
                values = part[around.relative_to(shown).slices]
                total[cell.relative_to(core).slices] = _cell_weights(values, cell, around, picture, reach)
    return total


def _flat_blocks(part: NDArray[Any], side: int, edge: int) -> NDArray[np.bool_]:
    """Return where squares of ``side`` pixels may belong to a flat window, [h // side, w // side].

    ``edge`` is how many pixels from the border of ``part`` the tolerance counts; what is farther inside must be equal. A window
    that no border cuts holds four squares side by side.
    """
    high, wide = part.shape[0] // side, part.shape[1] // side
    most = np.zeros((high, wide), np.float32)
    depth = -(-edge // side)
    for rim in _rims(depth):
        most[rim] = _tolerance(part)
    corners = [
        part[down : high * side : side, across : wide * side : side]
        for down in (0, side - 1)
        for across in (0, side - 1)
    ]
    span = functools.reduce(np.maximum, corners) - functools.reduce(np.minimum, corners)
    flat: NDArray[np.bool_] = span.max(axis=2) <= most
    if not flat.any():
        return flat
    squares = part[: high * side, : wide * side].reshape(high, side, wide, side, -1).swapaxes(1, 2)[flat]
    flat[flat] = (squares.max(axis=(1, 2)) - squares.min(axis=(1, 2))).max(axis=1) <= most[flat]
    groups = flat[:-1, :-1] & flat[1:, :-1] & flat[:-1, 1:] & flat[1:, 1:]
    kept = np.zeros_like(flat)
    for rim in _rims(5):  # these windows may be cut
        kept[rim] = flat[rim]
    kept[:-1, :-1] |= groups
    return kept


def _rims(depth: int) -> tuple[Any, ...]:
    return (np.s_[:depth], np.s_[-depth:], np.s_[:, :depth], np.s_[:, -depth:]) if depth else ()


def _tolerance(part: NDArray[Any]) -> float:
    return float(_TOLERANCE * FULL[part.dtype] * 1.001)  # float32 rounds


def _cell_weights(part: NDArray[Any], core: Box, shown: Box, picture: Box | None, reach: int) -> NDArray[np.float32]:
    """Return :func:`_weights` for a small part, window by window."""
    inside = core.relative_to(shown)
    near: NDArray[np.float32] | int = 0 if picture is None else _near_edge(core, picture, reach)
    total = np.zeros((core.height, core.width), np.float32)
    least = reach - reach // 3
    low, high = part, part
    radius = 0
    while radius < reach:
        # Windows that touch make one window: the first ones are skipped over, as nobody asks for them.
        step = min(2 * radius + 1, least - radius) if radius < least else 1
        low, high = _widened(low, np.minimum, step), _widened(high, np.maximum, step)
        radius += step
        if radius < least:
            continue
        span = (high[inside.slices] - low[inside.slices]).max(axis=2)
        total += np.where(span == 0, np.float32(1), np.where(span <= _tolerance(part), near, 0))
        if not total.any():
            break  # what is not flat nearby is not flat further away
    return total / np.float32(reach - least + 1)


def _near_edge(core: Box, picture: Box, reach: int) -> NDArray[np.float32]:
    """Return 1 within ``reach`` pixels of the picture's edge, falling to 0 at twice that, [h, w]."""
    rows, columns = np.arange(core.top, core.bottom), np.arange(core.left, core.right)
    down = np.minimum(rows - picture.top, picture.bottom - 1 - rows)
    across = np.minimum(columns - picture.left, picture.right - 1 - columns)
    distance = np.minimum(down[:, None], across)
    return np.clip(2 - distance / reach, 0, 1).astype(np.float32)


def _widened(values: NDArray[Any], best: Any, step: int) -> NDArray[Any]:
    """Return the least or greatest of each pixel and those ``step`` away down and across, or at the edge, HWC."""
    for axis in (0, 1):
        moved = np.moveaxis(values, axis, 0)
        wide = moved.copy()
        inner = max(len(moved) - step, 0)
        best(wide[step:], moved[:inner], out=wide[step:])
        best(wide[:inner], moved[step:], out=wide[:inner])
        if step > 1:  # what is beyond the edge stands for what its window has on this side of it
            best(wide[:step], moved[:1], out=wide[:step])
            best(wide[inner:], moved[-1:], out=wide[inner:])
        values = np.moveaxis(wide, 0, axis)
    return values
