"""The generator, SRResNet (Ledig et al. 2017, arXiv:1609.04802, section 2.1.1 and figure 4).

Notation: N pictures a batch, C bands (3 for RGB), H x W pixels of the low-resolution (LR) input, s the scale, F features.
Layout is NCHW; the outside sees values in [0, 1], the inside [-1, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srgan.networks.subpixel import moved_index

Normalisation = Literal["batch", "none"]
Output = Literal["tanh", "linear"]
Kind = Literal["residual", "fast"]


@dataclass(frozen=True)
class GeneratorConfig:
    """What determines the generator's shape; stored with every set of its weights.

    Attributes
    ----------
    scale : enlargement, a power of two from 2 on
    bands : colour bands of the pictures, 3 for RGB
    features : feature maps of the trunk (paper: 64)
    blocks : residual blocks (paper: 16)
    norm : ``"batch"`` for the paper's BatchNorm, ``"none"`` for biased convolutions alone (EDSR, arXiv:1707.02921, section 3.1)
    output : ``"tanh"`` squashes the output into the range, ``"linear"`` leaves clipping to the caller
    kind : ``"residual"`` for :class:`Generator`, ``"fast"`` for :class:`srgan.networks.fast.FastGenerator`, whose ``norm`` is
        ``"none"`` and whose ``output`` is ``"linear"``
    """

    scale: int = 4
    bands: int = 3
    features: int = 64
    blocks: int = 16
    norm: Normalisation = "batch"
    output: Output = "tanh"
    kind: Kind = "residual"

    def problems(self) -> list[str]:
        """Return what is wrong with these values, one sentence each; an empty list when nothing is."""
        found = []
        if self.scale < 2 or self.scale & (self.scale - 1):
            found.append(f"scale must be a power of two from 2 on, not {self.scale}")
        for name in ("bands", "features", "blocks"):
            if getattr(self, name) < 1:
                found.append(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.norm not in ("batch", "none"):
            found.append(f"norm must be 'batch' or 'none', not {self.norm!r}")
        if self.output not in ("tanh", "linear"):
            found.append(f"output must be 'tanh' or 'linear', not {self.output!r}")
        if self.kind not in ("residual", "fast"):
            found.append(f"kind must be 'residual' or 'fast', not {self.kind!r}")
        if self.kind == "fast" and (self.norm != "none" or self.output != "linear"):
            found.append("a generator of the kind 'fast' needs norm = 'none' and output = 'linear'")
        return found


def _norm(kind: Normalisation, features: int) -> nn.Module:
    return nn.BatchNorm2d(features) if kind == "batch" else nn.Identity()


class ResidualBlock(nn.Module):
    """conv 3x3, norm, PReLU, conv 3x3, norm, and the sum with the input (figure 4)."""

    def __init__(self, features: int, norm: Normalisation) -> None:
        super().__init__()
        bias = norm == "none"
        self.conv1 = nn.Conv2d(features, features, 3, padding=1, bias=bias)
        self.norm1 = _norm(norm, features)
        self.act = nn.PReLU(features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=bias)
        self.norm2 = _norm(norm, features)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, F, H, W]`` to the same shape."""
        y = self.act(self.norm1(self.conv1(x)))
        return cast(Tensor, x + self.norm2(self.conv2(y)))


class UpsampleBlock(nn.Module):
    """conv 3x3 F -> 4F, PixelShuffle 2, PReLU: the sub-pixel convolution of Shi et al. 2016 (arXiv:1609.05158)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(features, 4 * features, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.act = nn.PReLU(features)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, F, H, W]`` to ``[N, F, 2H, 2W]``."""
        return cast(Tensor, self.act(self.shuffle(self.conv(x))))


class Generator(nn.Module):
    """The network that enlarges a picture ``scale`` times.

    conv 9x9 + PReLU; ``blocks`` residual blocks; conv 3x3 + norm and the long skip; log2(scale) sub-pixel convolutions;
    conv 9x9; tanh. PReLU has one slope a feature map. With the paper's values: 1.55 million weights, 2,218,176
    multiplications an LR pixel.

    Parameters
    ----------
    config : shape of the network

    Raises
    ------
    ValueError
        for values that no network can have
    """

    moved: Tensor

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__()
        config = config or GeneratorConfig()
        if problems := config.problems():
            raise ValueError("; ".join(problems))
        if config.kind != "residual":
            raise ValueError(f"this generator is of the kind 'residual', not {config.kind!r}: use make_generator")
        self.config = config
        features = config.features
        self.head = nn.Conv2d(config.bands, features, 9, padding=4)
        self.head_act = nn.PReLU(features)
        self.body = nn.Sequential(*(ResidualBlock(features, config.norm) for _ in range(config.blocks)))
        self.body_conv = nn.Conv2d(features, features, 3, padding=1, bias=config.norm == "none")
        self.body_norm = _norm(config.norm, features)
        self.upsample = nn.Sequential(*(UpsampleBlock(features) for _ in range(config.scale.bit_length() - 1)))
        self.tail = nn.Conv2d(features, config.bands, 9, padding=4)
        index = moved_index(config.bands, features, self.tail.kernel_size[0])
        self.register_buffer("moved", torch.from_numpy(index.copy()), persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        """Start from He et al. 2015 (arXiv:1502.01852) for PReLU's slope 0.25; sub-pixel convolutions from ICNR.

        ICNR (Aitken et al. 2017, arXiv:1707.02937) gives the four sub-pixels of a shuffle the same weights, so that a new
        network has no period-2 grid to unlearn. Without normalisation the second convolution of each block is scaled
        down by sqrt(blocks): the sum over all blocks then keeps the variance of its input (as in Fixup, arXiv:1901.09321).
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        with torch.no_grad():
            for block in self.upsample:
                conv = cast(UpsampleBlock, block).conv
                conv.weight.copy_(conv.weight[::4].repeat_interleave(4, dim=0))
            if self.config.norm == "none":
                for block in self.body:
                    cast(ResidualBlock, block).conv2.weight.mul_(0.5 / math.sqrt(self.config.blocks))
                self.body_conv.weight.mul_(0.5)
            # The tail starts small, so that the first pictures are gray rather than saturated noise (tanh has no slope there).
            self.tail.weight.mul_(0.1)

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch.

        Computes what :meth:`reference` computes, with the last convolution and PReLU before the last shuffle
        (:mod:`srgan.networks.subpixel`): equal but for rounding, a fifth faster in training, and without F feature maps of the
        full size in memory.

        Parameters
        ----------
        lr : ``[N, C, H, W]``, floating point, [0, 1]

        Returns
        -------
        Tensor
            ``[N, C, s*H, s*W]``; within [0, 1] for ``output="tanh"``, nominally so and not clipped for ``"linear"``
        """
        x = self.upsample[:-1](self._trunk(lr))
        last = cast(UpsampleBlock, self.upsample[-1])
        x = F.prelu(last.conv(x), last.act.weight.repeat_interleave(4))
        # The zero that the index's last value points to is appended to the weights. By gather, whose backward pass adds up
        # with atomics: that of indexing sorts, which was a quarter of a step's time on a GPU.
        kernel = F.pad(self.tail.weight.reshape(-1), (0, 1)).gather(0, self.moved.flatten()).view(self.moved.shape)
        assert self.tail.bias is not None
        y = F.conv2d(x, kernel, self.tail.bias.repeat_interleave(4), padding=kernel.shape[-1] // 2)
        return self._to_unit(F.pixel_shuffle(y, 2))

    def reference(self, lr: Tensor) -> Tensor:
        """Enlarge a batch by the layers of figure 4, one after the other; same arguments and result as :meth:`forward`."""
        return self._to_unit(self.tail(self.upsample(self._trunk(lr))))

    def _trunk(self, lr: Tensor) -> Tensor:
        x = self.head_act(self.head(lr * 2 - 1))
        return cast(Tensor, x + self.body_norm(self.body_conv(self.body(x))))

    def _to_unit(self, y: Tensor) -> Tensor:
        if self.config.output == "tanh":
            y = torch.tanh(y)
        return (y + 1) / 2
