"""Text from elsewhere, names of files above all, made safe to show."""

from __future__ import annotations

import unicodedata

_ESCAPED = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of surrogate pairs (which stand for bytes that are no UTF-8), and
separators of lines and paragraphs."""

DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Marks that turn the direction of text: with them ``gpj.exe`` is shown as ``exe.jpg``."""


def printable(text: str) -> str:
    r"""Return text with what would break the line, turn it around or command the terminal as escapes such as ``\x1b``."""
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _ESCAPED or char in DIRECTIONS
        else char
        for char in text
    )
