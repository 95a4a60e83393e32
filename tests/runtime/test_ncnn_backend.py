"""ncnn with Vulkan: as exact as promised on whatever card there is, Mesa's software one too; and a crash stays outside."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from srgan import Upscaler
from srgan.errors import DeviceError
from srgan.models.metadata import read_info
from srgan.runtime import ncnn_child
from srgan.runtime.backend import Device
from srgan.runtime.graph import read_graph
from srgan.runtime.layers import program_of
from srgan.runtime.ncnn_backend import NcnnBackend, NcnnNetwork
from srgan.runtime.ncnn_graph import files_of
from support import tiny_models


@pytest.fixture(scope="module")
def device() -> Device:
    if find_spec("ncnn") is None:
        pytest.skip("needs ncnn: pip install 'srgan[gpu]'")
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


CRASHES = """
import json, os, sys, numpy as np
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "open":
        answer = {"free": 1 << 30}
    elif request["shape"][1] > 8:
        os.kill(os.getpid(), 11)
    elif request["shape"][1] == 7:
        answer = {"error": "the driver was reset"}
    elif request["shape"][1] == 6:
        answer = {"memory": True}
    else:
        np.zeros((3, 4, 4), np.float32).tofile(request["made"])
        answer = {"shape": [3, 4, 4], "sound": True}
    print(json.dumps(answer), flush=True)
"""


def test_a_crash_stays_in_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is taken for want of memory, and there is another process; the second one is a lost device."""
    script = tmp_path / "child.py"
    script.write_text(CRASHES)
    monkeypatch.setattr(ncnn_child, "__file__", str(script))
    info = read_info(tiny_models.shallow(tmp_path / "net.onnx"))
    network = NcnnNetwork(
        files_of(program_of(read_graph(info), info.name)), Device("vulkan:0", "Card", "ncnn"), "fp32", 9
    )

    def run(height: int) -> Any:
        return network(np.zeros((1, 3, height, 2), np.float32))

    with pytest.raises(MemoryError):
        run(6)
    with pytest.raises(MemoryError):
        run(16)
    assert run(2).shape == (1, 3, 4, 4)
    with pytest.raises(DeviceError, match=r"vulkan:0 \(Card\) failed \(the driver was reset\)"):
        run(7)
    with pytest.raises(DeviceError, match=r"vulkan:0 \(Card\) failed \(the process that drives it ended with -11\)"):
        run(16)


def test_the_files_of_a_network_with_a_skip(tmp_path: Path) -> None:
    """A tensor that two layers take is split, each layer has its line, and weights stand in their order."""
    info = read_info(tiny_models.residual(tmp_path / "net.onnx", scale=2, channels=2, blocks=1))
    program = program_of(read_graph(info), info.name)
    param, weights = files_of(program)
    magic, counts, *lines = param.splitlines()
    assert magic == "7767517"
    assert counts.split()[0] == str(len(lines))
    assert sum(line.startswith("Split") for line in lines) == 1  # the head's, for the block, its sum and the long skip
    taken = [name for line in lines for name in line.split()[4 : 4 + int(line.split()[2])]]
    assert len(taken) == len(set(taken))
    values = sum(value.size for layer in program.layers for key, value in layer.weights.items() if key != "constant")
    convolutions = sum(layer.kind == "conv" for layer in program.layers)
    assert len(weights) == 4 * (values + convolutions)
