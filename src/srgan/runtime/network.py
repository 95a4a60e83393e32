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

Compiled halves are kept on disk for the next run (:mod:`srgan.runtime.cache`).
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelError, UsageError, option
from srgan.models import int8
from srgan.models.catalogue import resolve
from srgan.models.metadata import ModelInfo, read_info
from srgan.runtime import cache, heap, primitives
from srgan.runtime.blend import blend
from srgan.runtime.graph import (
    DAMAGED,
    Cost,
    find_cut,
    import_openvino,
    openvino_error,
    peak_values,
    read_graph,
    split,
    walk,
)

Precision = Literal["auto", "fp32", "bf16", "int8"]
"""What the network computes in: ``auto`` is bf16 where the processor has instructions for it, else fp32; ``int8`` is for
networks that have such a form (:mod:`srgan.models.int8`), whose other layers are then fp32."""

_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}

MAX_THREADS = 1024
"""More is a slip of the finger, and the runtime takes a number too large for it for a fault of the model."""

OVERHEAD = 1.1
"""What the runtime takes beyond the live tensors (padding of channels, fragmentation): measured 0.85 to 1.2."""


class Part:
    """A compiled graph with one input and one output: float32 [N, C, h, w] -> float32 [N, D, scale*h, scale*w].

    ``radius`` is in pixels of its own input, ``bytes_per_pixel`` what it needs at the peak for each of them, input and
    output included. Calls from several threads take turns.
    """

    def __init__(self, compile: Callable[[], Any], *, scale: int, cost: Cost, precision: str) -> None:
        self._compile = compile
        with primitives.bounded():
            self._compiled = compile()
        self._request = self._compiled.create_infer_request()
        self._inputs = _channels(self._compiled.inputs[0])
        self.channels = _channels(self._compiled.outputs[0])
        self.scale = scale
        self.cost = cost
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

    def release(self) -> None:
        """Give back the memory for tensors between layers, which is otherwise kept for the next call.

        That costs a call less than one per cent, and lets the halves of a network use the same memory in turn.
        """
        with self._lock:
            if self._request is not None:
                self._compiled.release_memory()
        heap.trim()

    def export(self) -> bytes:
        """Return the compiled graph as bytes that this build of the runtime can import on this processor."""
        return bytes(self._compiled.export_model().getvalue())

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
    precision : ``"fp32"``, ``"bf16"`` or ``"int8"``, never ``"auto"``
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


def open_network(
    model: str | Path,
    *,
    precision: Precision = "auto",
    threads: int | None = None,
    fidelity: float | None = None,
    bands: int = 3,
) -> Network:
    """Open a shipped network by name, or a model file by path.

    Parameters
    ----------
    threads : how many threads compute; by default as many as the processor has cores
    fidelity : blend a GAN with the network that it was trained from, 0 to 1 (:mod:`srgan.runtime.blend`)
    bands : of the pictures that it enlarges: 3, RGB, for :class:`srgan.Upscaler`

    Raises
    ------
    UnknownModelError, ModelError
        see :func:`srgan.models.catalogue.resolve` and :func:`srgan.models.metadata.read_info`
    UsageError
        for an unknown precision, bf16 on a processor without it, int8 of a network that has no such form or is blended,
        fewer than one thread, a fidelity out of range or for a network that is no GAN
    SrganError
        if OpenVINO cannot be loaded
    """
    if precision not in get_args(Precision):
        raise UsageError(f"unknown precision {precision!r}: choose one of {', '.join(get_args(Precision))}")
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"threads is {threads}: give 1 to {MAX_THREADS}")
    info = read_info(resolve(model))
    if precision == "int8" and fidelity is not None:
        raise UsageError(
            f"fidelity blends weights, which int8 has rounded: leave out fidelity or {option('precision', 'int8')}"
        )
    file = int8.find(info) if precision == "int8" else info
    heap.bound()
    core, has_bf16 = _open_core()
    if precision == "bf16" and not has_bf16:
        raise UsageError(f"this processor has no bf16 instructions: use {option('precision', 'auto')}, or fp32")
    chosen = "bf16" if precision == "auto" and has_bf16 else "fp32" if precision == "auto" else precision
    settings = {"INFERENCE_PRECISION_HINT": _HINTS[chosen], **primitives.capacity(chosen)}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(threads)

    # A blend is not kept: its fidelity is mostly tried out in steps, and each one would be an entry. What is kept is RGB.
    key = None if fidelity is not None or bands != 3 else cache.key_of(file.path, chosen, _identity(core))
    network = None if key is None else _kept(info, chosen, core, settings, key)
    if network is None:
        graph = read_graph(file, bands=bands) if fidelity is None else blend(info, fidelity)
        network = _compiled(info, chosen, core, settings, graph)
        if key is not None:
            cache.keep(key, [_exported(part) for part in (network.body, network.tail) if part is not None])
    heap.trim()  # reading and compiling a graph takes 6 MB more than is kept of it
    return network


def _compiled(info: ModelInfo, precision: str, core: Any, settings: dict[str, str], graph: Any) -> Network:
    """Cut a graph in two where that is worth it, and compile the halves."""

    def build(part: Any, scale: int, cost: Cost) -> Part:
        try:
            return Part(lambda: core.compile_model(part, "CPU", settings), scale=scale, cost=cost, precision=precision)
        except RuntimeError:
            raise ModelError(f"{info.path} cannot be run: {DAMAGED}") from None

    steps = walk(graph)
    cut = find_cut(graph, steps) if steps else None
    if cut is None:
        # A graph with operations we do not know still runs; its memory is then the x4 generator's, generously.
        values = peak_values(graph, steps) if steps else 2048 * info.scale**2 // 16
        reach = max([info.radius, *(-(-step.radius // 1) for step in steps.values())])
        return Network(info, precision, None, build(graph, info.scale, Cost(int(reach), values)))
    body, tail = split(graph, cut, steps)
    return Network(info, precision, build(*body), build(*tail))


def _kept(info: ModelInfo, precision: str, core: Any, settings: dict[str, str], key: str) -> Network | None:
    """Return the network as an earlier run has compiled it, or None."""
    halves = cache.find(key)
    if not halves or len(halves) > 2:
        return None

    def build(half: cache.Half) -> Part:
        return Part(
            lambda: core.import_model(io.BytesIO(half.blob), "CPU", settings),
            scale=half.scale,
            cost=Cost(half.radius, half.values),
            precision=precision,
        )

    try:
        parts = [build(half) for half in halves]
    except RuntimeError:
        return None  # whatever it is that this entry was made for
    return Network(info, precision, parts[0] if len(parts) == 2 else None, parts[-1])


def _exported(part: Part) -> cache.Half:
    return cache.Half(part.scale, part.cost.radius, part.cost.values, part.export())


def _identity(core: Any) -> str:
    """Return what a compiled network depends on besides its file: the runtime's build and the processor."""
    abilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return " ".join([import_openvino().get_version(), core.get_property("CPU", "FULL_DEVICE_NAME"), *abilities])


def _open_core() -> tuple[Any, bool]:
    """Return OpenVINO's core, and whether its CPU part computes in bf16."""
    openvino = import_openvino()
    try:
        # Core ends the process where it may not look in here: one that has changed its user since the import.
        with suppress(FileNotFoundError):  # not every distribution of OpenVINO has this folder
            os.stat(os.path.join(openvino.__path__[0], "libs", "."))
        core = openvino.Core()
        return core, "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except (OSError, RuntimeError) as error:
        raise openvino_error(error) from None


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
