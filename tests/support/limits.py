"""What a machine may refuse, brought about for real: files that may not grow, and files that may not be read.

Whole commands are limited in a process of their own. In the tests' own process a limit would also be felt by what the
libraries do meanwhile, and some of them end a process that may no longer read its own files.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.tiny_runs import Result


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``limit`` bytes: to a program it looks like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # Python ignores the signal: writing fails with EFBIG
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


WITH_SMALL_FILES = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runpy.run_module("srgan", run_name="__main__", alter_sys=True)
"""


def call_with_small_files(limit: int, *arguments: Any) -> Result:
    """Run the command ``srgan``, none of whose files may grow beyond ``limit`` bytes."""
    return _python("-c", WITH_SMALL_FILES, limit, *arguments)


def call_unprivileged(*arguments: Any) -> Result:
    """Run the command ``srgan`` as one for whom the permissions of files count."""
    return _python("-m", "srgan", *arguments, before=_unprivileged())


PRINT_THE_ERROR = """
import sys
from srgan.errors import SrganError
try:
    exec(sys.argv.pop(1))
except SrganError as error:
    print(f"{type(error).__name__}: {error}")
"""


def error_unprivileged(code: str, *arguments: Any) -> str:
    """Run Python code, with ``sys.argv[1:]``, for which the permissions of files count; return the error it meets.

    It has the form ``"ModelError: what it says"``, and is empty if there was none.
    """
    done = _python("-c", PRINT_THE_ERROR, code, *arguments, before=_unprivileged())
    assert (done.code, done.err) == (0, "")
    return done.out.removesuffix("\n")


def _unprivileged() -> list[str]:
    """Return what to put before a command.

    Root stays root, and so the owner of its files, Python's among them; it loses only what lets it pass over their
    permissions.
    """
    if os.geteuid():
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--ambient-caps=-all"]


def _python(*arguments: Any, before: list[str] | None = None) -> Result:
    command = [*(before or []), sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return Result(done.returncode, done.stdout, done.stderr)
