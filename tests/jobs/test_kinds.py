"""What a file is to a run, by its name and, for animations, by its content."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from srgan.jobs.kinds import Kind, kind_of


def animation(path: Path, frames: int) -> Path:
    pictures = [Image.new("L", (4, 4), 40 * n) for n in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations_have_several_frames(suffix: str, tmp_path: Path) -> None:
    assert kind_of(animation(tmp_path / f"one{suffix}", 1)) is Kind.PICTURE
    several = animation(tmp_path / f"several{suffix}", 3)
    assert kind_of(several) is Kind.ANIMATION
    assert kind_of(several, ".mp4") is Kind.ANIMATION
    assert kind_of(several, ".jpg") is Kind.PICTURE  # of which the first frame is taken


def test_videos_go_by_their_name_and_what_cannot_be_read_is_a_picture(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "missing.MP4") is Kind.VIDEO
    (tmp_path / "broken.gif").write_text("hello")
    assert kind_of(tmp_path / "broken.gif") is Kind.PICTURE
    assert ".mkv" in Kind.ANIMATION.targets
    assert ".mkv" not in Kind.PICTURE.targets
