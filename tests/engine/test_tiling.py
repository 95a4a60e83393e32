"""Tiles cover the picture, keep within their budget, and joined equal the whole: on real networks, at random sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan.engine import tiling
from srgan.engine.tiling import Box, Tile
from srgan.runtime.network import Network, open_network
from support import tiny_models

sides = st.integers(1, 300)


@pytest.mark.slow
@given(sides, sides, st.integers(0, 40), st.integers(1, 60_000))
@settings(max_examples=400, deadline=None)
def test_a_plan_covers_each_pixel_once_with_its_halo_within_the_budget(
    height: int, width: int, halo: int, budget: int
) -> None:
    try:
        plan = tiling.plan(height, width, halo=halo, max_pixels=budget)
    except ValueError:
        assert budget < min(height, 2 * halo + 1) * min(width, 2 * halo + 1)
        return
    covered = np.zeros((height, width), int)
    picture = Box(0, 0, height, width)
    for core, window in plan.tiles:
        assert core.pixels > 0
        covered[core.slices] += 1
        needed = core.grow(halo, picture)
        assert window.grow(0, needed) == needed, "the halo is inside the window"
        assert window.grow(0, picture) == window, "the window is inside the picture"
        assert window.pixels <= budget
    assert (covered == 1).all()
    assert len({(window.height, window.width) for _, window in plan.tiles}) == 1, "one shape for all"
    for band in plan.bands:
        assert len({(tile.core.top, tile.core.bottom) for tile in band}) == 1


@given(st.data(), st.integers(0, 5), st.integers(130, 3000))
@settings(max_examples=200, deadline=None)
def test_a_region_is_covered_with_windows_that_reach_into_the_rest(data: st.DataObject, halo: int, budget: int) -> None:
    within = Box(3, 5, 3 + data.draw(sides), 5 + data.draw(sides))
    top, left = data.draw(st.integers(3, within.bottom - 1)), data.draw(st.integers(5, within.right - 1))
    region = Box(
        top, left, data.draw(st.integers(top + 1, within.bottom)), data.draw(st.integers(left + 1, within.right))
    )
    covered = np.zeros((within.bottom, within.right), int)
    for core, window in tiling.plan_region(region, within, halo=halo, max_pixels=budget).tiles:
        assert core.pixels > 0
        covered[core.slices] += 1
        needed = core.grow(halo, within)
        assert window.grow(0, needed) == needed
        assert window.grow(0, within) == window
        assert window.pixels <= budget
    assert (covered[region.slices] == 1).all()
    assert covered.sum() == region.pixels


@pytest.mark.parametrize(
    ("height", "width", "halo", "budget", "most"),
    [
        (1080, 1920, 16, 512 * 512, 1.11),
        (1080, 1920, 40, 512 * 512, 1.34),
        (5000, 5000, 16, 600 * 600, 1.13),
        (320, 480, 40, 160_000, 1.0),
    ],
)
def test_a_plan_computes_little_more_than_is_wanted(
    height: int, width: int, halo: int, budget: int, most: float
) -> None:
    """The figures are those measured for equal-sized tiles; clamped ones need up to 1.6 times the pixels."""
    assert tiling.plan(height, width, halo=halo, max_pixels=budget).cost <= most


def test_too_small_a_budget_is_refused_with_what_it_takes() -> None:
    with pytest.raises(ValueError, match="at least 6561 pixels, 6560 are allowed"):
        tiling.plan(500, 500, halo=40, max_pixels=81 * 81 - 1)
    assert len(tiling.plan(100, 100, halo=40, max_pixels=81 * 81).tiles) == 400  # 20 x 20 windows of 81


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Network]:
    folder = tmp_path_factory.mktemp("models")
    files = {
        "shallow": tiny_models.shallow(folder / "shallow.onnx"),
        "residual": tiny_models.residual(folder / "residual.onnx", scale=4),
        "residual-x2": tiny_models.residual(folder / "residual2.onnx", scale=2, blocks=1),
    }
    return {name: open_network(file, precision="fp32") for name, file in files.items()}


@pytest.mark.slow
@given(st.sampled_from(["shallow", "residual", "residual-x2"]), st.integers(1, 70), st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_tiled_equals_whole(
    networks: dict[str, Network], name: str, height: int, width: int, data: st.DataObject
) -> None:
    network = networks[name]
    least = (2 * network.radius + 1) ** 2
    budget = data.draw(st.integers(least, max(least, height * width)))
    image = np.random.default_rng(height * 100 + width).random((1, 3, height, width), np.float32)
    plan = tiling.plan(height, width, halo=network.radius, max_pixels=budget)
    np.testing.assert_allclose(tiling.run(plan, network, image, network.scale), network(image), rtol=0, atol=2e-6)


def test_a_halo_one_pixel_short_shows(networks: dict[str, Network]) -> None:
    """The radius is no larger than it has to be, and the test above would see it if it were smaller."""
    for name, network in networks.items():
        image = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
        plan = tiling.plan(64, 64, halo=network.radius - 1, max_pixels=40 * 40)
        assert abs(tiling.run(plan, network, image, network.scale) - network(image)).max() > 1e-5, name


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 9), st.integers(2000, 60_000))
@settings(max_examples=200, deadline=None)
def test_a_tile_that_does_not_fit_memory_is_halved_until_it_does(
    height: int, width: int, halo: int, memory: int
) -> None:
    picture = Box(0, 0, height, width)
    done = np.zeros((height, width), int)
    tried = []

    def work(tile: Tile) -> None:
        tried.append(tile.window.pixels)
        if tile.window.pixels > memory:
            raise MemoryError
        assert tile.window == tile.core.grow(halo, picture)
        done[tile.core.slices] += 1

    try:
        limit = tiling.compute(Tile(picture, picture), work, halo=halo, within=picture)
    except MemoryError:
        assert memory < (tiling.MIN_SPLIT + 2 * halo) ** 2
        return
    assert (done == 1).all()
    failed = [pixels for pixels in tried if pixels > memory]
    assert len(failed) <= 6, "what has failed once is not tried again for each tile"
    assert (limit is None) == (not failed)
    if limit is not None:
        assert limit <= max(failed)
