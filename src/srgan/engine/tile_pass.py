"""One picture through a network once, tile by tile.

::

    colours --window--> to_network --> body --> tail on small parts --> _write --> out
    alpha   ------------------- bicubic, tile by tile ----------------------------> out

Tiles with NaN or infinity are computed again in fp32; when memory runs out, tiles are halved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine import ensemble, pixels, tiling
from srgan.engine.alpha import ALPHA_RADIUS, AlphaBleed, enlarge_alpha
from srgan.engine.budget import Budget
from srgan.engine.flat import keep_flat, reach_of
from srgan.engine.networks import OpenNetworks
from srgan.engine.tiling import Box, Tile
from srgan.errors import DeviceError, ModelError, SrganError
from srgan.image.pixels import Rows, has_alpha
from srgan.runtime import heap
from srgan.runtime.backend import Overlapping
from srgan.runtime.network import Network

Progress = Callable[[int, int], None]
"""Called with (input pixels done, input pixels in all) after each piece of work. Where a picture takes several passes
through the network, the input of each counts."""

KEPT = 64 << 20
"""Bytes of the body that stay there between pictures of one size: taking less anew is more than one per cent of their time."""


class Meter:
    """Counts the input pixels that are done, over all passes of a picture."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self.done = 0.0

    def tell(self, done: float) -> None:
        """Set the number of input pixels that are done, and pass it on."""
        self.done = done
        if self._progress is not None:
            self._progress(min(int(done + 0.5), self._total), self._total)


@dataclass(frozen=True)
class PassConfig:
    """How pictures go through a network.

    Attributes
    ----------
    networks : the open network
    budget : what memory there is, and what for
    wrap : whether a picture is a tile of an endless pattern
    tta : whether each tile is computed in its eight positions (:mod:`srgan.engine.ensemble`)
    """

    networks: OpenNetworks
    budget: Budget
    wrap: bool
    tta: bool


class TilePass:
    """One pass of a picture through the network: what its tiles share.

    Parameters
    ----------
    config : the networks, the memory, and how tiles are computed
    image : HWC of 1 to 4 channels (or of the network's bands, where it is not for RGB), or rows that are decoded on demand
    meter : counts the pixels done
    margin : for wrapped pictures: how many input pixels beyond each edge are computed, too

    Attributes
    ----------
    plan : the tiles; its region is the picture and the margin
    """

    def __init__(self, config: PassConfig, image: NDArray[Any] | Rows, meter: Meter, margin: int = 0) -> None:
        height, width, channels = image.shape
        self._config = config
        self._network = self._planned = config.networks.for_dtype(image.dtype)
        self._scale = self._network.scale
        self._dtype, self._channels = image.dtype, channels
        self._alpha: NDArray[Any] | None = None
        self._colours: NDArray[Any] | Rows | AlphaBleed = image
        if has_alpha(channels, self._network.bands):
            whole = image[:, :]
            self._alpha = whole[:, :, -1]
            self._colours = AlphaBleed(whole)
        region = Box(0, 0, height, width)
        within = region
        if config.wrap:
            # The network then sees the true continuation as far as its receptive field reaches, and so does alpha.
            border = max(self._network.radius, ALPHA_RADIUS) + margin
            self._colours = wrapped(self._colours[:, :], border)
            self._alpha = None if self._alpha is None else wrapped(self._alpha, border)
            within = Box(0, 0, height + 2 * border, width + 2 * border)
            region = Box(border, border, border + height, border + width).grow(margin, within)
        by_rows = isinstance(self._colours, Rows)
        self.plan = config.budget.plan(self._network, region, within, image.dtype, channels, by_rows=by_rows)
        self._meter = meter
        self._per_pixel = height * width / region.pixels  # what a pixel of the region counts for
        self._limit: int | None = None

    def compute(self, band: tuple[Tile, ...], out: NDArray[Any]) -> None:
        """Compute one row of tiles into ``out``, its HWC output rows.

        Raises
        ------
        ModelError
            if the network gives NaN or infinity in fp32, too
        SrganError
            if memory does not suffice even for small tiles
        """
        rows, region = band[0].core, self.plan.region
        origin = Box(rows.top, region.left, rows.bottom, region.right)
        if isinstance(self._colours, Rows):
            self._colours.forget(band[0].window.top)
        todo = deque(band if self._network is self._planned else self._smaller(band))
        while todo:
            try:
                if (device := self._overlapping()) is not None:
                    self._compute_overlapped(device, todo, origin, out)
                else:
                    self._compute_in_turn(todo, origin, out)
            except DeviceError as error:
                self._network = self._config.networks.without(self._network, error)
                todo = deque(self._smaller(todo))
        heap.settle()

    def _smaller(self, tiles: Iterable[Tile]) -> Iterator[Tile]:
        """Yield tiles in the size that suits the network which takes over from a lost device."""
        for tile in tiles:
            plan = self._config.budget.plan(
                self._network, tile.core, self.plan.within, self._dtype, self._channels, halo=self.plan.halo
            )
            yield from plan.tiles

    def _compute_in_turn(self, todo: deque[Tile], origin: Box, out: NDArray[Any]) -> None:
        """Compute tiles one after the other, and take out those that are done."""
        while todo:
            done = self._meter.done
            self._halving(todo[0], lambda part: self._tile(self._network, part, origin, out))
            self._complete(todo.popleft(), done, origin, out)

    def _compute_overlapped(self, device: Overlapping, todo: deque[Tile], origin: Box, out: NDArray[Any]) -> None:
        """Do the same on a device that computes the next tile while one is put into its place."""
        under_way: deque[list[tuple[Tile, Callable[[], NDArray[np.uint8] | None]]]] = deque()
        for tile in tuple(todo):
            parts: list[tuple[Tile, Callable[[], NDArray[np.uint8] | None]]] = []

            def start(part: Tile, parts: list[Any] = parts) -> None:
                inside = part.core.relative_to(part.window).scaled(self._scale).slices
                parts.append((part, device.start(self._colours[part.window.slices], inside)))

            self._halving(tile, start)
            under_way.append(parts)
            while len(under_way) > 1:
                self._put(under_way.popleft(), todo, origin, out)
        while under_way:
            self._put(under_way.popleft(), todo, origin, out)

    def _put(self, parts: list[tuple[Tile, Any]], todo: deque[Tile], origin: Box, out: NDArray[Any]) -> None:
        """Wait for the parts of the first tile, put them into the picture, and take the tile out."""
        done = self._meter.done
        for part, wait in parts:
            try:
                made = wait()
            except MemoryError:
                self._limit = min(self._limit or part.window.pixels, part.window.pixels - 1)
                self._halving(part, lambda smaller: self._tile(self._network, smaller, origin, out))
                continue
            if made is None:
                self._again(self._network, part.core, origin, out)
                continue
            place = out[part.core.relative_to(origin).scaled(self._scale).slices]
            np.copyto(place if self._alpha is None else place[:, :, :-1], made)
        self._complete(todo.popleft(), done, origin, out)

    def _overlapping(self) -> Overlapping | None:
        """Return the device, if it takes this picture's bytes as they are."""
        if self._dtype != np.uint8 or self._network.bands != 3 or self._config.tta:
            return None
        return self._network.tail.overlapping

    def _halving(self, tile: Tile, work: Callable[[Tile], None]) -> None:
        """Compute a tile, in parts where memory does not suffice."""
        try:
            self._limit = tiling.compute(tile, work, halo=self.plan.halo, within=self.plan.within, limit=self._limit)
        except MemoryError:
            if self._network.device is not None:
                raise DeviceError(f"{self._network.device.name} has not the memory even for small tiles") from None
            raise SrganError("out of memory even with small tiles: close other programs") from None

    def _complete(self, tile: Tile, done: float, origin: Box, out: NDArray[Any]) -> None:
        """Finish a tile whose colours are computed: flat parts, alpha, progress."""
        self._keep_flat(tile.core, origin, out)
        if self._alpha is not None:
            place = out[tile.core.relative_to(origin).scaled(self._scale).slices]
            enlarge_alpha(self._alpha, tile.core, self._scale, place[:, :, -1])
        # Whatever was counted for parts that were then halved.
        self._meter.tell(done + tile.core.pixels * self._per_pixel)

    def _keep_flat(self, core: Box, origin: Box, out: NDArray[Any]) -> None:
        """Where a tile's surroundings have one colour, let its result have it."""
        reach = reach_of(self.plan.halo)
        if not reach:
            return
        shown = core.grow(reach, self.plan.within)
        place = out[core.relative_to(origin).scaled(self._scale).slices]
        colours = place if self._alpha is None else place[:, :, :-1]
        # Of bands, which may lie in a corner of their range, only what is exactly flat counts: no edge is said to be there.
        picture = None if self._config.wrap or self._network.bands != 3 else self.plan.within
        keep_flat(self._colours[shown.slices], core, shown, picture, self._scale, reach, colours)

    def _tile(self, network: Network, tile: Tile, origin: Box, out: NDArray[Any]) -> None:
        """Compute a tile's colours, in one position of its window or in eight."""
        core, window = tile
        batch = pixels.to_network(self._colours[window.slices], network.bands)
        if not self._config.tta:
            self._enlarge(network, batch, tile, lambda part, result: self._write(network, part, result, origin, out))
            return
        total = np.zeros((1, network.bands, core.height * self._scale, core.width * self._scale), np.float32)
        for turn in ensemble.TURNS:
            turned, sums = turn.of(batch), turn.of(total)
            whole = Box(0, 0, *turned.shape[2:])
            inner = turn.box(core.relative_to(window), window.height, window.width)

            def add(part: Box, result: NDArray[np.float32], inner: Box = inner, sums: Any = sums) -> None:
                sums[:, :, *part.relative_to(inner).scaled(self._scale).slices] += result
                self._advance(part.pixels / len(ensemble.TURNS))

            self._enlarge(network, turned, Tile(inner, whole), add)
        total /= len(ensemble.TURNS)
        self._write(network, core, total, origin, out)

    def _enlarge(
        self, network: Network, batch: NDArray[np.float32], tile: Tile, give: Callable[[Box, NDArray[np.float32]], None]
    ) -> None:
        """Run the body on a window, then the tail on small tiles of it; hand over each finished part of the core.

        ``batch`` is what the window shows. ``give`` gets a box in the tile's coordinates and its enlarged pixels.
        """
        core, window = tile

        def cut(part: Tile, result: NDArray[np.float32]) -> NDArray[np.float32]:
            inside: NDArray[np.float32] = result[:, :, *part.core.relative_to(part.window).scaled(self._scale).slices]
            return inside

        if network.body is None:
            give(core, cut(tile, network.tail(batch)))
            return
        repeats = network.repeats(batch.shape)
        features = network.body(batch)
        if not (repeats and batch[0, 0].size * network.body.bytes_per_pixel < KEPT):
            network.body.release()
        halo = network.tail.radius

        def enlarge(part: Tile) -> None:
            inside = features[:, :, *part.window.relative_to(window).slices]
            give(part.core, cut(part, network.tail(inside)))

        limit: int | None = None
        room = self._config.budget.tail_pixels(network)
        for part in tiling.plan_region(core, window, halo=halo, max_pixels=room).tiles:
            limit = tiling.compute(part, enlarge, halo=halo, within=window, limit=limit)
        # Tiles of one size, one after the other, find the tail's memory there; of those of many sizes the largest would
        # decide what stays, for a few milliseconds each.
        if not repeats:
            network.tail.release()

    def _write(self, network: Network, core: Box, result: NDArray[np.float32], origin: Box, out: NDArray[Any]) -> None:
        """Check the network's output for a box and put it into the picture."""
        with np.errstate(over="ignore", invalid="ignore"):
            sound = np.isfinite(result.sum())  # one NaN or infinity makes the sum one
        if not sound:
            self._again(network, core, origin, out)
            return
        place = out[core.relative_to(origin).scaled(self._scale).slices]
        pixels.from_network(result, place if self._alpha is None else place[:, :, :-1])
        if not self._config.tta:
            self._advance(core.pixels)

    def _again(self, network: Network, core: Box, origin: Box, out: NDArray[Any]) -> None:
        """Compute a box in fp32, whose values were no numbers."""
        if network.precision == "fp32":
            raise ModelError(f"the network {network.name} gives values that are not numbers: train or export it again")
        again = Tile(core, core.grow(self.plan.halo, self.plan.within))
        self._tile(self._config.networks.in_fp32(network), again, origin, out)

    def _advance(self, pixels_done: float) -> None:
        self._meter.tell(self._meter.done + pixels_done * self._per_pixel)


def wrapped(picture: NDArray[Any], margin: int) -> NDArray[Any]:
    """Return an HWC or HW picture padded by ``margin`` pixels on each side with those of the opposite side."""
    for axis in (0, 1) if margin else ():
        length = picture.shape[axis]
        picture = picture.take(np.arange(-margin, length + margin) % length, axis=axis)
    return picture
