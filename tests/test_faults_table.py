"""docs/faults.md: every cell of its table names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs/faults.md"
REFERENCE = re.compile(r"`(?P<file>(?:\w+/)?test_\w+|…)(?:::(?P<test>test_\w+))?_?…?`")


def rows() -> list[list[str]]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    table = lines[: next(number for number, line in enumerate(lines) if line.startswith("| load |"))]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_every_cell_names_tests_that_are_there() -> None:
    found = rows()
    assert len(found) >= 15
    for fault, *cells in found:
        assert len(cells) == 5, fault
        before = ""
        for cell in cells:
            references = list(REFERENCE.finditer(cell))
            assert references or cell == "-" or (cell.startswith("same") and before not in ("", "-")), (fault, cell)
            file = ""
            for reference in references:
                file = file if reference["file"] == "…" else reference["file"]
                text = (TESTS / f"{file}.py").read_text(encoding="utf-8")
                assert reference["test"] is None or f"def {reference['test']}" in text, (fault, reference[0])
            before = cell
