"""What ``--init`` starts from: a network of the recipe's shape, or the trunk of one of another enlargement."""

import numpy as np
import pytest
import torch

from srgan.models.export import build_onnx, save_onnx, set_card
from srgan.models.metadata import read_info
from srgan.networks.generator import Generator, GeneratorConfig
from support.tiny_runs import assert_line, initializers, save_material, train


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return save_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(3)
    config = GeneratorConfig(scale=2, features=4, blocks=1, norm="none", output="linear")
    model = build_onnx({key: value.numpy() for key, value in Generator(config).state_dict().items()}, config)
    set_card(model, name="start-x2", scale=2, card={})
    path = tmp_path_factory.mktemp("exported") / "start-x2.onnx"
    save_onnx(model, path)
    return path


def test_init_starts_from_an_exported_network(material, tmp_path, exported):
    rates = [f"stages.pixels.{name}=1e-12" for name in ("rate", "final_rate", "muon_lr")]
    changes = [word for rate in rates for word in ("--set", rate)]
    result = train(material, tmp_path / "run", "--init", exported, *changes)
    assert result.code == 0, result.err
    start, end = initializers(exported), initializers(tmp_path / "run" / "pixels-x2.onnx")
    assert start.keys() == end.keys()
    for key, value in start.items():
        assert np.allclose(value, end[key], atol=1e-6), key
    card = read_info(tmp_path / "run" / "pixels-x2.onnx").card
    assert card["init"] == str(exported)
    assert f"**Started from**: {exported}" in (tmp_path / "run" / "pixels-x2.md").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("generator.features=6", "(6, 3, 9, 9)"),
        ("generator.kind=fast", "(4, 3, 3, 3)"),
        ("generator.norm=batch", "BatchNorm"),
    ],
)
def test_init_of_another_shape_is_refused_before_any_work(material, tmp_path, exported, change, words):
    assert_line(train(material, tmp_path / "run", "--init", exported, "--set", change), 1, words)
    assert not (tmp_path / "run").exists()


def test_init_of_another_enlargement_gives_its_trunk(material, tmp_path, exported):
    rates = [f"stages.pixels.{name}=1e-12" for name in ("rate", "final_rate", "muon_lr")]
    changes = [word for change in [*rates, "generator.scale=4"] for word in ("--set", change)]
    result = train(material, tmp_path / "run", "--init", exported, *changes)
    assert result.code == 0, result.err
    assert f"starting from the trunk of {exported}, an x2; the layers after it are new" in result.err
    start, end = initializers(exported), initializers(tmp_path / "run" / "pixels-x4.onnx")
    for key, value in start.items():
        assert key.startswith(("upsample", "tail")) or np.allclose(value, end[key], atol=1e-6), key
    assert not np.allclose(start["upsample.0.conv.weight.fp16"], end["upsample.0.conv.weight.fp16"], atol=1e-3)
