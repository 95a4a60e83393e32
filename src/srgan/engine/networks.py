"""The open forms of one network: where and in what was asked for, and in fp32 for what that cannot hold."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np

from srgan.errors import DeviceError
from srgan.runtime import trial
from srgan.runtime.backend import Device
from srgan.runtime.devices import CPU
from srgan.runtime.network import Network, Precision, open_network
from srgan.runtime.report import tell


class OpenNetworks:
    """One network, opened where it computes in one precision and, when it is first needed, in fp32 as well.

    Parameters
    ----------
    model, precision, threads, fidelity : see :func:`srgan.runtime.network.open_network`
    device : what computes: ``cpu``, ``auto``, ``gpu`` or names of devices with commas between them (:mod:`srgan.runtime.devices`)

    Raises
    ------
    UnknownModelError, ModelError, UsageError, DeviceError
        see :func:`srgan.runtime.network.open_network` and :func:`srgan.runtime.trial.pick`
    """

    def __init__(
        self,
        model: str | Path,
        *,
        precision: Precision,
        threads: int | None,
        fidelity: float | None,
        device: str = CPU,
    ) -> None:
        self._model: str | Path = model
        self._asked = precision
        self._threads = threads
        self._fidelity = fidelity
        self._open: dict[tuple[Device | None, Precision], Network] = {}
        self._lock = threading.RLock()
        self._turn = itertools.count()
        self._places = trial.pick(model, device, precision=precision, threads=threads)
        self.first = self._network(*self._places[0])
        self._model = self.first.path

    @property
    def devices(self) -> list[Device]:
        """The devices that compute; empty for the processor."""
        return [device for device, _ in self._places if device is not None]

    def for_dtype(self, dtype: np.dtype[Any]) -> Network:
        """Return the network for a picture of a depth; on several devices they take turns."""
        with self._lock:
            device, precision = self._places[next(self._turn) % len(self._places)]
            # bf16 has 8 bits of mantissa: enough for a picture of 8 bits, a loss for deeper ones.
            deep = self._asked == "auto" and dtype != np.uint8
            return self._network(device, "fp32" if deep else precision)

    def in_fp32(self, network: Network) -> Network:
        """Return one of these networks in fp32, on the same device."""
        with self._lock:
            return self._network(network.device, "fp32")

    def release(self) -> None:
        """Give back the memory that the networks keep for the next picture, as another network is about to need it."""
        with self._lock:
            networks = list(self._open.values())
        for network in networks:
            network.release()

    def without(self, network: Network, error: DeviceError) -> Network:
        """Return the network that takes over from one whose device is lost: on another device, or at last on the processor."""
        with self._lock:
            before = self._places
            self._places = [place for place in before if place[0] != network.device]
            if not self._places:
                # What only the device computes in, the processor does not.
                precision: Precision = "fp32" if self._asked == "fp32" else "auto"
                self._places = [(None, precision)]
            if self._places != before:  # the first to say so; another thread may have lost it too
                others = [device.name for device in self.devices]
                tell(f"{error}: {', '.join(others) or 'the processor'} goes on")
            device, precision = self._places[0]
            return self._network(device, "fp32" if network.precision == "fp32" else precision)

    def _network(self, device: Device | None, precision: Precision) -> Network:
        key = device, precision
        if key not in self._open:
            network = open_network(
                self._model, precision=precision, threads=self._threads, fidelity=self._fidelity, device=device
            )
            self._open[key] = self._open.setdefault((device, network.precision), network)  # type: ignore[arg-type]
        return self._open[key]
