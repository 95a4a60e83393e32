import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from srgan.errors import ModelError
from srgan.interop.convert import convert, convert_to_state_dict
from srgan.networks.generator import GeneratorConfig
from srgan.networks.make import make_generator
from srgan.runtime.network import open_network
from srgan.training.checkpoint import Checkpoint, save_checkpoint
from support.originals import picture

CONFIGS = [
    GeneratorConfig(features=8, blocks=2, norm="batch", output="tanh"),
    GeneratorConfig(scale=2, features=8, blocks=1, norm="none", output="linear"),
    GeneratorConfig(kind="fast", scale=2, features=8, blocks=1, norm="none", output="linear"),
]


def run_folder(folder, config):
    """A run as ``srgan train`` leaves it: a checkpoint whose average differs from its generator, and the recipe."""
    torch.manual_seed(3)
    network, average = make_generator(config), make_generator(config)
    with torch.no_grad():
        average.train()(torch.rand(4, 3, 12, 12))  # statistics of BatchNorm
        average.tail.weight.mul_(10)  # a new network's pictures are nearly gray
    parts = {"generator": network.state_dict(), "average": average.state_dict()}
    file = save_checkpoint(Checkpoint("srresnet", 0, 7, parts), folder / "checkpoints", keep=3)
    lines = [f"{key} = {json.dumps(value)}" for key, value in vars(config).items()]
    (folder / "recipe.toml").write_text(
        "\n".join(["[generator]", *lines, "[stages.srresnet]", "steps = 9\ncrop = 96", "pixel = {weight = 1.0}", ""])
    )
    return file, average.eval()


@pytest.mark.parametrize("config", CONFIGS)
def test_a_checkpoint_becomes_onnx_and_a_state_dict(tmp_path, config):
    file, average = run_folder(tmp_path / "run", config)
    lr = picture()
    with torch.no_grad():
        wanted = average.reference(lr).numpy()
    done = convert(file, tmp_path / "a.onnx")
    assert "after 7 steps" in done.origin
    assert np.abs(open_network(tmp_path / "a.onnx", precision="fp32")(lr.numpy()) - wanted).max() < 1e-4

    convert_to_state_dict(file, tmp_path / "a.safetensors")
    state = load_file(tmp_path / "a.safetensors")
    assert state.keys() == average.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in average.state_dict().items())
    with safe_open(str(tmp_path / "a.safetensors"), framework="pt") as source:
        assert GeneratorConfig(**json.loads(source.metadata()["generator"])) == config

    # And the plain state dict is a source again.
    convert(tmp_path / "a.safetensors", tmp_path / "b.onnx")
    assert np.abs(open_network(tmp_path / "b.onnx", precision="fp32")(lr.numpy()) - wanted).max() < 1e-4


def test_a_checkpoint_away_from_its_run_is_refused(tmp_path):
    file, _ = run_folder(tmp_path / "run", CONFIGS[0])
    alone = tmp_path / "elsewhere" / "deep" / "x.safetensors"
    alone.parent.mkdir(parents=True)
    file.rename(alone)
    with pytest.raises(ModelError, match=r"recipe\.toml"):
        convert(alone, tmp_path / "a.onnx")


def test_a_checkpoint_that_does_not_fit_its_recipe_is_refused(tmp_path):
    file, _ = run_folder(tmp_path / "run", CONFIGS[0])
    recipe = tmp_path / "run" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("features = 8", "features = 16"))
    with pytest.raises(ModelError, match="should be 16"):
        convert(file, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_a_state_dict_with_an_impossible_shape_is_refused(tmp_path):
    for shape, word in (({"scale": 3}, "power of two"), ({"colour": 1}, "colour"), ("nonsense", "shape")):
        metadata = {"format": "srgan-generator-1", "generator": json.dumps(shape)}
        save_file({"a": torch.zeros(1)}, tmp_path / "s.safetensors", metadata=metadata)
        with pytest.raises(ModelError, match=word):
            convert(tmp_path / "s.safetensors", tmp_path / "a.onnx")
