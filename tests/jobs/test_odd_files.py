"""Folders in which not everything is an ordinary file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan.jobs.find import find


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes among files")
@pytest.mark.timeout(60)
def test_pipes_and_broken_links_are_left_out_and_nobody_waits_for_them(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "nothing")
    for name in ("pipe.png", "pipe"):
        os.mkfifo(tmp_path / name)
    found = find(tmp_path)
    assert [path.name for path in found.pictures] == ["a.png", "link.png"]
    assert found.left_out == {"pipe, device or broken link": 3}
