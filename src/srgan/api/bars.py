"""A progress bar where a person is: one line in a terminal, one element in a notebook, and nothing anywhere else."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_EVERY_SECONDS = 0.1
"""Between two drawings in a notebook: each is a message to the browser."""


@contextmanager
def bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block lasts, and give what is to be told (done, in all). It is gone afterwards."""
    if in_notebook():
        with _notebook_bar(name) as tell:
            yield tell
    elif sys.stderr is not None and sys.stderr.isatty():
        with _terminal_bar(name) as tell:
            yield tell
    else:
        yield _nowhere


def _nowhere(done: int, total: int) -> None:
    del done, total


def in_notebook() -> bool:
    """Return whether the code runs in a notebook's cell, without importing IPython for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def _terminal_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(name, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextmanager
def _notebook_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show one element that is drawn anew in its place; rich would print a new block each time."""
    display: Any = sys.modules["IPython"].display
    started = time.monotonic()
    drawn = started - _EVERY_SECONDS
    handle = display.display(display.HTML(_drawing(name, 0, 1, 0)), display_id=True)

    def tell(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn >= _EVERY_SECONDS:
            drawn = now
            handle.update(display.HTML(_drawing(name, done, total, now - started)))

    try:
        yield tell
    finally:
        handle.update(display.HTML(""))


def _drawing(name: str, done: int, total: int, seconds: float) -> str:
    left = f", about {max(seconds * (total - done) / done, 1):.0f} s left" if done and seconds > 2 else ""
    return (
        f"<div>{html.escape(name)} <progress value='{done}' max='{max(total, 1)}'></progress> "
        f"{100 * done // max(total, 1)} %{left}</div>"
    )
