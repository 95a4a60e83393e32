"""A network's graph, looked into: how far it reaches, what memory it needs, and where to cut it.

Everything is found by walking the graph's operations in order; nothing is typed in for a particular network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import ModuleType
from typing import Any

from srgan.errors import NO_MEMORY, ModelError, SrganError, is_lack_of_memory
from srgan.models.metadata import ModelInfo

DAMAGED = "the file is damaged or made by another program: export it again"

TAIL_RADIUS = 4
"""Largest radius of a tail: its tiles are small, and a wide halo would cost too much."""


@dataclass(frozen=True)
class Step:
    """A tensor of the graph: channels, pixels across for each input pixel, and radius in input pixels."""

    channels: int
    grid: int
    radius: Fraction


@dataclass(frozen=True)
class Cost:
    """What a graph needs: ``radius`` in pixels of its input, ``values`` alive at the peak for each of those pixels."""

    radius: int
    values: int


def import_openvino() -> ModuleType:
    """Import OpenVINO without its model converter.

    ``import openvino`` also loads the converter, and with it the telemetry of OpenVINO's tools and an HTTP client. The
    runtime itself sends nothing; leaving the converter out keeps those modules out of the process and saves 0.07 s.
    A program that has imported OpenVINO before keeps everything it had, and the converter is still there on request.

    Raises
    ------
    SrganError
        if it is not there, or in part
    """
    converter = "openvino.tools.ovc"
    if "openvino" in sys.modules or converter in sys.modules:
        import openvino

        return openvino  # type: ignore[no-any-return]
    sys.modules[converter] = None  # type: ignore[assignment]  # makes the optional import in openvino/__init__ fail
    try:
        import openvino
    except ImportError as error:
        raise openvino_error(error) from None
    finally:
        del sys.modules[converter]

    def on_request(name: str) -> Any:
        if name == "convert_model":
            from openvino.tools.ovc import convert_model

            return convert_model
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")

    openvino.__getattr__ = on_request
    return openvino  # type: ignore[no-any-return]


def openvino_core() -> Any:
    """Return OpenVINO's core: one for the whole process, which is never given up.

    Raises
    ------
    SrganError
        if OpenVINO cannot be loaded, or may no longer be read
    """
    openvino = import_openvino()
    try:
        # The core ends the process where it may not look in here: one that has changed its user since the import.
        with suppress(FileNotFoundError):  # not every distribution of OpenVINO has this folder
            os.stat(os.path.join(openvino.__path__[0], "libs", "."))
        return _core()
    except (OSError, RuntimeError) as error:
        raise openvino_error(error) from None


@lru_cache(maxsize=1)
def _core() -> Any:
    """Return the core itself.

    Its part for processors gives the thread a stack for signals, and puts back the one before when it goes. Of several
    that go in the order in which they came, the last puts back one that is freed, and the next Ctrl-C ends the process.
    """
    return import_openvino().Core()


def abilities() -> list[str]:
    """Return what the processor computes in, in OpenVINO's words; SrganError if OpenVINO cannot be loaded."""
    core = openvino_core()
    try:
        return list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    except RuntimeError as error:  # the part for processors is loaded only now
        raise openvino_error(error) from None


def computes_bf16() -> bool:
    """Return whether the processor has instructions for bf16; SrganError if OpenVINO cannot be loaded."""
    return "BF16" in abilities()


def openvino_error(error: Exception) -> SrganError:
    """Return the error to raise where OpenVINO, or a part that it loads later, failed to load with ``error``."""
    if is_lack_of_memory(error):
        return SrganError(f"cannot load OpenVINO, which runs the networks: {NO_MEMORY}")
    lines = str(error).strip().splitlines() or [type(error).__name__]  # the last one says why, the others where
    return SrganError(
        f"cannot load OpenVINO, which runs the networks ({lines[-1]}): see that you may read where it is installed, "
        "or install it again with pip install --force-reinstall openvino"
    )


_CONTROL = ("If", "Loop", "TensorIterator")
"""OpenVINO's operations that run a graph of their own, as often as the file says."""


def read_graph(info: ModelInfo) -> Any:
    """Return the model as an OpenVINO graph, its inputs and outputs checked.

    Raises
    ------
    ModelError
        if it cannot be read, or is not from pictures of ``info.bands`` to such pictures of any size
    SrganError
        if OpenVINO cannot be loaded
    """
    frontend = import_openvino().frontend
    failures: tuple[type[Exception], ...] = RuntimeError, *_frontend_errors(frontend)
    try:
        # The ONNX reader by name: Core.read_model tries every format's reader, and those print about what they see.
        reader = frontend.FrontEndManager().load_by_framework("onnx")
    except failures as error:
        raise openvino_error(error) from None
    try:
        graph = reader.convert(reader.load(str(info.path)))
    except failures as error:
        if is_lack_of_memory(error):
            raise SrganError(f"cannot open {info.path}: {NO_MEMORY}") from None
        raise ModelError(f"{info.path} cannot be read as a network: {DAMAGED}") from None
    if any(node.get_type_name() in _CONTROL for node in graph.get_ops()):
        raise ModelError(
            f"{info.path} has loops or branches in it, which need not end: a network here is a row of layers"
        )
    ends = [*graph.inputs, *graph.outputs]
    shapes = [end.get_partial_shape() for end in ends]
    found = {shape[1].get_length() for shape in shapes if len(shape) == 4 and shape[1].is_static}
    bands = info.bands
    kind = "RGB" if bands == 3 else f"{bands}-band"
    if bands == 3 and len(found) == 1 and found != {3}:
        raise ModelError(
            f"{info.path} is no network from RGB to RGB pictures, but of {found.pop()} bands, and its card does not say so: "
            "export it with srgan train"
        )
    if (
        len(graph.inputs) != 1
        or len(graph.outputs) != 1
        or any(len(shape) != 4 or shape[1].is_dynamic for shape in shapes)
        or found != {bands}
        or any(side.is_static for side in list(shapes[0])[2:])
        or any(end.get_element_type() != import_openvino().Type.f32 for end in ends)
    ):
        raise ModelError(f"{info.path} is no network from {kind} to {kind} pictures of any size: {DAMAGED}")
    return graph


def _frontend_errors(frontend: ModuleType) -> tuple[type[Exception], ...]:
    kinds = ("General", "Initialization", "NotImplemented", "OpConversion", "OpValidation")
    return tuple(getattr(frontend, f"{kind}Failure") for kind in kinds if hasattr(frontend, f"{kind}Failure"))


_POINTWISE = {"PRelu", "Relu", "Tanh", "Sigmoid", "Clamp", "Add", "Subtract", "Multiply", "Divide", "Convert", "Result"}
_POINTWISE |= {"FakeQuantize"}  # of networks in int8, with Convert, Subtract and Multiply


def walk(graph: Any) -> dict[str, Step]:
    """Return the step of each tensor that depends on the picture, in order, by node name; empty if one is unknown."""
    steps: dict[str, Step] = {}
    for node in graph.get_ordered_ops():
        kind, name = node.get_type_name(), node.get_friendly_name()
        shape = node.get_output_partial_shape(0)
        if kind == "Parameter":
            steps[name] = Step(shape[1].get_length(), 1, Fraction(0))
            continue
        before = [steps[source] for source in _sources(node) if source in steps]
        if not before or kind == "ShapeOf":  # weights, or arithmetic on shapes
            continue
        grid, radius = before[0].grid, max(step.radius for step in before)
        attributes = node.get_attributes()
        if any(step.grid != grid for step in before):
            return {}
        if kind == "Convolution":
            size = node.input(1).get_partial_shape()[2].get_length()
            if set(attributes["strides"]) != {1} or attributes["pads_begin"] != attributes["pads_end"]:
                return {}
            radius += Fraction((size - 1) // 2 * max(attributes["dilations"]), grid)
        elif kind == "DepthToSpace":
            grid *= attributes["block_size"]
        elif kind not in _POINTWISE and not (kind == "Concat" and attributes["axis"] in (1, -3)):
            return {}
        if len(shape) != 4 or shape[1].is_dynamic:
            return {}
        steps[name] = Step(shape[1].get_length(), grid, radius)
    return steps


def _sources(node: Any) -> list[str]:
    return [node.input_value(i).get_node().get_friendly_name() for i in range(node.get_input_size())]


def _timeline(graph: Any, steps: dict[str, Step]) -> Iterator[tuple[str, int, set[str]]]:
    """Follow the graph's memory: yield each tensor, the values alive while it is made, and the tensors needed later.

    Values are counted for each input pixel. Pointwise operations are done in place or fused into the
    convolution before; they take no memory of their own.
    """
    nodes = [node for node in graph.get_ordered_ops() if node.get_friendly_name() in steps]
    last_use = {source: at for at, node in enumerate(nodes) for source in _sources(node) if source in steps}
    alive: dict[str, int] = {}
    for at, node in enumerate(nodes):
        name = node.get_friendly_name()
        size = steps[name].channels * steps[name].grid ** 2
        dying = {source for source in _sources(node) if source in steps and last_use[source] == at}
        in_place = node.get_type_name() in _POINTWISE and bool(dying)
        peak = sum(alive.values()) + (0 if in_place else size)
        for source in dying:
            del alive[source]
        alive[name] = size
        yield name, peak, set(alive)


def peak_values(graph: Any, steps: dict[str, Step]) -> int:
    """Return the values alive at the peak for each input pixel; ``steps`` are the graph's, from :func:`walk`."""
    return max(peak for _, peak, _ in _timeline(graph, steps))


def find_cut(graph: Any, steps: dict[str, Step]) -> str | None:
    """Return the tensor between body and tail, or None if cutting does not pay.

    Candidates are floats, stand on the input's grid, are alone (all that follows depends on them and on nothing
    earlier), and leave less than TAIL_RADIUS for the tail. The one with the smallest peak up to it wins.
    """
    total = next(reversed(steps.values())).radius
    f32 = import_openvino().Type.f32
    floats = {node.get_friendly_name() for node in graph.get_ordered_ops() if node.get_output_element_type(0) == f32}
    best: tuple[int, int] | None = None
    found = None
    so_far = 0
    for order, (name, peak, alive) in enumerate(_timeline(graph, steps)):
        so_far = max(so_far, peak)
        step = steps[name]
        if (
            alive != {name}
            or name not in floats
            or step.grid != 1
            or step.radius == 0
            or total - step.radius > TAIL_RADIUS
        ):
            continue
        if best is None or (so_far, -order) < best:
            best, found = (so_far, -order), name
    if best is None or 2 * best[0] > peak_values(graph, steps):
        return None  # the body would not be much leaner than the whole
    return found


def split(graph: Any, cut: str, steps: dict[str, Step]) -> tuple[tuple[Any, int, Cost], tuple[Any, int, Cost]]:
    """Take the graph apart at the tensor ``cut``; each part comes with its scale and cost."""
    openvino = import_openvino()
    from openvino import opset13

    output = next(node for node in graph.get_ordered_ops() if node.get_friendly_name() == cut).output(0)
    parameter = opset13.parameter(output.get_partial_shape(), openvino.Type.f32, name="features")
    for consumer in list(output.get_target_inputs()):
        consumer.replace_source_output(parameter.output(0))
    body = openvino.Model([output], graph.get_parameters(), "body")
    tail = openvino.Model(graph.get_results(), [parameter], "tail")
    last = next(reversed(steps.values()))
    tail_radius = -(-(last.radius - steps[cut].radius) // 1)
    return (
        (body, 1, Cost(int(steps[cut].radius), peak_values(body, walk(body)))),
        (tail, last.grid, Cost(int(tail_radius), peak_values(tail, walk(tail)))),
    )
