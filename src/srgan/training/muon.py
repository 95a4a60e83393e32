"""Muon: momentum whose updates are made orthogonal, for the hidden convolutions of the generator.

Keller Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". The momentum of a weight matrix is
replaced by the nearest (semi-)orthogonal matrix, ``U V^T`` of its singular value decomposition ``U S V^T``, so that all
directions are learnt at one speed and not only the few that dominate the gradient. A convolution's weight ``[O, I, K, K]``
is taken as the matrix ``[O, I*K*K]``. ``U V^T`` is approximated by five steps of a quintic Newton-Schulz iteration.

Updates are multiplied by ``0.2 * sqrt(max(rows, columns))``, which gives them the root mean square of Adam's (Liu et al.
2025, "Muon is scalable for LLM training", arXiv:2502.16982, section 2.2): rates have the same size as Adam's, and matrices of all
shapes share one.

All updates have one size, however small the gradient, so weights would grow without bound where nothing brings them back.
Hence the decay, which is decoupled as in AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101): each step takes the share
``lr * decay`` of a weight away.

torch's own ``torch.optim.Muon`` takes matrices of rank 2 only, and no convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

# Coefficients of x -> a x + b x^3 + c x^5, which takes singular values in (0, 1] to about 1 in five steps (Jordan et al.).
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


def orthogonalised(matrices: Tensor) -> Tensor:
    """Return about ``U V^T`` for each ``U S V^T`` of ``[..., rows, columns]``; singular values end around 1 (0.7 to 1.2)."""
    # The spectral norm is at most the Frobenius norm.
    x: Tensor = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(_STEPS):
        square = x @ x.mT
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x.mT if tall else x


class Muon(Optimizer):
    """The optimizer.

    Parameters
    ----------
    params : weights of rank 2 or more; the first axis is taken as rows, the others together as columns
    lr : learning rate, of Adam's size
    momentum : share of the momentum that a step keeps; applied in Nesterov's way
    decay : share of a weight that a step takes away, before it is multiplied by ``lr``

    Raises
    ------
    ValueError
        for a parameter of rank below 2
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, momentum: float = 0.95, decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})
        if any(parameter.ndim < 2 for group in self.param_groups for parameter in group["params"]):
            raise ValueError("Muon is for weights of rank 2 or more: give biases and slopes to another optimizer")

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Change the weights by their gradients; ``closure``, if given, computes them anew first."""
        loss: Any = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._update(weights, group["lr"], group["momentum"], group["decay"])
        return loss  # type: ignore[no-any-return]

    def _update(self, weights: list[Tensor], lr: float, keep: float, decay: float) -> None:
        """Step ``weights``; matrices of one shape go through the iteration together, in a few large products."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        for weight in weights:
            if "momentum" not in self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        momenta = [self.state[weight]["momentum"] for weight in weights]
        torch._foreach_lerp_(momenta, gradients, 1 - keep)
        ahead = torch._foreach_lerp(gradients, momenta, keep)
        torch._foreach_mul_(weights, 1 - lr * decay)
        alike: dict[tuple[int, int], list[int]] = {}
        for place, weight in enumerate(weights):
            alike.setdefault((len(weight), weight[0].numel()), []).append(place)
        for shape, places in alike.items():
            updates = orthogonalised(torch.stack([ahead[place].reshape(shape) for place in places]))
            size = 0.2 * max(shape) ** 0.5
            for place, update in zip(places, updates, strict=True):
                weights[place].add_(update.view(weights[place].shape), alpha=-lr * size)
