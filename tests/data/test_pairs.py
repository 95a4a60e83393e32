"""Which files of a benchmark's folder belong together."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from srgan.data.pairs import Pair, find_pairs
from srgan.errors import DataError, UsageError


def place(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(folder / name)


def names(pairs: list[Pair], folder: Path) -> list[tuple[str, str | None]]:
    return [
        (pair.hr.relative_to(folder).as_posix(), pair.lr and pair.lr.relative_to(folder).as_posix()) for pair in pairs
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.png", "b.png"], [("a.png", None), ("b.png", None)]),
        (["HR/a.png", "LR/a.png"], [("HR/a.png", "LR/a.png")]),
        (["HR/a.png", "LRx2/ax2.png", "LR/a.png"], [("HR/a.png", "LRx2/ax2.png")]),
        (["HR/a.png", "HRx2/a.png", "LRx2/a.png"], [("HRx2/a.png", "LRx2/a.png")]),
        (["HR/a.png", "HRx2/a.png"], [("HR/a.png", None)]),  # which is cut for an LR that is not there
    ],
)
def test_layouts(files: list[str], expected: list[tuple[str, str | None]], tmp_path: Path) -> None:
    place(tmp_path, *files)
    assert names(find_pairs(tmp_path, 2), tmp_path) == expected


@pytest.mark.parametrize("files", [["HR/a.png", "HR/b.png", "LR/a.png"], ["HR/a.png", "LR/a.png", "LR/b.png"]])
def test_what_has_no_partner_is_named(files: list[str], tmp_path: Path) -> None:
    place(tmp_path, *files)
    with pytest.raises(DataError, match=r"b\.png' has no partner in"):
        find_pairs(tmp_path, 2)


def test_no_folder_and_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        find_pairs(tmp_path / "missing", 2)
    with pytest.raises(DataError, match="there are no pictures"):
        find_pairs(tmp_path, 2)
