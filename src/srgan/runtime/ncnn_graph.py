"""A network's layers in ncnn's two files: ``.param``, the layers as text, and ``.bin``, their weights one after the other.

The format is that of ncnn's own converters: a tensor that several layers take is copied by a ``Split`` first.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from srgan.runtime.layers import Layer, Program

_MAGIC = 7767517
_FP32 = struct.pack("<I", 0)  # before the weights of a convolution
_BINARY = {"add": 0, "sub": 1, "mul": 2, "div": 3, "maximum": 4, "minimum": 5}
_REVERSED = {"sub": 7, "div": 8}
_PLAIN = {"relu": "ReLU", "tanh": "TanH", "sigmoid": "Sigmoid"}

INPUT, OUTPUT = "input", "output"
"""Names of the tensors that go in and come out."""


def files_of(program: Program) -> tuple[str, bytes]:
    """Return the contents of ``.param`` and ``.bin``; weights are float32."""
    writer = _Writer(program)
    writer.line("Input", (), (INPUT,))
    writer.split(0, INPUT)
    for layer in program.layers:
        writer.layer(layer)
    head = f"{_MAGIC}\n{len(writer.lines)} {writer.blobs}\n"
    return head + "\n".join(writer.lines) + "\n", b"".join(writer.weights)


class _Writer:
    """Collects layers; ``blobs`` counts the tensors by name."""

    def __init__(self, program: Program) -> None:
        self._output = program.output
        self._uses = Counter(number for layer in program.layers for number in layer.inputs)
        self._names: dict[int, list[str]] = {}
        self.lines: list[str] = []
        self.weights: list[bytes] = []
        self.blobs = 0

    def line(self, kind: str, inputs: Iterable[str], outputs: Iterable[str], *settings: str) -> None:
        inputs, outputs = tuple(inputs), tuple(outputs)
        self.blobs += len(outputs)
        counts = f"{len(inputs)} {len(outputs)}"
        self.lines.append(" ".join([kind, f"l{len(self.lines)}", counts, *inputs, *outputs, *settings]))

    def split(self, number: int, name: str) -> None:
        """Give each layer that takes a tensor a name of its own for it."""
        uses = self._uses[number]
        if uses > 1:
            self._names[number] = [f"{name}.{use}" for use in range(uses)]
            self.line("Split", (name,), self._names[number])
        else:
            self._names[number] = [name]

    def layer(self, layer: Layer) -> None:
        given = [self._names[number].pop() for number in layer.inputs]
        name = OUTPUT if layer.output == self._output else f"t{layer.output}"
        settings = layer.settings
        if layer.kind == "conv":
            self._convolution(layer, given, name)
        elif layer.kind == "prelu":
            slope = layer.weights["slope"]
            self.line("PReLU", given, (name,), f"0={slope.size}")
            self.weights.append(_bytes(slope))
        elif layer.kind in _BINARY:
            self._arithmetic(layer, given, name)
        elif layer.kind == "clamp":
            self.line("Clip", given, (name,), f"0={settings['low']:.9e}", f"1={settings['high']:.9e}")
        elif layer.kind == "concat":
            self.line("Concat", given, (name,), "0=0")
        elif layer.kind == "shuffle":
            order = 0 if settings["channels_first"] else 1
            self.line("PixelShuffle", given, (name,), f"0={settings['block']}", f"1={order}")
        else:
            self.line(_PLAIN[layer.kind], given, (name,))
        self.split(layer.output, name)

    def _convolution(self, layer: Layer, given: list[str], name: str) -> None:
        weight, settings = layer.weights["weight"], layer.settings
        count, _, height, width = weight.shape
        groups = settings["groups"]
        numbers = [
            f"0={count}",
            f"1={width}",
            f"11={height}",
            f"2={settings['dilation']}",
            f"4={settings['pad']}",
            f"5={int('bias' in layer.weights)}",
            f"6={weight.size}",
            *([f"7={groups}"] if groups > 1 else []),
        ]
        self.line("ConvolutionDepthWise" if groups > 1 else "Convolution", given, (name,), *numbers)
        self.weights += [_FP32, _bytes(weight)]
        if "bias" in layer.weights:
            self.weights.append(_bytes(layer.weights["bias"]))

    def _arithmetic(self, layer: Layer, given: list[str], name: str) -> None:
        if len(given) == 2:
            self.line("BinaryOp", given, (name,), f"0={_BINARY[layer.kind]}")
            return
        constant, first = layer.weights["constant"], layer.settings["first"]
        if constant.size == 1:
            kind = _REVERSED.get(layer.kind, _BINARY[layer.kind]) if first else _BINARY[layer.kind]
            self.line("BinaryOp", given, (name,), f"0={kind}", "1=1", f"2={float(constant[0]):.9e}")
            return
        self.line("MemoryData", (), (f"{name}.constant",), "0=1", "1=1", f"2={constant.size}")
        self.weights.append(_bytes(constant))
        both = [f"{name}.constant", *given] if first else [*given, f"{name}.constant"]
        self.line("BinaryOp", both, (name,), f"0={_BINARY[layer.kind]}")


def _bytes(values: NDArray[np.float32]) -> bytes:
    return values.astype("<f4").tobytes()
