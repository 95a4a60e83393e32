import pytest
import torch
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

from srgan.networks.discriminator import Discriminator, DiscriminatorConfig
from srgan.networks.make import make_discriminator
from srgan.networks.unet_discriminator import UNetDiscriminator
from support.two_processes import in_two_processes


@pytest.fixture(autouse=True)
def one_thread():
    """Threads wait for each other longer than networks as small as these take."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


def unet(features=4, bands=3):
    torch.manual_seed(0)
    return UNetDiscriminator(DiscriminatorConfig(kind="unet", features=features, bands=bands))


def test_weight_count_is_that_of_real_esrgan():
    # Worked by hand from figure 6; spectrally normalised convolutions have no bias.
    down = 16 * (64 * 128 + 128 * 256 + 256 * 512)
    up = 9 * (512 * 256 + 256 * 128 + 128 * 64)
    count = 9 * 3 * 64 + 64 + down + up + 2 * 9 * 64 * 64 + 9 * 64 + 1
    assert sum(p.numel() for p in UNetDiscriminator().parameters()) == count == 4_376_897


def test_computes_what_real_esrgan_computes():
    network = unet().eval()
    x = torch.rand(2, 3, 32, 48)
    conv = lambda layer, y, **how: F.leaky_relu(F.conv2d(y, layer.weight, layer.bias, **how), 0.2)  # noqa: E731
    twice = lambda y: F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)  # noqa: E731
    with torch.no_grad():
        x0 = conv(network.head, x * 2 - 1, padding=1)
        x1 = conv(network.down[0], x0, stride=2, padding=1)
        x2 = conv(network.down[1], x1, stride=2, padding=1)
        x3 = conv(network.down[2], x2, stride=2, padding=1)
        x4 = conv(network.up[0], twice(x3), padding=1) + x2
        x5 = conv(network.up[1], twice(x4), padding=1) + x1
        x6 = conv(network.up[2], twice(x5), padding=1) + x0
        y = conv(network.last[1], conv(network.last[0], x6, padding=1), padding=1)
        wanted = F.conv2d(y, network.tail.weight, network.tail.bias, padding=1)
        assert torch.allclose(network(x), wanted, atol=1e-6)


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (37, 50), (29, 61)])
def test_any_size_gives_one_logit_a_pixel(size):
    assert unet()(torch.rand(2, 3, *size)).shape == (2, 1, *size)
    assert unet(bands=5)(torch.rand(2, 5, *size)).shape == (2, 1, *size)


def test_learns_where_a_picture_is_noise():
    network = unet(8)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    target = torch.zeros(4, 1, 32, 32)
    target[:, :, :, :16] = 1
    for _ in range(40):
        x = torch.rand(4, 3, 1, 1).expand(-1, -1, 32, 32).clone()
        x[:, :, :, :16] = torch.rand(4, 3, 32, 16)
        logits = network(x)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(logits, target).backward()
        optimizer.step()
    assert logits[:, :, :, :12].mean() > logits[:, :, :, 20:].mean() + 1.5


def test_all_but_the_ends_are_spectrally_normalised():
    network = unet(8)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(7)
    for _ in range(60):
        network(torch.rand(1, 3, 16, 16))
    largest = lambda layer: torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()  # noqa: E731
    for layer in (*network.down, *network.up, *network.last):
        assert largest(layer) == pytest.approx(1, abs=0.05)
    plain = unet(8)
    for end in ("head", "tail"):
        assert largest(getattr(network, end)) == pytest.approx(7 * largest(getattr(plain, end)), rel=1e-5)


def test_each_pass_takes_one_step_of_the_power_iteration_and_leaves_no_weight_cached():
    network, other = unet(), unet()
    layer = network.down[0]
    network(torch.rand(1, 3, 16, 16))
    _ = other.down[0].weight
    assert torch.equal(layer.parametrizations.weight[0]._u, other.down[0].parametrizations.weight[0]._u)
    before = layer.eval().weight.detach().clone()
    with torch.no_grad():
        layer.parametrizations.weight.original.add_(1)
    assert not torch.allclose(layer.weight, before, atol=0.01)


def test_weights_are_normalised_in_full_precision_under_autocast():
    network, reduced = unet(), []
    for layer in (*network.down, *network.up, *network.last):
        layer.parametrizations.weight[0].register_forward_hook(
            lambda *_: reduced.append(torch.is_autocast_enabled("cpu"))
        )
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.rand(1, 3, 16, 16)).dtype == torch.bfloat16
    assert reduced == [False] * 8  # once each


def test_a_kind_is_the_network_of_its_name():
    shape = {"features": 2, "dense": 4}
    assert type(make_discriminator(DiscriminatorConfig(**shape))) is Discriminator
    assert type(make_discriminator(DiscriminatorConfig(**shape, kind="unet"))) is UNetDiscriminator


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"features": 0}, "features"),
        ({"norm": "batch"}, "spectral"),
        ({"norm": "none"}, "spectral"),
        ({"kind": "u"}, "kind"),
    ],
)
def test_impossible_shapes_are_refused(values, word):
    with pytest.raises(ValueError, match=word):
        UNetDiscriminator(DiscriminatorConfig(**{"kind": "unet", **values}))


def _judged(rank, folder):
    network = unet()
    shared = DistributedDataParallel(network)
    share = slice(2 * rank, 2 * rank + 2)
    for seed in (0, 1):  # photographs and generated pictures, before one backward pass
        x = torch.rand(4, 3, 20, 20, generator=torch.Generator().manual_seed(seed))
        (shared(x[share]).square().mean() / 2).backward() if seed else shared(x[share])
    torch.save(([p.grad for p in network.parameters()], dict(network.named_buffers())), folder / f"{rank}.pt")


def test_two_processes_have_the_gradients_of_one(tmp_path):
    network = unet()
    for seed in (0, 1):
        x = torch.rand(4, 3, 20, 20, generator=torch.Generator().manual_seed(seed))
        logits = network(x)
    (logits.square().mean() / 2).backward()
    in_two_processes(_judged, tmp_path)
    for rank in (0, 1):
        gradients, buffers = torch.load(tmp_path / f"{rank}.pt")
        for gradient, parameter in zip(gradients, network.parameters(), strict=True):
            assert torch.allclose(gradient, parameter.grad, atol=1e-6)
        for key, value in network.named_buffers():
            assert torch.equal(buffers[key], value), key
