"""The lines of pictures that were written, left out, skipped or failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from srgan.cli.pictures import line, picture_listener
from srgan.errors import ImageReadError
from srgan.jobs.job import Job
from srgan.jobs.reports import Done, Failure

JOB = Job(Path("in/a.png"), Path("out/\x1b[2Ja.png"))


def test_a_line_has_sizes_pages_and_the_network_where_it_was_chosen() -> None:
    done = Done(JOB, (30, 20), (120, 80), 1.25, network="photo-x4", seen="noisy (12 levels)")
    assert line(done) == "out/\\x1b[2Ja.png  30x20 -> 120x80  1.2 s"
    assert line(done, chosen=True).endswith("  noisy (12 levels): by photo-x4")
    several = Done(JOB, (30, 20), (120, 80), 1.0, pages=3, enlarged=3, alike=False)
    assert "3 pages, the first 30x20 -> 120x80" in line(several)


@pytest.mark.parametrize(("many", "quiet"), [(True, False), (True, True), (False, False)])
def test_what_is_said(capsys: pytest.CaptureFixture[str], many: bool, quiet: bool) -> None:
    with picture_listener(many=many, quiet=quiet, chosen=False) as listener:
        listener.leaves_out(JOB, ("the sound",))
        listener.written(Done(JOB, (3, 2), (12, 8), 1.0, pages=2, notes=("the sound",)))
        listener.skipped(JOB)
        listener.failed(Failure(JOB, ImageReadError(JOB.source, "it is no picture")))
    said = capsys.readouterr()
    assert ("->" in said.out) == (not quiet)
    assert ("the first one was enlarged" in said.err) == (not quiet)
    assert ("left out: the sound" in said.err) == (not quiet)
    assert ("exists, skipped" in said.err) == (not quiet)
    assert ("it is no picture" in said.err) == many, "a single picture's error is raised"
