import math

import numpy as np
import pytest
import torch
from torch import nn

from srgan.evaluation.metrics import VGG_DISTANCE_LAYERS, vgg_distance
from srgan.networks.vgg import VGGFeatures
from srgan.training.losses import ContentLoss, adversarial_loss, discriminator_loss, grid_loss


def logits(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None]


def test_standard_losses_by_hand():
    # sigmoid(0) = 1/2: -log 1/2 each.
    assert discriminator_loss(logits(0, 0), logits(0, 0), kind="standard").item() == pytest.approx(2 * math.log(2))
    assert adversarial_loss(None, logits(0, 0), kind="standard").item() == pytest.approx(math.log(2))
    # real logit log 3 -> probability 3/4; fake logit -log 4 -> probability 1/5.
    loss = discriminator_loss(logits(math.log(3)), logits(-math.log(4)), kind="standard")
    assert loss.item() == pytest.approx(-math.log(3 / 4) - math.log(4 / 5))
    assert adversarial_loss(None, logits(-math.log(4)), kind="standard").item() == pytest.approx(math.log(5))


def test_smoothed_label_by_hand():
    # cross entropy with target t: -(t log p + (1 - t) log(1 - p)), p = 3/4, t = 0.9
    loss = discriminator_loss(logits(math.log(3)), logits(-100.0), kind="standard", label=0.9)
    assert loss.item() == pytest.approx(-(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4)), abs=1e-6)


def test_relativistic_losses_by_hand():
    real, fake = logits(2.0, 4.0), logits(1.0, -1.0)  # means 3 and 0
    softplus = lambda x: math.log1p(math.exp(x))  # noqa: E731
    d_loss = (sum(softplus(-x) for x in (2, 4)) / 2 + sum(softplus(x) for x in (-2, -4)) / 2) / 2
    g_loss = (sum(softplus(x) for x in (2, 4)) / 2 + sum(softplus(-x) for x in (-2, -4)) / 2) / 2
    assert discriminator_loss(real, fake, kind="relativistic").item() == pytest.approx(d_loss)
    assert adversarial_loss(real, fake, kind="relativistic").item() == pytest.approx(g_loss)
    with pytest.raises(ValueError, match="photographs"):
        adversarial_loss(None, fake, kind="relativistic")


def test_hinge_losses_by_hand():
    real, fake = logits(2.0, 0.25), logits(-3.0, 0.5)
    # beyond the margin there is nothing: max(0, 1 - 2) = 0 and 0.75; max(0, 1 - 3) = 0 and 1.5
    assert discriminator_loss(real, fake, kind="hinge").item() == pytest.approx(0.75 / 2 + 1.5 / 2)
    assert adversarial_loss(None, fake, kind="hinge").item() == pytest.approx(1.25)
    assert discriminator_loss(logits(0), logits(0), kind="hinge").item() == pytest.approx(2)  # a guess


def test_a_hinge_discriminator_that_has_won_learns_nothing_and_the_generator_still_does():
    real, fake = logits(1.5).requires_grad_(), logits(-1.5).requires_grad_()
    discriminator_loss(real, fake, kind="hinge").backward()
    assert real.grad.item() == fake.grad.item() == 0
    adversarial_loss(None, fake, kind="hinge").backward()
    assert fake.grad.item() == -1


@pytest.mark.parametrize("kind", ["standard", "relativistic", "hinge"])
def test_losses_of_logits_of_pixels_are_those_of_as_many_pictures(kind):
    torch.manual_seed(0)
    real, fake = torch.randn(2, 1, 3, 4), torch.randn(2, 1, 3, 4)
    flat = [x.reshape(24, 1) for x in (real, fake)]
    for label in (1.0, 0.9):
        by_pixel = discriminator_loss(real, fake, kind=kind, label=label)
        assert by_pixel.item() == pytest.approx(discriminator_loss(*flat, kind=kind, label=label).item(), rel=1e-5)
    assert adversarial_loss(real, fake, kind=kind).item() == pytest.approx(
        adversarial_loss(*flat, kind=kind).item(), rel=1e-5
    )


def test_the_generators_gradient_survives_a_winning_discriminator():
    fake = logits(-20.0).requires_grad_()
    adversarial_loss(None, fake, kind="standard").backward()
    assert fake.grad.item() == pytest.approx(-1, abs=1e-6)  # log(1 - D) would give 2e-9 here


class Doubles(nn.Module):
    """Two "layers" whose activations are known: the picture times 2, and its mean over space times 100."""

    def forward(self, x):
        return {"a": 2 * x, "b": 100 * x.mean((2, 3), keepdim=True)}


def test_content_loss_by_hand():
    hr, sr = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 0.75)
    plain = ContentLoss(Doubles(), {"a": 1.0, "b": 0.5}, kind="mse", scaling="constant", constant=0.1)
    # a: (0.1 * 2 * 0.25)**2; b: (0.1 * 100 * 0.25)**2 / 2
    assert plain(sr, hr).item() == pytest.approx(0.05**2 + 0.5 * 2.5**2)
    relative = ContentLoss(Doubles(), {"a": 1.0, "b": 0.5}, kind="l1", scaling="relative")
    # each layer differs by half of its mean magnitude on HR
    assert relative(sr, hr).item() == pytest.approx(0.5 + 0.25)


def test_relative_content_loss_does_not_depend_on_the_files_magnitudes():
    class Scaled(Doubles):
        def forward(self, x):
            return {key: 37 * value for key, value in super().forward(x).items()}

    torch.manual_seed(0)
    sr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    losses = [
        ContentLoss(f, {"a": 1.0, "b": 1.0}, kind="mse", scaling="relative")(sr, hr) for f in (Doubles(), Scaled())
    ]
    assert torch.allclose(*losses)


def test_content_gradients_flow_to_sr_alone():
    hr, sr = torch.rand(1, 3, 4, 4, requires_grad=True), torch.rand(1, 3, 4, 4, requires_grad=True)
    ContentLoss(Doubles(), {"a": 1.0}, kind="mse", scaling="relative")(sr, hr).backward()
    assert hr.grad is None
    assert sr.grad.abs().sum() > 0


def test_grid_loss_by_hand():
    hr = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert grid_loss(hr, hr, 4) == 0
    assert grid_loss(hr + 0.1, hr, 4).item() == pytest.approx(0, abs=1e-6)  # brighter, but with no grid
    lines = torch.zeros(24, 24)
    lines[::4] = 0.08  # one row in four: 4 of 16 phases deviate by 0.06 from the mean 0.02, 12 by 0.02
    assert grid_loss(hr + lines, hr, 4).item() == pytest.approx((4 * 0.06 + 12 * 0.02) / 16, rel=1e-4)


def test_grid_loss_leaves_texture_alone():
    hr = torch.zeros(1, 3, 96, 96)
    noise = 0.1 * torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    grid = 0.1 * torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(1)).repeat(1, 1, 24, 24)
    assert noise.abs().mean().item() == pytest.approx(grid.abs().mean().item(), rel=0.3)
    assert grid_loss(noise, hr, 4) < 0.3 * grid_loss(grid, hr, 4)


def test_grid_loss_drives_a_grid_out():
    hr = torch.full((1, 1, 32, 32), 0.5)
    grid = torch.randn(1, 1, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    optimizer = torch.optim.Adam([grid], lr=0.05)
    for _ in range(200):
        loss = grid_loss(hr + grid.repeat(1, 1, 16, 16), hr, 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (grid - grid.mean()).abs().max() < 0.05


def test_unit_features_make_the_vgg_distance():
    torch.manual_seed(0)
    vgg = VGGFeatures("vgg16", VGG_DISTANCE_LAYERS)
    random = np.random.default_rng(0)
    hr, sr = (random.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(2))
    loss = ContentLoss(vgg, dict.fromkeys(VGG_DISTANCE_LAYERS, 0.2), kind="mse", scaling="unit")
    found = loss(*(torch.from_numpy(x.transpose(2, 0, 1).copy())[None] / 255 for x in (sr, hr)))
    assert found.item() == pytest.approx(vgg_distance(sr, hr, vgg), rel=1e-4)


def test_unit_features_of_black_have_a_finite_gradient():
    sr = torch.zeros(1, 3, 4, 4, requires_grad=True)
    ContentLoss(Doubles(), {"a": 1.0}, kind="mse", scaling="unit")(sr, torch.full((1, 3, 4, 4), 0.5)).backward()
    assert torch.isfinite(sr.grad).all()
