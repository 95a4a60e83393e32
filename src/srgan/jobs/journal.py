"""What a folder job has done, kept in a file beside its results: it can be stopped at any moment, and goes on.

Each picture has one row, by its result's place in the results' folder::

    begun   the network works on it; ``output_before`` is the version of the file that the result will take the place of
    done    its result lies there; ``output`` is that file's version
    failed  ``reason`` is the one line that says why

The row says *begun* before the result can appear, and the result appears in one step (:mod:`srgan.files`). So, whatever
the moment of a crash: a *begun* row with another file in place than before is a result that was finished, and one with
the same file, or none, is to be done again. A result that was altered since is a person's work and is not touched.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from srgan.errors import SrganError, UsageError
from srgan.files import file_sha256

NAME = ".srgan.sqlite"
"""The journal's name in the results' folder. Hidden, so no picture, and left out where folders are listed."""

SCHEMA = 1
"""Version of the table, in ``PRAGMA user_version``."""

_COLUMNS = """
    target TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    source_version TEXT,
    content TEXT,
    settings TEXT NOT NULL,
    model TEXT NOT NULL,
    output_before TEXT,
    output TEXT,
    reason TEXT,
    width INTEGER, height INTEGER, out_width INTEGER, out_height INTEGER,
    seconds REAL,
    finished TEXT
"""


class State(StrEnum):
    """How far a picture is."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class Verdict(Enum):
    """What is to be done with a picture."""

    DO = "there is no result"
    REPLACE = "the result is of another picture, model or settings"
    UNCHANGED = "the result is what would be made again"
    TAKEN = "a file that this job did not make, or that was altered since, is in the place"


@dataclass(frozen=True)
class JournalEntry:
    """One row: the columns in the order of the table."""

    target: str
    """Path of the result, relative to the results' folder, with forward slashes."""
    source: str
    state: State
    source_version: str | None
    """Tells cheaply whether the input is the file it was; see :func:`version`."""
    content: str | None
    """SHA-256 of the input's bytes, in hexadecimal."""
    settings: str
    model: str
    """SHA-256 of the network's file, and after a ``+`` that of the file that it was blended with."""
    output_before: str | None
    output: str | None
    reason: str | None
    width: int | None
    height: int | None
    out_width: int | None
    out_height: int | None
    seconds: float | None
    """From reading the input to writing the result."""
    finished: str | None
    """When it was done or failed: UTC, ISO 8601."""


@dataclass(frozen=True)
class Totals:
    """Sums over the pictures that are done."""

    pixels: int
    """Of the results."""
    seconds: float
    timed: int
    """Pictures whose seconds are known."""


class Journal:
    """An open journal, locked against other runs until it is closed or the process ends, however it ends.

    Parameters
    ----------
    path : the file, made if it is missing (its folder must exist)
    settings : text that differs wherever the results would (:func:`settings_text`)
    model : what the network is known by (:func:`srgan.jobs.folder.model_hash`)

    Raises
    ------
    UsageError
        if another run holds it
    SrganError
        if it is damaged, from a newer version, or cannot be written
    """

    def __init__(self, path: Path, *, settings: str, model: str) -> None:
        self.path = path
        self.settings = settings
        self.model = model
        with self._errors():
            # WAL: a commit waits for no disk, and is safe from the death of the process. Exclusive: no shared memory,
            # which network file systems lack, and nobody else gets in.
            self._database = sqlite3.connect(path, timeout=0.5, isolation_level=None)
            try:
                self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = NORMAL")
                self._database.execute("BEGIN EXCLUSIVE")
                (found,) = self._database.execute("PRAGMA user_version").fetchone()
                if found > SCHEMA:
                    raise SrganError(f"{path} was written by a newer srgan: run pip install --upgrade srgan")
                self._database.execute(f"CREATE TABLE IF NOT EXISTS pictures ({_COLUMNS}) WITHOUT ROWID")
                self._database.execute(f"PRAGMA user_version = {SCHEMA}")
                self._database.execute("COMMIT")
            except BaseException:
                self._database.close()
                raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was recorded is in it."""
        self._database.close()

    def entry(self, target: str) -> JournalEntry | None:
        """Return a picture's row, or None."""
        with self._errors():
            row = self._database.execute("SELECT * FROM pictures WHERE target = ?", (as_text(target),)).fetchone()
            return None if row is None else _entry(row)

    def entries(self, state: State | None = None) -> Iterator[JournalEntry]:
        """Yield the rows, or those of one state, by target."""
        where, values = ("", ()) if state is None else ("WHERE state = ?", (state.value,))
        with self._errors():
            for row in self._database.execute(f"SELECT * FROM pictures {where} ORDER BY target", values):
                yield _entry(row)

    def count(self, state: State) -> int:
        """Return how many pictures are in a state."""
        with self._errors():
            query = self._database.execute("SELECT count(*) FROM pictures WHERE state = ?", (state.value,))
            return int(query.fetchone()[0])

    def totals(self) -> Totals:
        """Return the sums over the pictures that are done."""
        with self._errors():
            row = self._database.execute(
                "SELECT total(out_width * out_height), total(seconds), count(seconds) FROM pictures WHERE state = 'done'"
            ).fetchone()
        return Totals(int(row[0]), row[1], row[2])

    def judge(self, target: str, *, source: str | None, output: str | None, overwrite: bool = False) -> Verdict:
        """Decide about a picture.

        Parameters
        ----------
        source, output : versions of the input and of the file in the result's place, None where there is none
        overwrite : make every result again, and replace files that this job did not make
        """
        row = self.entry(target)
        if row is not None and row.state is State.BEGUN and output is not None:
            if output == row.output_before:
                return Verdict.REPLACE  # as was decided when it was begun
            # It was finished in the moment when the job was stopped.
            self._update(target, state=State.DONE.value, output=output, finished=_now())
            row = self.entry(target)
        if output is None:
            return Verdict.DO
        if overwrite:
            return Verdict.REPLACE
        if row is None or row.output != output:
            return Verdict.TAKEN
        same = row.state is State.DONE and (row.settings, row.model) == (self.settings, self.model)
        return Verdict.UNCHANGED if same and row.source_version == source is not None else Verdict.REPLACE

    def content_known(self, target: str) -> str | None:
        """Return the input's content from which the result in place was made with these settings and this model.

        None if there is no such result: whether only the input's version changed need then not be looked at.
        """
        row = self.entry(target)
        if row is None or row.state is not State.DONE or (row.settings, row.model) != (self.settings, self.model):
            return None
        return row.content

    def touched(self, target: str, source: str | None) -> None:
        """Note that an input has another version, but the same content."""
        self._update(target, source_version=source)

    def begin(
        self, target: str, *, source: str, source_version: str | None, content: str | None, output_before: str | None
    ) -> None:
        """Note that the network works on a picture; call it before its result can appear.

        ``source`` is the input's name, for people.
        """
        self._upsert(
            target,
            source=as_text(source),
            state=State.BEGUN.value,
            source_version=source_version,
            content=content,
            output_before=output_before,
        )

    def done(
        self,
        target: str,
        *,
        output: str | None,
        before: tuple[int, int],
        after: tuple[int, int],
        seconds: float,
        content: str | None = None,
    ) -> None:
        """Note that the result lies in its place. Sizes are (width, height) in pixels; ``content`` if now known."""
        extra = {} if content is None else {"content": content}
        sizes = {"width": before[0], "height": before[1], "out_width": after[0], "out_height": after[1]}
        self._update(
            target,
            state=State.DONE.value,
            output=output,
            seconds=seconds,
            finished=_now(),
            reason=None,
            **sizes,
            **extra,
        )

    def fail(self, target: str, *, source: str, reason: str) -> None:
        """Note why a picture could not be done; the next run tries it again."""
        self._upsert(target, source=as_text(source), state=State.FAILED.value, reason=as_text(reason), finished=_now())

    def save_as(self, path: Path) -> None:
        """Write a copy of the journal as it is now to a file that does not exist."""
        self._execute("VACUUM INTO ?", str(path))

    def _upsert(self, target: str, **values: Any) -> None:
        values = {"settings": self.settings, "model": self.model, "reason": None, **values}
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in values)
        self._execute(
            f"INSERT INTO pictures (target, {names}) VALUES (?, {marks}) ON CONFLICT (target) DO UPDATE SET {changes}",
            as_text(target),
            *values.values(),
        )

    def _update(self, target: str, **values: Any) -> None:
        changes = ", ".join(f"{name} = ?" for name in values)
        self._execute(f"UPDATE pictures SET {changes} WHERE target = ?", *values.values(), as_text(target))

    def _execute(self, statement: str, *values: Any) -> None:
        with self._errors():
            self._database.execute(statement, values)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise UsageError(
                    f"another run writes to {self.path.parent}: wait for it, or choose another output"
                ) from None
            raise SrganError(
                f"cannot write {self.path} ({error}): make room or get permission there, or choose another output"
            ) from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:  # the last two: rows that no run wrote
            reason = " ".join(str(error).split())  # SQLite's may have lines
            raise SrganError(
                f"{self.path} is damaged ({reason}): delete it; results that exist are then kept and skipped"
            ) from None


def known_results(path: Path) -> set[str]:
    """Return the targets of a journal's pictures, if there is one; none where another run holds it, which opening says."""
    if not path.is_file():
        return set()
    try:
        with closing(sqlite3.connect(path, timeout=0.1)) as database:
            return {row[0] for row in database.execute("SELECT target FROM pictures WHERE output IS NOT NULL")}
    except sqlite3.Error:
        return set()


def settings_text(**settings: Any) -> str:
    """Return the text of the settings on which results depend: JSON with sorted keys; None is left out."""
    kept: Mapping[str, Any] = {name: value for name, value in settings.items() if value is not None}
    return json.dumps(kept, sort_keys=True)


def content_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; OSError if it cannot be read."""
    return file_sha256(path)


def _entry(row: tuple[Any, ...]) -> JournalEntry:
    target, source, state, *rest = row
    return JournalEntry(target, source, State(state), *rest)


def as_text(name: str) -> str:
    """Return a name as text that SQLite takes: bytes that are no UTF-8 are written as hexadecimal."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
