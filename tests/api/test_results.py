"""The path of a result is a path like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from srgan.api.results import ResultPath


def test_it_is_a_path_and_shows_itself_while_both_pictures_are_there(tmp_path: Path) -> None:
    for name, side in (("a", 16), ("b", 32)):
        Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(tmp_path / f"{name}.png")
    result = ResultPath.of(tmp_path / "b.png", tmp_path / "a.png")
    assert result == tmp_path / "b.png"
    assert result.source == tmp_path / "a.png"
    assert "32 &times; 32" in (result._repr_html_() or "")
    assert result.with_suffix(".txt")._repr_html_() is None
    (tmp_path / "a.png").unlink()
    assert result._repr_html_() is None
