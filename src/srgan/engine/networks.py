"""The open forms of one network: in the precision that was asked for, and in fp32 for what that cannot hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from srgan.runtime.network import Network, Precision, open_network


class OpenNetworks:
    """One network, opened in one precision and, when it is first needed, in fp32 as well.

    Parameters
    ----------
    model, precision, threads, fidelity : see :func:`srgan.runtime.network.open_network`

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        see :func:`srgan.runtime.network.open_network`
    """

    def __init__(self, model: str | Path, *, precision: Precision, threads: int | None, fidelity: float | None) -> None:
        self.first = open_network(model, precision=precision, threads=threads, fidelity=fidelity)
        self._asked = precision
        self._threads = threads
        self._fidelity = fidelity
        self._fp32: Network | None = self.first if self.first.precision == "fp32" else None

    def for_dtype(self, dtype: np.dtype[Any]) -> Network:
        """Return the network for pictures of a depth."""
        # bf16 has 8 bits of mantissa: enough for a picture of 8 bits, a loss for deeper ones.
        return self.fp32 if self._asked == "auto" and dtype != np.uint8 else self.first

    @property
    def fp32(self) -> Network:
        """The network in fp32."""
        if self._fp32 is None:
            self._fp32 = open_network(self.first.path, precision="fp32", threads=self._threads, fidelity=self._fidelity)
        return self._fp32
