"""What a training computes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from srgan.errors import UsageError
from srgan.training import device
from srgan.training.recipe import load_recipe
from support.tiny_runs import RECIPE


def test_processes_are_those_of_torchrun_where_it_has_started_this(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.process_counts(2, 3) == (2, 3)
    monkeypatch.setattr(device, "started_by_torchrun", lambda: (4, 2))
    assert device.process_counts(1, 1) == device.process_counts(4, 2) == (4, 2)
    with pytest.raises(UsageError, match="torchrun has started 4 where --devices says 3: leave --devices out"):
        device.process_counts(3, 2)


def test_batches_are_shared_out_evenly(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "r.toml", ["stages.pixels.batch=6"])
    device.check_batches(recipe, 2)
    with pytest.raises(UsageError, match=r"stages\.pixels\.batch \(6\) must be a multiple of the number of devices"):
        device.check_batches(recipe, 4)


@pytest.mark.parametrize(("able", "wanted"), [(True, "bf16-mixed"), (False, "32-true")])
def test_the_precision_is_what_the_processor_is_fast_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool, wanted: str
) -> None:
    monkeypatch.setattr(device, "_cpu_has_bf16", lambda: able)
    (tmp_path / "r.toml").write_text(RECIPE)
    assert device.fabric_precision(load_recipe(tmp_path / "r.toml", ["run.precision='auto'"]), "cpu") == wanted
    asked = load_recipe(tmp_path / "r.toml", ["run.precision='fp32'"])
    assert device.fabric_precision(asked, "cpu") == "32-true"


def test_a_device_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RECIPE)
    with pytest.raises(UsageError, match="cannot train on --device abacus here"):
        device.make_fabric(load_recipe(tmp_path / "r.toml"), "abacus", 1, 1)
