"""Sharpening and haloes."""

import numpy as np

from srgan.training.degradation import sharpened


def test_sharpening_overshoots_at_edges_and_leaves_noise_alone():
    edge = np.full((32, 32, 1), 80, np.uint8)
    edge[:, 16:] = 170
    result = sharpened(edge)
    assert result[16, 15, 0] < 80
    assert result[16, 16, 0] > 170
    assert (result[:, :4] == 80).all()
    grain = np.random.default_rng(0).integers(120, 128, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(sharpened(grain), grain)
