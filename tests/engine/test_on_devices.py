"""Pictures on devices: as the processor makes them, whatever becomes of the device meanwhile."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan import Upscaler
from srgan.engine.tile_pass import TilePass
from srgan.errors import DeviceError
from srgan.image.pixels import Rows
from srgan.runtime.devices import TORCH_CPU
from support import tiny_models
from support.fake_devices import FakeBackend, OverlappingBackend, card, install


def picture(height: int = 90, width: int = 70, channels: int = 3, dtype: Any = np.uint8) -> Any:
    values = np.random.default_rng(0).random((height, width, channels), np.float32)
    return values if dtype == np.float32 else (values * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_models.residual(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("channels", "dtype", "options"),
    [
        (3, np.uint8, {}),
        (1, np.uint8, {"wrap": True}),
        (4, np.uint8, {}),
        (3, np.uint8, {"tta": True}),
        (2, np.uint16, {}),
        (3, np.float32, {"wrap": True}),
    ],
)
@pytest.mark.extra("train")
def test_every_kind_of_picture(model: Path, channels: int, dtype: Any, options: dict[str, Any]) -> None:
    options = {"precision": "fp32", **options}
    image = picture(30, 26, channels, dtype)
    expected = Upscaler(model, device="cpu", **options)(image)
    made = Upscaler(model, device=TORCH_CPU, **options)(image)
    assert (made.shape, made.dtype) == (expected.shape, expected.dtype)
    if dtype == np.float32:
        np.testing.assert_allclose(made, expected, rtol=0, atol=3e-6)
    else:
        assert abs(made.astype(int) - expected.astype(int)).max() <= 1
        assert (made != expected).mean() < 0.01


@pytest.mark.parametrize("backend", [FakeBackend, OverlappingBackend])
def test_tiles_are_as_large_as_the_device_allows(
    model: Path, monkeypatch: pytest.MonkeyPatch, backend: type[FakeBackend]
) -> None:
    install(monkeypatch, fake := backend([card()]))
    fake.max_pixels = 60 * 60
    image = picture()
    made = Upscaler(model, precision="fp32", device="gpu", exact=True)(image)
    np.testing.assert_array_equal(made, Upscaler(model, precision="fp32", device="cpu")(image))
    shapes = fake.opened[-1].shapes
    assert len(shapes) > 1
    assert all(height * width <= 60 * 60 for _, _, height, width in shapes)


@pytest.mark.parametrize("backend", [FakeBackend, OverlappingBackend])
def test_when_memory_runs_out_tiles_are_halved(
    model: Path, monkeypatch: pytest.MonkeyPatch, backend: type[FakeBackend]
) -> None:
    def spoil(network: Any, result: Any) -> Any:
        if network.shapes[-1][2] * network.shapes[-1][3] > 2500:
            raise MemoryError
        return result

    install(monkeypatch, fake := backend([card()], spoil))
    monkeypatch.setattr("srgan.runtime.trial.SIDE", 40)
    image = picture()
    upscaler = Upscaler(model, precision="fp32", device="gpu", exact=True)
    np.testing.assert_array_equal(upscaler(image), Upscaler(model, precision="fp32", device="cpu")(image))
    assert upscaler.devices == ["fake:0"]
    assert fake.opened[-1].shapes[-1][2] * fake.opened[-1].shapes[-1][3] <= 2500


class Lost:
    """Raises from some call on."""

    def __init__(self, after: int, error: Exception) -> None:
        self.after = after
        self.error = error
        self.calls = 0

    def __call__(self, network: Any, result: Any) -> Any:
        del network
        self.calls += 1
        if self.calls > self.after:
            raise self.error
        return result


@pytest.mark.parametrize("backend", [FakeBackend, OverlappingBackend])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("error", [DeviceError("fake:0 (Fake GPU) failed (it is gone)"), MemoryError()])
def test_a_device_that_is_lost_leaves_a_whole_picture(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    backend: type[FakeBackend],
    channels: int,
    error: Exception,
) -> None:
    install(monkeypatch, fake := backend([card()]))
    fake.max_pixels = 2500
    image = picture(channels=channels)
    upscaler = Upscaler(model, precision="fp32", device="gpu", exact=True)
    fake.spoil = lost = Lost(2, error)
    told: list[tuple[int, int]] = []
    with caplog.at_level(logging.WARNING, "srgan"):
        made = upscaler(image, progress=lambda *now: told.append(now))
        again = upscaler(image)
    expected = Upscaler(model, precision="fp32", device="cpu")(image)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(again, expected)
    assert lost.calls > 2
    (line,) = caplog.messages  # said once, not for every picture
    assert "fake:0" in line
    assert line.endswith("the processor goes on")
    assert upscaler.devices == []
    assert told[-1] == (90 * 70, 90 * 70)


def test_a_picture_that_is_decoded_meanwhile_survives_it_too(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are forgotten behind: what takes over must not ask for others than the device did."""
    install(monkeypatch, fake := OverlappingBackend([card()]))
    fake.max_pixels = 40 * 90
    image = picture(300, 64)
    upscaler = Upscaler(model, precision="fp32", device="gpu")
    fake.spoil = Lost(5, DeviceError("fake:0 failed (gone)"))
    rows = Rows(image.shape, image.dtype, lambda first, end: image[first:end])
    made = np.concatenate(list(upscaler.bands(rows)))
    assert abs(made.astype(int) - Upscaler(model, precision="fp32", device="cpu")(image)).max() <= 1


def test_the_next_device_goes_on(
    model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil(network: Any, result: Any) -> Any:
        if network.device.name == "fake:0" and len(network.shapes) > 1:
            raise DeviceError("fake:0 failed (gone)")
        return result

    install(monkeypatch, fake := OverlappingBackend([card(), card("fake:1", "Another")], spoil))
    upscaler = Upscaler(model, precision="fp32", device="gpu:0,gpu:1")
    image = picture(20, 20)
    expected = Upscaler(model, precision="fp32", device="cpu")(image)
    with caplog.at_level(logging.WARNING, "srgan"):
        for _ in range(4):
            np.testing.assert_array_equal(upscaler(image), expected)
    assert caplog.messages == ["srgan: fake:0 failed (gone): fake:1 goes on"]
    assert {network.device.name for network in fake.opened if network.shapes} == {"fake:0", "fake:1"}


def test_what_fp16_cannot_hold_is_computed_in_fp32_on_the_device(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(network: Any, result: Any) -> Any:
        if network.precision == "fp16" and network.shapes[-1][2:] == (20, 20):
            result[:, :, 5, 5] = np.nan
        return result

    install(monkeypatch, fake := OverlappingBackend([card()], spoil))
    image = picture(20, 20)
    made = Upscaler(model, device="gpu")(image)
    np.testing.assert_array_equal(made, Upscaler(model, precision="fp32", device="cpu")(image))
    assert fake.opened[-1].precision == "fp32"


def test_deep_pictures_take_fp32(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, fake := FakeBackend([card()]))
    Upscaler(model, device="gpu")(picture(9, 9, dtype=np.uint16))
    assert fake.opened[-1].precision == "fp32"


def test_devices_take_turns(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeBackend([card(), card("fake:1", "Another")]))
    upscaler = Upscaler(model, precision="fp32", device="gpu:0,gpu:1")
    passes = [TilePass(upscaler._config, picture(9, 9), None) for _ in range(4)]  # type: ignore[arg-type]
    names = [one._network.device.name for one in passes if one._network.device is not None]
    assert names == ["fake:0", "fake:1"] * 2
