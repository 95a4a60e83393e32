"""What lies in a folder: pictures by name and content, and the others counted."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from srgan.image import FORMATS, PICTURE_SUFFIXES
from srgan.jobs.find import counts, find


def test_pictures_are_found_by_content_and_the_rest_is_counted(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 6), (200, 30, 90))
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "photo.jpg_large", "sub/download", ".hidden"):
        picture.save(tmp_path / name, "PNG" if name.endswith("png") else "JPEG")
    (tmp_path / "b.jpg").write_bytes(b"no picture, but called like one: reading it fails, and says so")
    for name in ("1.xcf", "2.XCF", "new.fits", "film.MP4", "film.mov", "notes.txt", "README"):
        (tmp_path / name).write_bytes(b"\0" * 40)
    (tmp_path / "prices.txt.1").write_text("BMW 40,000; P5 no")  # begins like a bitmap, and is none
    found = find(tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in found.pictures]
    assert names == ["a.png", "b.jpg", "photo.jpg_large", "sub/download"]
    assert found.left_out["video"] == 2
    assert found.left_out["without suffix"] == 1
    assert found.left_out["XCF"] == 2
    assert found.left_out.total() == 8


@pytest.mark.extra("formats")  # without it a hint follows
def test_counts_say_the_most_first() -> None:
    assert counts(Counter({"EXR": 1, "XCF": 5, "video": 2})) == "5 XCF, 2 videos, 1 EXR"
    assert counts(Counter({"PDF": 1, "video": 1, "TXT": 1200})) == "1,200 TXT, 1 PDF, 1 video"


def test_where_the_extra_is_missing_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {suffix for entry in FORMATS.values() if entry.needs for suffix in entry.suffixes}
    monkeypatch.setattr("srgan.image.formats.find_spec", lambda _: None)
    monkeypatch.setattr("srgan.image.formats.PICTURE_SUFFIXES", PICTURE_SUFFIXES - missing)
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    for name in ("1.HEIC", "2.heif", "new.jxl", "raw.DNG"):
        (tmp_path / name).write_bytes(b"\0" * 40)
    found = find(tmp_path)
    assert [path.name for path in found.pictures] == ["a.png"]
    assert counts(found.left_out) == ("2 HEIC, 1 DNG, 1 JPEG XL; pip install 'srgan[formats]' reads DNG, HEIC, JPEG XL")
