"""A torch module as an ONNX file: the same values at other sizes, half the bytes on request, and no for what ONNX lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from srgan.errors import ModelError
from srgan.interop.onnx_export import export_module


class Doubling(nn.Module):
    """Two convolutions around a shuffle, and what foreign networks have beside them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.up = nn.Sequential(nn.PReLU(8), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, 3, 2H, 2W], of which a part was enlarged by repeating pixels."""
        return self.up(self.head(x)) + nn.functional.interpolate(x, scale_factor=2, mode="nearest")


def computed(model: Any, x: Tensor) -> Any:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"input": x.numpy()})[0]


@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-5), (True, 2e-3)])
def test_it_computes_the_same_at_every_size(half: bool, tolerance: float) -> None:
    network = Doubling().eval()
    model = export_module(network, "mine", half=half)
    for shape in ((1, 3, 32, 40), (2, 3, 5, 7), (1, 3, 64, 3)):
        x = torch.rand(shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            wanted = network(x).numpy()
        assert computed(model, x).shape == (*shape[:2], 2 * shape[2], 2 * shape[3])
        assert np.abs(computed(model, x) - wanted).max() < tolerance
    assert [node.name for node in (*model.graph.input, *model.graph.output)] == ["input", "output"]
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 3


def test_half_is_for_weights_and_not_for_small_constants() -> None:
    sizes = {}
    for half in (False, True):
        model = export_module(Doubling().eval(), "mine", half=half)
        weights = [numpy_helper.to_array(weight) for weight in model.graph.initializer]
        sizes[half] = sum(weight.nbytes for weight in weights if weight.size >= 64)
        kinds = {weight.dtype for weight in weights if weight.size >= 64}
        assert kinds == {np.dtype(np.float16 if half else np.float32)}
        assert {weight.dtype for weight in weights if weight.size < 64 and weight.dtype.kind == "f"} == {np.dtype("f4")}
    assert sizes[True] * 2 == sizes[False]


class Hermitian(nn.Module):
    """What no ONNX of our opset has."""

    def forward(self, x: Tensor) -> Tensor:
        """Take a complex detour."""
        return torch.linalg.eigvalsh(x @ x.transpose(2, 3))


def test_what_onnx_lacks_is_one_line() -> None:
    with pytest.raises(ModelError, match=r"^mine cannot be written as ONNX") as caught:
        export_module(Hermitian().eval(), "mine", half=False)
    assert "\n" not in str(caught.value)
