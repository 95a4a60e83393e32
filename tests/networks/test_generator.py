import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.subpixel import moved_index


def test_weight_count_is_the_one_of_figure_4():
    # By hand: 9x9 3->64 + slopes; 16 blocks of two 3x3 64->64, two BN, slopes; 3x3 + BN; two 3x3 64->256 + slopes; 9x9 64->3.
    head = 9 * 9 * 3 * 64 + 64 + 64
    block = 2 * (9 * 64 * 64 + 2 * 64) + 64
    body = 9 * 64 * 64 + 2 * 64
    upsample = 2 * (9 * 64 * 256 + 256 + 64)
    tail = 9 * 9 * 64 * 3 + 3
    assert sum(p.numel() for p in Generator().parameters()) == head + 16 * block + body + upsample + tail == 1_548_547


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_enlarges_by_the_scale(scale, norm):
    generator = Generator(GeneratorConfig(scale=scale, features=8, blocks=1, norm=norm)).eval()
    assert generator(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)


@settings(max_examples=20, deadline=None)
@given(
    scale=st.sampled_from([2, 4, 8]),
    bands=st.sampled_from([1, 3]),
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    output=st.sampled_from(["tanh", "linear"]),
)
def test_forward_equals_the_layers_of_the_paper(scale, bands, height, width, output):
    torch.manual_seed(height * 100 + width)
    # In double precision: what is left of a difference is the algebra's, not rounding's.
    generator = (
        Generator(GeneratorConfig(scale=scale, bands=bands, features=8, blocks=2, output=output)).double().eval()
    )
    with torch.no_grad():
        for module in generator.modules():
            if isinstance(module, nn.PReLU):
                module.weight.uniform_(-0.3, 0.6)
        generator.tail.weight.mul_(10)  # as large as a trained one: differences would show
        generator.tail.bias.normal_()
        lr = torch.rand(1, bands, height, width, dtype=torch.float64)
        assert torch.allclose(generator(lr), generator.reference(lr), atol=1e-12)


def test_gradients_of_the_fast_form_equal_the_layers():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(features=8, blocks=1)).double()
    lr = torch.rand(2, 3, 6, 5, dtype=torch.float64)
    grads = []
    for function in (generator.forward, generator.reference):
        generator.zero_grad()
        function(lr).square().sum().backward()
        grads.append([p.grad.clone() for p in generator.parameters()])
    for fast, plain in zip(*grads, strict=True):
        assert torch.allclose(fast, plain, rtol=1e-9, atol=1e-12)


def test_tanh_keeps_the_output_in_range_and_linear_does_not():
    for output, inside in (("tanh", True), ("linear", False)):
        torch.manual_seed(0)
        generator = Generator(GeneratorConfig(features=8, blocks=1, output=output)).eval()
        with torch.no_grad():
            generator.tail.weight.mul_(1000)
            sr = generator(torch.rand(1, 3, 8, 8))
        assert bool(((sr >= 0) & (sr <= 1)).all()) == inside


def test_a_new_network_shows_no_subpixel_grid():
    # ICNR: before training the four sub-pixels of a shuffle are equal, so a shuffled map is constant on 2x2 blocks.
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(scale=2, features=8, blocks=1)).eval()
    with torch.no_grad():
        shuffled = generator.upsample(torch.rand(1, 8, 6, 6))
    blocks = shuffled.reshape(8, 6, 2, 6, 2)
    assert torch.equal(blocks[:, :, :1, :, :1].expand_as(blocks), blocks)


def test_moved_kernel_uses_every_weight_once_for_each_subpixel():
    index = moved_index(3, 4, 9)
    assert index.shape == (12, 16, 5, 5)
    places, counts = np.unique(index, return_counts=True)
    assert places[-1] == 3 * 4 * 81  # the zero
    assert (counts[:-1] == 4).all()
    assert len(places) == 3 * 4 * 81 + 1


@pytest.mark.parametrize(
    ("field", "value"), [("scale", 3), ("scale", 1), ("blocks", 0), ("norm", "group"), ("output", "relu")]
)
def test_impossible_shapes_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        Generator(GeneratorConfig(**{field: value}))
