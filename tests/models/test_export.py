"""The exported graph against the plain network of figure 4, layer after layer in torch."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from srgan.errors import ModelError
from srgan.models.export import (
    after_shuffle,
    before_shuffle,
    build_onnx,
    load_weights,
    save_onnx,
    set_card,
)
from srgan.models.metadata import read_info
from srgan.models.receptive_field import receptive_radius
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.runtime.network import open_network
from support import tiny_models

SIZES = [(32, 32), (37, 53), (5, 64)]


def make(seed=0, **shape):
    """Build a generator whose every value is random, the statistics of BatchNorm, slopes and biases included."""
    torch.manual_seed(seed)
    generator = Generator(GeneratorConfig(**{"features": 6, "blocks": 2, **shape})).eval()
    with torch.no_grad():
        for name, value in generator.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif name.endswith(("bias", "running_mean")):
                value.normal_(0, 0.1)
            elif "norm" in name and name.endswith("weight"):
                value.uniform_(0.5, 1.5)
            elif "act" in name:
                value.uniform_(-0.2, 0.5)
        generator.tail.weight.mul_(5)
    return generator


def arrays(generator):
    return {key: value.numpy() for key, value in generator.state_dict().items()}


def export(generator, path, **options):
    model = build_onnx(arrays(generator), generator.config, **options)
    set_card(model, name="tiny", scale=generator.config.scale, card={"stage": "tiny"})
    save_onnx(model, path)
    return path


def reference(generator, x):
    with torch.no_grad():
        return generator.reference(torch.from_numpy(x)).numpy()


def run(path, x):
    (y,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"input": x})
    return y


@pytest.mark.parametrize("output", ["tanh", "linear"])
@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_graph_equals_the_plain_network_to_its_borders(tmp_path, scale, norm, output):
    generator = make(seed=scale, scale=scale, norm=norm, output=output)
    path = export(generator, tmp_path / "net.onnx", half=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    network = open_network(path, precision="fp32", threads=1)
    for height, width in SIZES:
        x = np.random.default_rng(height).random((1, 3, height, width), dtype=np.float32)
        wanted = reference(generator, x)
        assert wanted.std() > 0.03  # not gray all over
        for found in (session.run(None, {"input": x})[0], network(x)):
            assert found.shape == (1, 3, scale * height, scale * width)
            assert np.abs(found - wanted).max() < 1e-4


def test_batches_and_gray(tmp_path):
    generator = make(bands=1, scale=2)
    x = np.random.default_rng(0).random((3, 1, 9, 11), dtype=np.float32)
    assert np.abs(run(export(generator, tmp_path / "net.onnx", half=False), x) - reference(generator, x)).max() < 1e-4


def test_half_weights_cost_half_the_file_and_little_accuracy(tmp_path):
    generator = make(features=16, scale=4)
    whole, half = (export(generator, tmp_path / f"{name}.onnx", half=name == "half") for name in ("whole", "half"))
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    kinds = {entry.data_type for entry in onnx.load(half).graph.initializer}
    assert kinds == {onnx.TensorProto.FLOAT16}
    x = np.random.default_rng(0).random((1, 3, 24, 24), dtype=np.float32)
    error = np.abs(run(half, x) - reference(generator, x))
    assert 0 < error.max() < 1 / 255


def test_a_weight_beyond_fp16_stays_what_it_is(tmp_path):
    generator = make(norm="none", output="linear")
    with torch.no_grad():
        generator.head.weight[0, 0, 0, 0] = 1e5
    path = export(generator, tmp_path / "net.onnx")
    x = np.random.default_rng(0).random((1, 3, 8, 8), dtype=np.float32)
    wanted = reference(generator, x)
    assert np.abs(run(path, x) - wanted).max() < 1e-2 * np.abs(wanted).max()
    assert load_weights(path, generator.config)["head.weight"].max() == 1e5


@pytest.mark.parametrize(("scale", "blocks"), [(2, 1), (2, 3), (4, 2), (8, 1)])
def test_receptive_radius_is_what_one_pixel_reaches(scale, blocks):
    generator = make(scale=scale, blocks=blocks, norm="none", output="linear").double()
    side, middle = 61, 30
    x = torch.rand(1, 3, side, side, dtype=torch.float64)
    changed = x.clone()
    changed[..., middle, middle] += 0.5
    with torch.no_grad():
        difference = (generator.reference(changed) - generator.reference(x))[0].abs().amax(0).numpy()
    reached = np.abs(np.argwhere(difference > 0) // scale - middle).max()
    assert 8 < reached < middle - 1  # it ends inside the picture
    radius = receptive_radius(build_onnx(arrays(generator), generator.config))
    assert reached <= radius <= reached + 1


def test_radius_is_written_into_the_file_and_is_the_runtimes(tmp_path):
    path = export(make(scale=4), tmp_path / "net.onnx")
    info = read_info(path)
    assert (info.name, info.scale, info.card) == ("tiny", 4, {"stage": "tiny"})
    # 4 (9x9) + 2 * 2 (blocks) + 1 (their end) + 1 + 1/2 (up) + 1 (5x5 at twice the size) = 11.5, rounded up
    assert info.radius == receptive_radius(onnx.load(path)) == 12


def test_the_moved_kernel_goes_back():
    weight = np.random.default_rng(0).normal(size=(3, 5, 9, 9)).astype(np.float32)
    moved = before_shuffle(weight)
    assert moved.shape == (12, 20, 5, 5)
    assert np.array_equal(after_shuffle(moved), weight)
    assert np.count_nonzero(moved) == 4 * weight.size


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_weights_come_back_from_the_file(tmp_path, scale):
    generator = make(scale=scale, norm="none", output="linear")
    found = load_weights(export(generator, tmp_path / "net.onnx"), generator.config)
    other = Generator(generator.config)
    other.load_state_dict({key: torch.from_numpy(value) for key, value in found.items()})
    for key, value in generator.state_dict().items():
        assert np.array_equal(found[key], value.half().float().numpy()), key


def test_foreign_and_damaged_files_are_refused(tmp_path):
    config = GeneratorConfig(scale=4, features=8, blocks=2, norm="none", output="linear")
    text, cut = tmp_path / "text.onnx", tmp_path / "cut.onnx"
    text.write_text("hello")
    whole = export(make(**vars(config)), tmp_path / "whole.onnx").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    foreign = tiny_models.residual(tmp_path / "foreign.onnx")
    for path, words in ((text, "not an ONNX file"), (cut, "not an ONNX file"), (foreign, "has no head.weight")):
        with pytest.raises(ModelError, match=words) as caught:
            load_weights(path, config)
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": 6}, r"\(6, 3, 9, 9\)"),
        ({"blocks": 1}, "more weights"),
        ({"blocks": 3}, "has no body.2"),
        ({"scale": 2}, "more weights"),
        ({"scale": 8}, "has no upsample.2"),
        ({"bands": 1}, r"\(8, 1, 9, 9\)"),
        ({"norm": "batch"}, "generator.norm = 'none'"),
    ],
)
def test_another_shape_is_refused(tmp_path, change, words):
    shape = {"scale": 4, "features": 8, "blocks": 2, "norm": "none", "output": "linear"}
    path = export(make(**shape), tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=words):
        load_weights(path, GeneratorConfig(**{**shape, **change}))


def test_a_tail_of_another_size_is_refused(tmp_path):
    generator = make(norm="none", output="linear")
    model = onnx.load(export(generator, tmp_path / "net.onnx"))
    for entry in model.graph.initializer:
        if entry.name.startswith("tail.weight"):
            smaller = numpy_helper.to_array(entry)[:, :, 1:4, 1:4].copy()
            entry.CopyFrom(numpy_helper.from_array(smaller, entry.name))
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match=r"tail\.weight"):
        load_weights(tmp_path / "other.onnx", generator.config)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    model = build_onnx(arrays(make()), make().config)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot write"):
        save_onnx(model, tmp_path / "file" / "net.onnx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
