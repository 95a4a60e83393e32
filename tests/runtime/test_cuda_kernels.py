"""What follows a convolution in one pass: the same steps, and on a card the same values."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from srgan.models.catalogue import resolve
from srgan.models.metadata import read_info
from srgan.runtime import cuda_kernels, torch_backend
from srgan.runtime.graph import read_graph
from srgan.runtime.layers import program_of


class Defined:
    """:class:`srgan.runtime.cuda_kernels.Finish` as it is defined, on any device."""

    made = 0

    def __init__(self, bias: Any, slope: Any, adds: bool, block: int, dtype: Any) -> None:
        self.bias, self.slope, self.adds, self.block, self.dtype = bias, slope, adds, block, dtype
        Defined.made += 1

    def __call__(self, made: Any, other: Any = None) -> Any:
        x = made.float() + self.bias.view(1, -1, 1, 1)
        if self.slope is not None:
            x = F.prelu(x, self.slope)
        assert (other is not None) == self.adds
        if other is not None:
            x = x + other.float()
        if self.block > 1:
            count, _, height, width = x.shape
            x = x.view(count, self.block, self.block, -1, height, width).permute(0, 3, 4, 1, 5, 2)
            x = x.reshape(count, -1, height * self.block, width * self.block)
        return x.to(self.dtype)


@pytest.mark.parametrize("name", ["srresnet-x4", "fast-psnr-x4"])
def test_joined_steps_give_what_the_layers_give(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_kernels, "Finish", Defined)
    Defined.made = 0
    program = program_of(read_graph(read_info(resolve(name))), name)
    place = torch.device("cpu")
    batch = torch.rand(2, 3, 24, 20, generator=torch.Generator().manual_seed(0))
    results = []
    for joined in (False, True):
        runner = torch_backend._Runner(program, place, torch.bfloat16)
        runner._steps = torch_backend._steps(program, place, torch.bfloat16, joined=joined)
        with torch.inference_mode():
            results.append(runner(batch))
        if joined:
            assert len(runner._steps) <= len(program.layers) - sum(layer.kind == "prelu" for layer in program.layers)
            assert Defined.made > 15
    assert (results[0] - results[1]).abs().max() < 4 / 255  # bf16 rounds once a step


def test_a_compiler_that_fails_leaves_the_steps_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(cuda_kernels, "Finish", fails)
    program = program_of(read_graph(read_info(resolve("srresnet-x4"))), "srresnet-x4")
    steps = torch_backend._steps(program, torch.device("cpu"), torch.float16, joined=True)
    assert len(steps) == len(program.layers)


VARIANTS = list(itertools.product(("fp16", "bf16"), (False, True), (False, True), (1, 2)))


@pytest.mark.parametrize(("precision", "prelu", "adds", "block"), VARIANTS)
def test_the_compiler_takes_the_source(precision: str, prelu: bool, adds: bool, block: int) -> None:
    """Without a card, for one of those that are met most."""
    compiler = pytest.importorskip("torch.cuda._utils")
    defines = {"BF16": precision == "bf16", "PRELU": prelu, "ADD": adds, "SHUFFLE": block if block > 1 else 0}
    source = "".join(f"#define {name} {int(value)}\n" for name, value in defines.items()) + cuda_kernels.SOURCE
    try:
        compiler._get_nvrtc_library()
    except OSError as error:
        pytest.skip(f"this PyTorch has no compiler for cards: {error}")
    code, name = compiler._nvrtc_compile(source, "finish", compute_capability="86")
    assert code
    assert name == "finish"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card that CUDA knows")
@pytest.mark.parametrize(("precision", "prelu", "adds", "block"), VARIANTS)
def test_on_a_card_it_gives_what_it_is_defined_to(precision: str, prelu: bool, adds: bool, block: int) -> None:
    dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    random = torch.Generator("cuda").manual_seed(0)

    def drawn(*shape: int) -> Any:
        return torch.randn(*shape, generator=random, device="cuda")

    made, other = (drawn(2, 64, 13, 17).to(dtype).contiguous(memory_format=torch.channels_last) for _ in range(2))
    bias, slope = drawn(64), drawn(64) if prelu else None
    if adds and block > 1:
        pytest.skip("no network adds what has other pixels")
    given = (made.clone(memory_format=torch.preserve_format), other) if adds else (made.clone(),)
    right = Defined(bias, slope, adds, block, dtype)(made, *given[1:])
    result = cuda_kernels.Finish(bias, slope, adds, block, dtype)(*given)
    torch.testing.assert_close(result, right, rtol=0, atol=0)
