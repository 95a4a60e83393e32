"""What would fail at the end is said at the beginning."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.errors import ImageWriteError, SrganError
from srgan.jobs.before import Places, check_room_for_all
from srgan.jobs.job import Job
from srgan.jobs.plan import plan
from srgan.jobs.reports import Listener
from srgan.jobs.run import run_one, run_pictures
from support import tiny_models
from support.limits import error_unprivileged


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Upscaler:
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx"), precision="fp32")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with 20 kB left."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("srgan.files.shutil.disk_usage", lambda _: usage(10**9, 10**9 - 20_000, 20_000))


class Began(Listener):
    computed = False

    def progress(self, done: int, total: int) -> None:
        del done, total
        self.computed = True


def noise(path: Path, size: tuple[int, int] = (40, 60)) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)).save(path)
    return path


@pytest.mark.parametrize("name", ["m" * 300 + ".png", "ä" * 140 + ".png", "n" * 260 + "/a.png"])
def test_a_name_that_is_too_long(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageWriteError, match="the name is too long: choose a shorter one"):
        Places().check(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_name_of_255_bytes_and_folders_that_are_still_missing_are_fine(tmp_path: Path) -> None:
    Places().check(tmp_path / ("n" * 251 + ".png"))
    Places().check(tmp_path / "new" / "newer" / "a.png")
    assert not list(tmp_path.iterdir())  # nothing is left of the trial


def test_a_file_in_a_folders_place(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(ImageWriteError, match="a part of its path is a file"):
        Places().check(tmp_path / "f" / "a.png")


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    error = error_unprivileged(
        f"from srgan.jobs.before import Places; from pathlib import Path; Places().check(Path({str(tmp_path / 'a.png')!r}))"
    )
    tmp_path.chmod(0o755)
    assert error.endswith("no permission to write there: choose another folder")


def test_nothing_is_computed_for_a_place_that_cannot_be_written(upscaler: Upscaler, tmp_path: Path) -> None:
    log = Began()
    long = noise(tmp_path / ("m" * 250 + ".png"))
    with pytest.raises(ImageWriteError, match="the name is too long"):
        run_one(plan([long], scale=2).pictures[0], upscaler, listener=log)
    assert not log.computed
    fine = noise(tmp_path / "a.png")
    report = run_pictures(plan([long, fine], tmp_path / "out", scale=2).pictures, upscaler)
    assert ([done.job.source for done in report.written], len(report.failed)) == ([fine], 1)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm"])
def test_a_full_disk_is_said_before_the_work(suffix: str, upscaler: Upscaler, tmp_path: Path) -> None:
    log = Began()
    job = Job(noise(tmp_path / "a.png", (120, 160)), tmp_path / f"b{suffix}")
    with pytest.raises(ImageWriteError, match=r"takes .* MB or more, and 0 MB are free there: free some space"):
        run_one(job, upscaler, listener=log)
    assert not log.computed


@pytest.mark.usefixtures("full")
def test_what_fits_is_not_refused(upscaler: Upscaler, tmp_path: Path) -> None:
    flat = Image.new("RGB", (120, 160))  # bare, its result takes 230 kB
    flat.save(tmp_path / "a.png")
    assert run_one(Job(tmp_path / "a.png", tmp_path / "b.png"), upscaler).after == (240, 320)


@pytest.mark.usefixtures("full")
def test_a_folder_whose_results_have_no_room(upscaler: Any, tmp_path: Path) -> None:
    jobs = [Job(noise(tmp_path / f"{n}.png"), tmp_path / f"{n}_x2.png") for n in range(5)]
    check_room_for_all(jobs[:1], upscaler, tmp_path)
    with pytest.raises(SrganError, match=r"the results take .* GB or more, .* free some space"):
        check_room_for_all(jobs, upscaler, tmp_path)


def test_places_behind_urls_are_tried_before_the_work(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    from srgan.jobs.access import RemoteAccess
    from srgan.storage import Remote

    noise(tmp_path / "a.png")
    memory = fsspec.filesystem("memory")
    began = Began()

    def run(target: str) -> str:
        with RemoteAccess() as access:
            job = Job(tmp_path / "a.png", Remote(target))  # type: ignore[arg-type]
            report = run_pictures([job], upscaler, listener=began, access=access)
        return str(report.failed[0].error) if report.failed else ""

    def refuses(*_: Any, **__: Any) -> None:
        raise PermissionError("Access Denied")

    assert "the name is too long" in run(f"memory://before/{'n' * 1030}.png")
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "pipe_file", refuses)
        assert "cannot write memory://before/a.png (Access Denied)" in run("memory://before/a.png")
    assert not began.computed
    assert run("memory://before/b/a.png") == ""
    assert began.computed
    assert list(memory.find("/before")) == ["/before/b/a.png"]  # nothing is left of the trial


def test_a_bucket_is_tried_once_and_folders_elsewhere_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from srgan import storage
    from srgan.storage import Remote

    tried: list[str] = []

    class Anything:
        def exists(self, name: str) -> bool:
            return name == "sftp://host/there"

        def pipe_file(self, name: str, data: bytes) -> None:
            assert data == b""
            tried.append(name.rpartition("/")[0])

        def rm_file(self, name: str) -> None:
            raise PermissionError(name)  # one who may write may perhaps not remove

    monkeypatch.setattr(storage, "filesystem", lambda _: Anything())
    places = Places()
    for url in (
        "s3://b/x/a.png",
        "s3://b/y/b.png",
        "s3://c/a.png",
        "sftp://host/there/new/a.png",
        "sftp://host/there/new/b.png",
    ):
        places.check(Remote(url))
    assert tried == ["s3://b/x", "s3://c", "sftp://host/there"]
    with pytest.raises(ImageWriteError, match="too long"):
        places.check(Remote(f"sftp://host/there/new/{'n' * 256}.png"))
