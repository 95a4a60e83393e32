"""The open forms of one network: each is opened once, when it is first needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan.engine import networks as module
from srgan.engine.networks import OpenNetworks
from srgan.errors import DeviceError
from srgan.runtime.network import Network
from support import tiny_models
from support.fake_devices import FakeBackend, card, install

UINT8, UINT16 = np.dtype(np.uint8), np.dtype(np.uint16)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRGAN_CACHE", str(tmp_path / "cache"))
    return tiny_models.residual(tmp_path / "net.onnx")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Device and precision of each network that is opened."""
    found: list[tuple[str, str]] = []
    real = module.open_network

    def noted(*args: object, **options: object) -> Network:
        network = real(*args, **options)  # type: ignore[arg-type]
        found.append((network.device.name if network.device else "cpu", network.precision))
        return network

    monkeypatch.setattr(module, "open_network", noted)
    return found


def test_on_the_processor_one_network_is_enough_in_fp32(model: Path, opened: list[tuple[str, str]]) -> None:
    networks = OpenNetworks(model, precision="fp32", threads=1, fidelity=None)
    assert networks.for_dtype(UINT8) is networks.for_dtype(UINT16) is networks.in_fp32(networks.first) is networks.first
    assert networks.devices == []
    assert opened == [("cpu", "fp32")]


def test_deep_pictures_are_computed_in_fp32(
    model: Path, opened: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = card()
    install(monkeypatch, FakeBackend([device]))
    networks = OpenNetworks(model, precision="auto", threads=None, fidelity=None, device=device.name)
    assert networks.devices == [device]
    assert networks.for_dtype(UINT8).precision == "fp16"
    deep = networks.for_dtype(UINT16)
    assert (deep.precision, deep.device) == ("fp32", device)
    assert networks.in_fp32(networks.first) is deep
    assert opened == [(device.name, "fp16"), (device.name, "fp32")]


def test_a_lost_device_is_left_and_the_processor_goes_on(
    model: Path, opened: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = card()
    install(monkeypatch, FakeBackend([device]))
    said: list[str] = []
    monkeypatch.setattr(module, "tell", said.append)
    networks = OpenNetworks(model, precision="fp32", threads=None, fidelity=None, device=device.name)
    other = networks.without(networks.first, DeviceError("it is gone"))
    assert (other.device, other.precision) == (None, "fp32")
    assert networks.devices == []
    assert networks.for_dtype(UINT8) is other
    assert said == ["it is gone: the processor goes on"]
    assert opened == [(device.name, "fp32"), ("cpu", "fp32")]
