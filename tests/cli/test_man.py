"""The manual page."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from srgan.cli import app
from support.tiny_runs import call


def test_the_manual_has_each_command_and_each_option() -> None:
    done = call("man")
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    for name in ("upscale", "train", "data check", "data distil", "cache clear", "man"):
        assert f".SS srgan {name}" in done.out
    text = done.out.replace("\\-", "-")
    for command in ("upscale", "train", "evaluate", "serve", "convert"):
        for flag in re.findall(r"--[a-z][a-z0-9-]+", call(command, "--help").out):
            assert flag in text, f"{command} {flag}"
    assert len(app.registered_commands) >= 7


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff to read it with")
def test_the_manual_is_sound_roff() -> None:
    read = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww"],
        input=call("man").out,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert read.stderr == ""
    assert "SRGAN(1)" in read.stdout
