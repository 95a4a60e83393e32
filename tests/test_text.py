"""Text from elsewhere is safe to show."""

from __future__ import annotations

import pytest

from srgan.text import DIRECTIONS, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bücher 本 🙂.png", "Bücher 本 🙂.png"),
        ("a\nb\tc\x1b[2J", "a\\nb\\tc\\x1b[2J"),
        ("\udcff.png", "\\udcff.png"),
        ("a\u2028b", "a\\u2028b"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
    ],
)
def test_what_commands_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_mark_turns_the_line() -> None:
    assert not set(DIRECTIONS) & set(printable(f"a{DIRECTIONS}b"))
