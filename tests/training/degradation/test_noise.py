"""Noise of light, cameras and film."""

import numpy as np

from srgan.training.degradation import noise


def neighbours(x):
    """Correlation of horizontal neighbours."""
    return np.corrcoef(x[:, :-1].ravel(), x[:, 1:].ravel())[0, 1]


def test_noise_of_cameras_and_film_goes_over_several_pixels_and_that_of_cameras_has_colours():
    flat = np.full((64, 64, 3), 0.5, np.float32)
    random = np.random.default_rng(0)
    assert abs(neighbours(noise.gaussian(flat, 10, False, random)[:, :, 0])) < 0.1
    for add in (noise.camera, noise.film_grain):
        assert np.mean([neighbours(add(flat, 10, random)[:, :, 0]) for _ in range(8)]) > 0.3
    assert np.ptp(noise.film_grain(flat, 10, random), axis=2).max() < 1e-6
    assert np.ptp(noise.camera(flat, 10, random), axis=2).mean() > 0.01


def test_noise_of_light_grows_with_it_and_a_camera_lifts_it_in_the_shadows():
    dark, bright = (np.full((64, 64, 3), value, np.float32) for value in (0.15, 0.8))
    random = np.random.default_rng(0)
    assert noise.poisson(dark, 10, False, random).std() < noise.poisson(bright, 10, False, random).std() / 2
    levels = [[noise.camera(x, 5, random).std() for x in (dark, bright)] for _ in range(8)]
    assert np.mean(levels, axis=0)[0] > np.mean(levels, axis=0)[1]


def test_a_smear_takes_noise_and_leaves_edges():
    x = np.full((64, 64, 3), 0.3, np.float32)
    x[:, 32:] = 0.7
    noisy = noise.gaussian(x, 8, False, np.random.default_rng(0))
    smeared = noise.smeared(noisy, 12, 1.2)
    assert smeared[:, :24].std() < noisy[:, :24].std() * 0.7
    assert smeared[:, 33:36].mean() - smeared[:, 28:31].mean() > 0.38
