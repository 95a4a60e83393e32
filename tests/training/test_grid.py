import numpy as np
import pytest

from srgan.training.grid import grid_energy


def smooth(seed=0, height=200, width=270):
    """Slow waves, as flat areas of photographs have them."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = sum(
        random.uniform(5, 20)
        * np.sin(2 * np.pi * (random.uniform(-3, 3) * y / height + random.uniform(-3, 3) * x / width))
        for _ in range(6)
    )
    return 128 + np.repeat(waves[:, :, None], 3, axis=2)


def to_levels(x):
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def noise(sigma, seed=1):
    return np.random.default_rng(seed).normal(0, sigma, (200, 270, 1))


def test_errors_without_a_period_are_near_one():
    for sigma in (1, 5, 20):
        sr = [to_levels(smooth() + noise(sigma, seed)) for seed in range(3)]
        found = grid_energy(sr, [to_levels(smooth())] * 3, 4)
        assert found.keys() == {2, 4}
        assert all(-1 < value < 3 for value in found.values()), found


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("direction", ["rows", "columns", "both"])
def test_a_grid_shows_at_its_period_and_at_no_other(period, direction):
    y, x = np.mgrid[:200, :270]
    phase = {"rows": y, "columns": x, "both": x + y}[direction]
    grid = 2 * np.cos(2 * np.pi * phase / period)[:, :, None]
    hr = smooth()
    found = grid_energy([to_levels(hr + noise(2) + grid)], [to_levels(hr)], 4)
    assert found[period] > 10
    assert found[6 - period] < 4


def test_the_grid_of_the_photograph_itself_does_not_count():
    grid = 10 * (np.arange(270) % 4 == 0)[None, :, None]
    hr = to_levels(smooth() + grid)
    assert grid_energy([to_levels(hr + noise(2))], [hr], 4)[4] < 3


def test_flat_areas_decide():
    """A grid in the flat third shows, however rough the rest is."""
    random = np.random.default_rng(3)
    hr = smooth()
    hr[:, 90:] += random.normal(0, 40, (200, 180, 1))
    sr = hr + noise(2)
    sr[:, 90:] += random.normal(0, 20, (200, 180, 1))
    sr[:, :90] += 3 * np.cos(np.pi * np.arange(90) / 2)[None, :, None]
    assert grid_energy([to_levels(sr)], [to_levels(hr)], 4)[4] > 6


def test_periods_go_up_to_the_scale_and_small_pictures_have_none():
    hr, sr = to_levels(smooth()), to_levels(smooth() + noise(2))
    assert grid_energy([sr], [hr], 2).keys() == {2}
    assert grid_energy([sr], [hr], 8).keys() == {2, 4, 8}
    assert grid_energy([sr[:63]], [hr[:63]], 4) == {}
    assert grid_energy([sr[:, :, :1]], [hr[:, :, :1]], 4).keys() == {2, 4}  # gray
    assert grid_energy([], [], 4) == {}


def test_equal_pictures_have_no_grid():
    assert grid_energy([to_levels(smooth())], [to_levels(smooth())], 4) == {2: 0.0, 4: 0.0}
