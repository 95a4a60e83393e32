"""Every operation that our files hold, as a device's layers and by ONNX Runtime."""

from __future__ import annotations

import os
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

pytestmark = pytest.mark.extra("train")


@pytest.mark.parametrize(
    "make", [tiny_models.every_operation, tiny_models.residual, tiny_models.shallow, tiny_models.nearest]
)
def test_layers_compute_what_onnxruntime_computes(tmp_path: Path, make: Any) -> None:
    file = make(tmp_path / "net.onnx")
    (device,) = named(os.environ.get("SRGAN_TEST_DEVICE", TORCH_CPU))
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
    net = tiny_models.Layers()
    last = net.shuffle(net.node("Abs", net.random_conv("input", 3, 12)))
    file = net.save(tmp_path / "net.onnx", last, scale=2, radius=1)
    with pytest.raises(ModelError, match=r"tiny-x2 has an operation .* \(Abs\): use .*cpu"):
        program_of(read_graph(read_info(file)), "tiny-x2")


def _shipped(name: str) -> Path:
    from srgan.models.catalogue import resolve

    return resolve(name)
