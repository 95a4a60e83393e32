"""``srgan man``: the manual page, made from the help of all commands, in roff."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from srgan._version import __version__

_FILES = (
    (
        "~/.cache/srgan, ~/Library/Caches/srgan, %LOCALAPPDATA%\\srgan\\cache",
        "compiled networks, 64 MB at most: 'srgan cache' shows where and how much, 'srgan cache clear' removes them",
    ),
    ("OUTPUT/.srgan.sqlite", "the journal of a folder's results, which lets the same command resume"),
)
_ENVIRONMENT = (
    ("SRGAN_CACHE", "another folder for compiled networks; if empty, none are kept"),
    ("SRGAN_TOKEN", "the bearer token for srgan serve"),
)
_EXIT = (
    ("0", "everything was done"),
    ("1", "something failed; stderr has one line for each failure"),
    ("2", "the command was used incorrectly"),
    ("130", "stopped by Ctrl-C"),
)


def man_command(context: typer.Context) -> None:
    """Print the manual page, for man: srgan man > ~/.local/share/man/man1/srgan.1."""
    root = context.find_root()
    print("\n".join(page(root.command, "srgan")))


def page(command: Any, name: str) -> Iterator[str]:
    """Yield the lines of the page of a command with all that is below it.

    Parameters
    ----------
    command : a group of commands, as click has it
    name : what it is called by
    """
    context = command.make_context(name, [], resilient_parsing=True)
    yield f'.TH {name.upper()} 1 "" "srgan {__version__}" "User Commands"'
    yield from (".SH NAME", f"{name} \\- {_escaped(command.help)}")
    yield from (".SH SYNOPSIS", f".B {name}", "COMMAND [OPTIONS] [ARGUMENTS]")
    yield ".SH OPTIONS"
    yield from _records(command, context)
    yield ".SH COMMANDS"
    yield from _commands(command, context)
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT), ("EXIT STATUS", _EXIT)):
        yield f".SH {title}"
        for term, words in entries:
            yield from _entry(term, words)


def _commands(group: Any, context: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        inner = type(context)(command, info_name=name, parent=context)
        if hasattr(command, "commands") and command.commands:
            yield from _commands(command, inner)
            continue
        usage = " ".join(command.collect_usage_pieces(inner))
        yield f".SS {_escaped(f'{inner.command_path} {usage}')}"
        for paragraph in re.split(r"\n\s*\n", (command.help or "").strip()):
            yield from (_line(" ".join(paragraph.split())), ".PP")
        yield from _records(command, inner)


def _records(command: Any, context: Any) -> Iterator[str]:
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            yield from _entry(*record)


def _entry(term: str, words: str) -> Iterator[str]:
    yield from (".TP", f".B {_escaped(term)}", _line(" ".join(words.split())))


def _line(text: str) -> str:
    """Return text that is a line of its own; a point or an apostrophe at its beginning would be a request."""
    return ("\\&" if text[:1] in (".", "'") else "") + _escaped(text)


def _escaped(text: str) -> str:
    plain = text.replace("…", "...").replace("\\", "\\e").replace("-", "\\-")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in plain)
