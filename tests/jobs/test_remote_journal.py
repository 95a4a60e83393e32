"""The journal of results behind a URL: fetched, copied there, and gone from here."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import fsspec
import pytest

from srgan import storage
from srgan.errors import SrganError
from srgan.jobs import remote_journal
from srgan.jobs.journal import NAME
from srgan.jobs.remote_journal import RemoteJournal


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_it_is_copied_at_the_end_and_fetched_again(tmp_path: Path, temporary: Path) -> None:
    folder = storage.place(f"memory://{tmp_path.name}-journal")
    with RemoteJournal(folder, settings="{}", model="m") as journal:  # type: ignore[arg-type]
        assert os.listdir(temporary)
    assert not os.listdir(temporary)
    name = f"/{tmp_path.name}-journal/{NAME}"
    first = fsspec.filesystem("memory").cat(name)
    assert first.startswith(b"SQLite format 3")
    with RemoteJournal(folder, settings="{}", model="m") as journal:  # type: ignore[arg-type]
        journal.copy()
    assert not os.listdir(temporary)


def test_a_copy_that_is_damaged_is_one_line_and_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    name = f"{tmp_path.name}-damaged"
    fsspec.filesystem("memory").pipe(f"/{name}/{NAME}", b"no database at all, but long enough" * 100)
    with pytest.raises(SrganError):
        RemoteJournal(storage.place(f"memory://{name}"), settings="{}", model="m")  # type: ignore[arg-type]
    assert not os.listdir(temporary)


def test_it_is_copied_every_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    send = storage.send
    monkeypatch.setattr(storage, "send", lambda local, remote: (sent.append(str(remote)), send(local, remote))[1])
    place = storage.place(f"memory://{tmp_path.name}-often")
    with RemoteJournal(place, settings="{}", model="m") as journal:  # type: ignore[arg-type]
        monkeypatch.setattr(remote_journal.Journal, "done", lambda *_: None)
        journal.done("a.png")
        assert not sent
        monkeypatch.setattr(remote_journal, "EVERY_SECONDS", -1.0)
        journal.done("b.png")
        assert len(sent) == 1
