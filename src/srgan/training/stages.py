"""One training step of a stage: pixels alone, or pixels, features and a discriminator, in any mixture.

A step takes (lr, hr) and returns the named losses. The loop knows nothing of what happens inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from srgan.networks.discriminator import DiscriminatorConfig
from srgan.networks.generator import GeneratorConfig
from srgan.networks.make import AnyDiscriminator, make_discriminator, make_generator
from srgan.networks.vgg import load_vgg
from srgan.training.ema import EMA
from srgan.training.losses import DIFFERENCES, ContentLoss, adversarial_loss, discriminator_loss, grid_loss
from srgan.training.optimizers import Trained, adam, generator_optimizers, learning_rate
from srgan.training.recipe import ContentTerm, Recipe, Stage
from srgan.training.replay import Replayed
from srgan.training.sync_batchnorm import sync_batchnorm

_N = TypeVar("_N", bound=nn.Module)


class _Part(NamedTuple):
    """Crops that go through the networks at once, in [0, 1]: a process's share of a batch, or with ``accumulate`` a part of it.

    ``photographs`` is what the discriminator is shown as such, HR or the same before it was sharpened; ``first`` the place of the
    first crop in the whole batch.
    """

    lr: Tensor
    hr: Tensor
    photographs: Tensor
    first: int


_REAL, _FAKE = 0, 1


class StepDiagnostics(NamedTuple):
    """What one step shows beside its losses.

    ``gradients``: norm of each weighted loss term's gradient on the generator, of this process's share of the batch.
    ``features``: mean magnitude of each layer's features of generated pictures, as a share of that of photographs.
    """

    gradients: dict[str, float]
    features: dict[str, float]


class StepLosses(NamedTuple):
    """Losses of one step, scalars without gradient; nan where a stage has no such term.

    ``total``, ``pixel``, ``content`` and ``adversarial`` are the generator's (terms before their weights), ``discriminator``
    the discriminator's. ``real`` and ``fake`` are its mean probabilities, over pictures or over all of their
    pixels, that photographs and generated pictures are photographs: both near 0.5 when it cannot tell.
    """

    total: Tensor
    pixel: Tensor
    content: Tensor
    adversarial: Tensor
    discriminator: Tensor
    real: Tensor
    fake: Tensor


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
    generator : the network that is trained
    discriminator : its opponent, or None in a stage without an adversarial loss
    ema : the average of the generator's weights
    content : the content loss, or None in a stage without one
    lr_scale : factor of all learning rates, 1 unless the training broke down before
    diagnostics : of the last step that was asked for them
    """

    def __init__(self, recipe: Recipe, stage: Stage, fabric: Fabric, vgg_weights: Path | None) -> None:
        self.stage, self.fabric = stage, fabric
        self.lr_scale = 1.0
        self.diagnostics: StepDiagnostics | None = None
        self._random = torch.Generator(fabric.device)
        # Gradients come back in the place where the next replay writes its own: those of one step cannot be summed up there,
        # be it over parts of a batch or over processes.
        alone = fabric.world_size == 1 and stage.accumulate == 1
        self.replays = recipe.run.replay and fabric.device.type == "cuda" and alone
        generator = self._synchronised(make_generator(GeneratorConfig(**vars(recipe.generator))))
        self.ema = EMA(generator, stage.ema).to(fabric.device)
        self._replayed = Replayed(generator)
        self.generator = self._set_up(generator, self._replayed, generator_optimizers(stage, generator))
        self.discriminator: Trained[AnyDiscriminator] | None = None
        if stage.adversarial.weight:
            shape = DiscriminatorConfig(bands=recipe.generator.bands, **vars(recipe.discriminator))
            discriminator = self._synchronised(make_discriminator(shape))
            optimizer = adam(stage, (discriminator.parameters(), stage.adversarial.rate or stage.rate))
            self.discriminator = self._set_up(discriminator, discriminator, {"discriminator_optimizer": optimizer})
        self.content = self._content_loss(stage.content, vgg_weights) if stage.content.weight else None
        self._content = Replayed(self.content) if self.content is not None else None

    def _synchronised(self, network: _N) -> _N:
        if self.fabric.world_size > 1:
            sync_batchnorm(network, self.fabric.device)
        return network

    def _set_up(self, network: _N, wrapped: nn.Module, optimizers: dict[str, Optimizer]) -> Trained[_N]:
        wrapped.to(memory_format=torch.channels_last)
        run, *ready = self.fabric.setup(wrapped, *optimizers.values())
        return Trained(network, run, dict(zip(optimizers, ready, strict=True)))

    def _content_loss(self, term: ContentTerm, vgg_weights: Path | None) -> ContentLoss:
        features = load_vgg(term.network, term.layers, vgg_weights)
        features.to(device=self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return ContentLoss(features, term.layers, kind=term.kind, scaling=term.scaling, constant=term.constant)

    def record(self) -> None:
        """On one GPU, record the generator's and the content loss's passes; to be called before the first step.

        Raises
        ------
        RuntimeError
            see :meth:`srgan.training.replay.Replayed.record`; the trainer then runs them as they are
        """
        if not self.replays:
            return
        stage, shape = self.stage, self.generator.network.config

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
        self.generator.network.load_state_dict(weights)
        self.ema.network.load_state_dict(weights)

    def step(
        self, lr: Tensor, hr: Tensor, number: int, *, plain: Tensor | None = None, diagnose: bool = False
    ) -> StepLosses:
        """Train on one batch.

        The generator runs once: the discriminator learns from its output without gradient, then judges the same output
        for the generator's own step. With ``accumulate`` it runs a second time, as its first outputs, part after part, are
        not kept until then.

        Parameters
        ----------
        lr, hr : ``[N, C, h, w]`` and ``[N, C, s*h, s*w]``, uint8 or uint16, on any device
        number : of the step within the stage, 0-based; sets the learning rate
        plain : as ``hr``: what the discriminator takes for photographs in its place
        diagnose : look closer, and leave the result in :attr:`diagnostics`; the step itself stays the same
        """
        stage = self.stage
        factor = learning_rate(stage, number) * self.lr_scale
        parts = self._parts(lr, hr, plain)
        last = len(parts) - 1
        only = self.generator.run(parts[0].lr) if last == 0 else None
        judged = [self._nothing()] * 3
        if self.discriminator is not None:
            judged = self._discriminator_step(self.discriminator, parts, only, number, factor)
        self.generator.zero_grad()
        found = []
        for place, part in enumerate(parts):
            with self.fabric.no_backward_sync(self.generator.run, enabled=place < last):
                sr = self.generator.run(part.lr) if only is None else only
                total, terms = self._generator_losses(sr, part, number, diagnose=diagnose and place == last)
                self.fabric.backward(total / len(parts))
            found.append(torch.stack([x.detach() for x in (total, *terms)]))
        self._clip()
        self.generator.step(factor)
        self.ema.update(self.generator.network, number)
        return StepLosses(*torch.stack(found).mean(dim=0), *judged)

    def _parts(self, lr: Tensor, hr: Tensor, plain: Tensor | None) -> list[_Part]:
        lr, hr = (_to_unit(x, self.fabric.device) for x in (lr, hr))
        photographs = hr if plain is None else _to_unit(plain, self.fabric.device)
        count = self.stage.accumulate
        size = len(lr) // count
        before = self.fabric.global_rank * len(lr)
        chunks = zip(*(x.chunk(count) for x in (lr, hr, photographs)), strict=True)
        return [_Part(small, large, real, before + place * size) for place, (small, large, real) in enumerate(chunks)]

    def _generator_losses(
        self, sr: Tensor, part: _Part, number: int, *, diagnose: bool
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Return the total, and each term before its weight."""
        stage, hr = self.stage, part.hr
        # Gradients can be taken at a view without Fabric's hooks on the network's output.
        sr = output = sr.view_as(sr)
        content = adversarial = self._nothing()
        pixel = DIFFERENCES[stage.pixel.kind](sr.float(), hr)
        total = stage.pixel.weight * pixel
        terms = {"pixel": total} if stage.pixel.weight else {}
        if stage.grid:
            terms["grid"] = stage.grid * grid_loss(sr, hr, self.generator.network.config.scale)
            total = total + terms["grid"]
        sr, hr = self._shifted(sr, number), self._shifted(hr, number)
        if self._content is not None:
            with self.fabric.autocast():
                content = self._content(sr, hr)
            terms["content"] = stage.content.weight * content
            total = total + terms["content"]
        if self.discriminator is not None:
            adversarial = self._judge(self.discriminator, sr, part, number)
            terms["adversarial"] = stage.adversarial.weight * adversarial
            total = total + terms["adversarial"]
        if diagnose:
            self.diagnostics = self._diagnose(terms, part.lr, output, sr.detach(), hr)
        return total, (pixel, content, adversarial)

    def _nothing(self) -> Tensor:
        return torch.full((), math.nan, device=self.fabric.device)

    def _clip(self) -> None:
        if not self.stage.clip:
            return
        # The limit holds for the weights of all optimizers together, where Fabric takes one optimizer's. It takes fp16's
        # scaling off them, and what is not a number is the loop's to report.
        for optimizer in self.generator.optimizers.values():
            self.fabric.clip_gradients(self.generator.run, optimizer, max_norm=math.inf, error_if_nonfinite=False)
        nn.utils.clip_grad_norm_(self.generator.network.parameters(), self.stage.clip)

    def _diagnose(
        self, terms: dict[str, Tensor], lr: Tensor, output: Tensor, sr: Tensor, hr: Tensor
    ) -> StepDiagnostics:
        # The generator runs once more, unwrapped and with copies of its buffers, which leaves everything as it was: under
        # mixed precision its own graph takes no other backward pass than Fabric's.
        network = self.generator.network
        weights = dict(network.named_parameters())
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        with self.fabric.autocast():
            again = torch.func.functional_call(network, {**weights, **buffers}, (lr,)).float()
        gradients = {}
        for name, term in terms.items():
            (asked,) = torch.autograd.grad(term, output, retain_graph=True)
            parts = torch.autograd.grad(again, list(weights.values()), asked, retain_graph=True)
            gradients[name] = float(torch.stack([part.float().norm() for part in parts]).norm())
        features = {}
        if self.content is not None:
            with self.fabric.autocast():
                features = self.content.shares(sr, hr)
        return StepDiagnostics(gradients, features)

    def _shifted(self, x: Tensor, number: int) -> Tensor:
        """With ``shift`` cut a batch at an offset that is a function of the step's number, as a resumed run needs it."""
        if not self.stage.shift:
            return x
        scale = self.generator.network.config.scale
        top, left = np.random.Generator(np.random.Philox(key=number)).integers(scale, size=2)
        height, width = x.shape[2] - scale + 1, x.shape[3] - scale + 1
        return x[:, :, top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)

    def _noisy(self, x: Tensor, number: int, first: int, which: int) -> Tensor:
        """Hide ``x``, the crops of a batch from number ``first`` on, behind the step's noise, as a resumed run needs it."""
        stage = self.stage
        levels = stage.adversarial.noise * (1 - number / max(stage.steps - 1, 1))
        if not levels:
            return x
        self._random.manual_seed(2 * number + which)
        # Of the whole batch: its parts have the same noise however many processes share it.
        whole = torch.randn(stage.batch, *x.shape[1:], device=x.device, generator=self._random)
        return x + levels * whole[first : first + len(x)]

    def _discriminator_step(
        self,
        judge: Trained[AnyDiscriminator],
        parts: Sequence[_Part],
        only: Tensor | None,
        number: int,
        factor: float,
    ) -> list[Tensor]:
        """Train the discriminator; return its loss and its mean probabilities for photographs and generated pictures."""
        kind, label = self.stage.adversarial.kind, self.stage.adversarial.label
        judge.network.requires_grad_(True)
        judge.zero_grad()
        found = []
        for place, part in enumerate(parts):
            if only is not None:
                sr = only.detach()
            else:
                with torch.no_grad(), self.fabric.autocast():
                    sr = self.generator.network(part.lr).float()
            seen = self._shifted(part.photographs, number), self._shifted(sr, number)
            seen = self._noisy(seen[0], number, part.first, _REAL), self._noisy(seen[1], number, part.first, _FAKE)
            with self.fabric.no_backward_sync(judge.run, enabled=place < len(parts) - 1):
                # Two passes, not one joined batch: BatchNorm's statistics of photographs and of generated pictures stay apart.
                real, fake = judge.run(seen[0]), judge.run(seen[1])
                loss = discriminator_loss(real, fake, kind=kind, label=label)
                self.fabric.backward(loss / len(parts))
            shares = (x.detach().float().sigmoid().mean() for x in (real, fake))
            found.append(torch.stack([loss.detach(), *shares]))
        judge.step(factor)
        return list(torch.stack(found).mean(dim=0))

    def _judge(self, judge: Trained[AnyDiscriminator], sr: Tensor, part: _Part, number: int) -> Tensor:
        """Return the adversarial loss of ``sr``, which is shifted already."""
        # Without this the generator's backward pass would compute the discriminator's weight gradients for nothing.
        judge.network.requires_grad_(False)
        real = None
        # Without DistributedDataParallel's wrapper, which would make ready to average gradients that never come.
        with self.fabric.autocast():
            if self.stage.adversarial.kind == "relativistic":
                photographs = self._shifted(part.photographs, number)
                with torch.no_grad():
                    real = judge.network(self._noisy(photographs, number, part.first, _REAL))
            fake = judge.network(self._noisy(sr, number, part.first, _FAKE))
        return adversarial_loss(real, fake, kind=self.stage.adversarial.kind)

    def is_finite(self) -> bool:
        """Whether all values of the networks are finite numbers."""
        networks: list[nn.Module] = [self.generator.network, self.ema]
        if self.discriminator is not None:
            networks.append(self.discriminator.network)
        return all(bool(torch.isfinite(value).all()) for network in networks for value in network.state_dict().values())

    def state(self) -> dict[str, dict[str, Any]]:
        """Return all that a resumed stage needs, by part: state dicts of networks, average and optimizers."""
        found = {
            "generator": self.generator.network.state_dict(),
            "average": self.ema.network.state_dict(),
            **self.generator.optimizer_states(),
        }
        if self.discriminator is not None:
            found["discriminator"] = self.discriminator.network.state_dict()
            found.update(self.discriminator.optimizer_states())
        return found

    def load_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Take back what :meth:`state` returned."""
        self.generator.network.load_state_dict(state["generator"])
        self.ema.network.load_state_dict(state["average"])
        self.generator.load_optimizers(state)
        if self.discriminator is not None:
            self.discriminator.network.load_state_dict(state["discriminator"])
            self.discriminator.load_optimizers(state)


def _to_unit(x: Tensor, device: torch.device) -> Tensor:
    full = torch.iinfo(x.dtype).max
    x = x.to(device=device, non_blocking=True).to(torch.float32, memory_format=torch.channels_last)
    return x.div_(full)
