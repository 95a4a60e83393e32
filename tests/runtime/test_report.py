"""A message of a job goes to the logger of this program, and to stderr where nobody listens."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from srgan.runtime.report import tell


def test_a_program_may_take_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "srgan"):
        tell("the processor goes on, 50 %")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("srgan", "srgan: the processor goes on, 50 %")
    ]


def test_by_default_it_is_a_line_on_stderr() -> None:
    code = "from srgan.runtime.report import tell; tell('cuda:0 is lost')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "srgan: cuda:0 is lost\n")
