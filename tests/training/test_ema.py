"""The average of a network's weights."""

import torch

from srgan.networks.generator import Generator, GeneratorConfig
from srgan.training.ema import EMA


def test_average_by_hand():
    torch.manual_seed(0)
    network = Generator(GeneratorConfig(features=4, blocks=1))
    average = EMA(network, 0.9)
    start = network.head.weight.clone()
    with torch.no_grad():
        network.head.weight.add_(1)
        network.body_norm.num_batches_tracked.add_(5)
    average.update(network, 10_000)  # long past the start: decay 0.9
    assert torch.allclose(average.network.head.weight, start + 0.1)
    assert average.network.body_norm.num_batches_tracked == 5
    average.update(network, 0)  # decay min(0.9, 1/10)
    assert torch.allclose(average.network.head.weight, start + 0.1 + 0.9 * 0.9)
    follows = EMA(network, 0)
    with torch.no_grad():
        network.head.weight.add_(1)
    follows.update(network, 50)
    assert torch.equal(follows.network.head.weight, network.head.weight)
