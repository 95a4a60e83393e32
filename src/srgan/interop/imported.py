"""What an importer returns, and how a network of our generator's shape becomes a file.

The foreign generators are SRResNets like ours and differ in three ways, all removed here: BatchNorm has another epsilon and
convolutions before it have a bias (both folded into the convolutions), PReLU may have one slope for all channels (repeated),
and some work on [0, 1] instead of [-1, 1]. The last one cannot be folded into the first convolution, whose zero padding is
black there and mid-gray here, so that the exported graph loses its first two operations instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srgan.errors import ModelError
from srgan.models.export import build_onnx
from srgan.networks.generator import GeneratorConfig
from srgan.networks.make import make_generator

Array = NDArray[np.float32]
Layers = Mapping[str, Array]


@dataclass(frozen=True)
class ImportedNetwork:
    """A network that was found in a file.

    Attributes
    ----------
    origin : where such files come from, for the card
    scale : enlargement
    build : makes the ONNX model; its argument tells whether weights are stored in fp16
    reference : the same network in torch, float32 ``[N, 3, H, W]`` in [0, 1] -> ``[N, 3, s*H, s*W]``
    state : weights for :class:`~srgan.networks.generator.Generator`, where the network is one
    config : its shape, in that case
    """

    origin: str
    scale: int
    build: Callable[[bool], Any]
    reference: Callable[[Tensor], Tensor]
    state: Mapping[str, Tensor] | None = None
    config: GeneratorConfig | None = None


def from_generator(
    origin: str,
    weights: Layers,
    config: GeneratorConfig,
    *,
    unit_range: bool = False,
    names: Mapping[str, str] | None = None,
) -> ImportedNetwork:
    """Wrap weights of our generator's shape.

    Parameters
    ----------
    origin : where they come from
    weights : state dict of :class:`~srgan.networks.generator.Generator` for ``config``
    config : shape
    unit_range : the network takes and gives [0, 1] instead of [-1, 1]
    names : what the file calls each weight, for errors

    Raises
    ------
    ModelError
        when a weight is missing, has another shape, or is not a number
    """
    network = make_generator(config)
    names = names or {}
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    problems = [f"{names.get(key, key)} is missing" for key in wanted if key not in weights]
    problems += [f"{names.get(key, key)} is unknown" for key in weights if key not in wanted]
    problems += [
        f"{names.get(key, key)} is {_size(value.shape)} and should be {_size(wanted[key])}"
        for key, value in weights.items()
        if key in wanted and tuple(value.shape) != wanted[key]
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ModelError(f"{origin}: {'; '.join(problems[:3])}{more}: give the file of a whole generator")
    if bad := [key for key, value in weights.items() if not np.isfinite(value).all()]:
        name = names.get(bad[0], bad[0])
        raise ModelError(
            f"{origin}: {name} holds values that are not numbers: its training broke down, take another file"
        )
    weights = dict(weights)
    if unit_range and config.output == "linear":
        # build_onnx ends with (y + 1) / 2: the tail gives 2y - 1, and the two cancel.
        weights["tail.weight"] = weights["tail.weight"] * 2
        weights["tail.bias"] = weights["tail.bias"] * 2 - 1
    network.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in weights.items()})
    network.eval()

    def build(half: bool) -> Any:
        model = build_onnx(weights, config, half=half)
        return _without_input_range(model) if unit_range else model

    def reference(x: Tensor) -> Tensor:
        # Generator maps its input by 2x - 1; this is the inverse of it.
        return network.reference((x + 1) / 2 if unit_range else x)

    state = None if unit_range else network.state_dict()
    return ImportedNetwork(origin, config.scale, build, reference, state, None if unit_range else config)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"


def _without_input_range(model: Any) -> Any:
    """Take ``x*2 - 1`` off the front of a graph of :func:`srgan.models.export.build_onnx`.

    The first layer's weights get other names, so that :func:`srgan.models.export.load_weights` refuses the file: a generator of
    ours that took these weights would give other pictures.
    """
    nodes = model.graph.node
    ends = [at for at, node in enumerate(nodes) if node.op_type in ("Mul", "Sub")][:2]
    scaled = nodes[ends[1]].output[0]
    for at in reversed(ends):
        del nodes[at]
    for node in nodes:
        for at, name in enumerate(node.input):
            if name == scaled:
                node.input[at] = "input"
            elif name.startswith("head."):
                node.input[at] = f"unit_{name}"
        if node.output[0].startswith("head."):
            node.output[0] = f"unit_{node.output[0]}"
    for weight in model.graph.initializer:
        if weight.name.startswith("head."):
            weight.name = f"unit_{weight.name}"
    _drop_unused(model)
    return model


def _drop_unused(model: Any) -> None:
    used = {name for node in model.graph.node for name in node.input} | {"output"}
    for at in reversed(range(len(model.graph.node))):
        if model.graph.node[at].output[0] not in used:
            del model.graph.node[at]
    used = {name for node in model.graph.node for name in node.input}
    for at in reversed(range(len(model.graph.initializer))):
        if model.graph.initializer[at].name not in used:
            del model.graph.initializer[at]
