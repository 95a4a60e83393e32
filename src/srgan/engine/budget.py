"""What the memory for the work is spent on, and the tiles that fit it.

The budget holds the picture and a band of the result, the body of the network on one tile, and its tail on a small part
of that. About 150 MB for the program come on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from srgan.engine import tiling
from srgan.engine.tiling import Box, TilePlan
from srgan.errors import UsageError
from srgan.image.pixels import Rows
from srgan.runtime.network import Network

TAIL_BYTES = 48 << 20
"""What the tail may take. Larger tiles would save a few per cent of halo, and take memory from the body."""

BAND_SHARE = 8
"""A band of the result takes about this part of the memory at most, so that results larger than memory can be written
while they are computed."""

HALO = 16
"""Halo where the exact one would cost too much: measured to change 0.0006 % of the values, by one level."""

EXACT_UP_TO = 1.1
"""The exact halo is taken without being asked for while it makes the network compute at most this much more."""


@dataclass(frozen=True)
class Budget:
    """How a network spends ``memory`` bytes.

    Attributes
    ----------
    memory : bytes for the work
    exact : whether tiles always have the halo of the network's full radius
    tta : whether results are summed over eight positions
    """

    memory: int
    exact: bool
    tta: bool

    def check(self, network: Network) -> None:
        """Raise UsageError if the memory does not hold the smallest tile."""
        least = self.least(network)
        if self.memory < least:
            raise UsageError(
                f"memory of {self.memory / 1e6:.0f} MB is too little for {network.name}: give {least / 1e6:.0f} MB or more"
            )

    def least(self, network: Network) -> int:
        """Return the bytes in which tiles are at least MIN_SPLIT pixels wide inside their halo."""
        least = (2 * network.radius + tiling.MIN_SPLIT) ** 2 * self._bytes_per_pixel(network)
        # A quarter of the memory goes to the tail where that is more than the tail's least.
        return max(least + _least_tail(network), -(-least * 4 // 3)) if network.body else least

    def tail_pixels(self, network: Network) -> int:
        """Return how many pixels the tail may be given at a time."""
        return self._tail_bytes(network) // network.tail.bytes_per_pixel

    def plan(
        self,
        network: Network,
        region: Box,
        within: Box,
        dtype: np.dtype[Any],
        channels: int,
        *,
        by_rows: bool = False,
        halo: int | None = None,
    ) -> TilePlan:
        """Return the tiles for a region of a picture.

        Parameters
        ----------
        network : what computes them
        region : what is wanted, in pixels of ``within``
        within : all that there is, whose edge is the picture's
        dtype, channels : of the picture
        by_rows : whether the picture is decoded while it is used
        halo : that the tiles must have; by default the exact one, or a smaller one where that costs too much
        """
        row_bytes = region.width * network.scale**2 * channels * dtype.itemsize  # of the result, a row of the input
        max_rows = max(self.memory // BAND_SHARE // row_bytes, tiling.MIN_SPLIT)
        held = within.height
        if by_rows:
            held = min(held, max_rows + 2 * network.radius + Rows.STRIP)
        pictures = held * within.width * channels * dtype.itemsize + min(max_rows, region.height) * row_bytes
        free = max(self.memory - pictures, self.least(network))
        room = (free - self._tail_bytes(network)) // self._bytes_per_pixel(network)

        most = network.max_pixels
        if most is not None:  # a device has its own memory; if it turns out not to suffice, tiles are halved
            room = max(min(room, most), (2 * network.radius + tiling.MIN_SPLIT) ** 2)

        def plan(halo: int) -> TilePlan:
            return tiling.plan_region(region, within, halo=halo, max_pixels=room, max_rows=max_rows)

        if halo is not None:
            return plan(halo)
        exact = plan(network.radius)
        # Bands are measurements: they are always exact.
        if self.exact or network.bands != 3 or exact.cost <= EXACT_UP_TO or network.radius <= HALO:
            return exact
        return plan(HALO)

    def _bytes_per_pixel(self, network: Network) -> int:
        taken = (network.body or network.tail).bytes_per_pixel + network.bands * 4  # and the window as floats
        return taken + (network.bands * 4 * (network.scale**2 + 1) if self.tta else 0)  # and the sum of the results

    def _tail_bytes(self, network: Network) -> int:
        return max(min(TAIL_BYTES, self.memory // 4), _least_tail(network)) if network.body else 0


def _least_tail(network: Network) -> int:
    return (2 * network.tail.radius + tiling.MIN_SPLIT) ** 2 * network.tail.bytes_per_pixel
