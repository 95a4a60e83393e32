"""What a backend is: a way to run networks on something else than the processor.

The processor, by OpenVINO, is :mod:`srgan.runtime.network` itself. A backend is a module with a class that keeps this
protocol, and an entry in :data:`srgan.runtime.devices.BACKENDS`. Its results are compared with the processor's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

DevicePrecision = Literal["fp32", "fp16", "bf16"]

MAX_TILE = 1 << 20
"""Pixels of a tile at most, however much memory there is: while one tile is copied back, the next one is computed."""

MEMORY_SHARE = 0.8
"""Of a device's free memory, what the tiles are planned for."""

Inside = tuple[slice, slice]
"""Rows and columns of an enlarged tile that are wanted."""


@dataclass(frozen=True)
class Device:
    """Something that computes.

    Attributes
    ----------
    name : what it is called by: ``cuda:0``, ``vulkan:1``
    title : what its maker calls it
    backend : key in :data:`srgan.runtime.devices.BACKENDS`
    memory : bytes that it has, 0 where that is not known
    software : whether it is a program on the processor that only looks like a device
    precisions : what it computes in, the preferred one first
    """

    name: str
    title: str
    backend: str
    memory: int = 0
    software: bool = False
    precisions: tuple[DevicePrecision, ...] = ("fp32",)


class DeviceNetwork(Protocol):
    """A network on a device. Calls from several threads take turns.

    Attributes
    ----------
    device, precision : where it runs, and what it computes in
    max_pixels : of a tile, by the memory that is free
    """

    @property
    def device(self) -> Device: ...  # noqa: D102

    @property
    def precision(self) -> DevicePrecision: ...  # noqa: D102

    @property
    def max_pixels(self) -> int: ...  # noqa: D102

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enlarge float32 [N, C, h, w].

        Raises
        ------
        MemoryError
            if the device has not the memory; it can be called again with less
        DeviceError
            if the device is lost
        """
        ...


@runtime_checkable
class Overlapping(Protocol):
    """What a :class:`DeviceNetwork` has that takes and gives bytes without waiting for them: pictures of 8 bits go this way."""

    def start(self, window: NDArray[np.uint8], inside: Inside) -> Callable[[], NDArray[np.uint8] | None]:
        """Begin to enlarge uint8 HWC of 1 or 3 channels; return what waits for the result and returns it.

        The result is the part ``inside`` of the enlarged window, uint8 HWC, rounded and clipped; None if the network gave values
        that are not numbers.
        What :meth:`DeviceNetwork.__call__` raises may come from
        either call.
        """
        ...


class Backend(Protocol):
    """A library that runs networks on devices."""

    def devices(self) -> list[Device]:
        """Return what there is, in the library's order; empty if the library is not installed or finds nothing."""
        ...

    def open(self, graph: Any, name: str, device: Device, precision: DevicePrecision) -> DeviceNetwork:
        """Open a network.

        Parameters
        ----------
        graph : OpenVINO's, as :func:`srgan.runtime.graph.read_graph` gives it
        name : of the network
        device : one of :meth:`devices`

        Raises
        ------
        ModelError
            if the network has operations that the backend does not know
        DeviceError
            if the device cannot be opened
        """
        ...
