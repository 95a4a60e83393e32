"""The model auto: each picture by the network for it, everywhere where files are enlarged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler, upscale
from srgan.engine.choice import ModelChooser
from srgan.engine.sizes import Target
from srgan.image import read, to_rgb8
from srgan.jobs.folder import model_hash
from srgan.jobs.journal import content_of
from srgan.jobs.plan import plan
from srgan.jobs.run import run_pictures
from srgan.models.catalogue import AUTO, CLEAN, CLIPS, COMPRESSED, DEEP, NOISY, THRESHOLDS, resolve
from srgan.web.served_models import open_models

JPEG_BELOW = THRESHOLDS.jpeg_below
QUALITIES = {"coarse.jpg": JPEG_BELOW - 1, "fine.jpg": JPEG_BELOW, "lossless.png": None}


def chosen(quality: int | None) -> str:
    """The network for a picture too small to be looked at, by what its file says."""
    return ModelChooser(AUTO).choose(np.zeros((16, 20, 3), np.uint8), quality).network


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((20, 16), Image.Resampling.BICUBIC)
    for name, quality in QUALITIES.items():
        picture.save(folder / name, **({} if quality is None else {"quality": quality}))
    return folder


@pytest.fixture(scope="module")
def expected(photos: Path) -> dict[str, Any]:
    return {name: Upscaler(chosen(quality))(to_rgb8(read(photos / name))) for name, quality in QUALITIES.items()}


def test_the_choice() -> None:
    assert [chosen(quality) for quality in (None, 1, JPEG_BELOW - 1, JPEG_BELOW, 100)] == [
        CLEAN, COMPRESSED, COMPRESSED, CLEAN, CLEAN,
    ]  # fmt: skip


def test_a_folder_has_each_picture_by_its_network(photos: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    chooser = ModelChooser(AUTO)
    report = run_pictures(plan([photos], tmp_path, scale=chooser.label, format="png").pictures, chooser)
    assert {done.job.source.name: done.network for done in report.written} == {
        "coarse.jpg": COMPRESSED,
        "fine.jpg": CLEAN,
        "lossless.png": CLEAN,
    }
    for name, pixels in expected.items():
        np.testing.assert_array_equal(read(tmp_path / f"{Path(name).stem}_x4.png").pixels, pixels)
    assert not np.array_equal(expected["coarse.jpg"], Upscaler(CLEAN)(to_rgb8(read(photos / "coarse.jpg"))))


def test_it_is_the_default_and_takes_the_options_along(photos: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    upscale(photos / "coarse.jpg", tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, expected["coarse.jpg"])
    upscale(photos / "coarse.jpg", tmp_path / "b.png", width=30, fidelity=1.0)
    faithful = Upscaler("photo-psnr-x4", width=30)(to_rgb8(read(photos / "coarse.jpg")))
    np.testing.assert_allclose(read(tmp_path / "b.png").pixels, faithful, atol=1)


def test_arrays_have_no_file(photos: Path) -> None:
    pixels = to_rgb8(read(photos / "coarse.jpg"))
    np.testing.assert_array_equal(upscale(pixels), Upscaler(CLEAN)(pixels))


def test_the_journal_knows_it_by_all_networks() -> None:
    known = [model_hash(name) for name in (CLEAN, COMPRESSED, NOISY, DEEP, "srgan-x2", "fast-psnr-x2")]
    assert model_hash(AUTO) == f"{'+'.join(known)}@{THRESHOLDS.version}"
    assert model_hash(AUTO, denoise=0.5) == "+".join([*known[:2], known[-2]])
    assert model_hash(AUTO, 0.5).count("+") == 3


def test_in_int8_it_knows_the_int8_forms() -> None:
    found = model_hash(AUTO, precision="int8")
    names = CLEAN, COMPRESSED, NOISY, DEEP, "srgan-x2", "fast-psnr-x2"
    files = [resolve(name).with_suffix(".int8.onnx") for name in names]
    assert found == "+".join(map(content_of, files)) + f"@{THRESHOLDS.version}"


@pytest.mark.slow
@pytest.mark.extra("web")
def test_a_server_offers_it_first_and_shares_the_open_networks(photos: Path, expected: dict[str, Any]) -> None:
    served = open_models([])
    assert list(served) == [AUTO, CLEAN, "srresnet-x4", "fast-x4", CLIPS, COMPRESSED, "photo-psnr-x4"]
    picture = read(photos / "coarse.jpg")
    sized = served[AUTO].sized(Target(width=80)).upscaler_for(picture)
    assert sized._networks is served[COMPRESSED].chooser.first._networks
    np.testing.assert_array_equal(sized(picture.pixels), expected["coarse.jpg"])
    blended = served[AUTO].sized(Target(), 1.0).upscaler_for(picture)
    np.testing.assert_allclose(blended(picture.pixels), Upscaler("photo-psnr-x4")(picture.pixels), atol=1)
    assert list(open_models(["srresnet-x4", AUTO])) == ["srresnet-x4", AUTO]
