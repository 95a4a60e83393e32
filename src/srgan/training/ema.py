"""The exponential moving average of a network's weights: what a stage hands on, validates and exports."""

from __future__ import annotations

import torch
from torch import nn

from srgan.networks.make import AnyGenerator, make_generator


class EMA(nn.Module):
    """Exponential moving average of a network's parameters and buffers, itself a network in evaluation mode.

    ``decay`` 0 follows the network exactly. The first steps use min(decay, (1 + n) / (10 + n)), so that the start, far from
    any optimum, is forgotten fast.

    ``torch.optim.swa_utils.AveragedModel`` does not serve: its first update copies the weights where this one already averages,
    it averages all buffers or none, where BatchNorm's counter is an integer, and its own count of steps would be one more
    thing for a checkpoint to keep.
    """

    def __init__(self, network: AnyGenerator, decay: float) -> None:
        super().__init__()
        self.network = make_generator(network.config)
        self.network.load_state_dict(network.state_dict())
        self.network.to(memory_format=torch.channels_last)
        self.network.requires_grad_(False)
        self.network.eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards ``network`` after its optimizer step number ``step`` (0-based)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        own, new = list(self.network.state_dict().values()), list(network.state_dict().values())
        floats = [i for i, value in enumerate(own) if value.is_floating_point()]
        torch._foreach_lerp_([own[i] for i in floats], [new[i] for i in floats], 1 - decay)
        for i, value in enumerate(own):
            if not value.is_floating_point():
                value.copy_(new[i])
