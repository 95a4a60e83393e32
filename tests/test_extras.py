"""A test whose packages nobody asked for is skipped; one whose packages are expected fails: tests/support/extras.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HOOKS = """
import sys
from support import extras
from support.extras import pytest_pycollect_makemodule, pytest_runtest_call, pytest_runtest_setup

MISSING = {missing}
for name in MISSING:
    sys.modules[name] = None  # an import of it raises ModuleNotFoundError
real, dev = extras.installed, extras.of_the_project()["dev"].packages
extras.installed = lambda package: package not in MISSING and (package in dev or real(package))
"""

FILES = {
    "test_top.py": "import torch\ndef test_it(): pass",
    "test_of_ours.py": "import srgan.training.loop\ndef test_it(): pass",  # imports torch
    "test_inside.py": "def test_it():\n    import torch",
    "test_fixture.py": (
        "import pytest\n@pytest.fixture(scope='module')\ndef it():\n    import torch\n"
        "def test_it(it): pass\ndef test_again(it): pass"
    ),
    "test_mark.py": "import pytest\n@pytest.mark.extra('train')\ndef test_it(): assert False, 'a process says what is missing'",
    "test_said.py": "from srgan.errors import MissingExtraError\ndef test_it(): raise MissingExtraError('srgan train', 'train')",
}
"""Tests that need torch in all ways."""

BROKEN = {
    "test_ours.py": "import srgan.trainings\ndef test_it(): pass",
    "test_misspelt.py": "def test_it():\n    import torhc",
    "test_brought.py": "def test_it():\n    import onnx",  # by the extra test itself
    "test_not_missing.py": "from srgan.errors import MissingExtraError\ndef test_it(): raise MissingExtraError('it', 'video')",
}
"""Tests that nothing excuses."""


def outcomes(
    folder: Path, files: dict[str, str], *missing: str, asked: str | None = None
) -> tuple[Counter[str], list[str]]:
    """Run tests where packages are missing; return how many ended how, and why tests were skipped."""
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "conftest.py").write_text(HOOKS.format(missing=repr(set(missing))))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = extra(name): needs it\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SRGAN_TEST", "PYTEST"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    if asked is not None:
        environment["SRGAN_TEST_EXTRAS"] = asked
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    last = done.stdout.strip().splitlines()[-1]
    found = Counter(
        {kind.rstrip("s"): int(n) for n, kind in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}
    )
    assert found, done.stdout + done.stderr
    return found, [line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")]


def test_what_nobody_asked_for_is_skipped_and_named_and_nothing_else(tmp_path: Path) -> None:
    missing = ("torch", "onnx", "keras")  # without keras it is no environment of .[dev]
    found, why = outcomes(tmp_path, FILES | BROKEN, *missing)
    assert found == {"skipped": 7, "error": 1, "failed": 3}
    assert all(re.fullmatch(r"needs (.*, )?torch(, .*)?: pip install 'srgan\[train\]'", line) for line in why), why


@pytest.mark.parametrize("asked", ["test, community", None])  # without a word, where all of dev is
def test_what_is_expected_must_be_there(asked: str | None, tmp_path: Path) -> None:
    found, _ = outcomes(tmp_path, FILES, "torch", asked=asked)
    assert found == {"error": 4, "failed": 3}


def test_what_ci_did_not_ask_for_is_skipped(tmp_path: Path) -> None:
    found, _ = outcomes(tmp_path, FILES, "torch", asked="test,web")
    assert found == {"skipped": 7}
