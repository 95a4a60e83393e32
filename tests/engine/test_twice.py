"""Networks for twice the size, which stand in for others by the size of each picture's result; with tiny ones for the shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import srgan
from srgan.engine.choice import Choice, ModelChooser
from srgan.engine.mix import MixedUpscaler
from srgan.engine.sizes import Target
from srgan.engine.upscaler import Upscaler
from srgan.jobs.access import Access
from srgan.jobs.estimate import estimate
from srgan.jobs.plan import plan
from srgan.jobs.run import run_pictures
from srgan.models import catalogue
from srgan.models.catalogue import AUTO, CATALOGUE, CLEAN, CLIPS, COMPRESSED, DEEP, NOISY, THRESHOLDS
from support import tiny_models


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of networks for twice, which the catalogue has in this test."""
    for name in (CLEAN, DEEP, CLIPS):
        monkeypatch.setitem(CATALOGUE, name, replace(CATALOGUE[name], twice=f"two-{name}"))
    return [f"two-{name}" for name in (CLEAN, DEEP, CLIPS)]


@pytest.fixture
def chooser(tmp_path: Path, offered: list[str]) -> ModelChooser:
    four = {
        name: tiny_models.nearest(tmp_path / f"{name}.onnx", scale=4, name=name) for name in (CLEAN, COMPRESSED, NOISY)
    }
    two = {name: tiny_models.nearest(tmp_path / f"{name}.onnx", scale=2, name=name) for name in offered}
    return ModelChooser.among({name: Upscaler(path) for name, path in (four | two).items()}, model=AUTO)


def noisy(sigma: float, dtype: Any = np.uint8) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, (40, 50, 3))
    return np.clip(np.rint(128 + noise), 0, 255).astype(dtype)


@pytest.mark.parametrize(
    ("size", "twice"),
    [
        ({}, False), ({"scale": 4.0}, False), ({"scale": 2.1}, False), ({"scale": 2.0}, True), ({"scale": 1.3}, True),
        ({"scale": 1.0}, True), ({"width": 100}, True), ({"width": 101}, False), ({"width": 40}, True),
        ({"height": 80}, True), ({"height": 81}, False), ({"fit": (100, 999)}, True), ({"fit": (999, 90)}, False),
    ],
    ids=str,
)  # fmt: skip
def test_the_size_of_the_result_decides(chooser: ModelChooser, size: dict[str, Any], twice: bool) -> None:
    sized = chooser.sized(Target(**size))
    assert sized.choose(noisy(1)) == Choice(f"two-{CLEAN}" if twice else CLEAN)
    assert sized.choose(noisy(1, np.uint16)).network == (f"two-{DEEP}" if twice else DEEP)
    assert sized.choose(noisy(20)).network == NOISY
    out = sized(noisy(1))
    assert out.shape[:2] == sized.size_of(40, 50)
    upscaler = sized.open(sized.choose(noisy(1)))
    assert upscaler.scale == (2 if twice else 4)
    np.testing.assert_array_equal(out, upscaler(noisy(1)))


def test_a_slightly_damaged_picture_is_mixed_of_both_enlargements(chooser: ModelChooser) -> None:
    sized = chooser.sized(Target(scale=2.0))
    pixels = noisy(1.15 * THRESHOLDS.even_noise)
    choice = sized.choose(pixels)
    assert (choice.network, choice.cleaner) == (f"two-{CLEAN}", COMPRESSED)
    mixed = sized.open(choice)
    assert isinstance(mixed, MixedUpscaler)
    told: list[tuple[int, int]] = []
    out = mixed(pixels, progress=lambda done, total: told.append((done, total)))
    both = [sized.open(Choice(name))(pixels).astype(np.float32) for name in (f"two-{CLEAN}", COMPRESSED)]
    np.testing.assert_array_equal(out, np.rint((1 - choice.share) * both[0] + choice.share * both[1]))
    np.testing.assert_array_equal(np.concatenate(list(mixed.bands(pixels))), out)
    assert told[-1][0] == told[-1][1]


def test_who_names_a_strength_gets_it_between_the_networks_for_that_size(chooser: ModelChooser) -> None:
    for denoise, network in ((0.0, f"two-{CLEAN}"), (0.5, f"two-{CLEAN}"), (1.0, COMPRESSED)):
        assert chooser.sized(Target(scale=2.0), denoise).choose(noisy(20)).network == network
    assert chooser.sized(Target(scale=2.0), 0.0).for_clips().name == f"two-{CLEAN}"
    assert chooser.sized(Target(scale=3.0), 0.0).for_clips().name == CLEAN


def test_where_there_is_no_picture_yet_the_scale_decides(chooser: ModelChooser) -> None:
    assert [chooser.sized(Target(scale=scale)).first.scale for scale in (None, 3.0, 2.0)] == [4, 4, 2]
    assert chooser.sized(Target(width=80)).first.scale == 4
    assert chooser.sized(Target(scale=2.0)).scale == 4  # what a picture becomes of which nothing is said
    assert chooser.sized(Target(scale=2.0)).label == "x2"


def test_a_named_network_and_a_blended_one_stay(chooser: ModelChooser) -> None:
    named = ModelChooser.among({CLEAN: chooser.first}).sized(Target(scale=2.0))
    assert named.choose(noisy(1)) == Choice(CLEAN)
    assert named.first.name == CLEAN
    blended = ModelChooser(AUTO, scale=2, fidelity=0.5)
    assert blended.choose(noisy(1)) == Choice(CLEAN)
    assert catalogue.networks_of(AUTO, fidelity=0.5) == (CLEAN, COMPRESSED)


def test_a_folder_has_each_picture_by_the_network_for_its_size(chooser: ModelChooser, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, side in (("small", 40), ("middle", 60), ("large", 120), ("larger", 130)):
        Image.fromarray(np.full((side, side, 3), 90, np.uint8)).save(folder / f"{name}.png")
    sized = chooser.sized(Target(width=120))
    jobs = plan([folder], tmp_path / "out", scale=sized.label).pictures
    report = run_pictures(jobs, sized)
    networks = {done.job.source.stem: done.network for done in report.written}
    assert networks == {"small": CLEAN} | dict.fromkeys(("middle", "large", "larger"), f"two-{CLEAN}")
    assert {done.after for done in report.written} == {(120, 120)}
    assert estimate(jobs, sized, Access()).pixels == 4 * 120 * 120


@pytest.mark.usefixtures("offered")
def test_a_journal_and_a_clip_know_them() -> None:
    _, helper = catalogue.in_turn(DEEP)  # takes the last pass after DEEP's
    assert catalogue.networks_of(AUTO) == (CLEAN, COMPRESSED, NOISY, DEEP, f"two-{CLEAN}", f"two-{DEEP}", helper)
    assert catalogue.networks_of(AUTO, denoise=0.5) == (CLEAN, COMPRESSED, f"two-{CLEAN}")
    assert catalogue.networks_of(CLEAN, denoise=0.5) == (CLEAN, COMPRESSED)
    assert catalogue.for_clips(AUTO, twice=True) == f"two-{CLIPS}"
    assert catalogue.for_clips(AUTO) == CLIPS
    assert catalogue.for_clips(AUTO, denoise=0.0, twice=True) == AUTO


def test_only_what_is_chosen_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, CLEAN, replace(CATALOGUE[CLEAN], twice="two"))
    two = tiny_models.nearest(tmp_path / "two.onnx", scale=2)
    opened: list[str] = []

    def opening(name: str, **options: Any) -> Upscaler:
        opened.append(name)
        return Upscaler(two if name == "two" else name, **options)

    monkeypatch.setattr("srgan.engine.choice.Upscaler", opening)
    for options in ({}, {"exact": True, "precision": "fp32"}):
        assert ModelChooser(AUTO, scale=2, **options)(noisy(1)).shape == (80, 100, 3)
    assert opened == ["two", "two"]


def test_python_gets_them_too_and_another_size_another_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, CLEAN, replace(CATALOGUE[CLEAN], twice=str(tmp_path / "two.onnx")))
    tiny_models.nearest(tmp_path / "two.onnx", scale=2, name="two")
    upscaler = srgan.Upscaler(scale=2)
    assert (upscaler.name, upscaler.size_of(40, 50)) == ("two", (80, 100))
    np.testing.assert_array_equal(upscaler(noisy(1)), noisy(1).repeat(2, 0).repeat(2, 1))
    larger = upscaler.sized(Target())
    assert (larger.name, larger.size_of(40, 50)) == (CLEAN, (160, 200))
    assert np.concatenate(list(larger.bands(noisy(1)))).shape == (160, 200, 3)
