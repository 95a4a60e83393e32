"""The fast generator: its shape, where it starts from, and what it is exported to."""

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from srgan import Upscaler
from srgan.errors import UsageError
from srgan.models.export import build_onnx, load_weights, save_onnx, set_card
from srgan.models.metadata import read_info
from srgan.networks.fast import FastGenerator, GatedBlock, bicubic_kernels
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.make import make_generator
from srgan.runtime.network import open_network


def config(**changes):
    return GeneratorConfig(
        **{"kind": "fast", "norm": "none", "output": "linear", "features": 8, "blocks": 2, **changes}
    )


def make(**changes):
    """A network with values as large as a trained one's, biases included."""
    torch.manual_seed(1)
    generator = make_generator(config(**changes)).eval()
    with torch.no_grad():
        for name, value in generator.named_parameters():
            if name.endswith("bias"):
                value.normal_(0, 0.1)
        generator.tail.weight.mul_(5)
    return generator


def export(generator, path, **options):
    model = build_onnx({k: v.numpy() for k, v in generator.state_dict().items()}, generator.config, **options)
    card = {"recipe": {"generator": {"bands": generator.config.bands}}}
    set_card(model, name="tiny", scale=generator.config.scale, card=card)
    save_onnx(model, path)
    return path


@pytest.mark.parametrize(("scale", "bands"), [(2, 3), (4, 1), (8, 4)])
def test_enlarges_by_the_scale(scale, bands):
    generator = make(scale=scale, bands=bands)
    assert generator(torch.rand(2, bands, 5, 7)).shape == (2, bands, 5 * scale, 7 * scale)


def test_the_kind_decides_which_network_is_made():
    assert isinstance(make_generator(config()), FastGenerator)
    assert isinstance(make_generator(GeneratorConfig(features=4, blocks=1)), Generator)
    with pytest.raises(ValueError, match="kind"):
        Generator(config())
    with pytest.raises(ValueError, match="kind"):
        FastGenerator(GeneratorConfig())


@pytest.mark.parametrize("change", [{"norm": "batch"}, {"output": "tanh"}, {"kind": "quick"}, {"blocks": 0}])
def test_impossible_values_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        FastGenerator(config(**change))


def test_a_weight_count_by_hand():
    # 3x3 3->48; five blocks of three 3x3 48->48; 3x3; 1x1 192->48; 3x3 48->48; 5x5 3->48 without bias.
    conv = 9 * 48 * 48 + 48
    wanted = (9 * 3 * 48 + 48) + 15 * conv + conv + (192 * 48 + 48) + conv + 25 * 3 * 48
    assert sum(p.numel() for p in make_generator(config(features=48, blocks=5)).parameters()) == wanted


def test_a_block_that_adds_nothing_passes_its_input_on():
    block = GatedBlock(4)
    with torch.no_grad():
        block.conv3.weight.zero_()
        block.conv3.bias.zero_()
    x = torch.randn(1, 4, 6, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_new_network_is_bicubic_enlargement(scale):
    x = torch.rand(1, 3, 12, 10, dtype=torch.float64)
    kernels = torch.from_numpy(bicubic_kernels(3, scale)).double()
    found = F.pixel_shuffle(F.conv2d(x, kernels, padding=2), scale)
    # torch's bicubic has a = -3/4 without antialiasing and -1/2 with it, which changes nothing else when enlarging.
    wanted = F.interpolate(x, scale_factor=scale, mode="bicubic", antialias=True)
    inside = (..., slice(2 * scale, -2 * scale), slice(2 * scale, -2 * scale))
    assert (found[inside] - wanted[inside]).abs().max() < 1e-6
    generator = make_generator(config(scale=scale)).double()
    with torch.no_grad():
        generator.tail.weight.zero_()
        assert (generator(x)[inside] - wanted[inside]).abs().max() < 1e-6


@pytest.mark.parametrize(("scale", "blocks", "bands"), [(2, 3, 3), (4, 1, 3), (8, 2, 1)])
def test_the_exported_graph_is_the_network_to_its_borders(tmp_path, scale, blocks, bands):
    generator = make(scale=scale, blocks=blocks, bands=bands)
    path = export(generator, tmp_path / "net.onnx", half=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    runs = [lambda x: session.run(None, {"input": x})[0], open_network(path, precision="fp32", threads=1)]
    for height, width in ((17, 23), (5, 40), (1, 1)):
        x = np.random.default_rng(height).random((1, bands, height, width), dtype=np.float32)
        with torch.no_grad():
            wanted = generator.reference(torch.from_numpy(x)).numpy()
        for run in runs:
            assert np.abs(run(x) - wanted).max() < 1e-5


def test_its_radius_is_known_to_the_file_and_to_the_runtime(tmp_path):
    path = export(make(scale=4, blocks=2), tmp_path / "net.onnx")
    # 1 (head) + 2 * 3 (blocks) + 1 (after them) + 1 (tail)
    assert read_info(path).radius == 9
    network = open_network(path, precision="fp32", threads=1)
    assert (network.radius, network.scale) == (9, 4)
    assert (
        network.tail.bytes_per_pixel < 1000
    )  # found by walking the graph; unknown graphs are taken for far larger ones


def test_tiles_make_what_the_whole_picture_makes(tmp_path):
    path = export(make(), tmp_path / "net.onnx")
    picture = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    whole = Upscaler(path, precision="fp32", exact=True)
    with pytest.raises(UsageError, match="give") as caught:
        Upscaler(path, precision="fp32", memory=1)
    least = int(str(caught.value).split("give ")[1].split(" MB")[0]) * 10**6
    tiled = Upscaler(path, precision="fp32", exact=True, memory=least + 10**6)
    assert len(tiled.plan(90, 70).tiles) > len(whole.plan(90, 70).tiles) == 1
    assert np.array_equal(tiled(picture), whole(picture))


def test_weights_come_back_from_the_file(tmp_path):
    generator = make()
    found = load_weights(export(generator, tmp_path / "net.onnx"), generator.config)
    assert found.keys() == generator.state_dict().keys()
    for key, value in generator.state_dict().items():
        assert np.array_equal(found[key], value.half().float().numpy()), key
