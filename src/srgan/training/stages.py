"""One training step of a stage: pixels alone, or pixels, features and a discriminator, in any mixture.

A step takes (lr, hr) and returns the named losses. The loop knows nothing of what happens inside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from srgan.networks.discriminator import Discriminator, DiscriminatorConfig
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.vgg import load_vgg
from srgan.training.losses import DIFFERENCES, ContentLoss, adversarial_loss, discriminator_loss, grid_loss
from srgan.training.muon import Muon
from srgan.training.recipe import Recipe, Stage
from srgan.training.replay import Replayed
from srgan.training.shared import share_statistics

_N = TypeVar("_N", bound=nn.Module)


class Examination(NamedTuple):
    """What one step shows beside its losses.

    ``gradients``: norm of each weighted loss term's gradient on the generator, of this process's share of the batch.
    ``features``: mean magnitude of each layer's features of generated pictures, as a share of that of photographs.
    """

    gradients: dict[str, float]
    features: dict[str, float]


class Losses(NamedTuple):
    """Losses of one step, scalars without gradient; nan where a stage has no such term.

    ``total``, ``pixel``, ``content`` and ``adversarial`` are the generator's (terms before their weights), ``discriminator``
    the discriminator's. ``real`` and ``fake`` are its mean probabilities that photographs and generated pictures are
    photographs: both near 0.5 when it cannot tell.
    """

    total: Tensor
    pixel: Tensor
    content: Tensor
    adversarial: Tensor
    discriminator: Tensor
    real: Tensor
    fake: Tensor


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


class Average(nn.Module):
    """Exponential moving average of a network's parameters and buffers, itself a network in evaluation mode.

    ``decay`` 0 follows the network exactly. The first steps use min(decay, (1 + n) / (10 + n)), so that the start, far from
    any optimum, is forgotten fast.
    """

    def __init__(self, network: Generator, decay: float) -> None:
        super().__init__()
        self.network = Generator(network.config)
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


class Trainer:
    """The networks and optimizers of one stage, and its step.

    Parameters
    ----------
    recipe : the whole recipe
    stage : this stage of it
    fabric : device, precision and processes
    vgg_weights : file for the content loss's network, or None for torchvision's own

    Attributes
    ----------
    slowness : factor of all learning rates, 1 unless the training broke down before
    examination : of the last step that was asked for it
    """

    def __init__(self, recipe: Recipe, stage: Stage, fabric: Fabric, vgg_weights: Path | None) -> None:
        self.stage, self.fabric = stage, fabric
        self.slowness = 1.0
        self.examination: Examination | None = None
        # Gradients come back in the place where the next replay writes its own: those of one step cannot be summed up there,
        # be it over parts of a batch or over processes.
        alone = fabric.world_size == 1 and stage.accumulate == 1
        self.replays = recipe.run.replay and fabric.device.type == "cuda" and alone
        plain = self._shared(Generator(GeneratorConfig(**vars(recipe.generator))))
        self.average = Average(plain, stage.ema).to(fabric.device)
        self.generator_parts = plain
        self.generator: Any
        self.matrix_optimizer: Any = None
        matrices = _hidden_convolutions(plain) if stage.optimizer == "muon" else []
        rest = self._generator_adam(plain, {id(weight) for weight in matrices})
        self._replayed = Replayed(plain)
        if matrices:
            muon = _with_rate(Muon(matrices, decay=stage.decay), stage.matrix_rate)
            self.generator, self.generator_optimizer, self.matrix_optimizer = self._set_up(self._replayed, rest, muon)
        else:
            self.generator, self.generator_optimizer = self._set_up(self._replayed, rest)
        self.discriminator: Any = None
        self.discriminator_parts: Discriminator | None = None
        self.discriminator_optimizer: Any = None
        self.content: ContentLoss | None = None
        self._content: Replayed | None = None
        if stage.adversarial.weight:
            shape = DiscriminatorConfig(bands=recipe.generator.bands, **vars(recipe.discriminator))
            self.discriminator_parts = self._shared(Discriminator(shape))
            self.discriminator, self.discriminator_optimizer = self._set_up(
                self.discriminator_parts,
                self._adam((self.discriminator_parts.parameters(), stage.adversarial.rate or stage.rate)),
            )
        if stage.content.weight:
            content = stage.content
            features = load_vgg(content.network, content.layers, vgg_weights)
            features.to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.content = ContentLoss(
                features, content.layers, kind=content.kind, scaling=content.scaling, constant=content.constant
            )
            self._content = Replayed(self.content)

    def _generator_adam(self, generator: Generator, others: set[int]) -> Optimizer:
        """Return Adam for all parameters but ``others``, with the stage's rates for the last convolution and for vectors."""
        stage = self.stage
        rest = [weight for weight in generator.parameters() if id(weight) not in others]
        tail = generator.tail.weight
        parts = (
            ([weight for weight in rest if weight.ndim > 1 and weight is not tail], stage.rate),
            ([tail], stage.rate * stage.tail_rate),
            ([weight for weight in rest if weight.ndim < 2], stage.rate * stage.vector_rate),
        )
        return self._adam(*parts)

    def _adam(self, *parts: tuple[Iterable[Tensor], float]) -> Optimizer:
        groups = [{"params": weights, "lr": rate, "highest": rate} for weights, rate in parts]
        return Adam(groups, betas=(self.stage.beta1, self.stage.beta2), foreach=True)

    def _shared(self, network: _N) -> _N:
        if self.fabric.world_size > 1:
            share_statistics(network, self.fabric.device)
        return network

    def _set_up(self, network: nn.Module, *optimizers: Optimizer) -> Any:
        network.to(memory_format=torch.channels_last)
        return self.fabric.setup(network, *optimizers)

    def record(self) -> None:
        """On one GPU, record the generator's and the content loss's passes; to be called before the first step.

        Raises
        ------
        RuntimeError
            see :meth:`srgan.training.replay.Replayed.record`; the trainer then goes on without
        """
        if not self.replays:
            return
        stage, shape = self.stage, self.generator_parts.config

        def like(side: int, asked: bool = False) -> Tensor:
            x = torch.rand(stage.batch, shape.bands, side, side, device=self.fabric.device)
            return x.to(memory_format=torch.channels_last).requires_grad_(asked)

        with self.fabric.autocast():
            self._replayed.record(like(stage.crop // shape.scale))
            if self._content is not None:
                cut = stage.crop - shape.scale + 1 if stage.shift else stage.crop
                self._content.record(like(cut, asked=True), like(cut))

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Give generator and average the weights of an earlier stage or network (strictly)."""
        self.generator_parts.load_state_dict(weights)
        self.average.network.load_state_dict(weights)

    def step(self, lr: Tensor, hr: Tensor, number: int, *, examine: bool = False) -> Losses:
        """Train on one batch.

        The generator runs once: the discriminator learns from its output without gradient, then judges the same output
        for the generator's own step. With ``accumulate`` it runs a second time, as its first outputs, part after part, are
        not kept until then.

        Parameters
        ----------
        lr, hr : ``[N, C, h, w]`` and ``[N, C, s*h, s*w]``, uint8 or uint16, on any device
        number : of the step within the stage, 0-based; sets the learning rate
        examine : look closer, and leave the result in :attr:`examination`; the step itself stays the same
        """
        stage = self.stage
        factor = learning_rate(stage, number) * self.slowness
        lrs, hrs = (_to_unit(x, self.fabric.device).chunk(stage.accumulate) for x in (lr, hr))
        last = len(lrs) - 1
        only = self.generator(lrs[0]) if last == 0 else None
        judged = [self._nothing()] * 3
        if self.discriminator is not None:
            judged = self._discriminator_step(lrs, hrs, only, number, factor)
        for parameter in self.generator_parts.parameters():  # of both optimizers
            parameter.grad = None
        found = []
        for place, (part, hr) in enumerate(zip(lrs, hrs, strict=True)):
            with self.fabric.no_backward_sync(self.generator, enabled=place < last):
                sr = self.generator(part) if only is None else only
                total, parts = self._generator_losses(sr, hr, number, part if examine and place == last else None)
                self.fabric.backward(total / len(lrs))
            found.append(torch.stack([x.detach() for x in (total, *parts)]))
        self._clip()
        _step(self.generator_optimizer, factor)
        if self.matrix_optimizer is not None:
            _step(self.matrix_optimizer, factor)
        self.average.update(self.generator_parts, number)
        return Losses(*torch.stack(found).mean(dim=0), *judged)

    def _generator_losses(
        self, sr: Tensor, hr: Tensor, number: int, examined: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Return the total, and each term before its weight; with LR pictures ``examined``, examine the terms."""
        stage = self.stage
        # Gradients can be taken at a view without Fabric's hooks on the network's output.
        sr = output = sr.view_as(sr)
        content = adversarial = self._nothing()
        pixel = DIFFERENCES[stage.pixel.kind](sr.float(), hr)
        total = stage.pixel.weight * pixel
        terms = {"pixel": total} if stage.pixel.weight else {}
        if stage.grid:
            terms["grid"] = stage.grid * grid_loss(sr, hr, self.generator_parts.config.scale)
            total = total + terms["grid"]
        sr, hr = self._shifted(sr, number), self._shifted(hr, number)
        if self._content is not None:
            with self.fabric.autocast():
                content = self._content(sr, hr)
            terms["content"] = stage.content.weight * content
            total = total + terms["content"]
        if self.discriminator is not None:
            adversarial = self._judge(sr, hr)
            terms["adversarial"] = stage.adversarial.weight * adversarial
            total = total + terms["adversarial"]
        if examined is not None:
            self.examination = self._examined(terms, examined, output, sr.detach(), hr)
        return total, (pixel, content, adversarial)

    def _nothing(self) -> Tensor:
        return torch.full((), math.nan, device=self.fabric.device)

    def _clip(self) -> None:
        if not self.stage.clip:
            return
        # The limit holds for the weights of all optimizers together, where Fabric takes one optimizer's. It takes fp16's
        # scaling off them, and what is not a number is the loop's to report.
        for optimizer in (self.generator_optimizer, self.matrix_optimizer):
            if optimizer is not None:
                self.fabric.clip_gradients(self.generator, optimizer, max_norm=math.inf, error_if_nonfinite=False)
        nn.utils.clip_grad_norm_(self.generator_parts.parameters(), self.stage.clip)

    def _examined(self, terms: dict[str, Tensor], lr: Tensor, output: Tensor, sr: Tensor, hr: Tensor) -> Examination:
        # The generator runs once more, unwrapped and with copies of its buffers, which leaves everything as it was: under
        # mixed precision its own graph takes no other backward pass than Fabric's.
        weights = dict(self.generator_parts.named_parameters())
        buffers = {name: buffer.clone() for name, buffer in self.generator_parts.named_buffers()}
        with self.fabric.autocast():
            again = torch.func.functional_call(self.generator_parts, {**weights, **buffers}, (lr,)).float()
        gradients = {}
        for name, term in terms.items():
            (asked,) = torch.autograd.grad(term, output, retain_graph=True)
            parts = torch.autograd.grad(again, list(weights.values()), asked, retain_graph=True)
            gradients[name] = float(torch.stack([part.float().norm() for part in parts]).norm())
        features = {}
        if self.content is not None:
            with self.fabric.autocast():
                features = self.content.shares(sr, hr)
        return Examination(gradients, features)

    def _shifted(self, x: Tensor, number: int) -> Tensor:
        """With ``shift`` cut a batch at an offset that is a function of the step's number, as a resumed run needs it."""
        if not self.stage.shift:
            return x
        scale = self.generator_parts.config.scale
        top, left = np.random.Generator(np.random.Philox(key=number)).integers(scale, size=2)
        height, width = x.shape[2] - scale + 1, x.shape[3] - scale + 1
        return x[:, :, top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)

    def _discriminator_step(
        self, lrs: Sequence[Tensor], hrs: Sequence[Tensor], only: Tensor | None, number: int, factor: float
    ) -> list[Tensor]:
        """Train the discriminator; return its loss and its mean probabilities for photographs and generated pictures."""
        kind, label = self.stage.adversarial.kind, self.stage.adversarial.label
        self.discriminator.requires_grad_(True)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        found = []
        for place, (lr, hr) in enumerate(zip(lrs, hrs, strict=True)):
            if only is not None:
                sr = only.detach()
            else:
                with torch.no_grad(), self.fabric.autocast():
                    sr = self.generator_parts(lr).float()
            hr, sr = self._shifted(hr, number), self._shifted(sr, number)
            with self.fabric.no_backward_sync(self.discriminator, enabled=place < len(lrs) - 1):
                # Two passes, not one joined batch: BatchNorm's statistics of photographs and of generated pictures stay apart.
                real, fake = self.discriminator(hr), self.discriminator(sr)
                loss = discriminator_loss(real, fake, kind=kind, label=label)
                self.fabric.backward(loss / len(lrs))
            shares = (x.detach().float().sigmoid().mean() for x in (real, fake))
            found.append(torch.stack([loss.detach(), *shares]))
        _step(self.discriminator_optimizer, factor)
        return list(torch.stack(found).mean(dim=0))

    def _judge(self, sr: Tensor, hr: Tensor) -> Tensor:
        # Without this the generator's backward pass would compute the discriminator's weight gradients for nothing.
        self.discriminator.requires_grad_(False)
        assert self.discriminator_parts is not None
        real = None
        # Without DistributedDataParallel's wrapper, which would make ready to average gradients that never come.
        with self.fabric.autocast():
            if self.stage.adversarial.kind == "relativistic":
                with torch.no_grad():
                    real = self.discriminator_parts(hr)
            fake = self.discriminator_parts(sr)
        return adversarial_loss(real, fake, kind=self.stage.adversarial.kind)

    def is_finite(self) -> bool:
        """Whether all values of the networks are finite numbers."""
        networks = [
            self.generator_parts,
            self.average,
            *([self.discriminator_parts] if self.discriminator_parts else []),
        ]
        return all(bool(torch.isfinite(value).all()) for network in networks for value in network.state_dict().values())

    def state(self) -> dict[str, dict[str, Any]]:
        """Return all that a resumed stage needs, by part: state dicts of networks, average and optimizers."""
        found = {
            "generator": self.generator_parts.state_dict(),
            "average": self.average.network.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
        }
        if self.matrix_optimizer is not None:
            found["matrix_optimizer"] = self.matrix_optimizer.state_dict()
        if self.discriminator_parts is not None:
            found["discriminator"] = self.discriminator_parts.state_dict()
            found["discriminator_optimizer"] = self.discriminator_optimizer.state_dict()
        return found

    def load_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Take back what :meth:`state` returned."""
        self.generator_parts.load_state_dict(state["generator"])
        self.average.network.load_state_dict(state["average"])
        _load_optimizer(self.generator_optimizer, state["generator_optimizer"])
        if self.matrix_optimizer is not None:
            _load_optimizer(self.matrix_optimizer, state["matrix_optimizer"])
        if self.discriminator_parts is not None:
            self.discriminator_parts.load_state_dict(state["discriminator"])
            _load_optimizer(self.discriminator_optimizer, state["discriminator_optimizer"])


def _hidden_convolutions(generator: Generator) -> list[nn.Parameter]:
    """Return the weights that Muon is for: all convolutions' but the first one's, on colours, and the last one's, to colours."""
    ends = {id(generator.head.weight), id(generator.tail.weight)}
    return [weight for weight in generator.parameters() if weight.ndim == 4 and id(weight) not in ends]


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


def _to_unit(x: Tensor, device: torch.device) -> Tensor:
    full = torch.iinfo(x.dtype).max
    x = x.to(device=device, non_blocking=True).to(torch.float32, memory_format=torch.channels_last)
    return x.div_(full)


def _step(optimizer: Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * factor
    optimizer.step()
