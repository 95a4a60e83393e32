"""Two hundred files that are cut short, damaged, of another kind, or bombs: each is read, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan.errors import ImageReadError, ImageTooLargeError
from srgan.image import Picture, probe, read, read_rows
from support.malformed import corpus, more_formats

CORPUS: dict[str, bytes] = corpus() | more_formats()
"""The files that the server gets, and more."""


def test_they_are_many() -> None:
    assert len(CORPUS) >= 200


def attempt(read_it: Callable[..., Picture | None], file: Path) -> Any:
    """Return the pixels, None where this is not a way to read the file, or the error, after a look at what it says."""
    try:
        found = read_it(file, max_pixels=10_000_000)
        return None if found is None else found.pixels[:, :]
    except (ImageReadError, ImageTooLargeError) as error:
        said = str(error)
        assert "\n" not in said
        assert repr(str(file)) in said
        assert len(said) < 300 + len(str(file))
        assert ": " in said.split(repr(str(file)))[1]  # what to do about it
        return error


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(CORPUS[name])
    whole, by_rows = attempt(read, file), attempt(read_rows, file)
    if isinstance(whole, Exception):
        assert by_rows is None or isinstance(by_rows, Exception)
        return
    assert not name.startswith(("bomb/", "other/", "truncated/"))
    if by_rows is not None:
        np.testing.assert_array_equal(by_rows, whole)
    header = probe(file)
    assert whole.shape[:2] == (header.height, header.width)
