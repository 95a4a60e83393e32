"""What the journal of a folder job remembers, and what it decides."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from srgan.errors import SrganError
from srgan.jobs.journal import NAME, Journal, Verdict, settings_text


def test_judging_by_hand(tmp_path: Path) -> None:
    with Journal(tmp_path / NAME, settings="s", model="m") as journal:
        assert journal.judge("t", source="1", output=None) is Verdict.DO
        assert journal.judge("t", source="1", output="x") is Verdict.TAKEN
        journal.begin("t", source="t", source_version="1", content="c", output_before=None)
        assert journal.judge("t", source="1", output=None) is Verdict.DO
        journal.done("t", output="x", before=(1, 1), after=(2, 2), seconds=0.5)
        assert journal.judge("t", source="1", output="x") is Verdict.UNCHANGED
        assert journal.judge("t", source="2", output="x") is Verdict.REPLACE
        assert journal.judge("t", source="1", output="y") is Verdict.TAKEN
        assert journal.judge("t", source="1", output="y", overwrite=True) is Verdict.REPLACE
        journal.fail("t", source="t", reason="because")
        assert journal.judge("t", source="1", output="x") is Verdict.REPLACE
        assert journal.judge("t", source="1", output="y") is Verdict.TAKEN


def test_a_name_that_is_no_text_is_recorded(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9_x2.png")
    with Journal(tmp_path / NAME, settings="", model="") as journal:
        journal.begin(name, source=name, source_version=None, content=None, output_before=None)
        assert journal.entry(name) is not None
        assert next(journal.entries()).target == "caf\\xe9_x2.png"


def test_a_damaged_or_newer_journal_is_one_line(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database" * 100)
    with pytest.raises(SrganError, match=r"is damaged .*: delete it"):
        Journal(tmp_path / NAME, settings="", model="")
    (tmp_path / NAME).unlink()
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(SrganError, match="newer srgan"):
        Journal(tmp_path / NAME, settings="", model="")


def test_settings_differ_where_results_do() -> None:
    assert settings_text(a=1, b=None) == settings_text(b=None, a=1) == '{"a": 1}'
    assert settings_text(a=2) != settings_text(a=1)
