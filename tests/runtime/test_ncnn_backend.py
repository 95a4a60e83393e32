"""ncnn with Vulkan: as exact as promised on whatever card there is, Mesa's software one too; and a crash stays outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from srgan import Upscaler
from srgan.errors import DeviceError
from srgan.models.metadata import read_info
from srgan.runtime.backend import Device
from srgan.runtime.graph import read_graph
from srgan.runtime.ncnn_backend import NcnnBackend, NcnnNetwork
from support import extras, tiny_models


@pytest.fixture(scope="module")
def device() -> Device:
    extras.need("gpu")
    found = NcnnBackend().devices()
    if not found:
        pytest.skip("needs a Vulkan driver; Mesa's software one is in Debian's mesa-vulkan-drivers")
    return found[0]


def opened(file: Path, device: Device, precision: Any = "fp32") -> NcnnNetwork:
    info = read_info(file)
    return NcnnBackend().open(read_graph(info), info.name, device, precision)


@pytest.mark.gpu
@pytest.mark.parametrize("make", [tiny_models.every_operation, tiny_models.residual])
def test_it_computes_what_onnxruntime_computes(tmp_path: Path, device: Device, make: Any) -> None:
    """In fp32 and fp16; for several sizes one after the other, as memory that is not its own would show then."""
    file = make(tmp_path / "net.onnx")
    other = onnxruntime.InferenceSession(str(file))
    for precision, most in (("fp32", 0.01), ("fp16", 1.0)):
        network = opened(file, device, precision)
        for shape in [(1, 3, 9, 12), (2, 3, 5, 7)]:
            batch = np.random.default_rng(0).random(shape, np.float32)
            (expected,) = other.run(None, {"input": batch})
            assert abs(network(batch) - expected).max() * 255 <= most


@pytest.mark.gpu
def test_pictures(tmp_path: Path, device: Device) -> None:
    """By its name, as software is never taken otherwise: several tiles, two under way at a time, with alpha and in gray."""
    file = tiny_models.residual(tmp_path / "net.onnx")
    upscaler = Upscaler(file, device=device.name, precision="fp32", memory=10**7)
    processor = Upscaler(file, device="cpu", precision="fp32")
    for channels in (4, 1):
        image = np.random.default_rng(0).integers(0, 256, (24, 20, channels), np.uint8)
        off = abs(upscaler(image).astype(int) - processor(image))
        assert off.max() <= 1
        assert (off > 0).mean() < 0.001
    assert upscaler.devices == [device.name]


@pytest.mark.gpu
def test_a_device_that_is_not_there_is_no_other_one(tmp_path: Path, device: Device) -> None:
    """ncnn itself takes the first one, or the processor, without a word."""
    beyond = Device("vulkan:9", device.title, "ncnn")
    with pytest.raises(DeviceError, match=r"vulkan:9 .* cannot be opened .*no Vulkan device 9"):
        opened(tiny_models.shallow(tmp_path / "net.onnx"), beyond)
