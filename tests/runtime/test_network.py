"""Networks load only if they are ours, compute what another runtime computes, and are cut without a change of value."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from srgan.errors import ModelError, UnknownModelError, UsageError
from srgan.models.metadata import read_info
from srgan.runtime.network import open_network
from support import tiny_models


def batch(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape, np.float32)


def has_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16")


@pytest.mark.parametrize("kind", ["shallow", "residual"])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_it_computes_what_onnxruntime_computes(tmp_path: Path, kind: str, scale: int) -> None:
    file = getattr(tiny_models, kind)(tmp_path / "net.onnx", scale=scale)
    network = open_network(file, precision="fp32")
    other = onnxruntime.InferenceSession(str(file))
    for shape in [(1, 3, 17, 23), (2, 3, 1, 1), (1, 3, 40, 9)]:
        (expected,) = other.run(None, {"input": batch(*shape)})
        np.testing.assert_allclose(network(batch(*shape)), expected, rtol=0, atol=3e-6)


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "a.onnx", card={"steps": 7}), precision="fp32")
    assert (network.name, network.scale, network.radius, network.precision) == ("tiny-x4", 4, 9, "fp32")
    assert network.card == {"steps": 7}
    assert network.path == tmp_path / "a.onnx"


def test_a_network_without_a_body_stays_whole(tmp_path: Path) -> None:
    network = open_network(tiny_models.shallow(tmp_path / "net.onnx"), precision="fp32")
    assert network.body is None
    assert network.tail.radius == network.radius == 1


def test_a_network_with_layers_it_cannot_follow_runs_whole(tmp_path: Path) -> None:
    net = tiny_models.Layers()
    last = net.shuffle(net.node("Erf", net.random_conv("input", 3, 12)))
    network = open_network(net.save(tmp_path / "net.onnx", last, scale=2, radius=5), precision="fp32")
    assert network.body is None
    assert network.tail.radius == network.radius == 5
    assert network(batch(1, 3, 8, 9)).shape == (1, 3, 16, 18)


@needs_bf16
def test_bf16_is_chosen_where_the_processor_has_it_and_is_near(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    assert open_network(file).precision == "bf16"
    x = batch(1, 3, 40, 40)
    exact, fast = open_network(file, precision="fp32")(x), open_network(file, precision="bf16")(x)
    assert 0 < abs(exact - fast).max() < 0.02


# --- What is not ours ------------------------------------------------------------------------------------------------


def no_metadata(path: Path) -> None:
    tiny_models.shallow(path, format=None)


def newer_format(path: Path) -> None:
    tiny_models.shallow(path, format="2")


def no_scale(path: Path) -> None:
    tiny_models.shallow(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"srgan.scale", b"srgan.sxale"))


def odd_scale(path: Path) -> None:
    tiny_models.shallow(path)
    data = path.read_bytes()
    at = data.rindex(b"srgan.scale") + len(b"srgan.scale") + 2
    assert data[at : at + 1] == b"2"
    path.write_bytes(data[:at] + b"3" + data[at + 1 :])


def bad_card(path: Path) -> None:
    tiny_models.shallow(path, name="{", card=None)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"stage": "tiny"}', b'{"stage": "tiny" '))


def card_is_a_list(path: Path) -> None:
    tiny_models.shallow(path, card=["x"])


def gray_network(path: Path) -> None:
    net = tiny_models.Layers()
    last = net.shuffle(net.random_conv("input", 1, 4), 2)
    net.save(path, last, scale=2, radius=1, channels=1)


def damaged_graph(path: Path) -> None:
    tiny_models.residual(path)
    data = bytearray(path.read_bytes())
    data[600:700] = b"\xff" * 100
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_picture(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40)).save(path, "PNG")


def text(path: Path) -> None:
    path.write_text("no network\n" * 20)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(5000))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (no_metadata, "without srgan's metadata"),
        (newer_format, "update srgan"),
        (no_scale, "srgan.scale is ''"),
        (odd_scale, "3 is no power of two"),
        (bad_card, "card is not JSON"),
        (card_is_a_list, "not a JSON object"),
        (gray_network, "no network from RGB to RGB"),
        (damaged_graph, "export it again"),
        (empty, "is empty"),
        (a_picture, "no ONNX file"),
        (text, "no ONNX file"),
        (zeros, "no ONNX file"),
    ],
)
def test_a_file_that_is_not_ours_is_one_clear_line(
    tmp_path: Path, make: Any, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.onnx"
    make(file)
    with pytest.raises(ModelError, match=says) as caught:
        open_network(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_file_cut_anywhere_is_refused_before_it_reaches_the_runtime(tmp_path: Path) -> None:
    data = tiny_models.residual(tmp_path / "whole.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    whole = read_info(tmp_path / "whole.onnx")
    for length in [*range(0, len(data), 97), *range(len(data) - 200, len(data))]:
        cut.write_bytes(data[:length])
        try:
            info = read_info(cut)
        except ModelError:
            continue
        # Cut between two entries behind the graph: what is left is a valid file, with all that is needed but the card.
        assert (info.name, info.scale, info.radius) == (whole.name, whole.scale, whole.radius)


def test_random_damage_never_escapes_as_another_error(tmp_path: Path) -> None:
    data = tiny_models.residual(tmp_path / "whole.onnx").read_bytes()
    random = np.random.default_rng(0)
    file = tmp_path / "bad.onnx"
    for _ in range(300):
        bad = bytearray(data)
        for at in random.integers(0, len(data), random.integers(1, 8)):
            bad[at] = random.integers(0, 256)
        file.write_bytes(bad)
        with suppress(ModelError):
            read_info(file)


def test_wrong_calls_are_usage_errors(tmp_path: Path) -> None:
    file = tiny_models.shallow(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="unknown precision 'int4'"):
        open_network(file, precision="int4")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="threads is 0"):
        open_network(file, threads=0)
    with pytest.raises(UnknownModelError, match="srresnet-x4"):
        open_network(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="is a folder"):
        open_network(tmp_path)


# --- OpenVINO itself -------------------------------------------------------------------------------------------------
