"""Before and after, as a notebook shows them."""

from __future__ import annotations

import base64
import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import srgan


def plain_with_detail(place: tuple[int, int], size: tuple[int, int] = (600, 800)) -> np.ndarray:
    picture = np.full((*size, 3), 90, np.uint8)
    top, left = place
    picture[top : top + 200, left : left + 200] = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    return picture


def shown(html: str) -> list[Image.Image]:
    found = re.findall(r"src='data:image/webp;base64,([^']+)'", html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_a_comparison_shows_the_part_with_the_detail(model: Path) -> None:
    small = plain_with_detail((350, 100))
    large = srgan.upscale(small, model=model)
    found = srgan.compare(small, Image.fromarray(large))
    assert found.before.shape == (200, 200, 3)
    np.testing.assert_array_equal(found.before, small[350:550, 100:300])
    np.testing.assert_array_equal(found.after, large[700:1100, 200:600])
    html = found._repr_html_()
    assert [part.size for part in shown(html)] == [(200, 200), (400, 400)]
    assert html.count("width='400' height='400'") == 2, "both are shown in one size"
    assert "800 &times; 600" in html
    assert "1600 &times; 1200" in html


def test_large_pictures_are_looked_through_thinned_out() -> None:
    small = plain_with_detail((1500, 2400), (2200, 3000))
    found = srgan.compare(small, small)
    assert found.before.shape == (400, 400, 3)
    assert found.before.std() > 30


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 2)])
def test_pictures_of_any_shape_are_compared(size: tuple[int, int]) -> None:
    small = np.zeros((*size, 3), np.uint8)
    found = srgan.compare(small, small.repeat(4, 0).repeat(4, 1))
    assert min(found.before.shape) > 0
    assert min(found.after.shape) > 0


def test_kinds_of_pictures_that_are_compared(tmp_path: Path) -> None:
    gray = np.linspace(0, 1, 20 * 30, dtype=np.float32).reshape(20, 30)
    Image.new("RGBA", (60, 40)).save(tmp_path / "clear.png")
    found = srgan.compare(gray, tmp_path / "clear.png")
    assert found.before.max() == 255
    assert found.after.min() == 255, "transparent parts are shown on white"
    wrong: Any = 3
    for one, other in ((gray, wrong), (gray, np.zeros((90, 30), np.uint8)), (tmp_path / "none.png", gray)):
        with pytest.raises(srgan.SrganError):
            srgan.compare(one, other)


def test_a_written_file_is_a_path_that_shows_both(model: Path, tmp_path: Path) -> None:
    Image.fromarray(plain_with_detail((0, 0), (300, 300))).save(tmp_path / "a.png")
    written = srgan.upscale(tmp_path / "a.png", model=model)
    assert len(shown(written._repr_html_() or "")) == 2
    assert written == Path(tmp_path / "a_x2.png")
    assert hash(written) == hash(Path(written))
    assert pickle.loads(pickle.dumps(written)) == written
    assert written.with_suffix(".jpg")._repr_html_() is None
    written.unlink()
    assert written._repr_html_() is None, "the path is shown, and no error"
