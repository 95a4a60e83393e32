"""A convolution moved before the shuffle gives the same as behind it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from srgan.networks.subpixel import moved_index


@pytest.mark.parametrize(("size", "factor"), [(3, 2), (5, 2), (9, 2), (3, 3)])
def test_the_moved_convolution_is_the_same(size: int, factor: int) -> None:
    into, out = 2, 3
    torch.manual_seed(0)
    x, weight = torch.randn(1, into * factor**2, 6, 5), torch.randn(out, into, size, size)
    behind = torch.nn.functional.conv2d(torch.pixel_shuffle(x, factor), weight, padding=size // 2)
    index = moved_index(out, into, size, factor)
    moved = torch.from_numpy(np.append(weight.numpy().ravel(), np.float32(0))[index])
    before = torch.pixel_shuffle(torch.nn.functional.conv2d(x, moved, padding=index.shape[2] // 2), factor)
    assert torch.allclose(before, behind, atol=1e-5)
    assert np.bincount(index.ravel())[:-1].tolist() == [factor**2] * weight.numel()  # each weight for each sub-pixel


def test_a_9x9_kernel_becomes_a_5x5_one() -> None:
    assert moved_index(3, 64, 9).shape == (12, 256, 5, 5)
