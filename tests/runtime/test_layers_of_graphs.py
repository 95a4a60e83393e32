"""Every operation that our files hold, as a device's layers and by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from srgan.errors import ModelError
from srgan.models.metadata import read_info
from srgan.runtime.devices import TORCH_CPU, named
from srgan.runtime.graph import read_graph
from srgan.runtime.layers import program_of
from srgan.runtime.network import open_network
from support import tiny_models
from support.tiny_models import Layers

torch = pytest.importorskip("torch", reason="needs PyTorch")


def every_operation(path: Path) -> Path:
    """A generator of another kind: gates, joined channels, depthwise convolutions, clipping, both orders of shuffling."""
    net = Layers(3)
    two, one = net.constant(np.array(2.0)), net.constant(np.array(1.0))
    x = net.node("Sub", net.node("Mul", "input", two), one)
    x = net.prelu(net.random_conv(x, 3, 8), 8)
    deep = net.conv(x, net.random.normal(0, 0.3, (8, 1, 3, 3)))
    net.nodes[-1].attribute.append(tiny_models.helper.make_attribute("group", 8))
    gate = net.node("Sigmoid", net.random_conv(x, 8, 8, size=1))
    y = net.node("Relu", net.node("Mul", net.node("Add", deep, x), gate))
    y = net.node("Concat", x, y, net.random_conv(y, 8, 4), axis=1)
    y = net.node("Div", net.node("Sub", one, y), two)
    y = net.node("Mul", y, net.constant(net.random.uniform(0.5, 1, (1, 20, 1, 1))))
    y = net.node("DepthToSpace", net.random_conv(y, 20, 32), blocksize=2, mode="DCR")
    y = net.shuffle(net.node("Tanh", net.random_conv(y, 8, 12)))
    low, high = net.constant(np.array(-0.5)), net.constant(np.array(0.7))
    return net.save(path, net.node("Clip", y, low, high), scale=4, radius=5)


@pytest.mark.parametrize("make", [every_operation, tiny_models.residual, tiny_models.shallow, tiny_models.nearest])
def test_layers_compute_what_onnxruntime_computes(tmp_path: Path, make: Any) -> None:
    file = make(tmp_path / "net.onnx")
    (device,) = named(TORCH_CPU)
    network = open_network(file, precision="fp32", device=device)
    batch = np.random.default_rng(0).random((2, 3, 11, 14), np.float32)
    (expected,) = onnxruntime.InferenceSession(str(file)).run(None, {"input": batch})
    np.testing.assert_allclose(network(batch), expected, rtol=0, atol=3e-6)


def test_what_a_program_says_of_itself() -> None:
    """The x4 generator of 16 blocks: its work is known, and at its peak two tensors of 256 maps at twice the size live."""
    program = program_of(read_graph(read_info(_shipped("srgan-x4"))), "srgan-x4")
    assert program.scale == 4
    assert program.multiplications == 2_276_544
    assert program.peak_values == 2 * 256 * 2**2
    assert sum(layer.kind == "conv" for layer in program.layers) == 37
    assert all("bias" in layer.weights for layer in program.layers if layer.kind == "conv")


def test_an_operation_that_is_unknown_is_named(tmp_path: Path) -> None:
    net = Layers()
    last = net.shuffle(net.node("Abs", net.random_conv("input", 3, 12)))
    file = net.save(tmp_path / "net.onnx", last, scale=2, radius=1)
    with pytest.raises(ModelError, match=r"tiny-x2 has an operation .* \(Abs\): use .*cpu"):
        program_of(read_graph(read_info(file)), "tiny-x2")


def _shipped(name: str) -> Path:
    from srgan.models.catalogue import resolve

    return resolve(name)
