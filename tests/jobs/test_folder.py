"""A folder job on real files: each picture once, and again where its input, the settings or the network have changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler, image
from srgan.errors import UsageError
from srgan.files import version
from srgan.jobs.folder import run_folder
from srgan.jobs.job import Job
from srgan.jobs.journal import NAME, Journal, State, content_of
from srgan.jobs.plan import plan
from srgan.jobs.reports import Done, Listener, Report
from support import tiny_models


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Upscaler:
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx"), precision="fp32")


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, name in enumerate(("a", "b", "below/c")):
        picture(tmp_path / "photos" / f"{name}.png", number)
    return tmp_path / "photos"


class Said(Listener):
    """Collects the names of what was written."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def written(self, done: Done) -> None:
        self.names.append(done.job.target.name)


def run(
    photos: Path, out: Path, upscaler: Upscaler, *, settings: str = "{}", model: str = "m", **options: bool
) -> tuple[list[str], Report]:
    out.mkdir(exist_ok=True)
    said = Said()
    work = plan([photos], out, scale=upscaler.label).pictures
    with Journal(out / NAME, settings=settings, model=model) as journal:
        report = run_folder(work, upscaler, journal, out, listener=said, **options)
    return said.names, report


def rows(out: Path) -> dict[str, tuple[State, str | None]]:
    with Journal(out / NAME, settings="", model="") as journal:
        return {entry.target: (entry.state, entry.content) for entry in journal.entries()}


def test_each_picture_is_recorded_with_content_size_and_state(photos: Path, tmp_path: Path, upscaler: Upscaler) -> None:
    out = tmp_path / "out"
    (photos / "bad.png").write_bytes(b"no picture")
    names, report = run(photos, out, upscaler, settings='{"scale": 2}', model="abc")
    assert names == ["a_x2.png", "b_x2.png", "c_x2.png"]
    assert [failure.job.source.name for failure in report.failed] == ["bad.png"]
    with Journal(out / NAME, settings="", model="") as journal:
        entries = {entry.target: entry for entry in journal.entries()}
        assert [entry.target for entry in journal.entries(State.FAILED)] == ["bad_x2.png"]
    assert sorted(entries) == ["a_x2.png", "b_x2.png", "bad_x2.png", "below/c_x2.png"]
    done = entries["below/c_x2.png"]
    assert (done.state, done.settings, done.model) == (State.DONE, '{"scale": 2}', "abc")
    assert done.content == content_of(photos / "below" / "c.png")
    assert (done.width, done.height, done.out_width, done.out_height) == (16, 12, 32, 24)
    assert done.output == version(out / "below" / "c_x2.png")
    assert "bad.png" in str(entries["bad_x2.png"].reason)


def test_a_second_run_does_nothing_and_a_third_only_what_changed(
    photos: Path, tmp_path: Path, upscaler: Upscaler
) -> None:
    out = tmp_path / "out"
    run(photos, out, upscaler)
    names, report = run(photos, out, upscaler)
    assert (names, len(report.unchanged), report.skipped) == ([], 3, [])
    os.utime(photos / "a.png", (1, 1))  # another time, the same content
    picture(photos / "b.png", seed=9)
    picture(photos / "new.png", seed=10)
    (out / "below" / "c_x2.png").unlink()
    names, report = run(photos, out, upscaler)
    assert names == ["b_x2.png", "c_x2.png", "new_x2.png"]
    assert [job.source.name for job in report.unchanged] == ["a.png"]
    np.testing.assert_array_equal(image.read(out / "b_x2.png").pixels, upscaler(image.read(photos / "b.png").pixels))


@pytest.mark.parametrize("change", [{"settings": '{"tta": true}'}, {"model": "another"}])
def test_other_settings_or_another_model_make_every_result_again(
    photos: Path, tmp_path: Path, upscaler: Upscaler, change: dict[str, str]
) -> None:
    out = tmp_path / "out"
    run(photos, out, upscaler)
    assert len(run(photos, out, upscaler, **change)[0]) == 3
    assert run(photos, out, upscaler, **change)[0] == []


def test_a_result_that_a_person_altered_or_made_is_kept_unless_overwriting(
    photos: Path, tmp_path: Path, upscaler: Upscaler
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_x2.png").write_bytes(b"made by hand")
    run(photos, out, upscaler)
    (out / "b_x2.png").write_bytes(b"retouched")
    picture(photos / "b.png", seed=9)
    names, report = run(photos, out, upscaler, settings='{"tta": true}')
    assert names == ["c_x2.png"]
    assert [job.target.name for job in report.skipped] == ["a_x2.png", "b_x2.png"]
    assert (out / "a_x2.png").read_bytes() == b"made by hand"
    assert (out / "b_x2.png").read_bytes() == b"retouched"
    assert len(run(photos, out, upscaler, overwrite=True)[0]) == 3
    assert image.read(out / "b_x2.png").width == 32


def test_a_bad_picture_is_tried_again_and_replaces_its_old_result_once_it_is_good(
    photos: Path, tmp_path: Path, upscaler: Upscaler
) -> None:
    out = tmp_path / "out"
    run(photos, out, upscaler)
    (photos / "a.png").write_bytes(b"cut")
    assert [failure.job.source.name for failure in run(photos, out, upscaler)[1].failed] == ["a.png"]
    assert image.read(out / "a_x2.png").width == 32  # the old one, still whole
    picture(photos / "a.png", seed=5)
    assert run(photos, out, upscaler)[0] == ["a_x2.png"]


def test_a_result_finished_in_the_moment_of_the_crash_is_taken_over_and_an_unfinished_one_made_again(
    photos: Path, tmp_path: Path, upscaler: Upscaler
) -> None:
    out = tmp_path / "out"
    run(photos, out, upscaler)
    before = version(out / "b_x2.png")
    with Journal(out / NAME, settings="{}", model="m") as journal:
        for name in ("a", "b"):
            content = content_of(photos / f"{name}.png")
            seen = version(photos / f"{name}.png")
            there = version(out / f"{name}_x2.png")
            journal.begin(f"{name}_x2.png", source=name, source_version=seen, content=content, output_before=there)
    os.utime(out / "a_x2.png", (5, 5))  # as if another file had taken its place
    (out / ".b_x2.0123abcd.part.png").write_bytes(b"half")
    (out / ".keep.0123abcd.part.png").write_bytes(b"not of this job")
    names, report = run(photos, out, upscaler)
    assert names == ["b_x2.png"]
    assert len(report.unchanged) == 2
    assert version(out / "b_x2.png") != before
    assert sorted(path.name for path in out.iterdir()) == [
        ".keep.0123abcd.part.png",
        NAME,
        "a_x2.png",
        "b_x2.png",
        "below",
    ]


def test_a_second_run_at_the_same_time_is_refused_and_the_lock_ends_with_the_process(tmp_path: Path) -> None:
    holder = "import sys, time; from pathlib import Path; from srgan.jobs.journal import Journal\n"
    holder += "journal = Journal(Path(sys.argv[1]), settings='', model=''); print('held', flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path / NAME)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=r"another run writes to .*: wait for it"):
            Journal(tmp_path / NAME, settings="", model="")
    finally:
        process.kill()
        process.wait()
    Journal(tmp_path / NAME, settings="", model="").close()


def test_an_input_that_changes_while_it_is_worked_on_is_done_again(
    photos: Path, tmp_path: Path, upscaler: Upscaler
) -> None:
    out = tmp_path / "out"
    out.mkdir()

    class Meddler(Listener):
        def started(self, job: Job, *_: int) -> None:
            if job.source.name == "a.png":
                time.sleep(0.01)
                picture(job.source, seed=77)

    work = plan([photos], out, scale=upscaler.label).pictures
    with Journal(out / NAME, settings="{}", model="m") as journal:
        run_folder(work, upscaler, journal, out, listener=Meddler())
    assert run(photos, out, upscaler)[0] == ["a_x2.png"]
    np.testing.assert_array_equal(image.read(out / "a_x2.png").pixels, upscaler(image.read(photos / "a.png").pixels))
