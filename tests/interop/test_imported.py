"""Networks of our generator's shape from elsewhere: what fits becomes a file, what does not is named."""

import onnx
import pytest
import torch

from srgan.errors import ModelError
from srgan.interop.convert import convert, convert_to_state_dict
from srgan.models.export import load_weights
from srgan.networks.generator import GeneratorConfig
from support import originals
from support.originals import REPOSITORIES, randomise


def test_networks_of_another_range_cannot_become_a_start_for_training(tmp_path):
    config = GeneratorConfig(features=8, blocks=2, norm="none", output="linear")
    torch.save(randomise(originals.Lornatang2023(8, 2)).state_dict(), tmp_path / "g.pth")
    convert(tmp_path / "g.pth", tmp_path / "g.onnx")
    with pytest.raises(ModelError, match="head"):
        load_weights(tmp_path / "g.onnx", config)
    with pytest.raises(ModelError, match="only ONNX"):
        convert_to_state_dict(tmp_path / "g.pth", tmp_path / "g.safetensors")
    assert "two" not in {entry.name for entry in onnx.load(str(tmp_path / "g.onnx")).graph.initializer}


def test_a_converted_srgan_pytorch_can_be_trained_further(tmp_path):
    torch.save(randomise(originals.BubbliiiingPytorch(8, 2)).state_dict(), tmp_path / "g.pth")
    convert(tmp_path / "g.pth", tmp_path / "g.onnx")
    weights = load_weights(tmp_path / "g.onnx", GeneratorConfig(features=8, blocks=2, norm="none", output="tanh"))
    assert weights["head.weight"].shape == (8, 3, 9, 9)


@pytest.mark.parametrize("name", REPOSITORIES)
def test_mismatches_are_named(tmp_path, name):
    state = randomise(REPOSITORIES[name](8, 2, 2)).state_dict()
    victim = next(key for key in state if "2" in key and key.endswith(".weight") and state[key].ndim == 4)
    last = list(state)[-1]
    short = {key: value for key, value in state.items() if key != last}
    more = {**state, "surprise.weight": torch.zeros(3)}
    reshaped = {**state, victim: torch.zeros(8, 5, 3, 3)}
    for broken, word in ((short, last), (more, "surprise.weight"), (reshaped, victim)):
        torch.save(broken, tmp_path / "g.pth")
        with pytest.raises(ModelError, match=word.replace(".", r"\.")) as caught:
            convert(tmp_path / "g.pth", tmp_path / "g.onnx")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "g.onnx").exists()


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    state = randomise(originals.Lornatang2021(8, 2)).state_dict()
    state["conv1.0.weight"][0, 0, 0, 0] = torch.nan
    torch.save(state, tmp_path / "g.pth")
    with pytest.raises(ModelError, match="not numbers"):
        convert(tmp_path / "g.pth", tmp_path / "g.onnx")
