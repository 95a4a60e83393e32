"""The fast generator: a small network that works at LR size throughout, and shuffles once, at its end.

Its anchor is SPAN (Wan et al. 2023, arXiv:2311.12770), with changes that docs/experiments.md has figures for. LeakyReLU stands
for SiLU or PReLU: the runtime computes it within a convolution, where PReLU with a slope a channel takes as much time as the
convolution. The gate is 1 where a block adds nothing, so that a new block passes its input on. And a direct path from the input
to the output starts as bicubic enlargement, which the network would otherwise have to learn first.

Notation as in :mod:`srgan.networks.generator`.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from srgan.networks.generator import GeneratorConfig
from srgan.networks.subpixel import SLOPE

_DIRECT = 5
"""Side of the direct path's kernel: what bicubic enlargement reads around a pixel."""


class GatedBlock(nn.Module):
    """conv 3x3, LeakyReLU, conv 3x3, LeakyReLU, conv 3x3; its sum with the input, gated by twice its sigmoid."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.conv3 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, F, H, W]`` to the same shape."""
        y = F.leaky_relu(self.conv1(x), SLOPE)
        y = self.conv3(F.leaky_relu(self.conv2(y), SLOPE))
        return cast(Tensor, (x + y) * (2 * torch.sigmoid(y)))


class FastGenerator(nn.Module):
    """A small network that enlarges a picture ``scale`` times.

    conv 3x3; ``blocks`` gated blocks; conv 3x3; a 1x1 convolution of that, the first convolution, and the first and the last but
    one block, side by side; conv 3x3 to ``bands * scale**2``; plus a 5x5 convolution of the input; PixelShuffle. Of 48 features
    and 5 blocks at x4: 0.37 million weights, as many multiplications an LR pixel.

    Parameters
    ----------
    config : shape of the network, of the kind ``"fast"``

    Raises
    ------
    ValueError
        for values that no such network can have
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        if problems := config.problems():
            raise ValueError("; ".join(problems))
        if config.kind != "fast":
            raise ValueError(f"a fast generator is of the kind 'fast', not {config.kind!r}")
        self.config = config
        features, out = config.features, config.bands * config.scale**2
        self.head = nn.Conv2d(config.bands, features, 3, padding=1)
        self.body = nn.Sequential(*(GatedBlock(features) for _ in range(config.blocks)))
        self.body_conv = nn.Conv2d(features, features, 3, padding=1)
        self.mix = nn.Conv2d(4 * features, features, 1)
        self.tail = nn.Conv2d(features, out, 3, padding=1)
        self.direct = nn.Conv2d(config.bands, out, _DIRECT, padding=_DIRECT // 2, bias=False)
        self._initialise()

    def _initialise(self) -> None:
        """Start from He et al. 2015 for the slope, blocks that hardly change their input, and bicubic enlargement."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        with torch.no_grad():
            for block in self.body:
                cast(GatedBlock, block).conv3.weight.mul_(0.5 / math.sqrt(self.config.blocks))
            self.body_conv.weight.mul_(0.5)
            self.mix.weight.mul_(0.7)
            self.tail.weight.mul_(0.05)
            self.direct.weight.copy_(torch.from_numpy(bicubic_kernels(self.config.bands, self.config.scale)))

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch.

        Parameters
        ----------
        lr : ``[N, C, H, W]``, floating point, [0, 1]

        Returns
        -------
        Tensor
            ``[N, C, s*H, s*W]``, nominally within [0, 1] and not clipped
        """
        x = lr * 2 - 1
        first = y = self.head(x)
        outputs = []
        for block in self.body:
            y = block(y)
            outputs.append(y)
        early, late = outputs[0], outputs[max(len(outputs) - 2, 0)]
        y = self.mix(torch.cat([first, self.body_conv(y), early, late], dim=1))
        return (F.pixel_shuffle(self.tail(y) + self.direct(x), self.config.scale) + 1) / 2

    def reference(self, lr: Tensor) -> Tensor:
        """Enlarge a batch as :meth:`forward`, which is the plain form already."""
        return self.forward(lr)


def bicubic_kernels(bands: int, scale: int) -> NDArray[np.float32]:
    """Return the convolution whose shuffled output is the bicubic enlargement (Keys 1981, a = -1/2), away from borders.

    ``[bands * scale**2, bands, 5, 5]``, in PixelShuffle's order of channels.
    """
    reach = _DIRECT // 2
    centres = (np.arange(scale) + 0.5) / scale - 0.5  # of the sub-pixels, from the pixel's own centre
    distances = np.abs(centres[:, None] - np.arange(-reach, reach + 1))
    inner = (1.5 * distances - 2.5) * distances**2 + 1
    outer = ((-0.5 * distances + 2.5) * distances - 4) * distances + 2
    line = np.where(distances <= 1, inner, np.where(distances < 2, outer, 0.0))
    one = np.einsum("ak,bl->abkl", line, line).reshape(scale**2, _DIRECT, _DIRECT)
    kernels = np.zeros((bands, scale**2, bands, _DIRECT, _DIRECT), np.float32)
    for band in range(bands):
        kernels[band, :, band] = one
    return kernels.reshape(bands * scale**2, bands, _DIRECT, _DIRECT)
