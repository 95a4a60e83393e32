"""The command itself: usage errors of one line, help, the version, and an output that does not take what is printed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import srgan
from srgan.cli import app
from support.tiny_runs import call

COMMANDS = sorted(
    [*(command.name for command in app.registered_commands), *(group.name for group in app.registered_groups)]
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frob"], "No such command 'frob': see 'srgan --help'"),
        (["--frob"], "No such option: --frob: see 'srgan --help'"),
        (["upscale"], "Missing argument 'PATH…': see 'srgan upscale --help'"),
        (["upscale", "a.png", "--frob"], "No such option: --frob: see 'srgan upscale --help'"),
        (["upscale", "a.png", "--quality", "101"], "'--quality': 101 is not in the range 1<=x<=100"),
        (["upscale", "a.png", "--quality", "high"], "'--quality'"),
        (["upscale", "a.png", "--precision", "fp8"], "'--precision'"),
        (["upscale", "a.png", "--threads", "0"], "'--threads'"),
        (["upscale", "a.png", "--threads", "1000000000000"], "'--threads'"),
        (["upscale", "a.png", "--output"], "'--output'"),
        (["upscale", "a.png", "--memory", "lots"], "'lots' is no size: write for instance 500MB or 2GB"),
        (["train"], "name a folder of photographs to train on: srgan train PHOTOS"),
        (["evaluate"], "see 'srgan evaluate --help'"),
        (["convert"], "see 'srgan convert --help'"),
        (["data", "frob"], "see 'srgan data --help'"),
        (["serve", "--port", "x"], "see 'srgan serve --help'"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(arguments: list[str], says: str) -> None:
    done = call(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("srgan: ")
    assert says in done.err
    assert done.err.count("\n") == 1


def test_the_version() -> None:
    done = call("--version")
    assert (done.code, done.out, done.err) == (0, f"srgan {srgan.__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_each_command(flag: str) -> None:
    done = call(flag)
    assert (done.code, done.err) == (0, "")
    assert {"upscale", "train", "evaluate", "models"} <= set(COMMANDS)
    for name in COMMANDS:
        assert f" {name} " in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    done = call(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"srgan {name}" in done.out


def test_alone_it_prints_its_help() -> None:
    done = call()
    assert done.code == 2
    assert "Usage: srgan" in done.out + done.err
    assert "Traceback" not in done.err


# --- Names of every kind, and outputs of every kind ------------------------------------------------------------------


def test_a_missing_extra_says_how_to_install_it() -> None:
    """None in sys.modules is Python's own way to say that a module is not there."""
    code = "import sys; sys.modules['torch'] = None; sys.argv = ['srgan', 'train', '.']; from srgan.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "srgan: srgan train needs libraries that are not installed: run pip install 'srgan[train]'\n"
