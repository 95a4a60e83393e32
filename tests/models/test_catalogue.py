"""Names of shipped networks, and paths of files: which one is meant, and what is said where none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from srgan.errors import ModelError, UnknownModelError
from srgan.models import catalogue
from srgan.models.catalogue import (
    AUTO,
    AUTO_WHEN,
    CATALOGUE,
    CLEAN,
    CLIPS,
    COMPRESSED,
    DEFAULT,
    CatalogueEntry,
    resolve,
)
from srgan.models.metadata import read_info
from support import tiny_models


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_name_is_a_file_that_says_so_of_itself(name: str) -> None:
    info = read_info(resolve(name))
    assert info.name == name
    assert name.endswith(f"-x{info.scale}")
    assert info.card["data"]["pictures"] > 0
    assert CATALOGUE[name].when


def test_the_default_is_shipped_and_partners_are_and_enlarge_as_much() -> None:
    assert DEFAULT == AUTO
    assert len({read_info(resolve(name)).scale for name in (CLEAN, COMPRESSED)}) == 1
    for name, entry in CATALOGUE.items():
        if entry.partner is not None:
            assert read_info(resolve(entry.partner)).scale == read_info(resolve(name)).scale


def test_auto_means_the_fast_network_for_clips_and_nothing_else_does() -> None:
    assert catalogue.for_clips(AUTO) == CLIPS
    assert read_info(resolve(CLIPS)).scale == read_info(resolve(CLEAN)).scale  # results are called after it
    assert (catalogue.for_clips("srgan-x4"), catalogue.for_clips("./mine.onnx")) == ("srgan-x4", "./mine.onnx")
    assert catalogue.for_clips(AUTO, fidelity=0.5) == AUTO
    assert catalogue.for_clips(AUTO, denoise=1.0) == AUTO


def test_what_is_for_clean_pictures_was_evaluated() -> None:
    for name in CATALOGUE:
        card = read_info(resolve(name)).card
        clean = card["recipe"]["data"]["degradation"] != "photo"
        assert [scores["set"] for scores in card.get("evaluation", ())] == (["Set5", "Set14"] if clean else [])


def test_the_readme_says_the_same() -> None:
    lines = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    columns = next(line for line in lines if line.startswith("| model |")).removesuffix(" |").split(" | ")
    assert list(rows) == [AUTO, *CATALOGUE]
    assert f"(default) | {AUTO_WHEN} |" in rows[AUTO]
    for name, entry in CATALOGUE.items():
        assert f"| {entry.when} |" in rows[name]
        cells = rows[name].removesuffix(" |").split(" | ")
        for scores in read_info(resolve(name)).card.get("evaluation", ()):
            if scores["set"] in columns:
                said = cells[columns.index(scores["set"])]
                assert said == f"{scores['psnr_y']:.2f} / {scores['ssim_y']:.3f}"


def test_a_name_wins_over_a_file_and_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_models.nearest(tmp_path / CLEAN)
    assert resolve(CLEAN) == catalogue.shipped_file(CATALOGUE[CLEAN])
    assert read_info(resolve(f"./{CLEAN}")).scale == 2
    assert resolve(tmp_path / CLEAN) == tmp_path / CLEAN


def test_the_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net.onnx").touch()
    assert resolve("~/net.onnx") == tmp_path / "net.onnx"


@pytest.mark.parametrize("name", ["srgan-x3", "none.onnx", "~nobody-of-that-name/net.onnx", "x" * 300])
def test_an_unknown_name_lists_the_known_ones(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownModelError) as caught:
        resolve(name)
    assert str(caught.value).startswith(f"no model '{name}': shipped are ")
    assert all(known in str(caught.value) for known in CATALOGUE)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder, not a model file: name the \.onnx file in it"):
        resolve(tmp_path)


def test_an_installation_without_the_file_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "gone-x4", CatalogueEntry("gone-x4.onnx", "never"))
    with pytest.raises(ModelError, match=r"'gone-x4' is missing \(.*gone-x4\.onnx\): install srgan again"):
        resolve("gone-x4")
