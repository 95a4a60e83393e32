"""Lines on a terminal: one each, readable, and no error when nobody reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from srgan.cli.lines import printable, say


def test_control_characters_are_escaped_and_letters_are_not() -> None:
    assert printable("Größe 大きさ 🙂 a\u202fb\u00a0c") == "Größe 大きさ 🙂 a\u202fb\u00a0c"
    assert printable("a\nb\r\x1b[2J\x00\x7f\x9b\u2028\udcff") == r"a\nb\r\x1b[2J\x00\x7f\x9b\u2028\udcff"
    assert printable("photo\u202egpj.exe \u2067\u200f\u061c") == r"photo\u202egpj.exe \u2067\u200f\u061c"
    assert printable("שלום مرحبا") == "שלום مرحبا"  # letters that run from right to left do so by themselves


def test_what_is_said_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("cannot read 'a\nb\x1b]0;title\x07.png'")
    assert capsys.readouterr().err == "srgan: cannot read 'a\\nb\\x1b]0;title\\x07.png'\n"


def run(shell: str) -> subprocess.CompletedProcess[str]:
    python = f"{sys.executable} -m srgan"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell.replace('SRGAN', python)}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_reader_that_has_enough_is_no_error() -> None:
    done = run("SRGAN models srgan-x4 | true")  # which is gone long before the card is printed
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_behind_the_output_is_one_line() -> None:
    done = run("SRGAN models srgan-x4 > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "srgan: cannot print: the disk is full: free some space, or write elsewhere\n"
