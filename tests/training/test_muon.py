import copy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from srgan.training.muon import Muon, orthogonalised
from srgan.training.recipe import parse_recipe
from srgan.training.stages import Trainer


def newton_schulz(matrix):
    """Take the iteration from the paper, in float64 on rows that are no more than the columns."""
    x = np.asarray(matrix, dtype=np.float64)
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T).T
    x = x / np.linalg.norm(x)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x
    return x


@pytest.mark.parametrize("shape", [(8, 72), (32, 72), (72, 8), (16, 16)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    found = orthogonalised(torch.tensor(matrix, dtype=torch.float32)).numpy()
    u, values, vt = np.linalg.svd(matrix, full_matrices=False)
    assert values.max() / values.min() > 1.2
    new = np.diag(u.T @ found @ vt.T)  # the singular value of each old direction
    assert np.abs(found - u @ np.diag(new) @ vt).max() < 1e-3
    assert (new > 0.6).all()
    assert (new < 1.3).all()
    assert np.abs(found - newton_schulz(matrix)).max() < 1e-4


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (40, 2, 3, 3)])
def test_three_steps_by_hand(shape):
    random = np.random.default_rng(1)
    weight, momentum = random.normal(size=shape), np.zeros(shape)
    parameter = torch.tensor(weight, dtype=torch.float32, requires_grad=True)
    optimizer = Muon([parameter], lr=0.1, momentum=0.9, decay=0.5)
    for _ in range(3):
        gradient = random.normal(size=shape)
        parameter.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
        momentum = 0.9 * momentum + 0.1 * gradient
        ahead = 0.1 * gradient + 0.9 * momentum  # Nesterov
        update = newton_schulz(ahead.reshape(shape[0], -1)).reshape(shape)
        rows, columns = shape[0], int(np.prod(shape[1:]))
        weight = weight * (1 - 0.1 * 0.5) - 0.1 * 0.2 * max(rows, columns) ** 0.5 * update
        assert np.abs(parameter.detach().numpy() - weight).max() < 1e-4


def test_many_weights_step_as_each_would_alone():
    """Matrices of one shape go through the iteration together, in whatever memory layout."""
    torch.manual_seed(2)
    shapes = [(8, 4, 3, 3), (16, 8, 3, 3), (8, 4, 3, 3), (8, 12, 1, 3)]
    together = [torch.randn(shape).to(memory_format=torch.channels_last).requires_grad_() for shape in shapes]
    alone = [weight.detach().clone().contiguous().requires_grad_() for weight in together]
    optimizers = [Muon(together, decay=1.0), *(Muon([weight], decay=1.0) for weight in alone)]
    for _ in range(3):
        for one, other in zip(together, alone, strict=True):
            other.grad = torch.randn(one.shape)
            one.grad = other.grad.to(memory_format=torch.channels_last)
        for optimizer in optimizers:
            optimizer.step()
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other.to(memory_format=torch.channels_last), rtol=1e-5, atol=1e-6)


def test_updates_have_the_size_of_adams():
    parameter = torch.zeros(32, 32, 3, 3, requires_grad=True)
    parameter.grad = 1e-6 * torch.randn(32, 32, 3, 3, generator=torch.Generator().manual_seed(0))
    Muon([parameter], lr=1.0).step()
    assert parameter.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.2)  # Liu et al. 2025, section 2.2


def test_rank_one_is_refused():
    with pytest.raises(ValueError, match="rank 2"):
        Muon([torch.zeros(3, requires_grad=True)])


def make_trainer():
    problems: list[str] = []
    recipe = parse_recipe(
        {
            "generator": {"features": 8, "blocks": 2, "scale": 4, "norm": "none"},
            "stages": {"one": {"steps": 50, "optimizer": "muon", "rate": 2e-3, "pixel": {"weight": 1.0}}},
        },
        problems,
    )
    assert not problems
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    fabric.seed_everything(1, verbose=False)
    return Trainer(recipe, recipe.stages["one"], fabric, None)


def test_it_trains_the_hidden_convolutions_and_nothing_else():
    trainer = make_trainer()
    names = {id(value): name for name, value in trainer.generator.network.named_parameters()}

    def held(optimizer):
        return sorted(names[id(value)] for group in optimizer.param_groups for value in group["params"])

    hidden = [f"body.{block}.conv{n}.weight" for block in (0, 1) for n in (1, 2)]
    hidden += ["body_conv.weight", "upsample.0.conv.weight", "upsample.1.conv.weight"]
    assert held(trainer.generator.optimizers["matrix_optimizer"]) == sorted(hidden)
    assert held(trainer.generator.optimizers["generator_optimizer"]) == sorted(set(names.values()) - set(hidden))


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8, generator=generator) for side in (6, 24))


def test_its_state_comes_back_to_the_same_next_steps():
    one, two = make_trainer(), make_trainer()
    for number in range(3):
        one.step(*batch(number), number)
    state = copy.deepcopy(one.state())
    two.load_state(state)
    for number in (3, 4):
        one.step(*batch(number), number)
        two.step(*batch(number), number)
    for part in ("generator", "average"):
        for key, value in one.state()[part].items():
            assert torch.equal(value, two.state()[part][key]), key
    moments = [value["momentum"] for value in one.state()["matrix_optimizer"]["state"].values()]
    again = [value["momentum"] for value in two.state()["matrix_optimizer"]["state"].values()]
    assert len(moments) == 7
    assert all(torch.equal(a, b) for a, b in zip(moments, again, strict=True))


def test_a_step_has_the_gradient_of_its_own_batch_alone():
    trainer = make_trainer()
    trainer.step(*batch(0), 0)
    before = copy.deepcopy(trainer.generator.network)
    lr, hr = (x.float() / 255 for x in batch(1))
    (before(lr) - hr).abs().mean().backward()
    trainer.step(*batch(1), 1)
    for (name, one), two in zip(before.named_parameters(), trainer.generator.network.parameters(), strict=True):
        assert torch.allclose(one.grad, two.grad, rtol=1e-3, atol=1e-6), name
