"""What is asked of a training: kept in its folder, read back, and refused where it contradicts itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from srgan.errors import CheckpointError, DataError, SrganError, UsageError
from srgan.training.request import RUN_FILE, Request, default_folder, new_plan, resumed_plan, write_plan
from support.tiny_runs import RECIPE, save_photos


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    (tmp_path / "my.toml").write_text(RECIPE)
    photos = save_photos(tmp_path / "photos", 2)
    return Request(photos, tmp_path / "run", recipe=str(tmp_path / "my.toml"), validation=(photos,), init="srresnet-x4")


def test_a_plan_is_read_back_and_named_parts_take_the_place_of_its_own(request_: Request, tmp_path: Path) -> None:
    plan = new_plan(request_)
    request_.out.mkdir()
    write_plan(request_.out, plan)
    resumed = Request(None, request_.out, resume=True)
    assert resumed_plan(resumed) == plan
    other = save_photos(tmp_path / "other", 1)
    changed = resumed_plan(dataclasses.replace(resumed, photos=other, overrides=("stages.pixels.steps=7",)))
    assert (changed.photos, changed.validation) == (other.resolve(), plan.validation)
    assert changed.recipe.stages["pixels"].steps == 7
    with pytest.raises(UsageError, match="holds a run already: add --resume"):
        new_plan(request_)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"photos": None}, UsageError, "name a folder of photographs"),
        ({"validation": (Path("nowhere"),)}, UsageError, "'nowhere' is not a folder"),
        ({"init": "no-such-network"}, SrganError, "no-such-network"),
    ],
)
def test_what_is_wrong_is_said(request_: Request, changes: dict[str, object], error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        new_plan(dataclasses.replace(request_, **changes))


def test_a_folder_without_pictures_validates_nothing(request_: Request, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"there are no pictures in .*empty"):
        new_plan(dataclasses.replace(request_, validation=(tmp_path / "empty",)))


def test_a_run_that_is_not_there_or_damaged_is_one_line(request_: Request) -> None:
    resumed = Request(None, request_.out, resume=True)
    with pytest.raises(CheckpointError, match="holds no run to resume"):
        resumed_plan(resumed)
    request_.out.mkdir()
    write_plan(request_.out, new_plan(request_))
    (request_.out / RUN_FILE).write_text("{}")
    with pytest.raises(CheckpointError, match=r"run\.json' is damaged"):
        resumed_plan(resumed)
    with pytest.raises(UsageError, match="--init starts a new run"):
        resumed_plan(dataclasses.replace(resumed, init="srresnet-x4"))


def test_a_folder_that_is_taken_gets_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_folder(Path("cats"), "fast.toml") == Path("runs/cats-fast")
    for number in ("", "-2"):
        (tmp_path / f"runs/cats-fast{number}").mkdir(parents=True)
        (tmp_path / f"runs/cats-fast{number}" / RUN_FILE).touch()
    assert default_folder(Path("cats"), "fast") == Path("runs/cats-fast-3")
