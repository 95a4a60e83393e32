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
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from srgan.errors import NO_MEMORY, ModelError, SrganError, UsageError, is_lack_of_memory, option
from srgan.models import int8
from srgan.models.catalogue import resolve
from srgan.models.metadata import ModelInfo, read_info
from srgan.runtime import cache, heap, primitives
from srgan.runtime.backend import Device, DeviceNetwork, Overlapping
from srgan.runtime.blend import blend
from srgan.runtime.devices import backend_of
from srgan.runtime.graph import (
    DAMAGED,
    Cost,
    abilities,
    computes_bf16,
    find_cut,
    import_openvino,
    openvino_core,
    peak_values,
    read_graph,
    split,
    walk,
)
from srgan.runtime.openvino_part import CompiledPart

Precision = Literal["auto", "fp32", "fp16", "bf16", "int8"]
"""What the network computes in: ``auto`` is bf16 where the processor has instructions for it, else fp32; on a GPU fp16. ``int8``
is for networks that have such a form (:mod:`srgan.models.int8`), whose other layers are then fp32."""

_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}

MAX_THREADS = 1024
"""More is a slip of the finger, and the runtime takes a number too large for it for a fault of the model."""


class DevicePart:
    """A network on a device, called as a :class:`srgan.runtime.openvino_part.CompiledPart` is: the whole of it, in one piece.

    ``bytes_per_pixel`` is this machine's memory for the result; what the device has of its own bounds :attr:`max_pixels`.
    """

    def __init__(self, opened: DeviceNetwork, *, scale: int, channels: int, radius: int) -> None:
        self.opened = opened
        self.scale = scale
        self.channels = channels
        self.radius = radius
        self.bytes_per_pixel = 2 * channels * scale * scale * 4

    @property
    def max_pixels(self) -> int:
        """Pixels of a tile, by the device's free memory."""
        return self.opened.max_pixels

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`srgan.runtime.backend.DeviceNetwork.__call__`."""
        return self.opened(batch)

    @property
    def overlapping(self) -> Overlapping | None:
        """The device, if it takes bytes and does not wait for them."""
        return self.opened if isinstance(self.opened, Overlapping) else None

    def release(self) -> None:
        """Do nothing: a device's memory is not what the processor's halves of a network share."""


class Network:
    """A network ready to run: float32 [N, C, H, W] in [0, 1] -> float32 [N, C, scale*H, scale*W], not clipped; RGB has C = 3.

    Attributes
    ----------
    name, scale, radius, bands, card : see :class:`srgan.models.metadata.ModelInfo`
    path : the model file
    precision : ``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``, never ``"auto"``
    body, tail : the two halves; ``body`` is None where the graph could not be cut, and ``tail`` then is the whole of it
    device : where it runs, None for the processor
    """

    def __init__(
        self,
        info: ModelInfo,
        precision: str,
        body: CompiledPart | None,
        tail: CompiledPart | DevicePart,
        device: Device | None = None,
    ) -> None:
        self.name = info.name
        self.scale = info.scale
        self.bands = info.bands
        self.card = info.card
        self.path = info.path
        self.precision = precision
        self.body = body
        self.tail = tail
        self.device = device
        self._latest: tuple[int, ...] = ()
        computed = tail.radius + (body.radius if body else 0)
        # The file's own word counts where it claims more: a halo too large costs time, one too small costs a seam.
        self.radius = max(info.radius, computed)

    @property
    def max_pixels(self) -> int | None:
        """Pixels of a tile that a device's own memory allows; None for the processor, whose memory the caller knows."""
        return self.tail.max_pixels

    def repeats(self, shape: tuple[int, ...]) -> bool:
        """Return whether the shape given before was this one, too."""
        before, self._latest = self._latest, shape
        return before == shape

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the whole network at once; for large pictures see :class:`srgan.Upscaler`."""
        return self.tail(self.body(batch) if self.body else batch)

    def release(self) -> None:
        """Give back the memory for tensors between layers, which is otherwise kept for the next call."""
        for part in (self.body, self.tail):
            if part is not None:
                part.release()


def open_network(
    model: str | Path,
    *,
    precision: Precision = "auto",
    threads: int | None = None,
    fidelity: float | None = None,
    device: Device | None = None,
) -> Network:
    """Open a shipped network by name, or a model file by path.

    Parameters
    ----------
    threads : how many threads compute; by default as many as the processor has cores
    fidelity : blend a GAN with the network that it was trained from, 0 to 1 (:mod:`srgan.runtime.blend`)
    device : what computes instead of the processor (:mod:`srgan.runtime.devices`)

    Raises
    ------
    UnknownModelError, ModelError
        see :func:`srgan.models.catalogue.resolve` and :func:`srgan.models.metadata.read_info`
    UsageError
        for an unknown precision, one that the device or the processor does not compute in, int8 of a network that has no such
        form or is blended, fewer than one thread, a fidelity out of range or for a network that is not a GAN
    DeviceError
        if the device cannot be opened
    SrganError
        if OpenVINO cannot be loaded
    """
    if precision not in get_args(Precision):
        raise UsageError(f"unknown precision {precision!r}: choose one of {', '.join(get_args(Precision))}")
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"threads is {threads}: give 1 to {MAX_THREADS}")
    info = read_info(resolve(model))
    if precision == "auto" and info.bands != 3:
        precision = "fp32"  # bands are measurements
    if precision == "int8" and fidelity is not None:
        raise UsageError(
            f"fidelity blends weights, which int8 has rounded: leave out fidelity or {option('precision', 'int8')}"
        )
    if device is not None:
        return _on_device(info, device, precision, fidelity)
    if precision == "fp16":
        raise UsageError(f"fp16 is for GPUs: use {option('precision', 'auto')} or fp32")
    file = int8.find(info) if precision == "int8" else info
    heap.share()
    core, has_bf16 = openvino_core(), computes_bf16()
    if precision == "bf16" and not has_bf16:
        raise UsageError(f"this processor has no bf16 instructions: use {option('precision', 'auto')}, or fp32")
    chosen = "bf16" if precision == "auto" and has_bf16 else "fp32" if precision == "auto" else precision
    settings = {"INFERENCE_PRECISION_HINT": _HINTS[chosen], **primitives.capacity(chosen)}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(threads)

    # A blend is not kept: its fidelity is mostly tried out in steps, and each one would be an entry. What is kept is RGB.
    key = None if fidelity is not None or info.bands != 3 else cache.key_of(file.path, chosen, _identity(core))
    network = None if key is None else _kept(info, chosen, core, settings, key)
    if network is None:
        graph = read_graph(file) if fidelity is None else blend(info, fidelity)
        network = _compiled(info, chosen, core, settings, graph)
        if key is not None:
            cache.keep(
                key, [_exported(part) for part in (network.body, network.tail) if isinstance(part, CompiledPart)]
            )
            network = _kept(info, chosen, core, settings, key) or network  # which holds its weights once less
    heap.trim()  # reading and compiling a graph takes 6 MB more than is kept of it
    return network


def _on_device(info: ModelInfo, device: Device, precision: Precision, fidelity: float | None) -> Network:
    """Open a network on something else than the processor."""
    chosen = device.precisions[0] if precision == "auto" else precision
    if chosen == "int8" or chosen not in device.precisions:
        able = ", ".join(device.precisions)
        raise UsageError(f"{device.name} ({device.title}) does not compute in {chosen}: choose of {able} and auto")
    graph = read_graph(info) if fidelity is None else blend(info, fidelity)
    steps = walk(graph)
    reach = max([info.radius, *(-(-step.radius // 1) for step in steps.values())])
    opened = backend_of(device).open(graph, info.name, device, chosen)
    part = DevicePart(opened, scale=info.scale, channels=info.bands, radius=int(reach))
    return Network(info, chosen, None, part, device)


def _compiled(info: ModelInfo, precision: str, core: Any, settings: dict[str, str], graph: Any) -> Network:
    """Cut a graph in two where that is worth it, and compile the halves."""

    def build(part: Any, scale: int, cost: Cost) -> CompiledPart:
        try:
            return CompiledPart(
                lambda: core.compile_model(part, "CPU", settings), scale=scale, cost=cost, precision=precision
            )
        except RuntimeError as error:
            if is_lack_of_memory(error):
                raise SrganError(f"cannot open {info.path}: {NO_MEMORY}") from None
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

    def build(half: cache.Half) -> CompiledPart:
        return CompiledPart(
            lambda: _imported(core, half, settings),
            scale=half.scale,
            cost=Cost(half.radius, half.values),
            precision=precision,
            forget=half.forget,
        )

    try:
        parts = [build(half) for half in halves]
    except RuntimeError:
        return None  # whatever it is that this entry was made for
    return Network(info, precision, parts[0] if len(parts) == 2 else None, parts[-1])


def _imported(core: Any, half: cache.Half, settings: dict[str, str]) -> Any:
    """Return a half as the runtime reads it: from 2025.4 on it takes the weights where they are, as long as the blob lives."""
    weights = np.frombuffer(half.blob, np.uint8)
    try:
        compiled = core.import_model(import_openvino().Tensor(weights, shared_memory=True), "CPU", settings)
    except TypeError:  # an earlier one makes copies of streams alone
        compiled = core.import_model(io.BytesIO(half.blob), "CPU", settings)
    half.forget()
    return compiled


def _exported(part: CompiledPart) -> cache.Half:
    return cache.Half(part.scale, part.cost.radius, part.cost.values, part.export())


def _identity(core: Any) -> str:
    """Return what a compiled network depends on besides its file: the runtime's build and the processor."""
    return " ".join([import_openvino().get_version(), core.get_property("CPU", "FULL_DEVICE_NAME"), *abilities()])
