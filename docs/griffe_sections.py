"""Reads the sections of docstrings as they are written here: ``name : what it is``, in one sentence and without a type.

Griffe takes what stands behind the colon for a type; the types are in the signatures. Sphinx's roles become plain code.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|meth|func|mod|attr|data):`~?(?:srgan\.)?([^`]+)`")
_ENTRY = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*) : (?P<text>.+)$")
_TITLES = ("Parameters", "Attributes", "Returns", "Raises", "Yields")


def rewritten(text: str) -> str:
    """Return a docstring whose entries have their words on the lines below their names; what is returned comes first."""
    lines = _ROLE.sub(r"`\1`", text).splitlines()
    before: list[str] = []
    out: list[str] = []
    returned: list[str] = []
    section = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line in _TITLES and following and set(following) == {"-"}:
            section = line
        into = returned if section == "Returns" else out if section else before
        entry = _ENTRY.match(line) if section in ("Parameters", "Attributes") else None
        if entry is None:
            into.append(line)
            continue
        *others, last = entry["names"].split(", ")
        for name in others:
            into += [name, f"    see `{last}`"]
        into += [last, f"    {entry['text']}"]
    if returned:
        before += ["**Returns** " + " ".join(" ".join(returned[2:]).split()), ""]
    return "\n".join(before + out)


class OneLineEntries(griffe.Extension):
    """Rewrites each docstring before it is parsed."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)
