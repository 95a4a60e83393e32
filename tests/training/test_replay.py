"""Recorded passes: equal to those that run, and out of the way where nothing is recorded."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor, nn

from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.vgg import VGGFeatures
from srgan.training.recipe import Recipe, parse_recipe
from srgan.training.replay import Replayed
from srgan.training.stages import Trainer

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


class Counting(nn.Module):
    """Counts its runs, as Python sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Generator(GeneratorConfig(features=8, blocks=2))
        self.runs = 0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        found: Tensor = self.network(x)
        return found


def test_without_a_recording_the_network_runs() -> None:
    network = Counting()
    found = Replayed(network)(torch.rand(1, 3, 6, 5))
    assert found.shape == (1, 3, 24, 20)
    assert network.runs == 1


def test_a_processor_records_nothing(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, "cpu", "32-true", replay=True)
    trainer.record()
    assert not trainer.replays
    assert not any(module._replay for module in (trainer._replayed, trainer._content) if module)


@needs_gpu
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_replayed_passes_give_what_running_gives(precision: str) -> None:
    fabric = Fabric(accelerator="cuda", devices=1, precision=precision)  # type: ignore[arg-type]
    torch.manual_seed(1)
    plain = Generator(GeneratorConfig(features=16, blocks=2)).cuda()
    counting = Counting().cuda()
    counting.network = copy.deepcopy(plain)
    replayed = Replayed(counting)
    with fabric.autocast():
        replayed.record(torch.rand(4, 3, 12, 12, device="cuda"))
    recorded = counting.runs
    for (name, ours), theirs in zip(counting.network.named_buffers(), plain.buffers(), strict=True):
        assert torch.equal(ours, theirs), f"recording has changed {name}"
    for _ in range(3):  # weights change in place between the replays
        x = torch.rand(4, 3, 12, 12, device="cuda")
        gradients, outputs = [], []
        for network in (plain, replayed):
            network.zero_grad(set_to_none=True)
            with fabric.autocast():
                y = network(x).float()
            y.square().mean().backward()
            outputs.append(y.detach().clone())
            gradients.append([weight.grad.clone() for weight in network.parameters()])  # type: ignore[union-attr]
        tolerance = 1e-4 if precision == "32-true" else 2e-2
        torch.testing.assert_close(outputs[0], outputs[1], rtol=tolerance, atol=tolerance)
        for ours, theirs in zip(*gradients, strict=True):
            assert (ours - theirs).norm() <= tolerance * ours.norm() + 1e-7
        with torch.no_grad():
            for one, other in zip(plain.parameters(), replayed.parameters(), strict=True):
                one.add_(torch.randn_like(one), alpha=0.01)
                other.copy_(one)
    assert counting.runs == recorded
    statistics = zip(counting.network.named_buffers(), plain.buffers(), strict=True)
    for (name, ours), theirs in statistics:
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-2, msg=name)
    replayed(torch.rand(2, 3, 12, 12, device="cuda"))  # of another shape
    assert counting.runs == recorded + 1


@needs_gpu
def test_a_stage_learns_the_same_with_and_without_replay(tmp_path: Path) -> None:
    found = []
    for replay in (True, False):
        trainer = trainer_of(tmp_path, "cuda", "32-true", replay=replay)
        trainer.generator.run.train()
        trainer.record()
        assert trainer.replays is replay
        random = torch.Generator().manual_seed(5)
        for number in range(6):
            hr = torch.randint(0, 256, (2, 3, 32, 32), generator=random, dtype=torch.uint8)
            losses = trainer.step(hr[:, :, ::4, ::4].contiguous(), hr, number, diagnose=number == 3)
        assert trainer.diagnostics is not None
        found.append((torch.stack(losses).cpu(), trainer.diagnostics, trainer.state()["generator"]))
    (ours, our_look, our_weights), (theirs, their_look, their_weights) = found
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-3, equal_nan=True)
    assert our_look.gradients == pytest.approx(their_look.gradients, rel=0.02)
    # All together: Adam makes steps of equal size out of the smallest gradients, whose rounding differs.
    one, other = (
        torch.cat([w.flatten().float() for w in weights.values()]) for weights in (our_weights, their_weights)
    )
    assert (one - other).norm() <= 1e-3 * one.norm()


def trainer_of(folder: Path, device: str, precision: Any, *, replay: bool) -> Trainer:
    weights = folder / "vgg16.safetensors"
    torch.manual_seed(2)
    save_file(dict(VGGFeatures("vgg16", ["conv2_2"]).state_dict()), weights)
    fabric = Fabric(accelerator=device, devices=1, precision=precision)
    fabric.seed_everything(1, verbose=False)
    recipe = recipe_of(replay)
    return Trainer(recipe, recipe.stages["one"], fabric, weights)


def recipe_of(replay: bool) -> Recipe:
    stage = {
        "steps": 10,
        "batch": 2,
        "crop": 32,
        "optimizer": "muon",
        "shift": True,
        "grid": 1.0,
        "pixel": {"weight": 1.0},
        "content": {"weight": 1.0, "network": "vgg16", "layers": {"conv2_2": 1.0}, "scaling": "unit"},
        "adversarial": {"weight": 0.01},
    }
    problems: list[str] = []
    recipe = parse_recipe(
        {
            "generator": {"features": 8, "blocks": 2},
            "discriminator": {"features": 4, "dense": 8},
            "stages": {"one": stage},
            "run": {"replay": replay},
        },
        problems,
    )
    assert recipe is not None, problems
    return recipe
