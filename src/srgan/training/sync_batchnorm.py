"""Statistics over the batch of all processes: means, and batch normalisation.

A loss or a layer that takes a statistic of the batch would otherwise take that of its process's share, and two processes would
not train what one with the whole batch does. All shares have the same size, so a mean of means is the mean.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _Mean(torch.autograd.Function):
    """The mean over processes, with its gradient.

    torch has the function as ``torch.distributed.nn.functional.all_reduce``, deprecated in favour of a private one.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return _averaged(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # d (sum of all processes' losses) / d (this process's x). DistributedDataParallel divides by their number, once.
        del ctx
        return _averaged(gradients[0])


def _averaged(x: Tensor) -> Tensor:
    x = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(x)
    return x / dist.get_world_size()


def all_reduce_mean(x: Tensor) -> Tensor:
    """Return the mean of all processes' ``x``, of any shape, the same in each; gradients flow to all of them.

    Called by all processes in the same order. Alone it returns ``x``.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return x
    if not (x.requires_grad and torch.is_grad_enabled()):
        return _averaged(x)
    return _Mean.apply(x)  # type: ignore[no-any-return]


class SyncBatchNorm(nn.BatchNorm2d):
    """BatchNorm with the statistics of all processes' batches, on any device: torch's SyncBatchNorm knows GPUs only."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, C, H, W]``, floating point; N, H and W are the same in all processes."""
        if not self.training:
            return super().forward(x)
        y = x.float()
        mean = all_reduce_mean(y.mean(dim=(0, 2, 3)))
        centred = y - mean[:, None, None]
        # In two passes: the mean of squares minus the squared mean loses the digits that small variances consist of.
        variance = all_reduce_mean(centred.square().mean(dim=(0, 2, 3)))
        self._remember(mean.detach(), variance.detach(), y.numel() // y.shape[1])
        factor = torch.rsqrt(variance + self.eps) * self.weight
        return (centred * factor[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        count *= dist.get_world_size()
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        self.num_batches_tracked.add_(1)


def sync_batchnorm(network: nn.Module, device: torch.device) -> nn.Module:
    """Replace each BatchNorm2d by one with the statistics of all processes; names, parameters and buffers stay.

    Parameters
    ----------
    network : changed in place where it has children
    device : that it is going to run on
    """
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-any-return, no-untyped-call]
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncBatchNorm
    return network
