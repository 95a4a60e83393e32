"""The choice of the network, with tiny ones in the place of the shipped."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.engine.appearance import Appearance
from srgan.engine.budget import Budget
from srgan.engine.choice import _ENOUGH, Choice, ModelChooser, as_chooser, described, severity
from srgan.engine.mix import MixedUpscaler
from srgan.engine.sizes import Target
from srgan.errors import UnknownModelError, UsageError
from srgan.image import read
from srgan.jobs.access import Access
from srgan.jobs.estimate import estimate
from srgan.jobs.job import Job
from srgan.jobs.plan import plan
from srgan.jobs.run import run_one
from srgan.models.catalogue import AUTO, CLEAN, COMPRESSED, DEEP, NOISY, THRESHOLDS, mixed_pair
from support import tiny_models


class Counted(Upscaler):
    """Counts its calls."""

    calls = 0

    def __call__(self, image, **options):  # type: ignore[no-untyped-def]
        type(self).calls += 1
        return super().__call__(image, **options)


@pytest.fixture
def chooser(tmp_path: Path) -> ModelChooser:
    return ModelChooser.among(
        {
            CLEAN: Upscaler(tiny_models.nearest(tmp_path / "clean.onnx", scale=4, name="clean")),
            COMPRESSED: Counted(tiny_models.nearest(tmp_path / "photo.onnx", scale=4, name="photo")),
            NOISY: Counted(tiny_models.shallow(tmp_path / "noisy.onnx", scale=4, name="noisy")),
        },
        model=AUTO,
    )


@pytest.fixture
def coarse(tmp_path: Path) -> Path:
    place = tmp_path / "coarse.jpg"
    slope = np.linspace(0, 255, 32 * 40 * 3).reshape(32, 40, 3).astype(np.uint8)  # without noise
    Image.fromarray(slope).save(place, quality=30)
    return place


def test_the_estimate_of_a_job_asks_for_each_picture(chooser: ModelChooser, coarse: Path, tmp_path: Path) -> None:
    Counted.calls = 0
    expected = estimate(plan([coarse], tmp_path / "out.png", scale=chooser.label).pictures, chooser, Access())
    assert expected.pixels == 32 * 40 * 16
    assert Counted.calls == 2  # once to warm up


def test_another_size_shares_the_open_networks(chooser: ModelChooser, coarse: Path) -> None:
    picture = read(coarse)
    narrow = chooser.sized(Target(width=80))
    assert narrow.label == "w80"
    assert narrow.upscaler_for(picture)(picture.pixels).shape == (64, 80, 3)
    assert narrow.upscaler_for(picture)._networks is chooser.upscaler_for(picture)._networks
    assert chooser.upscaler_for(picture)(picture.pixels).shape == (128, 160, 3)


def photo(sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, (64, 64, 3))
    return np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8)


def test_noise_is_seen_and_cleaned_gradually(chooser: ModelChooser) -> None:
    level = THRESHOLDS.even_noise  # on what is flat nothing else can be meant
    assert chooser.choose(photo(0.5 * level)) == Choice(CLEAN)
    noisy = chooser.choose(photo(1.5 * level))
    assert (noisy.network, noisy.cleaner) == (COMPRESSED, None)
    assert noisy.seen in (f"noisy ({1.5 * level * error:.0f} levels)" for error in (0.9, 0.95, 1, 1.05, 1.1))
    choices = [chooser.choose(photo(factor * level)) for factor in (0.9, 0.95, 1.0, 1.05, 1.1, 1.15)]
    assert any(0 < choice.share < 1 for choice in choices)
    between = next(choice for choice in choices if choice.cleaner)
    assert (between.network, between.cleaner) == (CLEAN, COMPRESSED)
    assert isinstance(chooser.open(between), MixedUpscaler)
    pixels = photo(1.5 * level)
    np.testing.assert_array_equal(chooser(pixels), chooser.open(Choice(COMPRESSED))(pixels))


def test_a_noisier_picture_has_a_network_of_its_own(chooser: ModelChooser) -> None:
    below, above = (chooser.choose(photo(THRESHOLDS.noisy * factor)) for factor in (0.85, 1.15))
    assert (below.network, above.network) == (COMPRESSED, NOISY)
    assert not np.array_equal(chooser(photo(20)), chooser.open(Choice(COMPRESSED))(photo(20)))
    mixed = replace(above, network=CLEAN, cleaner=NOISY, share=0.5)
    halves = [chooser.open(part)(photo(20)) for part in (Choice(CLEAN), above)]
    np.testing.assert_allclose(chooser.open(mixed)(photo(20)), np.mean(halves, axis=0), atol=0.51)


def test_what_somebody_says_comes_before_the_noise(chooser: ModelChooser) -> None:
    pixels = photo(20)
    assert chooser.choose(pixels).network == NOISY
    networks = {CLEAN: chooser.first, COMPRESSED: chooser.open(Choice(COMPRESSED))}
    for fidelity in (0.0, 0.3):
        asked = ModelChooser.among(networks, model=AUTO, fidelity=fidelity)
        assert asked.choose(pixels).network == COMPRESSED
    assert chooser.sized(Target(), 1.0).choose(pixels) == Choice(COMPRESSED)


def test_it_says_what_it_took_for_noise(tmp_path: Path) -> None:
    Image.fromarray(photo(20)).save(tmp_path / "noisy.png")
    chooser = ModelChooser(AUTO, threads=1)
    done = run_one(Job(tmp_path / "noisy.png", tmp_path / "out.png"), chooser)
    assert re.fullmatch(rf"noisy \((19|20|21) levels\): by {NOISY}", done.by)
    expected = Upscaler(NOISY, threads=1)(photo(20))
    np.testing.assert_array_equal(read(tmp_path / "out.png").pixels, expected)


def test_what_decides_is_said() -> None:
    limits = THRESHOLDS
    assert described(Appearance(), None) == ""
    seen = Appearance(noise=12.2, blocks=2 * limits.blocks, sharpness=limits.sharpness - 0.1)
    assert described(seen, None) == "noisy (12 levels), compressed, blurred"
    assert described(Appearance(), limits.jpeg_below - 1) == "compressed"
    assert severity(Appearance(), limits.jpeg_below) == 0
    assert severity(Appearance(), limits.jpeg_below - 1) > 1
    for alone in (
        Appearance(noise=limits.noise),
        Appearance(blocks=limits.blocks),
        Appearance(sharpness=limits.sharpness),
    ):
        assert severity(alone, None) == pytest.approx(1)
    together = Appearance(noise=0.8 * limits.noise, blocks=0.8 * limits.blocks)
    assert severity(together, None) > 1


def test_texture_is_not_taken_for_noise_as_soon_as_what_is_sure(chooser: ModelChooser) -> None:
    limits = THRESHOLDS
    assert limits.even_noise < limits.noise
    even, textured = (Appearance(noise=limits.even_noise, texture=texture) for texture in (0.7, 2 * limits.texture))
    assert severity(textured, None) < severity(even, None) == pytest.approx(1)
    assert described(even, None).startswith("noisy")
    for sigma, network in ((5, COMPRESSED), (2, CLEAN)):
        assert chooser.choose(photo(sigma)).network == network
        assert chooser.choose(photo(sigma)).cleaner is None


def test_16_bits_are_not_invented_upon(chooser: ModelChooser) -> None:
    assert chooser.choose(photo(20).astype(np.uint16)) == Choice(DEEP, seen="16 bits")


def test_a_strength_is_between_the_two_networks_and_looks_at_nothing(chooser: ModelChooser) -> None:
    pixels = photo(20)
    ends = [chooser.sized(Target(), denoise).choose(pixels) for denoise in (0.0, 1.0)]
    assert ends == [Choice(CLEAN), Choice(COMPRESSED)]
    half = chooser.sized(Target(width=160), 0.5)  # of 64: more than twice
    assert not half.chooses
    assert half.choose(pixels) == Choice(CLEAN, COMPRESSED, 0.5)
    assert half(pixels).shape == half.for_clips()(pixels).shape == (160, 160, 3)
    assert chooser.for_clips() is chooser.first
    with pytest.raises(UsageError, match="denoise is 2"):
        chooser.sized(Target(), 2)


@pytest.mark.parametrize(
    ("model", "pair"),
    [
        (AUTO, ("srgan-x4", "photo-x4")),
        ("photo-x4", ("srgan-x4", "photo-x4")),
        ("srresnet-x4", ("srresnet-x4", "photo-psnr-x4")),
        ("photo-psnr-x4", ("srresnet-x4", "photo-psnr-x4")),
        ("srgan-psnr-x4", ("srgan-psnr-x4", "photo-psnr-x4")),
    ],
)
def test_either_network_of_a_pair_takes_a_strength(model: str, pair: tuple[str, str]) -> None:
    assert mixed_pair(model) == pair


def test_another_network_takes_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="denoise mixes two shipped networks, and"):
        ModelChooser(tiny_models.nearest(tmp_path / "own.onnx", scale=4), denoise=0.5)


def test_a_large_picture_is_looked_at_and_then_streamed(
    chooser: ModelChooser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srgan.jobs.steps.LARGE_BYTES", 1000)
    for name, sigma in (("clean", 1.0), ("between", 1.05 * THRESHOLDS.noise), ("noisy", 20.0)):
        Image.fromarray(photo(sigma)).save(tmp_path / f"{name}.png")
        done = run_one(Job(tmp_path / f"{name}.png", tmp_path / f"{name}_x4.png"), chooser)
        assert done.seen == chooser.choose(photo(sigma)).seen
        np.testing.assert_array_equal(read(tmp_path / f"{name}_x4.png").pixels, chooser(photo(sigma)))
    assert re.fullmatch(r"noisy \((19|20|21) levels\): by noisy", done.by)


def test_an_open_network_is_for_every_picture(coarse: Path, tmp_path: Path) -> None:
    upscaler = Upscaler(tiny_models.nearest(tmp_path / "own.onnx", scale=4))
    assert as_chooser(upscaler).upscaler_for(read(coarse)) is upscaler
    assert ModelChooser(tmp_path / "own.onnx").upscaler_for(read(coarse)).name == upscaler.name
    with pytest.raises(UnknownModelError):
        ModelChooser("no-such-network")


def test_only_what_is_chosen_is_opened(coarse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    networks = {
        name: tiny_models.nearest(tmp_path / f"{name}.onnx", scale=4, name=name) for name in (CLEAN, COMPRESSED)
    }

    def opening(name: str, **options: Any) -> Upscaler:
        opened.append(name)
        return Upscaler(networks[name], **options)

    monkeypatch.setattr("srgan.engine.choice.Upscaler", opening)
    chooser = ModelChooser(AUTO, memory=10**9, threads=2, width=100, device="cpu")
    assert (chooser.label, chooser.size_of(32, 40), chooser.takes_rows(32, 40)) == ("w100", (80, 100), True)
    assert (chooser.channels, chooser.sized(Target()).channels, chooser.slots) == (3, 3, 1)
    assert not ModelChooser(AUTO, wrap=True).takes_rows(32, 40)
    assert not opened
    picture = read(coarse)
    assert chooser.upscaler_for(picture)(picture.pixels).shape == (80, 100, 3)
    assert opened == [COMPRESSED]
    assert chooser.sized(Target()).upscaler_for(picture)(picture.pixels).shape == (128, 160, 3)
    assert opened == [COMPRESSED]


@pytest.mark.parametrize(
    "wrong",
    [
        {"precision": "int3"},
        {"threads": 0},
        {"memory": 1_000_000},
        {"fidelity": 2.0},
        {"scale": 0.5},
        {"device": "gpu:9"},
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_any_picture(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ModelChooser(AUTO, **wrong)


def test_no_shipped_network_needs_more_memory_than_is_taken_for_enough() -> None:
    for name in (CLEAN, COMPRESSED, DEEP):
        assert Budget(_ENOUGH, exact=True, tta=True).least(Upscaler(name)._networks.first) < _ENOUGH


def test_nothing_is_said_of_what_is_left_as_it_is(chooser: ModelChooser, monkeypatch: pytest.MonkeyPatch) -> None:
    little = Appearance(noise=0.71 * THRESHOLDS.noise_of(np.inf), sharpness=1.0)
    assert described(little, None).startswith("noisy")
    monkeypatch.setattr("srgan.engine.choice.look", lambda _: little)
    assert chooser.choose(photo(0)) == Choice(CLEAN)
