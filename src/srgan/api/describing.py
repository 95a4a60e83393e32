"""What a notebook says of an open network: a line."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from srgan.models.catalogue import AUTO, AUTO_WHEN, CATALOGUE
from srgan.models.figures import figures


def described_line(name: str, label: str) -> str:
    """Return the name, what results are called after, and what the network is for, where that is known."""
    entry = CATALOGUE.get(name)
    when = AUTO_WHEN if name == AUTO else entry.when if entry is not None else ""
    return f"{name}, {label}" + (f" ({when})" if when else "")


def described_html(line: str, card: Mapping[str, Any]) -> str:
    """Return the line, with the figures of the network's card."""
    name, _, rest = line.partition(",")
    measured = "" if name == AUTO else f"; {html.escape(figures(card))}"
    return f"<div><b>{html.escape(name)}</b>,{html.escape(rest)}{measured}</div>"
