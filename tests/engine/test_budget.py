"""What memory is spent on: the figures that a budget promises, with the networks that it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan.engine import tiling
from srgan.engine.budget import EXACT_UP_TO, HALO, TAIL_BYTES, Budget
from srgan.engine.tiling import Box
from srgan.errors import UsageError
from srgan.runtime.network import Network, open_network
from support import tiny_models
from support.bands import save_network

UINT8 = np.dtype(np.uint8)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return open_network(tiny_models.residual(tmp_path_factory.mktemp("net") / "net.onnx", blocks=10), precision="fp32")


def budget(memory: int, *, exact: bool = False, tta: bool = False) -> Budget:
    return Budget(memory, exact, tta)


def test_the_least_is_what_the_smallest_tile_takes_and_no_byte_less_will_do(network: Network) -> None:
    least = budget(0).least(network)
    budget(least).check(network)
    with pytest.raises(UsageError, match="is too little for"):
        budget(least - 1).check(network)
    side = 2 * network.radius + tiling.MIN_SPLIT
    box = Box(0, 0, 500, 500)
    assert budget(least).plan(network, box, box, UINT8, 3).tiles[0].window.pixels <= side**2


def test_tiles_fit_what_is_left_of_the_memory(network: Network) -> None:
    assert network.body is not None
    box = Box(0, 0, 600, 800)
    for memory in (40_000_000, 80_000_000, 400_000_000):
        given = budget(memory, exact=True)
        tail = given.tail_pixels(network) * network.tail.bytes_per_pixel
        assert tail <= max(TAIL_BYTES, memory // 4)
        plan = given.plan(network, box, box, UINT8, 3)
        body = max(tile.window.pixels for tile in plan.tiles) * network.body.bytes_per_pixel
        rows = max(band[0].core.height for band in plan.bands)
        pictures = box.pixels * 3 + rows * box.width * network.scale**2 * 3
        assert body + tail + pictures <= max(memory, given.least(network) + pictures)


def test_a_band_of_the_result_takes_an_eighth_at_most(network: Network) -> None:
    box = Box(0, 0, 2000, 1000)
    plan = budget(60_000_000).plan(network, box, box, np.dtype(np.uint16), 4)
    row = box.width * network.scale**2 * 4 * 2
    most = max(60_000_000 // 8 // row, tiling.MIN_SPLIT)
    assert all(band[0].core.height <= most + plan.halo for band in plan.bands)  # a halo more at the picture's edges


def test_the_halo_is_exact_where_that_is_cheap_or_asked_for(network: Network) -> None:
    assert network.radius > HALO
    large, small = Box(0, 0, 900, 900), Box(0, 0, 60, 60)
    little, much = 40_000_000, 4_000_000_000
    assert budget(little).plan(network, large, large, UINT8, 3).halo == HALO
    assert budget(little, exact=True).plan(network, large, large, UINT8, 3).halo == network.radius
    whole = budget(much).plan(network, small, small, UINT8, 3)
    assert (whole.halo, whole.cost) == (network.radius, 1.0)
    assert whole.cost <= EXACT_UP_TO


def test_bands_are_always_exact_and_take_more_memory(tmp_path: Path) -> None:
    networks = [open_network(save_network(tmp_path / f"{bands}.onnx", bands), precision="fp32") for bands in (1, 13)]
    box = Box(0, 0, 900, 900)
    for one in networks:
        assert budget(20_000_000).plan(one, box, box, UINT8, one.bands).halo == one.radius
    assert budget(0, tta=True).least(networks[0]) < budget(0, tta=True).least(networks[1])
    assert budget(0).least(networks[0]) < budget(0, tta=True).least(networks[0])


def test_rows_that_are_decoded_meanwhile_leave_more_for_tiles(network: Network) -> None:
    box = Box(0, 0, 8000, 1000)
    held, rows = (
        budget(60_000_000, exact=True).plan(network, box, box, UINT8, 3, by_rows=by_rows) for by_rows in (False, True)
    )
    assert max(tile.window.pixels for tile in rows.tiles) > max(tile.window.pixels for tile in held.tiles)
