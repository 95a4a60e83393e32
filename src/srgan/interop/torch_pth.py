"""``.pth`` files of the known SRGAN repositories, recognised by their keys and mapped strictly.

========================== ============ ========= ==========================================
repository                 inside       output    PReLU, convolutions before BatchNorm
========================== ============ ========= ==========================================
srgan-pytorch              [-1, 1]      tanh      a slope a channel, with bias
SRGAN-PyTorch until 2021   [-1, 1]      tanh      one slope, without bias
SRGAN-PyTorch from 2022    [0, 1]       clipped   one slope, without bias
BasicSR MSRResNet          [0, 1]       + bilinear LeakyReLU, no BatchNorm
========================== ============ ========= ==========================================

The first three are SRResNets of our generator's shape; MSRResNet (EDSR's blocks, no long skip, a bilinearly enlarged picture
added) is a network of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srgan.errors import ModelError
from srgan.interop.imported import Array, ImportedNetwork, from_generator
from srgan.interop.onnx_export import export_module
from srgan.models.export import fold_batch_norm
from srgan.networks.generator import GeneratorConfig, Output
from srgan.networks.safe_pickle import to_arrays

EPSILON = 1e-5
"""Of torch's BatchNorm2d."""


@dataclass(frozen=True)
class _Layout:
    """How a repository names the layers of the generator; ``{n}`` is the number of a block."""

    origin: str
    head: str
    head_act: str
    block: str
    inside: tuple[str, str, str, str, str]
    """Within a block: conv1, norm1, act, conv2, norm2."""
    body_conv: str
    body_norm: str
    upsample_conv: str
    upsample_act: str
    tail: str
    """May hold ``{levels}``."""
    output: Output
    unit_range: bool


_PLAIN = ("conv1", "bn1", "prelu", "conv2", "bn2")
_SEQUENCE = ("rcb.0", "rcb.1", "rcb.2", "rcb.3", "rcb.4")

LAYOUTS = (
    _Layout(
        "srgan-pytorch generator",
        *("block_in.0", "block_in.1", "blocks.{n}", _PLAIN, "block_out.0", "block_out.1"),
        *("upsample.{n}.conv", "upsample.{n}.prelu", "upsample.{levels}", "tanh"),
        unit_range=False,
    ),
    _Layout(
        "SRGAN-PyTorch generator (2021)",
        *("conv1.0", "conv1.1", "trunk.{n}", _PLAIN, "conv2.0", "conv2.1"),
        *("subpixel_conv.{n}.conv", "subpixel_conv.{n}.prelu", "conv3.0", "tanh"),
        unit_range=False,
    ),
    _Layout(
        "SRGAN-PyTorch generator (2022)",
        *("conv_block1.0", "conv_block1.1", "trunk.{n}", _SEQUENCE, "conv_block2.0", "conv_block2.1"),
        *("upsampling.{n}.upsample_block.0", "upsampling.{n}.upsample_block.2", "conv_block3", "linear"),
        unit_range=True,
    ),
    _Layout(
        "SRGAN-PyTorch SRResNet (2023)",
        *("conv1.0", "conv1.1", "trunk.{n}", _SEQUENCE, "conv2.0", "conv2.1"),
        *("upsampling.{n}.upsample_block.0", "upsampling.{n}.upsample_block.2", "conv3", "linear"),
        unit_range=True,
    ),
)


def recognise(state: Mapping[str, Tensor]) -> ImportedNetwork | None:
    """Return the network whose weights these are, or None when no repository listed here has such keys.

    Raises
    ------
    ModelError
        when they are nearly those of a listed one: the message names what is missing, unknown or of another shape
    """
    if {"conv_first.weight", "upconv1.weight", "conv_hr.weight", "body.0.conv1.weight"} <= state.keys():
        return _msrresnet(state)
    for layout in LAYOUTS:
        marks = {
            layout.head,
            f"{layout.block}.{layout.inside[0]}".format(n=0),
            layout.body_conv,
            layout.upsample_conv.format(n=0),
        }
        if all(f"{mark}.weight" in state for mark in marks):
            return _generator(layout, to_arrays(state))
    return None


def _generator(layout: _Layout, state: Mapping[str, Array]) -> ImportedNetwork:
    blocks = _count(state, f"{layout.block}.{layout.inside[0]}.weight")
    levels = _count(state, f"{layout.upsample_conv}.weight")
    found = _Mapped(layout, state)
    found.convolution(layout.head, "head")
    found.activation(layout.head_act, "head_act")
    conv1, norm1, act, conv2, norm2 = layout.inside
    for n in range(blocks):
        block = layout.block.format(n=n)
        found.convolution(f"{block}.{conv1}", f"body.{n}.conv1", f"{block}.{norm1}")
        found.activation(f"{block}.{act}", f"body.{n}.act")
        found.convolution(f"{block}.{conv2}", f"body.{n}.conv2", f"{block}.{norm2}")
    found.convolution(layout.body_conv, "body_conv", layout.body_norm)
    for n in range(levels):
        found.convolution(layout.upsample_conv.format(n=n), f"upsample.{n}.conv")
        found.activation(layout.upsample_act.format(n=n), f"upsample.{n}.act")
    found.convolution(layout.tail.format(levels=levels), "tail")
    found.finish()
    config = GeneratorConfig(scale=2**levels, features=found.features, blocks=blocks, norm="none", output=layout.output)
    return from_generator(layout.origin, found.weights, config, unit_range=layout.unit_range, names=found.names)


class _Mapped:
    """Takes a repository's weights by their keys and keeps them under ours.

    Attributes
    ----------
    features : channels of the trunk
    weights : by our keys, BatchNorms folded
    names : of the repository's weight that each came from
    """

    def __init__(self, layout: _Layout, state: Mapping[str, Array]) -> None:
        self._layout = layout
        self._state = state
        self._left = {key for key in state if not key.endswith("num_batches_tracked")}
        self.features = int(self._take(f"{layout.head}.weight").shape[0])
        self.weights: dict[str, Array] = {}
        self.names: dict[str, str] = {}

    def convolution(self, name: str, key: str, norm: str | None = None) -> None:
        """Take a convolution, with the BatchNorm behind it."""
        weight = self._take(f"{name}.weight")
        out = weight.shape[0]
        bias = self._take(f"{name}.bias", out) if norm is None or f"{name}.bias" in self._state else None
        if norm is not None:
            parts = ("weight", "bias", "running_mean", "running_var")
            values = {part: self._take(f"{norm}.{part}", out) for part in parts}
            weight, bias = fold_batch_norm(weight, bias, values, EPSILON)
        assert bias is not None
        self.names[f"{key}.weight"] = f"{name}.weight"
        self.weights[f"{key}.weight"], self.weights[f"{key}.bias"] = weight, bias

    def activation(self, name: str, key: str) -> None:
        """Take a PReLU; one slope is one for each channel."""
        slope = self._take(f"{name}.weight")
        if slope.shape not in ((1,), (self.features,)):
            raise ModelError(f"{self._layout.origin}: {name}.weight has {slope.size} slopes, not 1 or {self.features}")
        self.names[f"{key}.weight"] = f"{name}.weight"
        self.weights[f"{key}.weight"] = np.broadcast_to(slope, (self.features,)).copy()

    def finish(self) -> None:
        """Raise ModelError if the file has weights that were not taken."""
        if self._left:
            some = ", ".join(sorted(self._left)[:3])
            more = " ..." if len(self._left) > 3 else ""
            raise ModelError(f"{self._layout.origin}: it has {some}{more} besides: it is another network")

    def _take(self, key: str, *shape: int) -> Array:
        value = self._state.get(key)
        if value is None:
            raise ModelError(f"{self._layout.origin}: {key} is missing: give the file of a whole generator")
        if shape and value.shape != shape:
            wanted, found = (" x ".join(map(str, each)) for each in (shape, value.shape))
            raise ModelError(f"{self._layout.origin}: {key} is {found} and should be {wanted}: it is another network")
        self._left.discard(key)
        return value


def _count(state: Mapping[str, Any], pattern: str) -> int:
    """Return how many blocks there are: one more than the largest number in the place of ``{n}``."""
    before, after = pattern.split("{n}")
    matcher = re.compile(rf"{re.escape(before)}(\d{{1,4}}){re.escape(after)}")
    return max((int(match[1]) + 1 for key in state if (match := matcher.fullmatch(key))), default=0)


class MSRResNet(nn.Module):
    """BasicSR's modified SRResNet; its parts are named as in its files.

    conv 3x3 + LeakyReLU 0.1; residual blocks [conv 3x3, ReLU, conv 3x3]; one or two sub-pixel convolutions with LeakyReLU 0.1;
    two convolutions 3x3; plus the input enlarged bilinearly (half-pixel centres).

    Parameters
    ----------
    features, blocks : as in our generator
    scale : 2 or 4
    """

    def __init__(self, features: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(*(_PlainBlock(features) for _ in range(blocks)))
        self.upconv1 = nn.Conv2d(features, features * 4, 3, padding=1)
        if scale == 4:
            self.upconv2 = nn.Conv2d(features, features * 4, 3, padding=1)
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, lr: Tensor) -> Tensor:
        """Map ``[N, 3, H, W]`` in [0, 1] to ``[N, 3, s*H, s*W]``, nominally in [0, 1] and not clipped."""
        x = self.body(F.leaky_relu(self.conv_first(lr), 0.1))
        for name in ("upconv1", "upconv2")[: self.scale // 2]:
            x = F.leaky_relu(F.pixel_shuffle(getattr(self, name)(x), 2), 0.1)
        x = self.conv_last(F.leaky_relu(self.conv_hr(x), 0.1))
        base = F.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        return cast(Tensor, x + base)


class _PlainBlock(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(F.relu(self.conv1(x)))
        return x + y


def _msrresnet(state: Mapping[str, Tensor]) -> ImportedNetwork:
    origin = "BasicSR MSRResNet"
    features, bands = state["conv_first.weight"].shape[:2]
    out = state["upconv1.weight"].shape[0]
    if bands != 3:
        raise ModelError(f"{origin}: it takes {bands} bands: only RGB networks can be converted")
    if out != 4 * features:
        raise ModelError(f"{origin}: it enlarges by {(out / features) ** 0.5:g}: only powers of two can be converted")
    scale = 4 if "upconv2.weight" in state else 2
    with torch.device("meta"):
        wanted = MSRResNet(features, _count(state, "body.{n}.conv1.weight"), scale)
    shapes = {key: tuple(value.shape) for key, value in wanted.state_dict().items()}
    problems = [f"{key} is missing" for key in shapes if key not in state]
    problems += [f"{key} is unknown" for key in state if key not in shapes]
    problems += [
        f"{key} has another shape" for key in shapes if key in state and tuple(state[key].shape) != shapes[key]
    ]
    if problems:
        raise ModelError(f"{origin}: {'; '.join(problems[:3])}: give the file of a whole network")
    network = wanted.to_empty(device="cpu")
    network.load_state_dict(state)
    network.eval()
    return ImportedNetwork(origin, scale, lambda half: export_module(network, origin, half=half), network)
