import pytest
import torch

from srgan.networks.discriminator import Discriminator, DiscriminatorConfig


def test_weight_count_is_the_one_of_figure_4_with_pooling():
    # Worked by hand; convolutions before BatchNorm have no bias.
    widths = [(64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convs = 9 * 3 * 64 + 64 + sum(9 * a * b + 2 * b for a, b in widths)
    dense = 512 * 1024 + 1024 + 1024 + 1
    assert sum(p.numel() for p in Discriminator().parameters()) == convs + dense


@pytest.mark.parametrize("size", [(16, 16), (96, 96), (37, 50)])
def test_any_size_gives_one_logit(size):
    assert Discriminator(DiscriminatorConfig(features=4, dense=8))(torch.rand(3, 3, *size)).shape == (3, 1)


def test_strides_reduce_sixteen_times():
    discriminator = Discriminator(DiscriminatorConfig(features=4, dense=8))
    assert discriminator.features(torch.rand(1, 3, 96, 96)).shape == (1, 32, 6, 6)


def test_learns_to_tell_noise_from_flat():
    torch.manual_seed(0)
    for norm in ("batch", "spectral", "none"):
        discriminator = Discriminator(DiscriminatorConfig(features=8, dense=16, norm=norm))
        optimizer = torch.optim.Adam(discriminator.parameters(), 1e-3)
        for _ in range(30):
            noise, flat = torch.rand(4, 3, 32, 32), torch.rand(4, 3, 1, 1).expand(-1, -1, 32, 32)
            logits = discriminator(torch.cat([noise, flat]))
            target = torch.tensor([1.0] * 4 + [0.0] * 4)[:, None]
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(logits, target).backward()
            optimizer.step()
        real, fake = discriminator(torch.cat([noise, flat])).chunk(2)
        assert real.mean() > fake.mean() + 0.5, norm


def test_spectral_norm_bounds_the_largest_singular_value():
    discriminator = Discriminator(DiscriminatorConfig(features=8, dense=16, norm="spectral")).train()
    for _ in range(50):
        discriminator(torch.rand(2, 3, 32, 32))
    weight = discriminator.features[2].weight.detach()
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("field", "value"), [("features", 0), ("dense", 0), ("norm", "layer")])
def test_impossible_shapes_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        Discriminator(DiscriminatorConfig(**{field: value}))
