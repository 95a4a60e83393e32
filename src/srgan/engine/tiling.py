"""Tiles: which parts of a picture to compute one after the other, so that joined they equal the whole.

In evaluation the network is a finite stack of convolutions. An output pixel depends on the input pixels within the
*radius* of its receptive field and on nothing else, so a tile that is computed with a *halo* of that radius around it
is exact. At the picture's border each convolution pads with zeros; a tile sees the same zeros there only if its
window ends where the picture ends, so windows are cut at the border and never padded.

A plan covers a region with windows of equal size (one shape for the runtime to prepare) that overlap by at least
twice the halo; each pixel belongs to the core of exactly one tile. Among all grids whose window fits the memory
budget, the plan is the one that computes the fewest pixels.

Pure Python and numpy. Coordinates are input pixels, half-open: rows ``top <= y < bottom``, columns ``left <= x <
right``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MIN_SPLIT = 32
"""Cores with both sides at most this long are not halved any further when memory runs out: less would not help."""


class Box(NamedTuple):
    """A rectangle of pixels, half-open."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def grow(self, margin: int, within: Box) -> Box:
        """Return the box with ``margin`` more pixels on each side, cut at the edges of ``within``."""
        return Box(
            max(self.top - margin, within.top),
            max(self.left - margin, within.left),
            min(self.bottom + margin, within.bottom),
            min(self.right + margin, within.right),
        )

    def relative_to(self, origin: Box) -> Box:
        """Return the same rectangle in coordinates that start at the top left of ``origin``."""
        return Box(self.top - origin.top, self.left - origin.left, self.bottom - origin.top, self.right - origin.left)

    def scaled(self, scale: int) -> Box:
        """Return the rectangle of the output that this one becomes."""
        return Box(self.top * scale, self.left * scale, self.bottom * scale, self.right * scale)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index for the rows and columns of an array: ``image[box.slices]``, ``batch[:, :, *box.slices]``."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


class Tile(NamedTuple):
    """``core`` is what the tile answers for, ``window`` is what has to be computed for it: the core and its halo."""

    core: Box
    window: Box


@dataclass(frozen=True)
class TilePlan:
    """A cover of ``region`` by tiles.

    ``bands`` are rows of tiles from top to bottom, each from left to right; the tiles of a band share their core's
    rows, so that finished bands can be handed on while the rest is computed. ``within`` bounds the windows (the
    picture).
    """

    region: Box
    within: Box
    halo: int
    bands: tuple[tuple[Tile, ...], ...]

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """All tiles in the order of computation."""
        return tuple(tile for band in self.bands for tile in band)

    @property
    def cost(self) -> float:
        """Pixels computed for each pixel wanted; 1.0 is a region in one piece."""
        return sum(tile.window.pixels for tile in self.tiles) / self.region.pixels


def plan(height: int, width: int, *, halo: int, max_pixels: int) -> TilePlan:
    """Plan the tiles of a whole picture.

    Parameters
    ----------
    height, width : size of the picture, each at least 1
    halo : pixels around each tile that are computed and dropped; the network's radius makes tiles exact
    max_pixels : most pixels that one window may have

    Raises
    ------
    ValueError
        if not even the smallest window, ``2 * halo + 1`` pixels square, fits ``max_pixels``.
    """
    picture = Box(0, 0, height, width)
    return plan_region(picture, picture, halo=halo, max_pixels=max_pixels)


def plan_region(region: Box, within: Box, *, halo: int, max_pixels: int, max_rows: int | None = None) -> TilePlan:
    """Plan the tiles of ``region``, a part of the picture ``within``; windows may reach into the rest of the picture.

    Arguments and errors are those of :func:`plan`; ``max_rows`` bounds the height of the bands, which may still be one
    halo higher at the edges of the picture.
    """
    if region.height < 1 or region.width < 1:
        raise ValueError(f"nothing to plan: {region.height} x {region.width} pixels")
    hull = region.grow(halo, within)  # the windows together
    best: tuple[int, int, int] | None = None
    fewest = 1 if max_rows is None else min(-(-region.height // max_rows), max(1, hull.height - 2 * halo))
    for rows in range(fewest, max(1, hull.height - 2 * halo) + 1):
        window_height = _window_length(hull.height, rows, halo)
        columns = _pieces(hull.width, max_pixels // window_height, halo)
        if columns is None:
            continue
        cost = rows * columns * window_height * _window_length(hull.width, columns, halo)
        if best is None or (cost, rows * columns) < (best[0], best[1] * best[2]):
            best = cost, rows, columns
        if columns == 1:
            break  # more rows of tiles only add more halo from here on
    if best is None:
        least = min(hull.height, 2 * halo + 1) * min(hull.width, 2 * halo + 1)
        raise ValueError(f"a tile needs at least {least} pixels, {max_pixels} are allowed")
    _, rows, columns = best
    spans_y = _spans(region.top, region.bottom, hull.top, hull.bottom, rows, halo)
    spans_x = _spans(region.left, region.right, hull.left, hull.right, columns, halo)
    bands = tuple(
        tuple(Tile(Box(cy0, cx0, cy1, cx1), Box(wy0, wx0, wy1, wx1)) for cx0, cx1, wx0, wx1 in spans_x)
        for cy0, cy1, wy0, wy1 in spans_y
    )
    return TilePlan(region, within, halo, bands)


def _window_length(length: int, pieces: int, halo: int) -> int:
    """Return the side of ``pieces`` equal windows that cover ``length`` and overlap by twice the halo."""
    return min(length, -(-(length + 2 * halo * (pieces - 1)) // pieces))


def _pieces(length: int, longest: int, halo: int) -> int | None:
    """Return the fewest windows of at most ``longest`` pixels that cover ``length``, or None if there are none."""
    if length <= longest:
        return 1
    if longest <= 2 * halo:
        return None
    return -(-(length - 2 * halo) // (longest - 2 * halo))


def _spans(low: int, high: int, start: int, end: int, pieces: int, halo: int) -> list[tuple[int, int, int, int]]:
    """Cut one axis: ``pieces`` windows over [start, end), whose cores divide [low, high).

    Returns (core start, core end, window start, window end) of each. Neighbouring cores meet in the middle of the
    windows' overlap, which is at least twice the halo, so each core has its halo or the end of the picture around it.
    """
    length = _window_length(end - start, pieces, halo)
    steps = max(pieces - 1, 1)
    starts = [start + i * (end - start - length) // steps for i in range(pieces)]
    borders = [low, *((left + length + right) // 2 for left, right in pairwise(starts)), high]
    return [(borders[i], borders[i + 1], starts[i], starts[i] + length) for i in range(pieces)]


def halves(tile: Tile, *, halo: int, within: Box) -> tuple[Tile, Tile] | None:
    """Cut a tile across its longer side, or return None if it is too small to be worth it."""
    top, left, bottom, right = core = tile.core
    if max(core.height, core.width) <= MIN_SPLIT:
        return None
    if core.height >= core.width:
        middle = (top + bottom) // 2
        cores = Box(top, left, middle, right), Box(middle, left, bottom, right)
    else:
        middle = (left + right) // 2
        cores = Box(top, left, bottom, middle), Box(top, middle, bottom, right)
    first, second = (Tile(part, part.grow(halo, within)) for part in cores)
    return first, second


def compute(
    tile: Tile, work: Callable[[Tile], None], *, halo: int, within: Box, limit: int | None = None
) -> int | None:
    """Compute a tile; where memory does not suffice, compute its halves instead, and their halves.

    ``work`` does one tile and is called again for parts of it after a :class:`MemoryError`, so it must only write its
    core's output. ``limit`` is the most pixels of a window that is still tried, None for any.

    Returns the limit for the tiles that follow: as given, or lowered below what has failed, so that a picture does not
    run into the same wall with each tile.

    Raises
    ------
    MemoryError
        if not even the smallest tile can be computed.
    """
    waiting = [tile]
    while waiting:
        part = waiting.pop()
        if limit is None or part.window.pixels <= limit:
            try:
                work(part)
                continue
            except MemoryError:
                smaller = halves(part, halo=halo, within=within)
                if smaller is None:
                    raise
                limit = max(piece.window.pixels for piece in smaller)
        else:
            smaller = halves(part, halo=halo, within=within)
            if smaller is None:
                work(part)
                continue
        waiting.extend(reversed(smaller))
    return limit


def run(
    plan: TilePlan,
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    image: NDArray[np.float32],
    scale: int,
) -> NDArray[np.float32]:
    """Compute a picture tile by tile and join the results.

    Parameters
    ----------
    plan : a plan of the whole picture
    network : float32 [N, C, h, w] -> float32 [N, D, scale*h, scale*w]
    image : float32 [N, C, height, width]

    Returns
    -------
    float32 [N, D, scale*height, scale*width], equal to ``network(image)`` if the plan's halo is the network's radius.
    """
    joined: NDArray[np.float32] | None = None
    for core, window in plan.tiles:
        part = network(np.ascontiguousarray(image[:, :, *window.slices]))
        if joined is None:
            shape = *part.shape[:2], plan.region.height * scale, plan.region.width * scale
            joined = np.empty(shape, np.float32)
        inside = core.relative_to(window).scaled(scale)
        joined[:, :, *core.scaled(scale).slices] = part[:, :, *inside.slices]
    assert joined is not None  # a plan has at least one tile
    return joined
