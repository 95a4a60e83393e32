import math
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file

from srgan.networks.vgg import VGGFeatures
from srgan.training.losses import grid_loss
from srgan.training.recipe import Recipe, parse_recipe
from srgan.training.stages import Trainer

FAST = {"kind": "fast", "norm": "none", "output": "linear"}


UNET = {"kind": "unet", "features": 4}


def recipe_of(generator=None, discriminator=None, **losses) -> Recipe:
    problems: list[str] = []
    recipe = parse_recipe(
        {
            "generator": {"features": 8, "blocks": 1, "scale": 2, **(generator or {})},
            "discriminator": discriminator or {"features": 4, "dense": 8},
            "stages": {"one": {"steps": 50, "batch": 4, "crop": 32, "rate": 2e-3, "final_rate": 2e-3, **losses}},
        },
        problems,
    )
    assert not problems
    assert recipe is not None
    return recipe


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file(dict(VGGFeatures("vgg16", ["conv2_2"]).state_dict()), path)
    return path


CONTENT = {"weight": 1.0, "network": "vgg16", "layers": {"conv2_2": 1.0}}


def trainer_of(recipe, vgg_file=None, precision="32-true"):
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    fabric.seed_everything(1, verbose=False)
    return Trainer(recipe, recipe.stages["one"], fabric, vgg_file)


def batch(seed=0):
    # Smooth pictures, as photographs are: a network can learn to enlarge them.
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(4, 3, 8, 8, generator=generator)
    hr = torch.nn.functional.interpolate(small, size=(32, 32), mode="bicubic").clamp(0, 1)
    lr = torch.nn.functional.avg_pool2d(hr, 2)
    return (lr * 255).round().to(torch.uint8), (hr * 255).round().to(torch.uint8)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_pixel_training_reduces_the_pixel_loss(precision):
    trainer = trainer_of(recipe_of(pixel={"weight": 1.0}), precision=precision)
    losses = [trainer.step(*batch(), i) for i in range(50)]
    assert losses[-1].pixel < losses[0].pixel / 3
    assert all(
        math.isnan(getattr(losses[0], name)) for name in ("content", "adversarial", "discriminator", "real", "fake")
    )


def test_the_total_is_the_weighted_sum(vgg_file):
    recipe = recipe_of(
        pixel={"weight": 2.0, "kind": "mse"}, content={**CONTENT, "weight": 0.5}, adversarial={"weight": 0.1}
    )
    losses = trainer_of(recipe, vgg_file).step(*batch(), 0)
    assert losses.total.item() == pytest.approx(
        2 * losses.pixel.item() + 0.5 * losses.content.item() + 0.1 * losses.adversarial.item(), rel=1e-5
    )


@pytest.mark.parametrize("discriminator", [None, UNET])
def test_adversarial_training_moves_both_networks_by_their_own_losses(vgg_file, discriminator):
    for kind in ("standard", "relativistic", "hinge"):
        recipe = recipe_of(
            discriminator=discriminator, adversarial={"weight": 1.0, "kind": kind}
        )  # nothing but the discriminator drives the generator
        trainer = trainer_of(recipe, vgg_file)
        before = {k: v.clone() for k, v in trainer.generator.network.state_dict().items()}
        judge = [p.clone() for p in trainer.discriminator.network.parameters()]
        for i in range(3):
            losses = trainer.step(*batch(i), i)
        assert math.isfinite(losses.adversarial)
        assert math.isfinite(losses.discriminator)
        assert 0 < losses.real < 1
        assert 0 < losses.fake < 1
        assert not torch.equal(before["tail.weight"], trainer.generator.network.tail.weight)
        assert any(
            not torch.equal(a, b) for a, b in zip(judge, trainer.discriminator.network.parameters(), strict=True)
        )


def test_the_generators_step_leaves_no_gradient_in_the_discriminator(vgg_file):
    trainer = trainer_of(recipe_of(pixel={"weight": 1.0}, adversarial={"weight": 1.0}), vgg_file)
    seen = []
    original = trainer.discriminator.optimizers["discriminator_optimizer"].step

    def step(*args, **kwargs):
        seen.append([p.grad.clone() for p in trainer.discriminator.network.parameters()])
        return original(*args, **kwargs)

    trainer.discriminator.optimizers["discriminator_optimizer"].step = step
    trainer.step(*batch(), 0)
    for grad, parameter in zip(seen[0], trainer.discriminator.network.parameters(), strict=True):
        assert torch.equal(grad, parameter.grad)


@pytest.mark.parametrize(("generator", "discriminator"), [({}, None), (FAST, None), ({}, UNET)])
def test_state_restores_to_the_same_next_steps(vgg_file, generator, discriminator):
    term = {"weight": 0.1, "noise": 0.1, "kind": "hinge"} if discriminator else {"weight": 0.1}
    other = {} if generator else {"content": CONTENT, "adversarial": term}
    recipe = recipe_of(
        generator, discriminator, optimizer="muon" if generator else "adam", pixel={"weight": 1.0}, **other
    )
    one = trainer_of(recipe, vgg_file)
    for i in range(3):
        one.step(*batch(i), i)
    state = {part: dict(values) for part, values in one.state().items()}
    import copy

    state = copy.deepcopy(state)
    for i in (3, 4):
        one.step(*batch(i), i)
    two = trainer_of(recipe, vgg_file)
    two.load_state(state)
    for i in (3, 4):
        two.step(*batch(i), i)
    for part, values in one.state().items():
        if "optimizer" not in part:
            for key, value in values.items():
                assert torch.equal(value, two.state()[part][key]), f"{part}.{key}"


def test_muon_takes_a_fast_generators_hidden_convolutions():
    trainer = trainer_of(recipe_of(FAST, optimizer="muon", pixel={"weight": 1.0}))
    muon, adam = (trainer.generator.optimizers[name] for name in ("matrix_optimizer", "generator_optimizer"))
    taken = [{id(p) for group in each.param_groups for p in group["params"]} for each in (muon, adam)]
    network = trainer.generator.network
    ends = {"head.weight", "tail.weight", "direct.weight"}
    hidden = {name for name, value in network.named_parameters() if value.ndim == 4} - ends
    assert {name for name, value in network.named_parameters() if id(value) in taken[0]} == hidden
    assert {name for name, value in network.named_parameters() if id(value) in taken[1]} >= ends


def test_clipping_bounds_the_step(vgg_file):
    trainer = trainer_of(recipe_of(pixel={"weight": 1e6}, clip=1e-3), vgg_file)
    norms = []
    original = trainer.generator.optimizers["generator_optimizer"].step

    def step(*args, **kwargs):
        norms.append(torch.stack([p.grad.norm() for p in trainer.generator.network.parameters()]).norm().item())
        return original(*args, **kwargs)

    trainer.generator.optimizers["generator_optimizer"].step = step
    trainer.step(*batch(), 0)
    assert norms == [pytest.approx(1e-3, rel=1e-3)]


def test_a_value_that_is_no_number_is_found_in_any_network(vgg_file):
    recipe = recipe_of(pixel={"weight": 1.0}, adversarial={"weight": 0.1})
    trainer = trainer_of(recipe, vgg_file)
    assert trainer.is_finite()
    for network in (trainer.generator.network, trainer.ema, trainer.discriminator.network):
        weight = next(iter(network.parameters()))
        kept = weight.detach().clone()
        with torch.no_grad():
            weight[0] = math.nan
        assert not trainer.is_finite()
        with torch.no_grad():
            weight.copy_(kept)
    assert trainer.is_finite()


def test_a_changed_rate_counts_after_a_resumption():
    one = trainer_of(recipe_of(pixel={"weight": 1.0}))
    one.step(*batch(), 0)
    two = trainer_of(recipe_of(pixel={"weight": 1.0}, rate=1e-9, final_rate=1e-9))
    two.load_state(one.state())
    before = two.generator.network.tail.weight.detach().clone()
    two.step(*batch(), 1)
    assert 0 < (two.generator.network.tail.weight - before).abs().max() < 1e-7


def test_shifted_batches_are_cut_at_an_offset_that_the_step_decides(vgg_file):
    recipe = recipe_of(pixel={"weight": 1.0}, adversarial={"weight": 1.0}, shift=True)
    trainer = trainer_of(recipe, vgg_file)
    seen = []
    trainer.discriminator.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))
    lr, hr = batch()
    offsets = set()
    for number in range(12):
        seen.clear()
        before = trainer.generator.network(lr.float() / 255).detach()
        trainer.step(lr, hr, number)
        places = [
            (top, left)
            for top in range(2)
            for left in range(2)
            if torch.equal(seen[0], hr[:, :, top : top + 31, left : left + 31].float() / 255)
        ]
        assert len(places) == 1  # the photographs, cut
        ((top, left),) = places
        for fake in seen[1:]:  # and the generated pictures, cut at the same place
            assert torch.allclose(fake, before[:, :, top : top + 31, left : left + 31], atol=1e-5)
        offsets.add((top, left))
    assert offsets == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_closer_look_finds_each_terms_gradient_and_changes_nothing(vgg_file, precision):
    recipe = recipe_of(
        pixel={"weight": 2.0}, content={**CONTENT, "weight": 0.5}, adversarial={"weight": 0.1, "kind": "relativistic"}
    )
    plain, looked = (trainer_of(recipe, vgg_file, precision=precision) for _ in range(2))
    for number in range(3):
        plain.step(*batch(number), number)
        looked.step(*batch(number), number, diagnose=True)
    for part, values in plain.state().items():
        if "optimizer" not in part:
            for key, value in values.items():
                assert torch.equal(value, looked.state()[part][key]), f"{part}.{key}"
    assert plain.diagnostics is None
    assert looked.diagnostics.gradients.keys() == {"pixel", "content", "adversarial"}
    assert 0.2 < looked.diagnostics.features["conv2_2"] < 5


def test_gradient_norms_by_hand():
    """With the pixels alone the norm is that of the whole gradient; twice the weight is twice the norm."""
    norms = []
    for weight in (1.0, 2.0):
        trainer = trainer_of(recipe_of(pixel={"weight": weight}))
        trainer.step(*batch(), 0, diagnose=True)
        whole = torch.stack([parameter.grad.norm() for parameter in trainer.generator.network.parameters()]).norm()
        norms.append(trainer.diagnostics.gradients["pixel"])
        assert norms[-1] == pytest.approx(float(whole), rel=1e-5)
        assert trainer.diagnostics.features == {}
    assert norms[1] == pytest.approx(2 * norms[0], rel=1e-5)


def test_slowness_is_a_factor_of_every_rate():
    moved = []
    for lr_scale in (1.0, 0.5):
        trainer = trainer_of(recipe_of(pixel={"weight": 1.0}, schedule="constant"))
        trainer.lr_scale = lr_scale
        before = trainer.generator.network.tail.weight.detach().clone()
        trainer.step(*batch(), 0)
        moved.append((trainer.generator.network.tail.weight - before).abs().max().item())
    assert moved[1] == pytest.approx(moved[0] / 2, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_accumulated_parts_make_the_step_of_the_whole(vgg_file, optimizer):
    losses = {
        "content": {**CONTENT, "scaling": "constant", "constant": 0.1},
        "adversarial": {"weight": 0.1, "noise": 0.2},
        "shift": True,
    }
    states, sizes = [], []
    for accumulate in (1, 2):
        recipe = recipe_of(pixel={"weight": 1.0}, clip=0.05, optimizer=optimizer, accumulate=accumulate, **losses)
        recipe = replace(
            recipe,
            generator=replace(recipe.generator, norm="none"),
            discriminator=replace(recipe.discriminator, norm="none"),
        )
        trainer = trainer_of(recipe, vgg_file)
        seen = set()
        trainer.generator.network.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.add(len(inputs[0])))
        told = [trainer.step(*batch(number), number) for number in range(3)]
        states.append((trainer.state(), torch.tensor(told)))
        sizes.append(seen)
    assert sizes == [{4}, {2}]
    (one, told), (two, again) = states
    assert torch.allclose(told, again, atol=1e-4)
    for part in ("generator", "average", "discriminator"):
        for key, value in one[part].items():
            assert torch.allclose(value, two[part][key], atol=1e-4), f"{part}.{key}"


def test_clipping_bounds_the_weights_of_both_optimizers_together():
    trainer = trainer_of(recipe_of(pixel={"weight": 1e6}, clip=1e-3, optimizer="muon"))
    trainer.step(*batch(), 0)
    whole = torch.stack([parameter.grad.norm() for parameter in trainer.generator.network.parameters()]).norm()
    assert float(whole) == pytest.approx(1e-3, rel=1e-3)


def test_a_gradient_that_is_no_number_is_the_loops_to_report():
    trainer = trainer_of(recipe_of(pixel={"weight": 1.0}, clip=1.0))
    with torch.no_grad():
        trainer.generator.network.tail.weight[0, 0] = math.nan
    assert math.isnan(trainer.step(*batch(), 0).total)
    assert not trainer.is_finite()


def test_the_grid_loss_is_part_of_the_total():
    trainer = trainer_of(recipe_of(pixel={"weight": 1.0}, grid=3.0))
    lr, hr = batch()
    with torch.no_grad():
        expected = grid_loss(trainer.generator.network(lr.float() / 255), hr.float() / 255, 2).item()
    losses = trainer.step(lr, hr, 0)
    assert losses.total.item() - losses.pixel.item() == pytest.approx(3 * expected, rel=1e-3)
    assert expected > 0


def test_a_unet_learns_to_tell_the_results_of_a_generator_from_photographs():
    # The generator hardly moves: its first, blurred pictures against those with the texture that it does not draw.
    recipe = recipe_of(
        discriminator=UNET, rate=1e-6, final_rate=1e-6, pixel={"weight": 1.0}, adversarial={"weight": 0.1, "rate": 5e-3}
    )
    trainer = trainer_of(recipe)
    told = []
    for number in range(40):
        lr, hr = batch(number)
        texture = torch.randint(0, 80, hr.shape, generator=torch.Generator().manual_seed(number), dtype=torch.uint8)
        told.append(trainer.step(lr, hr // 2 + texture, number))
    assert abs(told[0].real - told[0].fake) < 0.1
    assert told[-1].real > told[-1].fake + 0.3
    assert told[-1].discriminator < told[0].discriminator * 0.8


def judged(recipe, number, plain=None):
    """Return what the discriminator sees in one step, photographs first, each without and then with the recipe's noise."""
    trainer = trainer_of(recipe)
    seen = []
    trainer.discriminator.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))
    lr, hr = batch()
    sr = trainer.generator.network(lr.float() / 255).detach()
    trainer.step(lr, hr, number, plain=plain)
    return seen, hr.float() / 255, sr


def test_the_noise_on_what_the_discriminator_sees_falls_to_nothing():
    recipe = recipe_of(pixel={"weight": 1.0}, adversarial={"weight": 0.1, "noise": 0.2, "kind": "relativistic"})
    for number, wanted in ((0, 0.2), (24, 0.2 * 25 / 49), (49, 0.0)):
        (real, fake, real_again, fake_again), hr, sr = judged(recipe, number)
        for x, clean in ((real, hr), (fake, sr)):
            assert (x - clean).std().item() == pytest.approx(wanted, rel=0.02, abs=1e-6)
        assert torch.equal(real, real_again)  # in both networks' parts of a step
        assert torch.equal(fake, fake_again)
        if wanted:
            assert (real - hr).flatten().dot((fake - sr).flatten()).abs() < 0.05 * (real - hr).square().sum()
    one, other = (judged(recipe, number)[0][0] for number in (0, 1))
    assert (one - other).std() > 0.2


def test_the_discriminator_alone_sees_photographs_that_were_not_sharpened():
    recipe = recipe_of(pixel={"weight": 1.0}, adversarial={"weight": 0.1, "kind": "relativistic"})
    lr, hr = batch()
    seen, _, sr = judged(recipe, 0, plain=255 - hr)
    photographs = (255 - hr).float() / 255
    for x, wanted in zip(seen, (photographs, sr, photographs, sr), strict=True):
        assert torch.allclose(x, wanted, atol=1e-6)
    losses = trainer_of(recipe).step(lr, hr, 0, plain=255 - hr)
    assert losses.pixel.item() == pytest.approx((sr - hr.float() / 255).abs().mean().item(), rel=1e-5)
