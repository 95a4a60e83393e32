"""An ONNX file as a callable on float32 batches, run by OpenVINO on the CPU.

A network that enlarges has two halves of opposite nature: a *body* that works on the small picture, deep and with a
wide receptive field, and a *tail* that enlarges, shallow and with by far the most memory. They are compiled as two
graphs, cut at a tensor found by walking the graph: the caller runs the body on large tiles and the tail on small
ones, each with the halo of its own radius. Cutting changes no value. For the x4 generator of 16 blocks (radius 37 +
3), bf16:

========== ============ ====================
 graph      KB a pixel   radius in pixels
========== ============ ====================
 whole      2.95         40
 body       0.9          37
 tail       2.7          3
========== ============ ====================

The whole picture then needs 0.9 KB a pixel and a constant amount for the tail, instead of 2.95 KB.

No compiled model is cached on disk: it would save 0.05 s of a start-up of half a second, and cost 6.5 MB for each
model and precision and the care for its staleness.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelError, UsageError
from srgan.models.catalogue import resolve
from srgan.models.metadata import ModelInfo, read_info

Precision = Literal["auto", "fp32", "bf16"]
"""What the network computes in: ``auto`` is bf16 where the processor has instructions for it, else fp32."""

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_DAMAGED = "the file is damaged or made by another program: export it again"

TAIL_RADIUS = 4
"""The tail may reach this far at most, so that its small tiles stay cheap."""

OVERHEAD = 1.1
"""What the runtime takes beyond the live tensors (padding of channels, fragmentation): measured 0.85 to 1.2."""


@dataclass(frozen=True)
class _Step:
    """A tensor of the graph: channels, pixels across for each input pixel, and radius in input pixels."""

    channels: int
    grid: int
    radius: Fraction


@dataclass(frozen=True)
class _Cost:
    """What a graph needs: ``radius`` in pixels of its input, ``values`` alive at the peak for each of those pixels."""

    radius: int
    values: int


class Part:
    """A compiled graph with one input and one output: float32 [N, C, h, w] -> float32 [N, D, scale*h, scale*w].

    ``radius`` is in pixels of its own input, ``bytes_per_pixel`` what it needs at the peak for each of them, input and
    output included. Calls from several threads take turns.
    """

    def __init__(self, compile: Callable[[], Any], *, scale: int, cost: _Cost, precision: str) -> None:
        self._compile = compile
        self._compiled = compile()
        self._request = self._compiled.create_infer_request()
        self._inputs = _channels(self._compiled.inputs[0])
        self.channels = _channels(self._compiled.outputs[0])
        self.scale = scale
        self.radius = cost.radius
        value_bytes = 2 if precision == "bf16" else 4
        # The runtime's own tensors in its precision; what comes out is float32, once in its layout and once in ours.
        self.bytes_per_pixel = int(cost.values * value_bytes * OVERHEAD) + 2 * self.channels * scale * scale * 4
        self._lock = threading.Lock()

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the result in an array of its own, which the runtime has written in place.

        Raises
        ------
        MemoryError
            if the runtime cannot get the memory; it can be called again with less.
        """
        batch = np.ascontiguousarray(batch, np.float32)
        count, _, height, width = batch.shape
        result = np.empty((count, self.channels, self.scale * height, self.scale * width), np.float32)
        with self._lock, _memory_errors():
            if self._request is None:
                self._compiled = self._compile()
                self._request = self._compiled.create_infer_request()
            try:
                self._lend(batch, result)
                self._request.start_async()
                while not self._request.wait_for(100):  # short waits let Ctrl-C through
                    pass
                # Give the request something tiny to hold instead, so that batch and result can be freed.
                tiny = (1, self._inputs, 1, 1), (1, self.channels, self.scale, self.scale)
                self._lend(np.empty(tiny[0], np.float32), np.empty(tiny[1], np.float32))
            except BaseException:
                # The arrays may not go away while the runtime still writes to them; and after a failure it keeps the
                # shapes and the memory of what failed and fails again at everything else, so it is built anew.
                _stop(self._request)
                self._request = self._compiled = None
                raise
        return result

    def _lend(self, batch: NDArray[np.float32], result: NDArray[np.float32]) -> None:
        import openvino

        self._request.set_input_tensor(openvino.Tensor(batch, shared_memory=True))
        self._request.set_output_tensor(openvino.Tensor(result, shared_memory=True))


def _channels(end: Any) -> int:
    return int(end.get_partial_shape()[1].get_length())


class Network:
    """A network ready to run: float32 RGB [N, 3, H, W] in [0, 1] -> float32 [N, 3, scale*H, scale*W], not clipped.

    Attributes
    ----------
    name, scale, radius, card : see :class:`srgan.models.metadata.ModelInfo`
    path : the model file
    precision : ``"fp32"`` or ``"bf16"``, never ``"auto"``
    body, tail : the two halves; ``body`` is None where the graph could not be cut, and ``tail`` then is the whole of it
    """

    def __init__(self, info: ModelInfo, precision: str, body: Part | None, tail: Part) -> None:
        self.name = info.name
        self.scale = info.scale
        self.card = info.card
        self.path = info.path
        self.precision = precision
        self.body = body
        self.tail = tail
        computed = tail.radius + (body.radius if body else 0)
        # The file's own word counts where it claims more: a halo too large costs time, one too small costs a seam.
        self.radius = max(info.radius, computed)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the whole network at once; for large pictures see :class:`srgan.Upscaler`."""
        return self.tail(self.body(batch) if self.body else batch)


def load(model: str | Path, *, precision: Precision = "auto", threads: int | None = None) -> Network:
    """Open a shipped network by name, or a model file by path.

    Parameters
    ----------
    threads : how many threads compute; by default as many as the processor has cores

    Raises
    ------
    UnknownModelError, ModelError
        see :func:`srgan.models.catalogue.resolve` and :func:`srgan.models.metadata.read_info`
    UsageError
        for an unknown precision, bf16 on a processor without it, or fewer than one thread
    """
    if precision not in get_args(Precision):
        raise UsageError(f"unknown precision {precision!r}: choose one of {', '.join(get_args(Precision))}")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}: give 1 or more")
    info = read_info(resolve(model))
    core = _openvino().Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bf16" and not has_bf16:
        raise UsageError("this processor has no bf16 instructions: use --precision auto or fp32")
    chosen = "bf16" if has_bf16 and precision != "fp32" else "fp32"
    settings = {"INFERENCE_PRECISION_HINT": _HINTS[chosen]}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(threads)

    graph = _read_graph(info)

    def build(part: Any, scale: int, cost: _Cost) -> Part:
        try:
            return Part(lambda: core.compile_model(part, "CPU", settings), scale=scale, cost=cost, precision=chosen)
        except RuntimeError:
            raise ModelError(f"{info.path} cannot be run: {_DAMAGED}") from None

    steps = _walk(graph)
    cut = _find_cut(graph, steps) if steps else None
    if cut is None:
        # A graph with operations we do not know still runs; its memory is then the x4 generator's, generously.
        values = _peak(graph, steps) if steps else 2048 * info.scale**2 // 16
        reach = max([info.radius, *(-(-step.radius // 1) for step in steps.values())])
        return Network(info, chosen, None, build(graph, info.scale, _Cost(int(reach), values)))
    body, tail = _split(graph, cut, steps)
    return Network(info, chosen, build(*body), build(*tail))


def _openvino() -> ModuleType:
    """Import OpenVINO without its model converter.

    ``import openvino`` also loads the converter, and with it the telemetry of OpenVINO's tools and an HTTP client. The
    runtime itself sends nothing; leaving the converter out keeps those modules out of the process and saves 0.07 s.
    A program that has imported OpenVINO before keeps everything it had, and the converter is still there on request.
    """
    converter = "openvino.tools.ovc"
    if "openvino" in sys.modules or converter in sys.modules:
        import openvino

        return openvino  # type: ignore[no-any-return]
    sys.modules[converter] = None  # type: ignore[assignment]  # makes the optional import in openvino/__init__ fail
    try:
        import openvino
    finally:
        del sys.modules[converter]

    def on_request(name: str) -> Any:
        if name == "convert_model":
            from openvino.tools.ovc import convert_model

            return convert_model
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")

    openvino.__getattr__ = on_request
    return openvino  # type: ignore[no-any-return]


def _read_graph(info: ModelInfo) -> Any:
    """Return the model as an OpenVINO graph, its inputs and outputs checked."""
    frontend = _openvino().frontend
    failures: tuple[type[Exception], ...] = RuntimeError, *_frontend_errors(frontend)
    try:
        # The ONNX reader by name: Core.read_model tries every format's reader, and those print about what they see.
        reader = frontend.FrontEndManager().load_by_framework("onnx")
        graph = reader.convert(reader.load(str(info.path)))
    except failures:
        raise ModelError(f"{info.path} cannot be read as a network: {_DAMAGED}") from None
    ends = [*graph.inputs, *graph.outputs]
    shapes = [end.get_partial_shape() for end in ends]
    if (
        len(graph.inputs) != 1
        or len(graph.outputs) != 1
        or any(len(shape) != 4 or shape[1].is_dynamic or shape[1].get_length() != 3 for shape in shapes)
        or any(side.is_static for side in list(shapes[0])[2:])
        or any(end.get_element_type() != _openvino().Type.f32 for end in ends)
    ):
        raise ModelError(f"{info.path} is no network from RGB to RGB pictures of any size: {_DAMAGED}")
    return graph


def _frontend_errors(frontend: ModuleType) -> tuple[type[Exception], ...]:
    kinds = ("General", "Initialization", "NotImplemented", "OpConversion", "OpValidation")
    return tuple(getattr(frontend, f"{kind}Failure") for kind in kinds if hasattr(frontend, f"{kind}Failure"))


# --- Walking the graph: radius, memory, and where to cut -------------------------------------------------------------

_POINTWISE = {"PRelu", "Relu", "Tanh", "Sigmoid", "Clamp", "Add", "Subtract", "Multiply", "Divide", "Convert", "Result"}


def _walk(graph: Any) -> dict[str, _Step]:
    """Return the step of each tensor that depends on the picture, in order, by node name; empty if one is unknown."""
    steps: dict[str, _Step] = {}
    for node in graph.get_ordered_ops():
        kind, name = node.get_type_name(), node.get_friendly_name()
        shape = node.get_output_partial_shape(0)
        if kind == "Parameter":
            steps[name] = _Step(shape[1].get_length(), 1, Fraction(0))
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
        elif kind not in _POINTWISE:
            return {}
        if len(shape) != 4 or shape[1].is_dynamic:
            return {}
        steps[name] = _Step(shape[1].get_length(), grid, radius)
    return steps


def _sources(node: Any) -> list[str]:
    return [node.input_value(i).get_node().get_friendly_name() for i in range(node.get_input_size())]


def _timeline(graph: Any, steps: dict[str, _Step]) -> Iterator[tuple[str, int, set[str]]]:
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


def _peak(graph: Any, steps: dict[str, _Step]) -> int:
    return max(peak for _, peak, _ in _timeline(graph, steps))


def _find_cut(graph: Any, steps: dict[str, _Step]) -> str | None:
    """Return the tensor between body and tail, or None if there is none worth it.

    Candidates stand on the input's grid, are alone (all that follows depends on them and on nothing earlier), and leave
    less than TAIL_RADIUS for the tail. The one with the smallest peak up to it wins.
    """
    total = next(reversed(steps.values())).radius
    best: tuple[int, int] | None = None
    found = None
    so_far = 0
    for order, (name, peak, alive) in enumerate(_timeline(graph, steps)):
        so_far = max(so_far, peak)
        step = steps[name]
        if alive != {name} or step.grid != 1 or step.radius == 0 or total - step.radius > TAIL_RADIUS:
            continue
        if best is None or (so_far, -order) < best:
            best, found = (so_far, -order), name
    if best is None or 2 * best[0] > _peak(graph, steps):
        return None  # the body would not be much leaner than the whole
    return found


def _split(graph: Any, cut: str, steps: dict[str, _Step]) -> tuple[tuple[Any, int, _Cost], tuple[Any, int, _Cost]]:
    """Take the graph apart at the tensor ``cut``; each part comes with its scale and cost."""
    openvino = _openvino()
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
        (body, 1, _Cost(int(steps[cut].radius), _peak(body, _walk(body)))),
        (tail, last.grid, _Cost(int(tail_radius), _peak(tail, _walk(tail)))),
    )


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turn the runtime's ways to say that memory is short into :class:`MemoryError`."""
    try:
        yield
    except RuntimeError as error:
        # "Failed to allocate", "bad_alloc", "can't alloc", "could not create a memory object": there is no type for it.
        text = str(error).lower()
        if "alloc" in text or "out of memory" in text or "could not create a memory" in text:
            raise MemoryError("the runtime cannot get the memory for this tile") from None
        raise


def _stop(request: Any) -> None:
    """Cancel a request and wait until it has stopped."""
    try:
        request.cancel()
        request.wait()
    except RuntimeError:
        return  # this is how it says that it was cancelled, or had failed
