"""Devices that this machine has not: the processor under another name, with the faults that a test wants."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from srgan.runtime import devices
from srgan.runtime.backend import Device, DevicePrecision
from srgan.runtime.graph import openvino_core


class FakeBackend:
    """Some devices; ``spoil`` is called with each result and may raise, wait, or change it."""

    def __init__(self, found: list[Device], spoil: Callable[[Any, NDArray[np.float32]], Any] | None = None) -> None:
        self.found = found
        self.spoil = spoil or (lambda _, result: result)
        self.opened: list[FakeNetwork] = []
        self.max_pixels = 1 << 20

    def devices(self) -> list[Device]:
        return self.found

    def open(self, graph: Any, name: str, device: Device, precision: DevicePrecision) -> FakeNetwork:
        del name
        self.opened.append(FakeNetwork(self, graph, device, precision))
        return self.opened[-1]


class FakeNetwork:
    """A network on one of them."""

    def __init__(self, backend: FakeBackend, graph: Any, device: Device, precision: DevicePrecision) -> None:
        self.backend = backend
        self.device = device
        self.precision: DevicePrecision = precision
        self.shapes: list[tuple[int, ...]] = []
        hint = {"INFERENCE_PRECISION_HINT": "f32"}
        self.lock = threading.Lock()
        self.compiled = openvino_core().compile_model(graph, "CPU", hint)

    @property
    def max_pixels(self) -> int:
        return self.backend.max_pixels

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with self.lock:
            self.shapes.append(batch.shape)
            result: NDArray[np.float32] = self.backend.spoil(self, self.compiled([batch])[0].copy())
        return result


class OverlappingNetwork(FakeNetwork):
    """One that takes bytes; faults show when its results are waited for."""

    def start(self, window: NDArray[np.uint8], inside: Any) -> Callable[[], NDArray[np.uint8] | None]:
        colours = window if window.shape[2] == 3 else window.repeat(3, axis=2)
        batch = (colours * np.float32(1 / 255)).transpose(2, 0, 1)[None]

        def wait() -> NDArray[np.uint8] | None:
            result = self(batch)[0, :, *inside]
            if not np.isfinite(result).all():
                return None
            if window.shape[2] == 1:
                result = result.mean(axis=0, keepdims=True)
            return np.clip(np.rint(result * 255), 0, 255).astype(np.uint8).transpose(1, 2, 0)

        return wait


class OverlappingBackend(FakeBackend):
    """Devices whose networks overlap."""

    def open(self, graph: Any, name: str, device: Device, precision: DevicePrecision) -> OverlappingNetwork:
        del name
        self.opened.append(OverlappingNetwork(self, graph, device, precision))
        return self.opened[-1]  # type: ignore[return-value]


def card(name: str = "fake:0", title: str = "Fake GPU", **facts: Any) -> Device:
    return Device(name, title, **{"backend": "fake", "precisions": ("fp16", "fp32"), **facts})


def install(monkeypatch: pytest.MonkeyPatch, *backends: FakeBackend) -> None:
    """Let these be all that the machine has besides its processor; their devices say which of them they belong to."""
    made = {f"fake{number or ''}": ("openvino", lambda b=backend: b) for number, backend in enumerate(backends)}
    monkeypatch.setattr(devices, "BACKENDS", made)
    monkeypatch.setattr(devices, "may_have_gpu", lambda: True)
    monkeypatch.setattr(devices, "library", inspect.unwrap(devices.library))
