"""Folder jobs whose pictures or results are behind URLs: fsspec's memory, and a real S3 server."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePath

import fsspec
import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler, storage
from srgan.errors import ImageReadError, ImageWriteError, MissingExtraError, UsageError
from srgan.jobs.access import RemoteAccess
from srgan.jobs.folder import open_journal, run_folder
from srgan.jobs.job import Job
from srgan.jobs.journal import NAME
from srgan.jobs.plan import plan
from srgan.jobs.reports import Report
from srgan.storage import Remote
from support import tiny_models


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Upscaler:
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx"), precision="fp32")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket of a server that listens on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=log, stderr=log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        try:
            end = time.monotonic() + 300
            while time.monotonic() < end and socket.socket().connect_ex(("127.0.0.1", port)):
                assert server.poll() is None
                time.sleep(0.2)
            files = fsspec.filesystem("s3")
            files.mkdir("photos")
            yield "s3://photos"
        finally:
            server.terminate()
            server.wait()
            log.close()


@pytest.fixture(params=["memory", "s3"])
def root(request: pytest.FixtureRequest) -> Remote:
    """An empty folder behind a URL."""
    base = "memory://photos" if request.param == "memory" else request.getfixturevalue("s3")
    return Remote(f"{base}/{uuid.uuid4().hex}")


def put(remote: Remote, data: bytes) -> None:
    storage.filesystem(remote).pipe_file(str(remote), data)


def get(remote: Remote) -> bytes:
    data: bytes = storage.filesystem(remote).cat_file(str(remote))
    return data


def png(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def enlarged(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).repeat(2, 0).repeat(2, 1)


def run(source: object, output: object, upscaler: Upscaler, *, settings: str = "{}") -> Report:
    found = plan([str(source)], str(output), scale=upscaler.label)
    assert found.folder is not None
    if isinstance(found.folder, Path):
        found.folder.mkdir(exist_ok=True)
    with open_journal(found.folder, settings=settings, model="m") as journal:
        return run_folder(found.pictures, upscaler, journal, found.folder, versions=found.versions)


def test_a_folder_behind_a_url_is_done_once_then_only_what_changed(root: Remote, upscaler: Upscaler) -> None:
    photos, out = root / "in", root / "out"
    for seed, name in enumerate(("a.png", "below/b.png", "below/c.PNG")):
        put(photos / name, png(seed))
    put(photos / "notes.txt", b"no picture")
    put(photos / ".hidden" / "d.png", png(9))
    put(photos / "bad.png", b"nothing")
    report = run(photos, out, upscaler)
    assert sorted(str(done.job.target) for done in report.written) == [
        f"{out}/a_x2.png",
        f"{out}/below/b_x2.png",
        f"{out}/below/c_x2.PNG",
    ]
    (failure,) = report.failed
    assert str(failure.error).startswith(f"cannot read '{photos}/bad.png': ")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(get(out / "below/b_x2.png")))), enlarged(png(1)))
    there = storage.listing(out)
    assert {name.name for name in there} == {"a_x2.png", "b_x2.png", "c_x2.PNG", NAME}

    put(photos / "a.png", png(7))
    report = run(photos, out, upscaler)
    assert [done.job.source.name for done in report.written] == ["a.png"]
    assert len(report.unchanged) == 2
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(get(out / "a_x2.png")))), enlarged(png(7)))
    now = storage.listing(out)
    assert [name.name for name in now if now[name] != there[name]] == [NAME, "a_x2.png"]
    assert len(run(photos, out, upscaler, settings='{"tta": true}').written) == 3


def test_from_here_to_a_url_and_back(root: Remote, tmp_path: Path, upscaler: Upscaler) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(png(3))
    run(tmp_path / "photos", root / "large", upscaler)
    run(root / "large", tmp_path / "larger", upscaler)
    result = np.asarray(Image.open(tmp_path / "larger" / "a.png"))
    np.testing.assert_array_equal(result, enlarged(png(3)).repeat(2, 0).repeat(2, 1))


def test_what_somebody_else_put_there_is_skipped_and_a_lost_journal_does_nothing_twice(upscaler: Upscaler) -> None:
    root = Remote(f"memory://photos/{uuid.uuid4().hex}")
    put(root / "in/a.png", png(0))
    put(root / "in/b.png", png(1))
    put(root / "out/a_x2.png", b"by hand")
    assert [job.source.name for job in run(root / "in", root / "out", upscaler).skipped] == ["a.png"]
    storage.filesystem(root).rm(str(root / "out" / NAME))
    report = run(root / "in", root / "out", upscaler)
    assert (report.written, len(report.skipped)) == ([], 2)
    assert get(root / "out/a_x2.png") == b"by hand"


def test_results_within_the_pictures_folder_are_no_input(upscaler: Upscaler) -> None:
    root = Remote(f"memory://photos/{uuid.uuid4().hex}")
    put(root / "a.png", png(0))
    for _ in range(2):
        report = run(root, root / "large", upscaler)
    assert (report.written, len(report.unchanged)) == ([], 1)


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("memory://nothing/here", "memory://out", "has no pictures"),
        ("memory://x", None, "pass -o"),
        ("memory://a//b", "memory://out", "empty name between two slashes"),
        ("nonsense://x", "memory://out", "of no known protocol"),
    ],
)
def test_a_mistake_is_one_line(source: str, output: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        plan([source], output, scale="x2")
    assert "\n" not in str(caught.value)


def test_two_pictures_of_one_result_are_told_and_one_is_done() -> None:
    root = Remote(f"memory://photos/{uuid.uuid4().hex}")
    put(root / "a.png", png(0))
    put(root / "a.jpg", png(0))
    with pytest.raises(UsageError, match="would both become"):
        plan([str(root)], f"{root}/out", scale="x2", format="webp")
    put(root / "b.jpg", png(0))
    found = plan([str(root)], f"{root}/out", scale="x2", format="webp")
    assert [job.source.name for job in found.pictures] == ["a.jpg", "b.jpg"]
    assert "would both become" in str(found.refused[0].error)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'srgan\[cloud\]'"):
        storage.version(Remote("s3://photos/a.png"))


def test_an_input_that_vanished_is_one_line() -> None:
    gone = Remote("memory://photos/gone.png")
    job = Job(gone, gone)  # type: ignore[arg-type]
    with (
        RemoteAccess() as access,
        pytest.raises(ImageReadError, match="no such file, folder or bucket: check the URL"),
        access.source(job),
    ):
        pass


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_takes_nothing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(0))
    with pytest.raises(ImageWriteError, match=r"cannot write s3://nowhere/a\.png.*: check the URL") as caught:
        storage.send(tmp_path / "a.png", Remote("s3://nowhere/a.png"))
    assert "\n" not in str(caught.value)


def test_a_remote_place_is_a_path_and_its_text_a_url() -> None:
    place = Remote("s3://bucket/a/b.jpg")
    assert str(place / "c") == "s3://bucket/a/b.jpg/c"
    assert (place.name, place.suffix, place.stem, str(place.parent)) == ("b.jpg", ".jpg", "b", "s3://bucket/a")
    assert os.fspath(place.with_name("x.png")) == "s3://bucket/a/x.png"
    assert place.relative_to(Remote("s3://bucket")).as_posix() == "a/b.jpg"
    assert (storage.is_url("s3://x"), storage.is_url("/a/b"), storage.is_url("c:/a")) == (True, False, False)
    assert storage.place("file:///a/b") == PurePath("/a/b")


def test_where_files_grow_while_they_are_sent_they_take_their_place_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "a.png"
    local.write_bytes(png(0))
    files = fsspec.filesystem("memory")
    seen: list[str] = []
    put_file = type(files).put_file
    monkeypatch.setattr(
        type(files), "put_file", lambda self, a, b, **more: (seen.append(b), put_file(self, a, b, **more))[1]
    )
    monkeypatch.setattr(storage, "OBJECT_STORES", frozenset())
    target = Remote(f"memory://photos/{uuid.uuid4().hex}/a.png")
    storage.send(local, target)
    assert seen == [str(target.with_name(".a.png.part"))]
    assert get(target) == png(0)
    assert [name.name for name in storage.listing(target.parent)] == ["a.png"]  # type: ignore[arg-type]
