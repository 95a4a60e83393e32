"""Statistics over the pictures of two processes are those of one with the whole batch."""

import sys

import pytest
import torch
from torch import nn

from srgan.training.losses import adversarial_loss, discriminator_loss
from srgan.training.sync_batchnorm import all_reduce_mean, sync_batchnorm
from support.two_processes import in_two_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are started from a server of forks")


def layers():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.BatchNorm2d(4)).double().float()
    with torch.no_grad():
        network[1].weight.uniform_(0.5, 2)
        network[1].bias.uniform_(-1, 1)
    return network


def pictures():
    # Two processes whose pictures differ, in colours far from zero: a wrong mean or a cancelled variance shows.
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    x[2:] = x[2:] * 0.1 + 5
    return x


def loss_of(y):
    return (y.square() * torch.linspace(0, 1, y.shape[-1])).mean() + y.sin().mean()


def _half(rank, folder):
    network = sync_batchnorm(layers(), torch.device("cpu"))
    x = pictures()[2 * rank : 2 * rank + 2].requires_grad_()
    wrapped = nn.parallel.DistributedDataParallel(network)
    y = wrapped(x)
    loss_of(y).backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    torch.save((y.detach(), x.grad, gradients, network.state_dict()), folder / f"{rank}.pt")
    network.eval()
    assert torch.equal(network(x), wrapped(x))


def test_batchnorm_is_that_of_the_whole_batch(tmp_path):
    network, x = layers(), pictures().requires_grad_()
    y = network(x)
    loss_of(y).backward()
    in_two_processes(_half, tmp_path)
    halves = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    assert torch.allclose(torch.cat([half[0] for half in halves]), y, atol=1e-5)
    # Each process differentiates the sum of both losses, which are means over half the pictures: twice the whole's.
    assert torch.allclose(torch.cat([half[1] for half in halves]) / 2, x.grad, atol=1e-6)
    for _, _, gradients, state in halves:
        for one, parameter in zip(gradients, network.parameters(), strict=True):
            assert torch.allclose(one, parameter.grad, atol=1e-5)
        assert state.keys() == network.state_dict().keys()
        for key, value in network.state_dict().items():
            assert torch.allclose(state[key], value, atol=1e-6), key


def logits(which):
    return torch.randn(4, 1, generator=torch.Generator().manual_seed(which))


def _losses(rank, folder):
    share = slice(2 * rank, 2 * rank + 2)
    real, fake = logits(0)[share].requires_grad_(), logits(1)[share].requires_grad_()
    losses = discriminator_loss(real, fake, kind="relativistic"), adversarial_loss(real, fake, kind="relativistic")
    for loss in losses:
        loss.backward()
    mean = all_reduce_mean(torch.stack([loss.detach() for loss in losses]))
    torch.save((mean, real.grad / 2, fake.grad / 2), folder / f"{rank}.pt")


def test_relativistic_losses_are_those_of_the_whole_batch(tmp_path):
    real, fake = logits(0).requires_grad_(), logits(1).requires_grad_()
    losses = discriminator_loss(real, fake, kind="relativistic"), adversarial_loss(real, fake, kind="relativistic")
    for loss in losses:
        loss.backward()
    in_two_processes(_losses, tmp_path)
    (one, *first), (two, *second) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(one, two)
    assert torch.allclose(one, torch.stack(losses))
    for a, b, whole in zip(first, second, (real.grad, fake.grad), strict=True):
        assert torch.allclose(torch.cat([a, b]), whole, atol=1e-6)
