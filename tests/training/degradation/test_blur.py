"""Blur by a kernel."""

import numpy as np
import pytest

from srgan.training.degradation.blur import KINDS, blurred, kernel_of


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_keep_the_light_and_the_place(kind):
    for seed in range(20):
        kernel = kernel_of(kind, np.random.default_rng(seed).uniform(0.4, 4), np.random.default_rng(seed))
        y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - kernel.shape[0] // 2
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        assert abs((kernel * y).sum()) < 1e-3
        assert abs((kernel * x).sum()) < 1e-3


def test_blur_is_a_convolution_over_the_mirrored_border():
    from scipy.ndimage import convolve

    x = np.random.default_rng(0).random((40, 30, 3), dtype=np.float32)
    kernel = kernel_of("elliptic", 2.3, np.random.default_rng(1))
    assert np.allclose(blurred(x, kernel), convolve(x, kernel[:, :, None], mode="mirror"), atol=1e-5)
