import numpy as np
import pytest
import torch

from srgan.errors import ModelError
from srgan.interop.convert import convert
from srgan.models.metadata import read_info
from srgan.runtime.network import open_network
from support import originals
from support.originals import REPOSITORIES, picture, randomise


def wanted(network, lr):
    with torch.no_grad():
        return network.enlarge(lr).clamp(0, 1).numpy()


def got(file, lr):
    return np.clip(open_network(file, precision="fp32")(lr.numpy()), 0, 1)


@pytest.mark.parametrize(("blocks", "levels"), [(2, 2), (3, 1)])
@pytest.mark.parametrize("name", REPOSITORIES)
def test_the_file_gives_what_the_original_gives(tmp_path, name, blocks, levels):
    network = randomise(REPOSITORIES[name](16, blocks, levels))
    torch.save(network.state_dict(), tmp_path / "g.pth")
    convert(tmp_path / "g.pth", tmp_path / "g.onnx", name="mine")
    lr = picture()
    target = wanted(network, lr)
    assert np.abs(target - 0.5).mean() > 0.05  # the picture is no flat gray
    assert np.abs(got(tmp_path / "g.onnx", lr) - target).max() < 1e-4
    info = read_info(tmp_path / "g.onnx")
    assert (info.name, info.scale) == ("mine", 2**levels)
    assert info.card["file"] == "g.pth"


def test_the_full_size_as_training_scripts_save_it(tmp_path):
    network = randomise(originals.Lornatang2023())
    averaged = {f"module.{key}": value for key, value in network.state_dict().items()}
    other = randomise(originals.Lornatang2023(), seed=1).state_dict()
    checkpoint = {"epoch": 3, "state_dict": other, "ema_state_dict": averaged, "optimizer": {"state": {}}}
    torch.save(checkpoint, tmp_path / "g_best.pth.tar")
    done = convert(tmp_path / "g_best.pth.tar", tmp_path / "g.onnx")
    lr = picture(12, 9)
    assert np.abs(got(tmp_path / "g.onnx", lr) - wanted(network, lr)).max() < 1e-4
    assert done.difference < 1e-4
    assert read_info(tmp_path / "g.onnx").radius == 40


def test_fp16_halves_the_file(tmp_path):
    for name in ("srgan-pytorch", "msrresnet"):
        network = randomise(REPOSITORIES[name](32, 2, 2))
        torch.save(network.state_dict(), tmp_path / "g.pth")
        convert(tmp_path / "g.pth", tmp_path / "full.onnx", overwrite=True)
        convert(tmp_path / "g.pth", tmp_path / "half.onnx", half=True, overwrite=True)
        sizes = [(tmp_path / f"{each}.onnx").stat().st_size for each in ("full", "half")]
        assert 0.45 < sizes[1] / sizes[0] < 0.6
        lr = picture()
        assert np.abs(got(tmp_path / "half.onnx", lr) - wanted(network, lr)).max() < 5e-3


def test_msrresnet_by_three_is_refused(tmp_path):
    network = originals.BasicSRMSRResNet(8, 2, 1)
    network.upconv1 = torch.nn.Conv2d(8, 72, 3, 1, 1)
    torch.save({"params": network.state_dict()}, tmp_path / "x3.pth")
    with pytest.raises(ModelError, match="enlarges by 3"):
        convert(tmp_path / "x3.pth", tmp_path / "x3.onnx")
