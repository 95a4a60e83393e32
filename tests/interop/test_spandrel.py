"""Our weights in spandrel, which ComfyUI and other programs load networks by."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import spandrel
import torch
from safetensors.torch import load_file

import srgan.image
from srgan import Upscaler
from srgan.errors import ModelError
from srgan.interop.convert import convert_to_state_dict
from srgan.interop.imported import from_generator
from srgan.interop.own import pack_state_dict, read_own
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.safe_pickle import to_arrays
from support import tiny_models

NODE = Path(__file__).parents[2] / "integrations/comfyui/srgan/__init__.py"
PHOTO = Path(__file__).parents[2] / "examples/spices.jpg"


@pytest.fixture(scope="module", autouse=True)
def comfyui_has_started():
    """Import the node as ComfyUI does with each folder of custom_nodes, twice as on a reload."""
    for _ in range(2):
        spec = importlib.util.spec_from_file_location(
            "custom_nodes.srgan", NODE, submodule_search_locations=[str(NODE.parent)]
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    assert module.NODE_CLASS_MAPPINGS == {}


def test_a_shipped_network_gives_the_same_picture(tmp_path):
    file = tmp_path / "photo-x4.safetensors"
    done = convert_to_state_dict(Path("photo-x4"), file)
    assert (done.scale, done.origin) == (4, "photo-x4, exported by srgan")
    model = spandrel.ModelLoader().load_from_state_dict(load_file(file)).eval()  # as "Load Upscale Model" does
    assert isinstance(model, spandrel.ImageModelDescriptor)
    assert (model.architecture.id, model.scale, model.input_channels, model.tags) == ("SRGAN", 4, 3, ["64nf", "16nb"])
    pixels = srgan.image.read_rgb8(PHOTO)[30:70, 20:68]
    with torch.no_grad():
        made = model(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0).numpy()
    expected = Upscaler("photo-x4", precision="fp32")(pixels)
    assert np.abs(np.clip(made * 255, 0, 255).round() - expected).max() <= 1


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("output", ["tanh", "linear"])
def test_the_weights_alone_tell_the_network(tmp_path, norm, output):
    config = GeneratorConfig(scale=2, features=6, blocks=3, norm=norm, output=output)
    torch.manual_seed(0)
    network = Generator(config).eval()
    with torch.no_grad():
        network.tail.weight.mul_(10)  # a new network's pictures are nearly gray
    file = tmp_path / "tiny.safetensors"
    file.write_bytes(pack_state_dict(from_generator("test", to_arrays(network.state_dict()), config)))
    model = spandrel.ModelLoader().load_from_file(file)
    lr = torch.rand(1, 3, 10, 12)
    with torch.no_grad():
        # The descriptor clips; tanh and linear differ long before that.
        assert torch.allclose(model(lr), network(lr).clip(0, 1), atol=1e-5)
    again = read_own(file)
    assert again.config == config
    assert again.state.keys() == network.state_dict().keys()


def test_what_is_not_our_generator_says_so(tmp_path):
    with pytest.raises(ModelError, match="is not of our generator's shape"):
        convert_to_state_dict(tiny_models.shallow(tmp_path / "shallow.onnx"), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
