"""What results are called."""

from pathlib import Path

import pytest

from srgan.errors import UsageError
from srgan.jobs.kinds import Kind
from srgan.jobs.naming import Naming
from srgan.storage import Remote


@pytest.mark.parametrize(
    ("source", "naming", "name"),
    [
        ("p/a.jpg", Naming("x4"), "a_x4.jpg"),
        ("p/a.jpg", Naming("w1920", ".png"), "a_w1920.png"),
        ("a.jpg", Naming("x4", suffix="_big"), "a_big.jpg"),
        ("a.jpg", Naming("x4", suffix=""), "a.jpg"),
        ("a.jpg", Naming("x4", template="{stem}_{scale}x.{ext}"), "a_4x.jpg"),
        ("a.jpg", Naming("x1.5", ".png", template="{label} of {stem}.{ext}"), "x1.5 of a.png"),
        ("a.jpg", Naming("w1920", template="{scale}.{ext}"), "w1920.jpg"),
        ("IMG.1234", Naming("x4"), "IMG.1234_x4.png"),  # what follows the last dot is no extension
        ("shot at 10.30 PM", Naming("x4"), "shot at 10.30 PM_x4.png"),
        ("a.jpg_large", Naming("x4"), "a_x4.png"),
    ],
)
def test_a_pictures_name(source: str, naming: Naming, name: str) -> None:
    assert naming.name(Path(source)) == name


def test_what_a_file_is_decides_where_its_name_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "download").write_bytes(b"\xff\xd8\xff rest")
    assert Naming("x4").name(tmp_path / "download") == "download_x4.jpg"
    assert Naming("x4").name(Remote("s3://bucket/download")) == "download_x4.png"


def test_a_clips_name() -> None:
    assert Naming("x4").name(Path("a.mp4"), Kind.VIDEO) == "a_x4.mp4"
    assert Naming("x4").name(Path("a.avi"), Kind.VIDEO) == "a_x4.mkv"
    assert Naming("x4").name(Path("a.apng"), Kind.ANIMATION) == "a_x4.apng"


def test_a_plain_name_is_the_inputs_unless_another_was_chosen() -> None:
    assert Naming("x4").name(Path("a.jpg"), plain=True) == "a.jpg"
    assert Naming("x4", suffix="_y").name(Path("a.jpg"), plain=True) == "a_y.jpg"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"template": "{foo}.{ext}"}, "cannot be filled in: its fields are {stem}, {scale}, {label} and {ext}"),
        ({"template": "{stem.ext"}, "cannot be filled in"),
        ({"template": "{stem.__class__}.png"}, "cannot be filled in"),
        ({"template": "up/{stem}.{ext}"}, "has no slash: say the folder with -o"),
        ({"suffix": "/../x"}, "has no slash"),
        ({"suffix": "_y", "template": "{stem}.{ext}"}, "give one of them"),
    ],
)
def test_what_is_refused(options: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Naming("x4", **options)  # type: ignore[arg-type]
    assert says in str(caught.value)
