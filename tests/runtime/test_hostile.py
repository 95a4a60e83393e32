"""Networks from people whom one does not know: data elsewhere, sizes, loops and operations that are refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from srgan.errors import ModelError
from srgan.runtime.network import open_network
from support import tiny_models


def elsewhere(tensor: Any, where: str) -> None:
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", where), ("offset", "0"), ("length", str(size))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def beside(model: Any) -> None:
    elsewhere(model.graph.initializer[0], "secret.bin")


def further_up(model: Any) -> None:
    elsewhere(model.graph.initializer[0], "../../etc/hostname")


def in_a_constant(model: Any) -> None:
    """The same, one level down: in the attribute of a node, in the graph of a branch."""
    value = numpy_helper.from_array(np.zeros(4, np.float32), "x")
    elsewhere(value, "secret.bin")
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=value)], "g", [], [helper.make_tensor_value_info("c", 1, [4])]
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    model.graph.initializer.append(yes)
    model.graph.node.insert(0, helper.make_node("If", ["yes"], ["c"], then_branch=inner, else_branch=inner))


def endless(model: Any) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["v"], ["v2"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v2", TensorProto.FLOAT, None),
        ],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(1 << 62, np.int64), "times"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node[-1].output[0] = "once"
    model.graph.node.append(helper.make_node("Loop", ["times", "yes", "once"], ["output"], body=body))


def custom(model: Any) -> None:
    model.graph.node[-1].domain = "com.example"


def unknown(model: Any) -> None:
    model.graph.node[-1].op_type = "PythonOp"


def huge(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20, 3, 3]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (beside, "keeps weights in other files"),
        (further_up, "keeps weights in other files"),
        (in_a_constant, "keeps weights in other files"),
        (endless, "loops or branches"),
        (custom, "cannot be read as a network"),
        (unknown, "cannot be read as a network"),
        (huge, "cannot be read as a network"),
    ],
)
def test_it_is_refused_in_one_line(
    change: Callable[[Any], None], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\x01\x3c" * 4000)
    model = onnx.load(str(tiny_models.shallow(tmp_path / "sound.onnx")))
    change(model)
    (tmp_path / "hostile.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=says) as caught:
        open_network(tmp_path / "hostile.onnx")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
