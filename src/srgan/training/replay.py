"""The passes of a network in training, recorded once as CUDA graphs and replayed step after step.

A training step is some thousand kernels of a few microseconds each: Python takes longer to start them one by one than a large
GPU to run them. Shapes and addresses are the same at each step, so all kernels of a pass, forward or backward, can be started by
one call (``torch.cuda.make_graphed_callables``). What is computed stays the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn


class Replayed(nn.Module):
    """A network that can replay its passes in training; before :meth:`record`, and for everything else, it just runs.

    Parameters
    ----------
    network : takes tensors alone; its passes in training ask for nothing from the processor, and draw nothing at random

    Notes
    -----
    The output lies where the next call will write: it is valid until then. A second forward pass before the backward pass of
    the first would spoil that one.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._replay: Callable[..., Any] | None = None
        self._shapes: list[torch.Size] = []

    def record(self, *inputs: Tensor) -> None:
        """Record both passes for inputs like these, on the current CUDA device, in the current precision.

        Weights and statistics stay as they are. No other thread may use the GPU meanwhile.

        Parameters
        ----------
        inputs : of the shapes, types and memory layouts to come; those that will need a gradient require it here too. Their
            memory is kept, for the inputs of each replay to be copied to

        Raises
        ------
        RuntimeError
            from CUDA: for an operation that cannot be recorded, or when the memory for it is not there
        """
        # Recording has a stream of its own, which the weights' gradients keep: newer versions of torch warn of that in the first
        # step, and say how not to.
        warn = getattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch", None)
        if warn is not None:
            warn(False)
        before = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        plain = _Plain(self.network).train(self.training)
        with _uncached_autocast():
            torch.cuda.make_graphed_callables(plain, inputs)
        with torch.no_grad():
            for name, buffer in self.network.named_buffers():
                buffer.copy_(before[name])  # recording runs the network: BatchNorm has counted that
        self._replay, self._shapes = plain.forward, [x.shape for x in inputs]

    def forward(self, *inputs: Tensor) -> Any:
        """Return what the network returns for ``inputs``."""
        if (
            self._replay is not None
            and self.training
            and torch.is_grad_enabled()
            and [x.shape for x in inputs] == self._shapes
        ):
            return self._replay(*inputs)
        return self.network(*inputs)


class _Plain(nn.Module):
    """Takes the place of the network while its passes are recorded, which changes a module's ``forward`` for good."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Any:
        return self.network(*inputs)


def _uncached_autocast() -> AbstractContextManager[Any]:
    # Autocast keeps the weights it has converted until its end; a graph must convert them anew at each replay.
    if not torch.is_autocast_enabled("cuda"):
        return nullcontext()
    return torch.autocast("cuda", dtype=torch.get_autocast_dtype("cuda"), cache_enabled=False)
