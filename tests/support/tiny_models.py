"""Tiny real networks for tests: the shipped ones' layers, contract and file format, a few kilobytes each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FP32 = TensorProto.FLOAT


class Layers:
    """Collects nodes and weights; each method appends one layer and returns the name of its output."""

    def __init__(self, seed: int = 0, *, half: bool = True) -> None:
        self.random = np.random.default_rng(seed)
        self.half = half
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value.astype(np.float16 if self.half else np.float32), name))
        return self.node("Cast", name, to=FP32) if self.half else name

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def conv(self, x: str, weight: NDArray[Any], bias: NDArray[Any] | None = None) -> str:
        size = weight.shape[2]
        inputs = [x, self.constant(weight), *([] if bias is None else [self.constant(bias)])]
        return self.node("Conv", *inputs, kernel_shape=[size, size], pads=[size // 2] * 4)

    def random_conv(self, x: str, before: int, after: int, size: int = 3) -> str:
        spread = 1.2 / np.sqrt(before * size * size)
        weight = self.random.normal(0, spread, (after, before, size, size))
        return self.conv(x, weight, self.random.normal(0, 0.1, after))  # a bias makes zero padding visible

    def prelu(self, x: str, channels: int) -> str:
        return self.node("PRelu", x, self.constant(self.random.uniform(0, 0.5, (channels, 1, 1))))

    def shuffle(self, x: str, factor: int = 2) -> str:
        return self.node("DepthToSpace", x, blocksize=factor, mode="CRD")

    def save(
        self, path: Path, last: str, *, scale: int, radius: int, channels: int = 3, card: Any = None, **metadata: Any
    ) -> Path:
        """Write the file. ``metadata`` replaces (its keys without "srgan.") or, with None, leaves out entries."""
        assert self.nodes[-1].output[0] == last
        self.nodes[-1].output[0] = "output"
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("input", FP32, ["N", channels, "H", "W"])],
            [helper.make_tensor_value_info("output", FP32, ["N", channels, "sH", "sW"])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="srgan")
        model.ir_version = 8
        facts: dict[str, str | None] = {
            "format": "1",
            "name": f"tiny-x{scale}",
            "scale": str(scale),
            "radius": str(radius),  # in input pixels
            "card": json.dumps({"stage": "tiny"} if card is None else card),
            **metadata,
        }
        for key, value in facts.items():
            if value is not None:
                model.metadata_props.add(key=f"srgan.{key}", value=value)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return path


def shallow(path: Path, *, scale: int = 2, seed: int = 0, **metadata: Any) -> Path:
    """conv 3x3 -> DepthToSpace: radius 1, and nothing to cut."""
    net = Layers(seed)
    last = net.shuffle(net.random_conv("input", 3, 3 * scale * scale), scale)
    return net.save(path, last, scale=scale, radius=1, **metadata)


def residual(
    path: Path,
    *,
    scale: int = 4,
    channels: int = 8,
    blocks: int = 2,
    seed: int = 0,
    radius: int | None = None,
    **metadata: Any,
) -> Path:
    """The generator in small: head, residual blocks, long skip, sub-pixel convolutions, 5x5 tail, last shuffle.

    For x4 the radius is 1 (head) + 2 a block + 1 (end of the body) + 1 + 1/2 + 1, rounded up.
    """
    net = Layers(seed)
    x = skip = net.prelu(net.random_conv("input", 3, channels), channels)
    for _ in range(blocks):
        y = net.prelu(net.random_conv(x, channels, channels), channels)
        x = net.node("Add", x, net.random_conv(y, channels, channels))
    x = net.node("Add", skip, net.random_conv(x, channels, channels))
    reach, grid = float(2 + 2 * blocks), 1
    while grid < scale // 2:
        reach += 1 / grid
        x = net.prelu(net.shuffle(net.random_conv(x, channels, 4 * channels)), channels)
        grid *= 2
    x = net.prelu(net.random_conv(x, channels, 4 * channels), 4 * channels)
    reach += 1 / grid + 2 / grid
    x = net.node("Tanh", net.random_conv(x, 4 * channels, 12, size=5))
    half = net.constant(np.array(0.5))
    last = net.shuffle(net.node("Add", net.node("Mul", x, half), half))
    return net.save(path, last, scale=scale, radius=int(np.ceil(reach)) if radius is None else radius, **metadata)


def fast(path: Path, *, scale: int = 4, channels: int = 8, seed: int = 0, **metadata: Any) -> Path:
    """The fast generator in small: head, a gated block, a 1x1 mixture, tail, the direct path, one shuffle; radius 6."""
    net = Layers(seed)

    def leaky(x: str) -> str:
        return net.node("LeakyRelu", net.random_conv(x, channels, channels), alpha=0.1)

    first = net.random_conv("input", 3, channels)
    y = net.random_conv(leaky(leaky(first)), channels, channels)
    y = net.node("Mul", net.node("Add", first, y), net.node("Sigmoid", y))
    both = net.node("Concat", first, net.random_conv(y, channels, channels), axis=1)
    x = net.random_conv(net.random_conv(both, 2 * channels, channels, size=1), channels, 3 * scale**2)
    last = net.shuffle(net.node("Add", x, net.random_conv("input", 3, 3 * scale**2, size=5)), scale)
    return net.save(path, last, scale=scale, radius=6, **metadata)


def nearest(path: Path, *, scale: int = 2, **metadata: Any) -> Path:
    """Each pixel repeated: what comes out is known for any picture."""
    net = Layers()
    weight = np.zeros((3 * scale * scale, 3, 1, 1))
    for channel in range(3):
        weight[channel * scale * scale : (channel + 1) * scale * scale, channel] = 1
    return net.save(path, net.shuffle(net.conv("input", weight), scale), scale=scale, radius=0, **metadata)


def every_operation(path: Path) -> Path:
    """A generator of another kind: gates, joined channels, depthwise convolutions, clipping, both orders of shuffling."""
    net = Layers(3)
    two, one = net.constant(np.array(2.0)), net.constant(np.array(1.0))
    x = net.node("Sub", net.node("Mul", "input", two), one)
    x = net.prelu(net.random_conv(x, 3, 8), 8)
    deep = net.conv(x, net.random.normal(0, 0.3, (8, 1, 3, 3)))
    net.nodes[-1].attribute.append(helper.make_attribute("group", 8))
    gate = net.node("Sigmoid", net.random_conv(x, 8, 8, size=1))
    y = net.node("Relu", net.node("Mul", net.node("Add", deep, x), gate))
    y = net.node("Concat", x, y, net.random_conv(y, 8, 4), axis=1)
    y = net.node("Div", net.node("Sub", one, y), two)
    y = net.node("Mul", y, net.constant(net.random.uniform(0.5, 1, (1, 20, 1, 1))))
    y = net.node("DepthToSpace", net.random_conv(y, 20, 32), blocksize=2, mode="DCR")
    y = net.shuffle(net.node("Tanh", net.random_conv(y, 8, 12)))
    low, high = net.constant(np.array(-0.5)), net.constant(np.array(0.7))
    return net.save(path, net.node("Clip", y, low, high), scale=4, radius=5)
