"""Files of a run on disks and behind URLs: fetched, sent whole or not at all, named by their URL."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from srgan import storage
from srgan.errors import ImageReadError, OutputExistsError
from srgan.jobs.access import Access, RemoteAccess
from srgan.jobs.job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    place = storage.place(f"memory://{tmp_path.name}")
    fsspec.filesystem("memory").pipe(f"/{tmp_path.name}/a.png", b"input")
    return Job(place / "a.png", place / "out" / "a.png")  # type: ignore[arg-type]


def test_a_picture_is_fetched_and_its_result_sent_when_the_block_ends_well(job: Job) -> None:
    with RemoteAccess() as access:
        with access.source(job) as here:
            assert (here.name, here.read_bytes()) == ("a.png", b"input")
        assert not here.exists()
        with pytest.raises(ZeroDivisionError), access.target(job, overwrite=False) as (there, _):
            there.write_bytes(bytes(1 // (there.write_bytes(b"half") - 4)))
        assert not access.exists(job)
        with access.target(job, overwrite=False) as (there, _):
            there.write_bytes(b"whole")
        assert access.exists(job)
        with pytest.raises(OutputExistsError, match="memory://"), access.target(job, overwrite=False) as (there, _):
            there.write_bytes(b"another")
        with access.target(job, overwrite=True) as (there, _):
            there.write_bytes(b"newer")
        folder = there.parent.parent
    assert not folder.exists()
    name = f"/{job.target.parent.parent.name}/out/a.png"
    assert fsspec.filesystem("memory").cat(name) == b"newer"


def test_errors_name_the_url(job: Job) -> None:
    with RemoteAccess() as access, pytest.raises(ImageReadError) as raised, access.source(job) as here:
        raise ImageReadError(here, "it is no picture")
    assert str(job.source) in str(raised.value)
    assert str(here) not in str(raised.value)


@pytest.mark.parametrize("kind", [Access, RemoteAccess])
def test_files_on_disks_are_reached_as_they_are(tmp_path: Path, kind: type[Access]) -> None:
    job = Job(tmp_path / "a.png", tmp_path / "b.png")
    job.source.write_bytes(b"x")
    os.utime(job.source, ns=(10**9, 2 * 10**9))
    access = kind()
    with access.source(job) as here, access.target(job, overwrite=True) as (there, overwrite):
        assert (here, there, overwrite) == (job.source, job.target, True)
    assert not access.exists(job)
    job.target.write_bytes(b"y")
    assert access.exists(job)
    access.keep_date(job)
    assert job.target.stat().st_mtime_ns == 2 * 10**9
