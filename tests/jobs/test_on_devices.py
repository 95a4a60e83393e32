"""A folder on devices: pictures at the same time, shared by all that were named, reported in their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan import image
from srgan.engine.choice import ModelChooser
from srgan.errors import DeviceError, UsageError
from srgan.jobs.cluster import gpus_of_an_actor
from srgan.jobs.plan import plan
from srgan.jobs.run import run_pictures
from support import tiny_models
from support.fake_devices import OverlappingBackend, card, install


def pictures(folder: Path, count: int) -> list[Any]:
    random = np.random.default_rng(0)
    made = [random.integers(0, 256, (12, 10 + number, 3), np.uint8) for number in range(count)]
    for number, pixels in enumerate(made):
        image.write(image.Picture(pixels), folder / f"{number:02}.png")
    return made


@pytest.mark.parametrize("lost", [False, True])
def test_a_folder_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool) -> None:
    def spoil(network: Any, result: Any) -> Any:
        if lost and network.device.name == "fake:1" and len(network.shapes) > 2:
            raise DeviceError("fake:1 failed (gone)")
        return result

    model = tiny_models.residual(tmp_path / "net.onnx")
    install(monkeypatch, fake := OverlappingBackend([card(), card("fake:1", "Another")], spoil))
    (tmp_path / "in").mkdir()
    given = pictures(tmp_path / "in", 12)
    (tmp_path / "in" / "05.png").write_bytes(b"no picture")
    (tmp_path / "out").mkdir()
    chooser = ModelChooser(model, device="gpu:0,gpu:1", precision="fp32")
    assert chooser.slots > 1
    found = plan([str(tmp_path / "in")], str(tmp_path / "out"), scale=chooser.label)
    report = run_pictures(found.pictures, chooser)
    assert [done.job.source.stem for done in report.written] == [f"{n:02}" for n in range(12) if n != 5]
    assert [failure.job.source.stem for failure in report.failed] == ["05"]
    processor = ModelChooser(model, device="cpu", precision="fp32")
    for done in report.written:
        expected = processor(given[int(done.job.source.stem)])
        np.testing.assert_array_equal(image.read(done.job.target).pixels, expected)
    used = [network.device.name for network in fake.opened for shape in network.shapes if shape[2] == 12]
    assert set(used) == {"fake:0", "fake:1"}


def test_on_the_processor_nothing_changes(tmp_path: Path) -> None:
    assert ModelChooser(tiny_models.residual(tmp_path / "net.onnx"), device="cpu").slots == 1


@pytest.mark.parametrize(
    ("device", "cards", "each"),
    [("cpu", [8], 0), ("auto", [1, 0], 0), ("auto", [1, 2], 1), ("auto", [0], 0), ("gpu", [0, 2], 1)],
)
def test_on_a_cluster_an_actor_gets_a_card(device: str, cards: list[int], each: int) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4, "GPU": count}} for count in cards]
    assert gpus_of_an_actor(device, [*nodes, {"Alive": False, "Resources": {}}]) == each


@pytest.mark.parametrize(("device", "says"), [("gpu:0", "on a cluster say gpu"), ("gpu", "no machine .* has a GPU")])
def test_what_a_cluster_has_not_is_said(device: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        gpus_of_an_actor(device, [{"Alive": True, "Resources": {"CPU": 4}}])
