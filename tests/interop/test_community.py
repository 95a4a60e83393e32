"""Networks that spandrel knows and srgan does not: converted with the values that they have there, or refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN

from srgan.errors import MissingExtraError, ModelError
from srgan.interop.convert import convert
from srgan.models.metadata import read_info
from srgan.runtime.network import open_network


def saved(path: Path, network: Any) -> Any:
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    torch.save({"params_ema": network.state_dict()}, path)
    return network.eval()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: ESRGAN(num_filters=8, num_blocks=2, scale=4), "ESRGAN"),
        (lambda: Compact(num_feat=8, num_conv=3, upscale=4, act_type="prelu"), "RealESRGAN Compact"),
        (lambda: Compact(num_feat=8, num_conv=2, upscale=2, act_type="prelu"), "RealESRGAN Compact"),
    ],
)
def test_the_file_gives_what_the_network_gives(make: Any, name: str, tmp_path: Path) -> None:
    network = saved(tmp_path / "net.pth", make())
    convert(tmp_path / "net.pth", tmp_path / "net.onnx")
    info = read_info(tmp_path / "net.onnx")
    x = torch.rand(1, 3, 13, 18, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = network(x).numpy()
    assert info.scale == wanted.shape[2] // 13
    assert name in str(info.card)
    found = open_network(tmp_path / "net.onnx", precision="fp32")(x.numpy())
    assert np.abs(np.clip(found, 0, 1) - np.clip(wanted, 0, 1)).max() < 1e-4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Compact(num_feat=8, num_conv=2, upscale=3, act_type="prelu"), "it enlarges by 3"),
        (lambda: Compact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=2, upscale=4), "RGB"),
        (lambda: torch.nn.Linear(3, 4), "of no network that srgan or spandrel knows"),
    ],
)
def test_what_cannot_be_converted_is_one_line(make: Any, words: str, tmp_path: Path) -> None:
    saved(tmp_path / "net.pth", make())
    with pytest.raises(ModelError, match=words) as caught:
        convert(tmp_path / "net.pth", tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "net.onnx").exists()


def test_without_spandrel_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "net.pth", ESRGAN(num_filters=8, num_blocks=1, scale=4))
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'srgan\[community\]'"):
        convert(tmp_path / "net.pth", tmp_path / "net.onnx")
