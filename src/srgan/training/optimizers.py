"""The optimizers of a stage: which weights each one trains, at what learning rate, and how they come back from a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from srgan.networks.fast import FastGenerator
from srgan.networks.make import AnyGenerator
from srgan.training.muon import Muon
from srgan.training.recipe import Stage

_N = TypeVar("_N", bound=nn.Module)


def learning_rate(stage: Stage, step: int) -> float:
    """Return the fraction of the highest learning rate at ``step`` (0-based): a function of the step, with no state."""
    if step < stage.warmup:
        return (step + 1) / stage.warmup
    final = stage.final_rate / stage.rate
    if stage.schedule == "constant":
        return 1.0
    if stage.schedule == "halves":
        return 1.0 if step < stage.steps // 2 else final
    progress = min((step - stage.warmup) / max(stage.steps - stage.warmup - 1, 1), 1.0)
    if stage.schedule == "hyperbolic":
        return final + (1 - final) * (1 - progress) / (1 + 9 * progress)
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2


@dataclass
class Trained(Generic[_N]):
    """A network in training.

    Attributes
    ----------
    network : itself: its weights, and their names in checkpoints
    run : the same as Fabric has wrapped it, for passes: mixed precision, gradients averaged over processes
    optimizers : as Fabric has wrapped them, by the name of each in checkpoints
    """

    network: _N
    run: Any
    optimizers: dict[str, Any]

    def step(self, factor: float) -> None:
        """Change the weights by their gradients, at ``factor`` times each optimizer's highest learning rate."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * factor
            optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients of all weights."""
        for parameter in self.network.parameters():
            parameter.grad = None

    def optimizer_states(self) -> dict[str, dict[str, Any]]:
        """Return the state dicts of the optimizers, by name."""
        return {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}

    def load_optimizers(self, state: dict[str, dict[str, Any]]) -> None:
        """Take back what :meth:`optimizer_states` returned."""
        for name, optimizer in self.optimizers.items():
            _load_optimizer(optimizer, state[name])


def adam(stage: Stage, *parts: tuple[Iterable[Tensor], float]) -> Optimizer:
    """Return Adam for groups of weights, each with its highest learning rate, which stands beside "lr" as "highest"."""
    groups = [{"params": weights, "lr": rate, "highest": rate} for weights, rate in parts]
    return Adam(groups, betas=(stage.beta1, stage.beta2), foreach=True)


def generator_optimizers(stage: Stage, generator: AnyGenerator) -> dict[str, Optimizer]:
    """Return Adam, and Muon where the stage asks for it, by their names in checkpoints.

    Adam has its own rates for the last convolution and for vectors. Muon takes all convolutions but the first one, on colours,
    the last one, to colours, and a fast generator's direct one, from colours to colours.
    """
    ends = {id(generator.head.weight), id(generator.tail.weight)}
    if isinstance(generator, FastGenerator):
        ends.add(id(generator.direct.weight))
    hidden = [weight for weight in generator.parameters() if weight.ndim == 4 and id(weight) not in ends]
    if stage.optimizer != "muon":
        hidden = []
    others = {id(weight) for weight in hidden}
    rest = [weight for weight in generator.parameters() if id(weight) not in others]
    tail = generator.tail.weight
    optimizers = {
        "generator_optimizer": adam(
            stage,
            ([weight for weight in rest if weight.ndim > 1 and weight is not tail], stage.rate),
            ([tail], stage.rate * stage.tail_rate),
            ([weight for weight in rest if weight.ndim < 2], stage.rate * stage.vector_rate),
        )
    }
    if hidden:
        # The name is older than the recipe's muon_lr: checkpoints keep it.
        optimizers["matrix_optimizer"] = _with_rate(Muon(hidden, decay=stage.weight_decay), stage.muon_lr)
    return optimizers


def _with_rate(optimizer: Optimizer, rate: float) -> Optimizer:
    """Set the rate from which each step's is taken; kept beside "lr", which changes with the schedule."""
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] = rate
    return optimizer


def _load_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    rates = [group["highest"] for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["highest"] = rate  # the recipe's, which may have been changed for the rest of the run
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                # Moments in the memory layout of their parameter: the fused update is slow over mixed layouts.
                values[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
