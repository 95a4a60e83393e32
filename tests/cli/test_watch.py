"""A folder that is watched: what comes is done once it is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from srgan.cli import watch
from srgan.jobs.plan import Plan, plan
from srgan.jobs.reports import Report


def watched(folder: Path, between: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the names that were done at each look; ``between`` happens after the looks, and then Ctrl-C."""
    done: list[list[str]] = []
    steps = iter(between)

    def sleep(_: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    def do(found: Plan) -> Report:
        done.append([job.source.name for job in found.pictures])
        return Report()

    def look() -> Plan:
        return plan([folder], scale=2, empty=True)

    monkeypatch.setattr(watch.time, "sleep", sleep)
    watch.run(look(), look, do)
    return done


def test_what_is_there_and_what_comes_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    steps = [
        lambda: None,  # a file is done at the second look, if it did not change
        lambda: (tmp_path / "b.png").write_bytes(b"half"),
        lambda: (tmp_path / "b.png").write_bytes(b"half and more"),
        lambda: (tmp_path / "b.png").write_bytes(b"half and more, and all of it"),
        lambda: None,
        lambda: None,
        lambda: (tmp_path / "a.png").write_bytes(b"another"),
        lambda: None,
        lambda: None,
    ]
    assert watched(tmp_path, steps, monkeypatch) == [["a.png"], ["b.png"], ["a.png"]]


def test_an_empty_folder_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [lambda: (tmp_path / "a.png").write_bytes(b"1"), lambda: None, lambda: None]
    assert watched(tmp_path, steps, monkeypatch) == [["a.png"]]
