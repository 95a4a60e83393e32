"""The foreign networks as their repositories define them: layers, names and ranges, with random weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """Weights that keep a signal's size, norms with statistics of their own, slopes and biases away from zero."""
    random = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        tensor.copy_(torch.empty_like(tensor).uniform_(low, high, generator=random))

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                fan = module.weight[0].numel()
                module.weight.copy_(torch.empty_like(module.weight).normal_(0, fan**-0.5, generator=random))
                if module.bias is not None:
                    uniform(module.bias, -0.2, 0.2)
            elif isinstance(module, nn.BatchNorm2d):
                uniform(module.weight, 0.2, 0.5)
                uniform(module.bias, -0.2, 0.2)
                uniform(module.running_mean, -0.2, 0.2)
                uniform(module.running_var, 0.3, 1.5)
            elif isinstance(module, nn.PReLU):
                uniform(module.weight, 0.05, 0.4)
    return network.eval()


def picture(height=17, width=22, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


class BubbliiiingPytorch(nn.Module):
    """srgan-pytorch: [-1, 1], tanh, a slope a channel, biases before BatchNorm."""

    class Block(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(f, f, 3, padding=1), nn.BatchNorm2d(f)
            self.prelu = nn.PReLU(f)
            self.conv2, self.bn2 = nn.Conv2d(f, f, 3, padding=1), nn.BatchNorm2d(f)

        def forward(self, x):
            return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))

    class Up(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.conv, self.prelu = nn.Conv2d(f, 4 * f, 3, padding=1), nn.PReLU(f)

        def forward(self, x):
            return self.prelu(F.pixel_shuffle(self.conv(x), 2))

    def __init__(self, f=64, blocks=16, levels=2):
        super().__init__()
        self.block_in = nn.Sequential(nn.Conv2d(3, f, 9, padding=4), nn.PReLU(f))
        self.blocks = nn.Sequential(*(self.Block(f) for _ in range(blocks)))
        self.block_out = nn.Sequential(nn.Conv2d(f, f, 3, padding=1), nn.BatchNorm2d(f))
        self.upsample = nn.Sequential(*(self.Up(f) for _ in range(levels)), nn.Conv2d(f, 3, 9, padding=4))

    def forward(self, x):
        x = self.block_in(x)
        return torch.tanh(self.upsample(x + self.block_out(self.blocks(x))))

    def enlarge(self, lr):
        """As its predict script does it: 0.5 and 0.5 are mean and deviation."""
        return self((lr - 0.5) / 0.5) * 0.5 + 0.5


class Lornatang2021(nn.Module):
    """SRGAN-PyTorch in 2021: normalised by 0.5, tanh, one slope, no bias before BatchNorm."""

    class Block(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(f, f, 3, padding=1, bias=False), nn.BatchNorm2d(f)
            self.prelu = nn.PReLU()
            self.conv2, self.bn2 = nn.Conv2d(f, f, 3, padding=1, bias=False), nn.BatchNorm2d(f)

        def forward(self, x):
            return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))

    class Up(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.conv, self.prelu = nn.Conv2d(f, 4 * f, 3, padding=1), nn.PReLU()

        def forward(self, x):
            return self.prelu(F.pixel_shuffle(self.conv(x), 2))

    def __init__(self, f=64, blocks=16, levels=2):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, f, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*(self.Block(f) for _ in range(blocks)))
        self.conv2 = nn.Sequential(nn.Conv2d(f, f, 3, padding=1, bias=False), nn.BatchNorm2d(f))
        self.subpixel_conv = nn.Sequential(*(self.Up(f) for _ in range(levels)))
        self.conv3 = nn.Sequential(nn.Conv2d(f, 3, 9, padding=4), nn.Tanh())

    def forward(self, x):
        x = self.conv1(x)
        return self.conv3(self.subpixel_conv(x + self.conv2(self.trunk(x))))

    def enlarge(self, lr):
        return self((lr - 0.5) / 0.5) * 0.5 + 0.5


class _Rcb(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.rcb = nn.Sequential(
            nn.Conv2d(f, f, 3, padding=1, bias=False),
            nn.BatchNorm2d(f),
            nn.PReLU(),
            nn.Conv2d(f, f, 3, padding=1, bias=False),
            nn.BatchNorm2d(f),
        )

    def forward(self, x):
        return x + self.rcb(x)


class _UpBlock(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.upsample_block = nn.Sequential(nn.Conv2d(f, 4 * f, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())

    def forward(self, x):
        return self.upsample_block(x)


class Lornatang2023(nn.Module):
    """SRGAN-PyTorch's SRResNet from 2023: [0, 1] inside, clipped."""

    def __init__(self, f=64, blocks=16, levels=2):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, f, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*(_Rcb(f) for _ in range(blocks)))
        self.conv2 = nn.Sequential(nn.Conv2d(f, f, 3, padding=1, bias=False), nn.BatchNorm2d(f))
        self.upsampling = nn.Sequential(*(_UpBlock(f) for _ in range(levels)))
        self.conv3 = nn.Conv2d(f, 3, 9, padding=4)

    def forward(self, x):
        x = self.conv1(x)
        return self.conv3(self.upsampling(x + self.conv2(self.trunk(x)))).clamp(0, 1)

    enlarge = forward


class Lornatang2022(nn.Module):
    """SRGAN-PyTorch's Generator of 2022: the same under other names."""

    def __init__(self, f=64, blocks=16, levels=2):
        super().__init__()
        self.conv_block1 = nn.Sequential(nn.Conv2d(3, f, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*(_Rcb(f) for _ in range(blocks)))
        self.conv_block2 = nn.Sequential(nn.Conv2d(f, f, 3, padding=1, bias=False), nn.BatchNorm2d(f))
        self.upsampling = nn.Sequential(*(_UpBlock(f) for _ in range(levels)))
        self.conv_block3 = nn.Conv2d(f, 3, 9, padding=4)

    def forward(self, x):
        x = self.conv_block1(x)
        return self.conv_block3(self.upsampling(x + self.conv_block2(self.trunk(x)))).clamp(0, 1)

    enlarge = forward


class BasicSRMSRResNet(nn.Module):
    """BasicSR's MSRResNet for x2 and x4."""

    class Block(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.conv1 = nn.Conv2d(f, f, 3, 1, 1)
            self.conv2 = nn.Conv2d(f, f, 3, 1, 1)
            self.relu = nn.ReLU()

        def forward(self, x):
            return x + self.conv2(self.relu(self.conv1(x))) * 1

    def __init__(self, f=64, blocks=16, levels=2):
        super().__init__()
        self.upscale = 2**levels
        self.conv_first = nn.Conv2d(3, f, 3, 1, 1)
        self.body = nn.Sequential(*(self.Block(f) for _ in range(blocks)))
        self.upconv1 = nn.Conv2d(f, f * 4, 3, 1, 1)
        if levels == 2:
            self.upconv2 = nn.Conv2d(f, f * 4, 3, 1, 1)
        self.conv_hr = nn.Conv2d(f, f, 3, 1, 1)
        self.conv_last = nn.Conv2d(f, 3, 3, 1, 1)

    def forward(self, x):
        lrelu = nn.LeakyReLU(0.1)
        out = self.body(lrelu(self.conv_first(x)))
        out = lrelu(F.pixel_shuffle(self.upconv1(out), 2))
        if self.upscale == 4:
            out = lrelu(F.pixel_shuffle(self.upconv2(out), 2))
        out = self.conv_last(lrelu(self.conv_hr(out)))
        return out + F.interpolate(x, scale_factor=self.upscale, mode="bilinear", align_corners=False)

    enlarge = forward


REPOSITORIES = {
    "srgan-pytorch": BubbliiiingPytorch,
    "lornatang-2021": Lornatang2021,
    "lornatang-2022": Lornatang2022,
    "lornatang-2023": Lornatang2023,
    "msrresnet": BasicSRMSRResNet,
}
"""By the names that errors and tests call them."""
