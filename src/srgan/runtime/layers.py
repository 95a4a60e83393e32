"""A network's graph as a short list of layers, for backends that build their own form of it.

The graph is the one that OpenVINO runs (:func:`srgan.runtime.graph.read_graph`, :func:`srgan.runtime.blend.blend`), so files
of any generator, blends and networks of other bands come through here alike. What is arithmetic on constants or shapes is done
away with; a bias that is added after a convolution belongs to the convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelError, option

_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}
_ARITHMETIC = {"Add": "add", "Subtract": "sub", "Multiply": "mul", "Divide": "div"}
_ARITHMETIC |= {"Maximum": "maximum", "Minimum": "minimum"}


@dataclass(frozen=True)
class Layer:
    """One step of a program.

    Attributes
    ----------
    kind : ``conv``, ``prelu``, ``relu``, ``tanh``, ``sigmoid``, ``clamp``, ``add``, ``sub``, ``mul``, ``div``, ``maximum``,
        ``minimum``, ``concat`` (of channels) or ``shuffle`` (channels to pixels)
    inputs : numbers of the tensors it takes
    output : number of the tensor it makes
    weights : float32. Of ``conv`` ``weight [O, I / groups, K, K]`` and ``bias [O]``, which may be missing; of ``prelu``
        ``slope``, one or one a channel; of arithmetic with a constant ``constant``, one value or one a channel
    settings : of ``conv`` ``pad``, ``dilation``, ``groups``; of ``clamp`` ``low``, ``high``; of ``shuffle`` ``block`` and
        ``channels_first`` (ONNX's CRD, PyTorch's order); of arithmetic with a constant ``first``, if that stands on the left
    """

    kind: str
    inputs: tuple[int, ...]
    output: int
    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tensor:
    """Channels, and pixels across for each pixel of the picture that goes in."""

    channels: int
    grid: int


@dataclass(frozen=True)
class Program:
    """A network as layers in order. Tensor 0 is the picture, float [N, C, h, w]; ``output`` is the result.

    Attributes
    ----------
    tensors : by number
    """

    layers: tuple[Layer, ...]
    tensors: tuple[Tensor, ...]
    output: int

    @property
    def scale(self) -> int:
        """The enlargement."""
        return self.tensors[self.output].grid

    @property
    def multiplications(self) -> int:
        """Multiplications of all convolutions for each pixel that goes in."""
        convs = [layer for layer in self.layers if layer.kind == "conv"]
        return sum(layer.weights["weight"].size * self.tensors[layer.output].grid ** 2 for layer in convs)

    @property
    def peak_values(self) -> int:
        """Values alive at the peak for each pixel that goes in, where each layer makes a new tensor."""
        last_use = self.last_use()
        alive, most = {0}, 0
        for at, layer in enumerate(self.layers):
            alive.add(layer.output)
            most = max(most, sum(self.tensors[n].channels * self.tensors[n].grid ** 2 for n in alive))
            alive -= {n for n in layer.inputs if last_use[n] == at}
        return most

    def last_use(self) -> dict[int, int]:
        """Return the number of the last layer that takes each tensor; one beyond the end for the result."""
        uses = {n: at for at, layer in enumerate(self.layers) for n in layer.inputs}
        return uses | {self.output: len(self.layers)}


def program_of(graph: Any, name: str) -> Program:
    """Return a graph's layers.

    Parameters
    ----------
    graph : OpenVINO's
    name : of the network, for the error

    Raises
    ------
    ModelError
        if an operation is not one of :class:`Layer`
    """
    reader = _Reader(name)
    for node in graph.get_ordered_ops():
        reader.take(node)
    return Program(tuple(reader.layers), tuple(reader.tensors), reader.result)


class _Reader:
    """Takes a graph's operations in order."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: dict[str, int] = {}
        self._constants: dict[str, NDArray[Any]] = {}
        self.layers: list[Layer] = []
        self.tensors: list[Tensor] = []
        self.result = 0

    def take(self, node: Any) -> None:
        kind, name = node.get_type_name(), node.get_friendly_name()
        sources = [node.input_value(i).get_node().get_friendly_name() for i in range(node.get_input_size())]
        pictures = [self._numbers[source] for source in sources if source in self._numbers]
        if kind == "Parameter":
            self._numbers[name] = self._tensor(node.get_output_partial_shape(0)[1].get_length(), 1)
        elif kind == "Result":
            self.result = pictures[0]
        elif kind == "Constant":
            self._constants[name] = node.data
        elif kind == "ShapeOf" or not pictures:
            self._fold(node, kind, name, sources)
        elif kind == "Convert":
            self._numbers[name] = pictures[0]
        else:
            self._numbers[name] = self._layer(node, kind, sources, pictures)

    def _tensor(self, channels: int, grid: int) -> int:
        self.tensors.append(Tensor(channels, grid))
        return len(self.tensors) - 1

    def _fold(self, node: Any, kind: str, name: str, sources: list[str]) -> None:
        """Compute what is made of weights alone; what is made of shapes is only needed for the shape of weights."""
        value = self._constants.get(sources[0]) if sources else None
        if value is None or not node.get_output_element_type(0).is_real():
            return
        if kind == "Convert":
            self._constants[name] = value
        elif kind in ("Reshape", "Unsqueeze", "Squeeze") and node.get_output_partial_shape(0).is_static:
            self._constants[name] = value.reshape(list(node.get_output_shape(0)))

    def _layer(self, node: Any, kind: str, sources: list[str], pictures: list[int]) -> int:
        before = self.tensors[pictures[0]]
        attributes = node.get_attributes()
        if kind in ("Convolution", "GroupConvolution") and len(pictures) == 1:
            return self._convolution(node, attributes, sources, pictures)
        if kind in _ARITHMETIC and len(sources) == 2:
            return self._arithmetic(node, _ARITHMETIC[kind], sources, pictures)
        if kind in _ACTIVATIONS:
            return self._add(_ACTIVATIONS[kind], pictures, before)
        if kind == "Clamp":
            limits = {"low": float(attributes["min"]), "high": float(attributes["max"])}
            return self._add("clamp", pictures, before, settings=limits)
        if kind == "PRelu" and len(pictures) == 1:
            return self._add(
                "prelu", pictures, before, {"slope": self._by_channel(sources[1], before.channels, flat=True)}
            )
        if kind == "Concat" and len(pictures) == len(sources) and attributes["axis"] in (1, -3):
            channels = sum(self.tensors[n].channels for n in pictures)
            if all(self.tensors[n].grid == before.grid for n in pictures):
                return self._add("concat", pictures, Tensor(channels, before.grid))
        if kind == "DepthToSpace":
            block = int(attributes["block_size"])
            after = Tensor(before.channels // block**2, before.grid * block)
            settings = {"block": block, "channels_first": attributes["mode"] == "depth_first"}
            return self._add("shuffle", pictures, after, settings=settings)
        raise self._unknown(kind)

    def _add(
        self,
        kind: str,
        inputs: list[int],
        made: Tensor,
        weights: dict[str, NDArray[np.float32]] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> int:
        output = self._tensor(made.channels, made.grid)
        self.layers.append(Layer(kind, tuple(inputs), output, weights or {}, settings or {}))
        return output

    def _convolution(self, node: Any, attributes: Mapping[str, Any], sources: list[str], pictures: list[int]) -> int:
        weight = self._constant(sources[1], node.get_type_name()).astype(np.float32)
        groups = 1
        if node.get_type_name() == "GroupConvolution":
            groups = weight.shape[0]
            weight = weight.reshape(-1, *weight.shape[2:])
        pads = {*attributes["pads_begin"], *attributes["pads_end"]}
        dilations = set(attributes["dilations"])
        if set(attributes["strides"]) != {1} or len(pads) != 1 or len(dilations) != 1 or weight.ndim != 4:
            raise self._unknown("Convolution with strides or one-sided padding")
        pad, dilation = int(pads.pop()), int(dilations.pop())
        if attributes.get("auto_pad", "explicit") not in ("explicit", "notset"):
            raise self._unknown("Convolution with automatic padding")
        if any(2 * pad != dilation * (side - 1) for side in weight.shape[2:]):
            raise self._unknown("Convolution that changes the size")
        settings = {"pad": pad, "dilation": dilation, "groups": groups}
        made = Tensor(weight.shape[0], self.tensors[pictures[0]].grid)
        return self._add("conv", pictures, made, {"weight": weight}, settings)

    def _arithmetic(self, node: Any, kind: str, sources: list[str], pictures: list[int]) -> int:
        before = self.tensors[pictures[0]]
        if len(pictures) == 2:
            if len({self.tensors[n].grid for n in pictures}) > 1:
                raise self._unknown(f"{kind} of different sizes")
            channels = max(self.tensors[n].channels for n in pictures)
            return self._add(kind, pictures, Tensor(channels, before.grid))
        first = sources[0] not in self._numbers
        constant = self._by_channel(sources[0 if first else 1], before.channels)
        maker = self.layers[-1] if self.layers else None
        takers = [taker.get_node() for taker in node.input_value(1 if first else 0).get_target_inputs()]
        alone = all(taker.get_type_name() == "ShapeOf" or taker == node for taker in takers)
        if kind == "add" and alone and maker is not None and maker.output == pictures[0] and _lacks_bias(maker):
            bias = np.broadcast_to(constant, (before.channels,)).astype(np.float32)
            self.layers[-1] = Layer("conv", maker.inputs, maker.output, {**maker.weights, "bias": bias}, maker.settings)
            return maker.output
        return self._add(kind, pictures, before, {"constant": constant}, {"first": first})

    def _by_channel(self, source: str, channels: int, *, flat: bool = False) -> NDArray[np.float32]:
        """Return a constant as one value, or one a channel; ``flat`` if a single axis is that of the channels."""
        value = self._constant(source, "operation").astype(np.float32)
        shape = value.shape[1:] if value.ndim == 4 and value.shape[0] == 1 else value.shape
        if value.size != 1 and shape != (channels, 1, 1) and not (flat and shape == (channels,)):
            raise self._unknown("constant that differs from pixel to pixel")
        return value.reshape(-1)

    def _constant(self, source: str, kind: str) -> NDArray[Any]:
        if source not in self._constants:
            raise self._unknown(f"{kind} whose weights are computed")
        return self._constants[source]

    def _unknown(self, what: str) -> ModelError:
        return ModelError(
            f"{self._name} has an operation that is for the processor alone ({what}): use {option('device', 'cpu')}"
        )


def _lacks_bias(layer: Layer) -> bool:
    return layer.kind == "conv" and "bias" not in layer.weights
