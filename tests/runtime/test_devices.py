"""What devices are called, and what is said of those that are not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from srgan.cli.devices import devices_command
from srgan.errors import UsageError
from srgan.runtime import devices
from srgan.runtime.backend import Device
from support.fake_devices import FakeBackend, card, install

FIRST = [card("cuda:0", "Card A"), card("cuda:1", "Card A")]
SECOND = [
    card("vulkan:0", "Card A", backend="fake1"),
    card("vulkan:1", "Card B", backend="fake1"),
    card("vulkan:2", "llvmpipe", backend="fake1", software=True),
    card("vulkan:3", "Card A", backend="fake1"),
    card("npu:0", "NPU", backend="fake1"),
]


def test_a_card_is_counted_once_and_software_never(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeBackend(FIRST), FakeBackend(SECOND))
    numbered = {called: device.name for called, device in devices.numbered().items()}
    assert numbered == {"gpu:0": "cuda:0", "gpu:1": "cuda:1", "gpu:2": "vulkan:1"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cpu", [None]),
        ("gpu", ["cuda:0"]),
        ("GPU:2", ["vulkan:1"]),
        ("gpu:0, gpu:1", ["cuda:0", "cuda:1"]),
        ("vulkan:2", ["vulkan:2"]),
        ("npu:0", ["npu:0"]),
    ],
)
def test_names(monkeypatch: pytest.MonkeyPatch, text: str, names: list[str | None]) -> None:
    install(monkeypatch, FakeBackend(FIRST), FakeBackend(SECOND))
    assert [device and device.name for device in devices.named(text)] == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gpu:3", r"there is no device 'gpu:3': there are cpu, gpu:0 \(Card A\), gpu:1 \(Card A\), vulkan:0"),
        ("gpu,gpu:0", "names a device twice"),
        ("cpu,gpu", "name it alone"),
        ("auto,gpu", "auto stands alone"),
        ("", "there is no device ''"),
    ],
)
def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    install(monkeypatch, FakeBackend(FIRST), FakeBackend(SECOND))
    with pytest.raises(UsageError, match=says):
        devices.named(text)


def test_gpu_takes_no_software(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeBackend([card("vulkan:0", "llvmpipe", software=True)]))
    with pytest.raises(UsageError, match=r"there is no device 'gpu': there are cpu, vulkan:0 \(llvmpipe\)"):
        devices.named("gpu")


@pytest.mark.parametrize(
    "error", [ImportError("no libcudnn"), OSError("bad file"), RuntimeError("a\nbuilt for numpy 1")]
)
def test_a_damaged_library_is_said_and_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def broken() -> FakeBackend:
        raise error

    install(monkeypatch, FakeBackend([]), FakeBackend([card("vulkan:0", "Card B", backend="fake1")]))
    monkeypatch.setattr(devices, "BACKENDS", {**devices.BACKENDS, "fake": ("numpy", broken)})
    assert [device.name for device in devices.found()] == ["vulkan:0"]
    reason = str(error).splitlines()[-1]
    line = f"numpy is installed but cannot be used ({reason}): install it again"
    with pytest.raises(UsageError, match=rf"'cuda:0': there are cpu, gpu:0 \(Card B\); {re.escape(line)}"):
        devices.named("cuda:0")
    devices_command()
    assert line in capsys.readouterr().out.splitlines()


def test_a_name_asks_no_more_libraries_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unasked(FakeBackend):
        def devices(self) -> list[Device]:
            raise AssertionError

    install(monkeypatch, FakeBackend(FIRST), Unasked([]))
    assert devices.named("gpu") == devices.named("cuda:0") == [FIRST[0]]


def test_without_any_trace_of_a_card_no_library_is_imported(tmp_path: Path) -> None:
    """A machine without a GPU starts as it did: PyTorch, where it is installed, is not asked."""
    code = (
        "import sys; from srgan.runtime import devices; devices.traces = lambda: iter(())\n"
        "from srgan import Upscaler; Upscaler('srgan-x4')\n"
        "assert not {'torch', 'ncnn'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
