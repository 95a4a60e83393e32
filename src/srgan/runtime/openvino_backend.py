"""OpenVINO's other devices: Intel's graphics cards and neural processors, by the same library as the processor."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DeviceError
from srgan.runtime.backend import MAX_TILE, MEMORY_SHARE, Device, DevicePrecision
from srgan.runtime.graph import openvino_core
from srgan.runtime.layers import program_of
from srgan.runtime.openvino_part import memory_errors

OVERHEAD = 1.5
"""What a device takes beyond the live tensors. Not measured: no such device was at hand."""

SIZES_KEPT = 4
"""Compiled graphs of a device that takes pictures of one size each."""

_HINTS = {"fp32": "f32", "fp16": "f16"}


class OpenvinoBackend:
    """OpenVINO's devices besides the processor, as a :class:`srgan.runtime.backend.Backend`."""

    def devices(self) -> list[Device]:
        """Return Intel's graphics cards, then its neural processors."""
        core = openvino_core()
        found = []
        for name in core.available_devices:
            kind = name.split(".")[0]
            if kind not in ("GPU", "NPU"):
                continue
            title, memory = name, 0
            with suppress(RuntimeError):
                title = core.get_property(name, "FULL_DEVICE_NAME")
            with suppress(RuntimeError):
                memory = int(core.get_property(name, "GPU_DEVICE_TOTAL_MEM_SIZE"))
            number = name.partition(".")[2] or "0"
            called = f"intel:{number}" if kind == "GPU" else f"npu:{number}"
            found.append(Device(called, title, "openvino", memory, precisions=("fp16", "fp32")))
        return sorted(found, key=lambda device: (device.name.startswith("npu"), device.name))

    def open(self, graph: Any, name: str, device: Device, precision: DevicePrecision) -> OpenvinoNetwork:
        """Open a network; see :meth:`srgan.runtime.backend.Backend.open`."""
        values = program_of(graph, name).peak_values
        with _errors(device):
            return OpenvinoNetwork(graph, device, precision, int(values * (4 if precision == "fp32" else 2) * OVERHEAD))


class OpenvinoNetwork:
    """A network on one of them, as a :class:`srgan.runtime.backend.DeviceNetwork`."""

    def __init__(self, graph: Any, device: Device, precision: DevicePrecision, bytes_per_pixel: int) -> None:
        self.device = device
        self.precision: DevicePrecision = precision
        room = int(device.memory * MEMORY_SHARE) // bytes_per_pixel
        self.max_pixels = min(room, MAX_TILE) if device.memory else MAX_TILE // 4
        kind, _, number = device.name.partition(":")
        self._place = f"{'NPU' if kind == 'npu' else 'GPU'}.{number}"
        self._fixed = kind == "npu"  # which takes pictures of one size alone
        self._graph = graph
        self._core = openvino_core()
        self._settings = {"INFERENCE_PRECISION_HINT": _HINTS[precision]}
        self._compiled: OrderedDict[tuple[int, ...] | None, Any] = OrderedDict()
        self._lock = threading.Lock()
        if not self._fixed:
            self._of((1,))

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enlarge float32 [N, C, h, w]; see :meth:`srgan.runtime.backend.DeviceNetwork.__call__`."""
        with self._lock, _errors(self.device):
            made: NDArray[np.float32] = self._of(batch.shape)([np.ascontiguousarray(batch, np.float32)])[0]
            return made.copy()

    def _of(self, shape: tuple[int, ...]) -> Any:
        """Return the graph compiled for a shape; where the device takes any, for all of them."""
        key = shape if self._fixed else None
        if key not in self._compiled:
            graph = self._graph
            if key is not None:
                graph = graph.clone()
                graph.reshape(list(key))
            self._compiled[key] = self._core.compile_model(graph, self._place, self._settings)
            if len(self._compiled) > SIZES_KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]


@contextmanager
def _errors(device: Device) -> Iterator[None]:
    try:
        with memory_errors():
            yield
    except RuntimeError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DeviceError(f"{device.name} ({device.title}) failed ({lines[-1].rstrip('.')})") from None
