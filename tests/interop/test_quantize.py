"""The int8 form of a network: made by NNCF for real, close to fp32, bound to its network, refused where it would spoil it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from srgan import Upscaler, image
from srgan.errors import DataError, ModelError, OutputExistsError, UsageError
from srgan.interop import quantize as quantising_module
from srgan.interop.quantize import MAX_LOSS, quantise
from srgan.models import int8
from srgan.models.catalogue import CATALOGUE, shipped_file
from srgan.models.metadata import read_info
from srgan.runtime.network import open_network
from support import tiny_models
from support.tiny_runs import call


def smooth(height: int, width: int, seed: int) -> Any:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    return coarse.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        image.write(image.Picture(smooth(260, 270, number)), folder / f"{number}.png")
    return folder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantising_module, "CALIBRATED_ON", 6)
    monkeypatch.setattr(quantising_module, "MEASURED_ON", 2)


@pytest.mark.usefixtures("few")
def test_it_computes_nearly_the_same_in_integers(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", scale=4, card={"steps": 7})
    done = quantise(file, photos)
    assert done.path == tmp_path / "net.int8.onnx"
    assert abs(done.fp32 - done.int8) <= MAX_LOSS
    picture = smooth(50, 61, 9)
    fp32 = Upscaler(file, precision="fp32")(picture).astype(int)
    far = np.abs(Upscaler(file, precision="int8")(picture) - fp32)
    assert 0 < far.mean() < 3  # not the same computation, and not another one
    kinds = [node.op_type for node in onnx.load(str(done.path)).graph.node]
    assert kinds.count("QuantizeLinear") == kinds.count("Conv") - 1  # the input of each but the first one
    weights = [entry for entry in onnx.load(str(done.path)).graph.initializer if len(entry.dims) == 4]
    assert sorted({entry.data_type for entry in weights}) == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT8]
    info = read_info(done.path)
    assert (info.name, info.scale, info.radius) == ("tiny-x4", 4, 9)
    assert info.card["steps"] == 7
    assert info.card["int8"]["crops"] == 6


@pytest.mark.usefixtures("few")
def test_a_fast_network_has_such_a_form_too(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.fast(tmp_path / "net.onnx")
    done = quantise(file, photos)
    assert abs(done.fp32 - done.int8) <= MAX_LOSS
    weights = [entry for entry in onnx.load(str(done.path)).graph.initializer if len(entry.dims) == 4]
    eight = [entry for entry in weights if entry.data_type == onnx.TensorProto.INT8]
    # In fp32 stay the two convolutions that see the picture itself, the one after the concatenation, and the one before it.
    assert len(eight) == len(weights) - 4
    network = open_network(file, precision="int8")
    assert (network.precision, network.radius) == ("int8", open_network(file, precision="fp32").radius)


@pytest.mark.usefixtures("few")
def test_it_is_cut_in_two_and_tiled_like_its_network(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", scale=4, blocks=3)
    quantise(file, photos)
    network, exact = open_network(file, precision="int8"), open_network(file, precision="fp32")
    assert network.body is not None
    assert exact.body is not None
    assert (network.precision, network.path) == ("int8", file)
    assert (network.radius, network.body.radius, network.tail.radius) == (11, exact.body.radius, exact.tail.radius)
    picture = smooth(150, 120, 3)
    whole = Upscaler(file, precision="int8")(picture)
    upscaler = Upscaler(file, precision="int8", exact=True, memory=upscaler_memory(file))
    assert len(upscaler.plan(150, 120).tiles) > 1
    np.testing.assert_array_equal(upscaler(picture), whole)


def upscaler_memory(file: Path) -> int:
    """Return the least memory that this network may be given."""
    with pytest.raises(UsageError) as caught:
        Upscaler(file, precision="int8", memory=1)
    return int(str(caught.value).split("give ")[1].split(" MB")[0]) * 10**6 + 10**6


@pytest.mark.usefixtures("few")
def test_what_overflows_in_int8_is_computed_in_fp32(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", scale=4)
    spoiled = onnx.load(str(quantise(file, photos).path))
    bias = next(entry for entry in spoiled.graph.initializer if list(entry.dims) == [12])  # of the last convolution
    bias.CopyFrom(onnx.numpy_helper.from_array(np.full(12, np.nan, np.float32), bias.name))
    onnx.save(spoiled, str(int8.file_beside(file)))
    picture = smooth(150, 120, 9)
    upscaler = Upscaler(file, precision="int8", exact=True, memory=upscaler_memory(file))
    assert len(upscaler.plan(150, 120).tiles) > 1
    told: list[int] = []
    large = upscaler(picture, progress=lambda done, _: told.append(done))
    assert np.abs(large.astype(int) - Upscaler(file, precision="fp32")(picture)).max() <= 1  # which computes it whole
    assert (told == sorted(told), told[-1]) == (True, 150 * 120)


@pytest.mark.usefixtures("few")
def test_the_same_photographs_give_the_same_file(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    first = quantise(file, photos).path.read_bytes()
    with pytest.raises(OutputExistsError):
        quantise(file, photos)
    assert quantise(file, photos, overwrite=True).path.read_bytes() == first


@pytest.mark.usefixtures("few")
def test_after_another_training_it_is_refused(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", seed=1)
    quantise(file, photos)
    tiny_models.residual(file, seed=2)
    with pytest.raises(ModelError, match=r"another network than net\.onnx"):
        Upscaler(file, precision="int8")
    shutil.copy(file, int8.file_beside(file))  # no int8 form at all
    with pytest.raises(ModelError, match=r"another network than net\.onnx"):
        Upscaler(file, precision="int8")


@pytest.mark.usefixtures("few")
def test_the_file_itself_is_a_model_too(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    done = quantise(file, photos)
    picture = smooth(20, 20, 1)
    large = Upscaler(done.path)(picture)
    np.testing.assert_array_equal(large, Upscaler(file, precision="int8")(picture))
    with pytest.raises(UsageError, match="int8 form"):
        quantise(done.path, photos)


@pytest.mark.usefixtures("few")
def test_a_network_that_it_would_spoil_is_left_alone(tmp_path: Path, photos: Path) -> None:
    # Each pixel repeated, by way of a convolution whose input has a channel ten thousand times as large as the picture:
    # on the grid of 256 steps that holds both, the picture is gone.
    net = tiny_models.Layers(half=False)
    first = np.zeros((4, 3, 1, 1))
    first[:3, :, 0, 0] = np.eye(3)
    x = net.node("Relu", net.conv("input", first, np.array([0, 0, 0, 1e4])))
    second = np.zeros((12, 4, 1, 1))
    for channel in range(3):
        second[channel * 4 : channel * 4 + 4, channel] = 1
    file = net.save(tmp_path / "net.onnx", net.shuffle(net.conv(x, second)), scale=2, radius=0)
    with pytest.raises(ModelError, match=r"int8 would cost tiny-x2 .* use fp32"):
        quantise(file, photos)
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.onnx"]


@pytest.mark.usefixtures("few")
def test_photographs_that_are_too_small_are_said(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        image.write(image.Picture(smooth(100, 300, number)), folder / f"{number}.png")
    with pytest.raises(DataError, match="0 pictures of 256 pixels"):
        quantise(file, folder)


def test_what_int8_cannot_be(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match=r"net.int8.onnx is missing.*srgan convert .*net.onnx --int8"):
        Upscaler(file, precision="int8")
    with pytest.raises(UsageError, match="leave out fidelity or precision='int8'"):
        Upscaler("srgan-x4", precision="int8", fidelity=0.5)


def test_the_command(tmp_path: Path, photos: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    done = call("convert", file, "--int8", photos)
    assert (done.code, done.err) == (0, "")
    assert f"{tmp_path / 'net.int8.onnx'}: " in done.out
    image.write(image.Picture(smooth(30, 20, 1)), tmp_path / "a.png")
    done = call("upscale", tmp_path / "a.png", "--model", file, "--precision", "int8", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    expected = Upscaler(file, precision="int8")(smooth(30, 20, 1))
    np.testing.assert_array_equal(image.read(tmp_path / "a_x4.png").pixels, expected)
    done = call("convert", file, "--int8", photos, "--fp16")
    assert done.code == 2
    assert "leave out --to, --fp16 and --name" in done.err


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_shipped_int8_form_belongs_to_its_network(name: str) -> None:
    info = read_info(shipped_file(CATALOGUE[name]))
    if int8.file_beside(info.path).exists():
        assert int8.find(info).name == name
