"""A discriminator that judges each pixel: a U-Net with spectral normalisation.

It is that of Wang et al. 2021 ("Real-ESRGAN", arXiv:2107.10833, section 3.3).

One judgement of a whole picture says little to a generator whose pictures differ from photographs here and there, each in
another way, as those made from degraded pictures do. A U-Net says of every pixel how much it looks like a photograph's, from
its surroundings near and far. It would be too strong an opponent; spectral normalisation (Miyato et al. 2018, arXiv:1802.05957)
bounds how fast its judgement can change from one picture to another.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from srgan.networks.discriminator import DiscriminatorConfig


class UNetDiscriminator(nn.Module):
    """Tells photographs from generated pictures, pixel by pixel.

    conv 3x3 F; three times [conv 4x4, stride 2], which double the feature maps; three times [twice as large by bilinear
    interpolation, conv 3x3], which halve them again, each added to what the way down had at that size; two times
    [conv 3x3 F]; conv 3x3 1. LeakyReLU 0.2 after each but the last one. All but the first and the last one are spectrally
    normalised and have no bias.

    Sides need not be multiples of 8: what comes up takes the size of what it is added to. A side of 8 pixels is the least.

    Raises
    ------
    ValueError
        for values that no network can have
    """

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        config = config or DiscriminatorConfig(kind="unet")
        if problems := config.problems():
            raise ValueError("; ".join(problems))
        self.config = config
        features = config.features
        self.head = nn.Conv2d(config.bands, features, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(features << level, features << (level + 1), 4, stride=2, padding=1, bias=False))
            for level in range(3)
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(features << level, features << (level - 1), 3, padding=1, bias=False))
            for level in (3, 2, 1)
        )
        self.last = nn.ModuleList(
            spectral_norm(nn.Conv2d(features, features, 3, padding=1, bias=False)) for _ in range(2)
        )
        self.tail = nn.Conv2d(features, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Judge a batch.

        Parameters
        ----------
        x : ``[N, C, H, W]``, floating point, [0, 1]

        Returns
        -------
        Tensor
            ``[N, 1, H, W]`` logits: above 0 for "of a photograph", below for "generated"
        """
        with parametrize.cached():
            self._normalise(x.device.type)
            y = _activated(self.head(x * 2 - 1))
            levels = []
            for layer in self.down:
                levels.append(y)
                y = _activated(layer(y))
            for layer, beside in zip(self.up, reversed(levels), strict=True):
                y = F.interpolate(y, size=beside.shape[2:], mode="bilinear", align_corners=False)
                y = _activated(layer(y)) + beside
            for layer in self.last:
                y = _activated(layer(y))
            return cast(Tensor, self.tail(y))

    def _normalise(self, device: str) -> None:
        """Divide the weights by their largest singular values, in full precision under autocast too; they stay cached."""
        with torch.autocast(device, enabled=False):
            for layer in (*self.down, *self.up, *self.last):
                _ = layer.weight


def _activated(y: Tensor) -> Tensor:
    return F.leaky_relu(y, 0.2)
