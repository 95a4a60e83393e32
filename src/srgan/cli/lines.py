"""Lines for a person to read: one line each, whatever stands in the names that they mention."""

from __future__ import annotations

import os
import sys
import unicodedata

_ESCAPED = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of surrogate pairs (which stand for bytes that are no UTF-8), and
separators of lines and paragraphs."""


def printable(text: str) -> str:
    r"""Return text with what would break the line, or command the terminal, written as escapes such as ``\x1b``."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _ESCAPED else char
        for char in text
    )


def say(line: str) -> None:
    """Print one line to stderr, as from this program."""
    print(f"srgan: {printable(line)}", file=sys.stderr)


def output_failed() -> bool:
    """Return whether stdout does not take what was printed: a closed pipe, a full disk.

    If so, it leads nowhere from now on, so that the interpreter does not complain of it at its end as well.
    """
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return True
    return False
