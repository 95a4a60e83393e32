"""Two networks that take turns where a picture becomes more than four times as large; with tiny ones for the shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srgan
from srgan import image
from srgan.engine.choice import Choice, ModelChooser
from srgan.engine.mix import MixedUpscaler
from srgan.engine.networks import OpenNetworks
from srgan.engine.sizes import Target
from srgan.engine.tile_pass import TilePass
from srgan.engine.upscaler import Upscaler
from srgan.jobs.access import Access
from srgan.jobs.estimate import estimate
from srgan.jobs.plan import plan
from srgan.jobs.run import run_pictures
from srgan.models.catalogue import (
    AUTO,
    CATALOGUE,
    CLEAN,
    COMPRESSED,
    DEEP,
    NOISY,
    THRESHOLDS,
    for_twice,
    in_turn,
    networks_of,
)
from support import tiny_models

SMALL = "small"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny networks by the names that they stand for."""
    folder = tmp_path_factory.mktemp("networks")
    made = {
        name: tiny_models.residual(folder / f"{name}.onnx", seed=seed, channels=4, blocks=1, name=name)
        for seed, name in enumerate((CLEAN, COMPRESSED, NOISY, DEEP))
    }
    return made | {SMALL: tiny_models.shallow(folder / "small.onnx", seed=9, name=SMALL)}


@pytest.fixture(scope="module")
def opened(files: dict[str, Path]) -> dict[str, Upscaler]:
    return {name: Upscaler(path) for name, path in files.items()}


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """``small`` comes after DEEP, CLEAN after COMPRESSED."""
    for name, after in {CLEAN: None, DEEP: SMALL, COMPRESSED: CLEAN}.items():
        monkeypatch.setitem(CATALOGUE, name, replace(CATALOGUE[name], after=after))


@pytest.fixture
def chooser(opened: dict[str, Upscaler], turns: None) -> ModelChooser:
    del turns
    return ModelChooser.among(opened, model=AUTO)


def noisy(sigma: float, channels: int = 3) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, (40, 50, channels))
    return np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8)


def deep(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 65_536, (40, 50, channels), np.uint16)


DAMAGED = 0.98 * THRESHOLDS.noisy
"""Levels of noise that COMPRESSED is for."""


def by_hand(chooser: ModelChooser, first: str, size: tuple[int, int], last: str, pixels: np.ndarray) -> np.ndarray:
    """Return what the networks make of a picture, one after the other; ``size`` is what the first one's result is brought to."""
    height, width = size
    middle = chooser._network(first).sized(Target(fit=(width, height)))(pixels)
    assert middle.shape[:2] == size
    return chooser._network(last)(middle)


@pytest.mark.parametrize(
    ("size", "larger"),
    [
        ({}, False), ({"scale": 4.0}, False), ({"scale": 4.1}, True), ({"scale": 8.0}, True), ({"scale": 64.0}, True),
        ({"scale": 2.1}, False), ({"width": 200}, False), ({"width": 201}, True),
        ({"height": 160}, False), ({"height": 161}, True), ({"fit": (200, 999)}, False), ({"fit": (400, 999)}, True),
    ],
    ids=str,
)  # fmt: skip
def test_the_size_of_the_result_decides(chooser: ModelChooser, size: dict[str, Any], larger: bool) -> None:
    sized = chooser.sized(Target(**size))
    choice = sized.choose(deep())
    assert choice == Choice(DEEP, seen="16 bits", larger=larger)
    assert sized.open(choice).name == (f"{DEEP}, then {SMALL}" if larger else DEEP)
    assert sized.size_of(40, 50) == sized.open(choice).size_of(40, 50)


def test_sixteen_bits_end_with_the_small_one(chooser: ModelChooser) -> None:
    for scale, middle in ((8.0, (160, 200)), (6.0, (120, 150))):
        expected = by_hand(chooser, DEEP, middle, SMALL, deep())
        if scale == 8:
            np.testing.assert_array_equal(chooser.sized(Target(scale=scale))(deep()), expected)
        else:
            assert chooser.sized(Target(scale=scale))(deep()).shape == expected.shape == (240, 300, 3)


def test_a_damaged_picture_is_cleaned_first_and_a_clean_one_stays_with_its_network(chooser: ModelChooser) -> None:
    sized = chooser.sized(Target(scale=8.0))
    assert sized.open(sized.choose(noisy(DAMAGED))).name == f"{COMPRESSED}, then {CLEAN}"
    expected = by_hand(chooser, COMPRESSED, (80, 100), CLEAN, noisy(DAMAGED))
    np.testing.assert_array_equal(sized(noisy(DAMAGED)), expected)
    assert sized.open(sized.choose(noisy(1))).name == CLEAN
    np.testing.assert_array_equal(sized(noisy(1)), by_hand(chooser, CLEAN, (80, 100), CLEAN, noisy(1)))


def test_a_mixture_is_mixed_of_both_results(chooser: ModelChooser) -> None:
    sized = chooser.sized(Target(scale=8.0), 0.25)
    mixed = sized.open(sized.choose(noisy(1)))
    assert isinstance(mixed, MixedUpscaler)
    assert mixed.name == f"{CLEAN} + 25% ({COMPRESSED}, then {CLEAN})"
    both = [by_hand(chooser, first, (80, 100), CLEAN, noisy(1)).astype(np.float32) for first in (CLEAN, COMPRESSED)]
    told: list[tuple[int, int]] = []
    out = mixed(noisy(1), progress=lambda done, total: told.append((done, total)))
    np.testing.assert_array_equal(out, np.rint(np.float32(0.75) * both[0] + np.float32(0.25) * both[1]))
    assert told == sorted(told)
    assert told[-1] == (2 * (40 * 50 + 80 * 100),) * 2


def test_a_named_network_and_a_blended_one_take_all_passes(chooser: ModelChooser) -> None:
    named = ModelChooser.among({DEEP: chooser._network(DEEP)}).sized(Target(scale=8.0))
    assert named.choose(deep()) == Choice(DEEP)
    assert named.first.name == DEEP
    assert ModelChooser(AUTO, scale=8, fidelity=0.5).choose(noisy(1)) == Choice(CLEAN)


def test_where_there_is_no_picture_yet_the_scale_decides(chooser: ModelChooser) -> None:
    names = [chooser.sized(Target(scale=scale), 1.0).for_clips().name for scale in (None, 4.0, 4.001, 8.0)]
    assert names == [COMPRESSED, COMPRESSED, f"{COMPRESSED}, then {CLEAN}", f"{COMPRESSED}, then {CLEAN}"]
    assert chooser.sized(Target(width=8000), 1.0).for_clips().name == COMPRESSED
    assert (chooser.sized(Target(scale=8.0)).scale, chooser.sized(Target(scale=8.0)).label) == (4, "x8")


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_and_alpha_go_through_both(chooser: ModelChooser, channels: int, dtype: Any) -> None:
    sized = chooser.sized(Target(scale=8.0), 1.0 if dtype == np.uint8 else None)
    pixels = noisy(1, channels) if dtype == np.uint8 else deep(channels)
    out = sized(pixels)
    assert (out.shape, out.dtype) == ((320, 400, channels), dtype)
    first, last = in_turn(DEEP if dtype == np.uint16 else COMPRESSED)
    middle = (160, 200) if dtype == np.uint16 else (80, 100)
    np.testing.assert_array_equal(out, by_hand(chooser, first, middle, last, pixels))


@pytest.mark.usefixtures("turns")
def test_small_tiles_of_both_passes_and_bands_change_no_value(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (60, 110, 3), np.uint8)
    counts: list[int] = []
    before = TilePass.__init__

    def counted(self: TilePass, *given: Any, **named: Any) -> None:
        before(self, *given, **named)
        counts.append(sum(map(len, self.plan.bands)))

    monkeypatch.setattr(TilePass, "__init__", counted)
    outs = []
    for memory in (10**9, 1_600_000):
        opened = {name: Upscaler(path, memory=memory, exact=True, scale=6) for name, path in files.items()}
        sized = ModelChooser.among(opened, model=AUTO).sized(Target(scale=6.0), 1.0)
        assert sized.open(sized.choose(pixels)).name == f"{COMPRESSED}, then {CLEAN}"
        outs.append(sized(pixels))
    np.testing.assert_array_equal(*outs)
    assert counts[:2] == [1, 1]
    assert min(counts[2:]) > 1
    upscaler = sized.open(sized.choose(pixels))
    np.testing.assert_array_equal(np.concatenate(list(upscaler.bands(pixels))), outs[0])


def test_progress_counts_both_and_whatever_it_raises_ends_the_work(chooser: ModelChooser) -> None:
    sized = chooser.sized(Target(scale=8.0))
    told: list[tuple[int, int]] = []
    sized(deep(), progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert (40 * 50, 40 * 50 + 160 * 200) in told  # the first pass
    assert told[-1] == (40 * 50 + 160 * 200,) * 2

    def stop(done: int, _total: int) -> None:
        if done > 40 * 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sized(deep(), progress=stop)


def test_what_the_first_one_keeps_is_given_back_before_the_last_one_computes(
    chooser: ModelChooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    init, release = TilePass.__init__, OpenNetworks.release

    def passing(self: TilePass, config: Any, *given: Any, **named: Any) -> None:
        happened.append(config.networks.first.name)
        init(self, config, *given, **named)

    def releasing(self: OpenNetworks) -> None:
        happened.append(f"{self.first.name} gives back")
        release(self)
        assert all(part._kept._bytes == 0 for part in (self.first.body, self.first.tail) if part is not None)

    monkeypatch.setattr(TilePass, "__init__", passing)
    monkeypatch.setattr(OpenNetworks, "release", releasing)
    chooser.sized(Target(scale=8.0))(deep())
    assert happened == [DEEP, f"{DEEP} gives back", SMALL]


def test_files_say_both_networks_and_a_folder_decides_for_each(chooser: ModelChooser, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, side in (("small", 40), ("large", 60)):
        image.write(image.Picture(np.full((side, side, 3), 9000, np.uint16)), folder / f"{name}.png")
    sized = chooser.sized(Target(width=240))
    jobs = plan([folder], tmp_path / "out", scale=sized.label).pictures
    report = run_pictures(jobs, sized)
    assert {done.job.source.stem: done.network for done in report.written} == {
        "small": f"{DEEP}, then {SMALL}",
        "large": DEEP,
    }
    small = next(done.job.target for done in report.written if done.job.source.stem == "small")
    assert f"enlarged 6 times by {DEEP}, then {SMALL}".encode() in small.read_bytes()
    assert estimate(jobs, sized, Access()).pixels == 2 * 240 * 240


def test_a_journal_knows_them() -> None:
    assert {network for name in (CLEAN, COMPRESSED, NOISY, DEEP) for network in in_turn(name)} <= set(networks_of(AUTO))
    assert networks_of(AUTO, fidelity=0.5) == (CLEAN, COMPRESSED)
    assert set(in_turn(COMPRESSED)) <= set(networks_of(AUTO, denoise=0.5))
    assert in_turn(CLEAN) == (CLEAN, CLEAN)
    assert in_turn("mine.onnx") == ("mine.onnx", "mine.onnx")


def test_python_gets_them_too_and_another_size_another_network() -> None:
    upscaler = srgan.Upscaler(scale=8)
    pixels = deep()[:8, :9]
    first, last = in_turn(DEEP)
    assert first != last
    np.testing.assert_array_equal(upscaler(pixels), srgan.Upscaler(last)(srgan.Upscaler(first)(pixels)))
    np.testing.assert_array_equal(upscaler.sized(Target())(pixels), srgan.Upscaler(first)(pixels))
    twice = upscaler.sized(Target(scale=2))
    np.testing.assert_array_equal(twice(pixels), srgan.Upscaler(for_twice(DEEP))(pixels))
    cleaned = srgan.Upscaler(scale=8, denoise=1.0)
    assert (cleaned.name, cleaned.size_of(8, 9)) == (f"{COMPRESSED}, then {CLEAN}", (64, 72))
    assert (cleaned.sized(Target()).name, cleaned.sized(Target()).size_of(8, 9)) == (COMPRESSED, (32, 36))
