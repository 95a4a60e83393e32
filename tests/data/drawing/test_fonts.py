"""Fonts: those that have letters, and which."""

import shutil
from pathlib import Path

import matplotlib
import pytest

from srgan.data.drawing.fonts import default_faces, faces_of
from srgan.errors import UsageError

TTF = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def test_default_fonts_are_for_text() -> None:
    stems = [face.path.stem if face.path else "Pillow" for face in default_faces()]
    assert len(stems) == len(set(stems)) >= 20
    assert {"DejaVuSans", "DejaVuSerif-Bold", "STIXGeneral", "cmr10", "Pillow"} <= set(stems)
    assert not {"cmsy10", "cmex10", "STIXSizOneSymReg", "LastResortHE-Regular"} & set(stems)


def test_alphabets_are_those_that_a_font_has() -> None:
    faces = {face.path.stem if face.path else "Pillow": face.alphabets for face in default_faces()}
    assert faces["DejaVuSans"] == ("latin", "accents", "greek", "cyrillic")
    assert faces["cmr10"] == ("latin",)


def test_a_folder_of_fonts_is_searched_and_what_is_none_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    shutil.copy(TTF / "DejaVuSerif.ttf", tmp_path / "deep" / "b.TTF")
    shutil.copy(TTF / "STIXSizOneSymReg.ttf", tmp_path / "signs.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"\x00\x01\x00\x00 no font")
    (tmp_path / "readme.txt").write_text("fonts")
    assert [face.path for face in faces_of(tmp_path)] == [tmp_path / "deep" / "b.TTF"]


def test_a_folder_without_text_fonts_is_an_error(tmp_path: Path) -> None:
    shutil.copy(TTF / "LastResortHE-Regular.ttf", tmp_path)
    with pytest.raises(UsageError, match="Latin letters"):
        faces_of(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        faces_of(tmp_path / "none")
