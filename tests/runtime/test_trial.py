"""A device is taken only if it is right, and by auto only if it is faster too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan.engine.networks import OpenNetworks
from srgan.errors import DeviceError, UsageError
from srgan.runtime import cache, devices, trial
from srgan.runtime.backend import Device
from support import tiny_models
from support.bands import save_network
from support.fake_devices import FakeBackend, card, install


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRGAN_CACHE", str(tmp_path / "cache"))
    return tiny_models.residual(tmp_path / "net.onnx")


def spoilt(how: str) -> Any:
    def spoil(network: Any, result: Any) -> Any:
        if how == "black in fp16":
            return result * 0 if network.precision == "fp16" else result
        return {
            "right": lambda: result,
            "black": lambda: result * 0,
            "nan": lambda: result * np.float32(np.nan),
            "shifted": lambda: np.roll(result, 1, axis=3),
        }[how]()

    return spoil


@pytest.mark.parametrize(
    ("how", "precision"),
    [("right", "fp16"), ("black in fp16", "fp32"), ("black", ""), ("nan", ""), ("shifted", "")],
)
def test_the_result_is_compared_with_the_processors(
    model: Path, monkeypatch: pytest.MonkeyPatch, how: str, precision: str
) -> None:
    device = card()
    install(monkeypatch, FakeBackend([device], spoilt(how)))
    verdict = trial.judge(device, model, "auto", timed=False)
    assert verdict.precision == precision
    assert bool(verdict.why) == (not precision)


@pytest.mark.parametrize("bands", [1, 5])
def test_bands_are_tried_as_bands_and_in_fp32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bands: int) -> None:
    device = card()
    install(monkeypatch, FakeBackend([device], spoilt("right")))
    verdict = trial.judge(device, save_network(tmp_path / "net.onnx", bands), "auto", timed=False)
    assert (verdict.precision, verdict.why) == ("fp32", "")


def test_the_promised_levels() -> None:
    right = np.full((1, 3, 100, 100), 0.5, np.float32)

    def off(levels: float, count: int) -> str:
        made = right.copy()
        made.ravel()[:count] += levels / 255
        return trial.compared(made, right)

    assert off(1, 30_000) == ""
    assert off(3, 150) == ""
    assert "by up to 2 levels" in off(2, 151)
    assert "by up to 4 levels" in off(4, 1)


def test_a_named_device_that_is_wrong_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeBackend([card()], spoilt("black")))
    with pytest.raises(DeviceError, match=r"fake:0 \(Fake GPU\) is off by up to \d+ levels .*: use .*cpu"):
        trial.pick(model, "gpu", precision="auto")


@pytest.mark.parametrize(
    ("how", "faster", "taken"), [("right", True, True), ("right", False, False), ("black", True, False)]
)
def test_auto_takes_what_is_right_and_faster(
    model: Path, monkeypatch: pytest.MonkeyPatch, how: str, faster: bool, taken: bool
) -> None:
    device = card()
    install(monkeypatch, FakeBackend([card("fake:1", "llvmpipe", software=True), device], spoilt(how)))
    # The processor is timed first, by the small picture; per pixel it takes a second.
    times = iter([trial.SIDE**2, trial.LARGE_SIDE**2 * (0.5 if faster else 2)] * 2)
    monkeypatch.setattr(trial, "_seconds", lambda work: (work(), next(times))[1])
    place = trial.pick(model, "auto", precision="auto")
    assert place == [(device, "fp16") if taken else (None, "auto")]


def test_the_verdict_is_kept(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = card()
    backend = FakeBackend([device])
    install(monkeypatch, backend)
    monkeypatch.setattr(trial, "_seconds", lambda work: (work(), 1.0)[1])
    first = trial.pick(model, "auto", precision="auto")
    assert backend.opened
    backend.opened.clear()
    assert trial.pick(model, "auto", precision="auto") == first
    assert not backend.opened
    trial.pick(model, "auto", precision="fp32")  # another question
    assert backend.opened


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_another_driver_or_library_is_another_question(
    model: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    backend = FakeBackend([card()])
    install(monkeypatch, backend)
    monkeypatch.setattr(trial, "_seconds", lambda work: (work(), 1.0)[1])
    for name, value in (("traces", ["driver 1"]), ("traces", ["driver 2"]), ("_versions", ["torch 3"])):
        monkeypatch.setattr(devices if name == "traces" else trial, name, lambda value=value: value)
        backend.opened.clear()
        trial.pick(model, wanted, precision="auto")
        assert backend.opened, (name, value)
        backend.opened.clear()
        trial.pick(model, wanted, precision="auto")
        assert not backend.opened


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_card_that_others_use_is_tried_again(model: Path, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    free = False

    def spoil(_: Any, result: Any) -> Any:
        if not free:
            raise MemoryError
        return result

    install(monkeypatch, FakeBackend([card()], spoil))
    times = iter([trial.SIDE**2, trial.SIDE**2, trial.LARGE_SIDE**2 / 2])
    monkeypatch.setattr(trial, "_seconds", lambda work: (work(), next(times))[1])
    if wanted == "auto":
        assert trial.pick(model, wanted, precision="auto") == [(None, "auto")]
    else:
        with pytest.raises(DeviceError, match="cannot be used"):
            trial.pick(model, wanted, precision="auto")
    free = True
    assert trial.pick(model, wanted, precision="auto") == [(card(), "fp16")]


def test_auto_leaves_a_precision_that_no_card_has_to_the_processor(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, backend := FakeBackend([card()]))
    monkeypatch.setattr(trial, "_seconds", lambda work: (work(), 1.0)[1])
    assert trial.pick(model, "auto", precision="bf16") == [(None, "bf16")]
    assert not backend.opened
    install(monkeypatch, FakeBackend([card(precisions=("fp32",))]))
    assert trial.pick(model, "auto", precision="fp16") == [(None, "fp16")]
    with pytest.raises(UsageError, match=r"fake:0 .* does not compute in fp16: choose of fp32 and auto"):
        OpenNetworks(model, precision="fp16", threads=1, fidelity=None, device="gpu")


def test_a_kept_verdict_asks_no_other_library(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Asked(FakeBackend):
        def devices(self) -> list[Device]:
            asked.append(self.found[0].name)
            return super().devices()

    install(monkeypatch, Asked([card("slow:0", "Slow")]), Asked([card("fast:0", "Fast", backend="fake1")]))
    pixels = trial.SIDE**2, trial.LARGE_SIDE**2
    times = iter([pixels[0], 2 * pixels[1], pixels[0], 0.5 * pixels[1]])
    monkeypatch.setattr(trial, "_seconds", lambda work: (work(), next(times))[1])
    taken = trial.pick(model, "auto", precision="auto")
    assert taken[0][0] == card("fast:0", "Fast", backend="fake1")
    assert "slow:0" in asked
    asked.clear()
    assert trial.pick(model, "auto", precision="auto") == taken
    assert asked == ["fast:0"]


def test_a_damaged_file_of_verdicts_is_none(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / cache.TRIALS).write_text("[1, 2")
    install(monkeypatch, FakeBackend([card()]))
    assert trial.pick(model, "gpu", precision="auto") == [(card(), "fp16")]


def test_int8_stays_on_the_processor(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeBackend([card()]))
    assert trial.pick(model, "auto", precision="int8") == [(None, "int8")]


def test_networks_of_other_bands_are_tried_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tiny_models.Layers()
    last = net.shuffle(net.random_conv("input", 5, 20))
    card_of = {"recipe": {"generator": {"bands": 5}}}
    file = net.save(tmp_path / "n.onnx", last, scale=2, radius=1, channels=5, card=card_of)
    install(monkeypatch, FakeBackend([card()]))
    assert trial.judge(card(), file, "fp32", timed=False).precision == "fp32"
