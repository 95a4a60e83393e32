"""``srgan models``: the shipped networks and their figures, one card, and cards from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from srgan.models.catalogue import (
    AUTO,
    AUTO_WHEN,
    CATALOGUE,
    CLEAN,
    CLIPS,
    COMPRESSED,
    DEEP,
    NOISY,
    THRESHOLDS,
    CatalogueEntry,
    for_twice,
    in_turn,
    resolve,
)
from srgan.models.metadata import read_info
from support import tiny_models
from support.tiny_runs import call


def test_the_list_has_each_network_with_its_own_figures() -> None:
    done = call("models")
    assert (done.code, done.err) == (0, "")
    head, *lines = done.out.splitlines()
    assert head.split()[:2] == ["NAME", "SCALE"]
    assert [line.split()[0] for line in lines] == [AUTO, *CATALOGUE]
    assert f"{AUTO_WHEN} (the default)" in lines[0]
    for line, (name, entry) in zip(lines[1:], CATALOGUE.items(), strict=True):
        info = read_info(resolve(name))
        assert line.split()[1] == f"x{info.scale}"
        assert entry.when in line
        evaluation = info.card.get("evaluation", [])
        # Benchmarks of clean pictures say nothing of the networks for degraded ones.
        assert evaluation or (name.startswith("photo-") and "not evaluated" in line)
        for scores in evaluation:
            assert f"{scores['set']} {scores['psnr_y']:.2f} dB / {scores['ssim_y']:.3f}" in line
        assert line.index(entry.when) == head.index("USE IT FOR")


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_card_says_everything(name: str) -> None:
    done = call("models", name)
    assert (done.code, done.err) == (0, "")
    card = read_info(resolve(name)).card
    lines = done.out.splitlines()
    assert lines[0] == f"name: {name}"
    assert f"file: {resolve(name)}" in lines
    assert f"date: {card['date']}" in lines
    assert f"  pictures: {card['data']['pictures']}" in lines
    for key in card:
        assert any(line.startswith(f"{key}:") for line in lines)


def test_a_card_from_elsewhere_of_any_form(tmp_path: Path) -> None:
    card = {"a": [1, 2.5, None], "b": {}, "c": [{"d": [], "e": True}, [1]], "f": {"g": {"h": 1e-9}}, "evaluation": 7}
    file = tiny_models.nearest(tmp_path / "net.onnx", card=card, name="odd")
    done = call("models", file)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "name: odd",
        f"file: {file}",
        "scale: 2",
        "receptive radius: 0 pixels",
        "a: 1, 2.5, none",
        "b: none",
        "c:",
        "  -",
        "    d: none",
        "    e: True",
        "  - 1",
        "f:",
        "  g:",
        "    h: 1e-09",
        "evaluation: 7",
    ]


def test_a_card_does_not_command_the_terminal(tmp_path: Path) -> None:
    file = tiny_models.nearest(tmp_path / "net.onnx", card={"a": "\x1b[2Jgone\n", "\r": "\ud800"}, name="x\x1b]0;y\x07")
    done = call("models", file)
    assert done.code == 0
    assert "name: x\\x1b]0;y\\x07\n" in done.out
    assert "a: \\x1b[2Jgone\\n\n" in done.out
    assert "\\r: \\ud800\n" in done.out


def test_an_installation_without_a_file_still_lists_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "gone-x4", CatalogueEntry("gone-x4.onnx", "never"))
    done = call("models")
    assert (done.code, done.err) == (0, "")
    assert "(its file is missing: install srgan again)" in done.out.splitlines()[-1]
    assert "dB" in done.out


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("srgan-x3", 2, "no model 'srgan-x3': shipped are "),
        ("text.onnx", 1, "text.onnx is not a network for srgan (it is no ONNX file"),
        (".", 1, "is a folder, not a model file"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.onnx").write_text("hello")
    done = call("models", name)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("srgan: ")
    assert says in done.err
    assert done.err.count("\n") == 1


def test_a_card_says_what_auto_takes_instead_for_other_sizes() -> None:
    for name, other in ((CLIPS, for_twice(CLIPS)), (DEEP, f"{DEEP}, then {in_turn(DEEP)[1]}")):
        done = call("models", name)
        assert f"\nuse it for: {CATALOGUE[name].when}\n" in done.out
        assert f" as large: {other}" in done.out.split("\nwith auto: ")[1].split("\n")[0]
    assert "\nwith auto: " not in call("models", "photo-psnr-x4").out


def test_auto_says_how_it_chooses() -> None:
    done = call("models", "auto")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{AUTO}: {AUTO_WHEN}\n")
    for words in (f"clean pictures: {CLEAN}", f"damaged pictures: {COMPRESSED}", f"16 bits: {DEEP}", f"clips: {CLIPS}"):
        assert words in done.out
    assert f"at most twice as large: {for_twice(CLIPS)} instead of {CLIPS}\n" in done.out
    for name in (COMPRESSED, DEEP):
        first, last = in_turn(name)
        assert f"more than four times as large: {first}, then {last}, instead of {name} twice\n" in done.out
    assert f"noise: {THRESHOLDS.noise:g} levels" in done.out
    assert f"{THRESHOLDS.noisy:g} levels of noise and more: {NOISY}" in done.out
    assert f"a quality below {THRESHOLDS.jpeg_below}" in done.out
