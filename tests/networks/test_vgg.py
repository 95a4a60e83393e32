import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from srgan.errors import ModelError, UsageError
from srgan.networks import vgg
from srgan.networks.vgg import VGGFeatures, layer_index, load_vgg


@pytest.mark.parametrize(
    ("network", "layer", "index"),
    # torchvision's vgg19().features: conv5_4 is features[34] (the paper's "VGG54"), conv2_2 features[7]; vgg16's conv5_3 is 28.
    [
        ("vgg19", "conv5_4", 34),
        ("vgg19", "conv2_2", 7),
        ("vgg16", "conv5_3", 28),
        ("vgg16", "conv1_1", 0),
        ("vgg16", "conv3_3", 14),
    ],
)
def test_layers_stand_where_torchvision_has_them(network, layer, index):
    assert layer_index(network, layer) == index


@pytest.mark.parametrize(
    ("network", "layer"), [("vgg16", "conv5_4"), ("vgg16", "conv6_1"), ("vgg16", "relu5_3"), ("vgg11", "conv1_1")]
)
def test_unknown_layers_are_refused(network, layer):
    with pytest.raises(UsageError):
        layer_index(network, layer)


def reference(state, x, last):
    """Run torchvision's VGG16 layers by hand, up to and with convolution ``last``."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = (x - mean) / std
    plan = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512]
    place = 0
    for entry in plan:
        if entry == "M":
            x = nn.functional.max_pool2d(x, 2)
            place += 1
            continue
        x = nn.functional.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1)
        if place == last:
            return x
        x = x.relu()
        place += 2
    raise AssertionError


def tiny_weights(network="vgg16"):
    torch.manual_seed(0)
    model = VGGFeatures(network, ["conv5_1"])
    return {key: value.clone() for key, value in model.state_dict().items()}


def test_activations_are_those_before_the_relu(tmp_path):
    state = tiny_weights()
    save_file({**state, "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg.safetensors")
    model = load_vgg("vgg16", ["conv2_2", "conv3_3"], tmp_path / "vgg.safetensors")
    x = torch.rand(2, 3, 32, 40)
    found = model(x)
    assert list(found) == ["conv2_2", "conv3_3"]
    assert found["conv2_2"].shape == (2, 128, 16, 20)
    assert torch.allclose(found["conv2_2"], reference(state, x, 7), atol=1e-6)
    assert torch.allclose(found["conv3_3"], reference(state, x, 14), atol=1e-6)
    assert (found["conv3_3"] < 0).any()


def test_is_frozen_and_stays_in_evaluation_mode():
    model = VGGFeatures("vgg16", ["conv1_1"]).train()
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    model(x)["conv1_1"].sum().backward()
    assert x.grad is not None


def test_nothing_behind_the_deepest_layer_is_built():
    assert len(VGGFeatures("vgg19", ["conv2_2"]).features) == 8


def test_gray_pictures_count_as_three_equal_bands():
    model = VGGFeatures("vgg16", ["conv1_2"])
    gray = torch.rand(1, 1, 8, 8)
    assert torch.equal(model(gray)["conv1_2"], model(gray.expand(-1, 3, -1, -1))["conv1_2"])


def test_a_file_of_another_network_is_named(tmp_path):
    state = tiny_weights()
    del state["features.24.weight"]
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(ModelError, match=r"features\.24\.weight"):
        load_vgg("vgg16", ["conv5_1"], tmp_path / "short.safetensors")
    save_file(tiny_weights(), tmp_path / "vgg16.safetensors")
    with pytest.raises(ModelError, match="another network"):
        load_vgg("vgg19", ["conv5_1"], tmp_path / "vgg16.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match="cannot read"):
        load_vgg("vgg16", ["conv1_1"], tmp_path / "text.safetensors")


class Opens:
    """Unpickled, it would write a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def test_torchvisions_pth_is_taken_and_no_code_in_one_is_run(tmp_path):
    state = tiny_weights()
    torch.save({**state, "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg16.pth")
    model = load_vgg("vgg16", ["conv3_3"], tmp_path / "vgg16.pth")
    assert torch.equal(model.features[14].weight, state["features.14.weight"])
    torch.save({**state, "evil": Opens(tmp_path / "made")}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="was not run"):
        load_vgg("vgg16", ["conv3_3"], tmp_path / "evil.pth")
    assert not (tmp_path / "made").exists()
    with pytest.raises(ModelError, match="cannot read the VGG weights"):
        load_vgg("vgg16", ["conv3_3"], tmp_path / "none.pth")


def hub_file(folder, state, name):
    """Save ``state`` as the torch hub would hold it: a .pth whose name carries the start of its SHA-256."""
    path = folder / "raw.pth"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return path, f"{name}-{digest}.pth"


def test_torchvisions_file_is_downloaded_and_its_hash_checked(tmp_path, monkeypatch):
    state = tiny_weights()
    path, name = hub_file(tmp_path, state, "vgg16")
    path.rename(tmp_path / name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setitem(vgg._URLS, "vgg16", (tmp_path / name).as_uri())
    model = load_vgg("vgg16", ["conv3_3"])
    assert torch.equal(model.features[14].weight, state["features.14.weight"])

    wrong = tmp_path / "vgg16-00000000.pth"
    wrong.write_bytes((tmp_path / name).read_bytes())
    monkeypatch.setitem(vgg._URLS, "vgg16", wrong.as_uri())
    with pytest.raises(ModelError, match="--vgg-weights"):
        load_vgg("vgg16", ["conv3_3"])


def test_real_weights_answer_to_edges(shared):
    model = load_vgg("vgg16", ["conv1_2", "conv5_3"], shared / "data" / "vgg16_features.safetensors")
    flat, edge = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 3, 64, 64), 0.5)
    edge[..., 32:] = 1
    with torch.no_grad():
        inside = (slice(None), slice(None), slice(8, -8), slice(24, 40))
        difference = (model(edge)["conv1_2"] - model(flat)["conv1_2"])[inside].abs().mean()
    assert difference > 10
