"""``srgan devices`` and ``--device``, as typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan import image
from srgan.cli import main
from support import tiny_models
from support.fake_devices import FakeBackend, OverlappingBackend, card, install


def srgan(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["srgan", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cards = [card("cuda:0", "Card A", memory=24 * 10**9), card("vulkan:0", "llvmpipe", software=True)]
    install(monkeypatch, FakeBackend(cards))
    assert srgan(monkeypatch, "devices") == 0
    head, cpu, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "NAME"
    assert cpu.startswith("cpu ")
    assert first.split()[:6] == ["gpu:0", "cuda:0", "Card", "A", "24.0", "GB"]
    assert second.startswith("vulkan:0 ")
    assert "never take" in second


def test_without_a_gpu_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, FakeBackend([]))
    assert srgan(monkeypatch, "devices") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("No GPU: ")


def test_an_unknown_device_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, FakeBackend([card(title="Card A")]))
    image.write(image.Picture(np.zeros((8, 8, 3), np.uint8)), tmp_path / "a.png")
    assert srgan(monkeypatch, "upscale", tmp_path / "a.png", "--device", "gpu:1") == 2
    said = capsys.readouterr()
    assert said.err == "srgan: there is no device 'gpu:1': there are cpu, gpu:0 (Card A)\n"
    assert said.out == ""


def test_a_picture_by_a_device_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.residual(tmp_path / "net.onnx")
    install(monkeypatch, fake := OverlappingBackend([card()]))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    image.write(image.Picture(pixels), tmp_path / "a.png")
    common = "upscale", tmp_path / "a.png", "--model", model, "--precision", "fp32", "-o"
    assert srgan(monkeypatch, *common, tmp_path / "gpu.png", "--device", "gpu") == 0
    assert (1, 3, 20, 30) in fake.opened[-1].shapes
    assert srgan(monkeypatch, *common, tmp_path / "cpu.png", "--device", "cpu") == 0
    np.testing.assert_array_equal(image.read(tmp_path / "gpu.png").pixels, image.read(tmp_path / "cpu.png").pixels)
