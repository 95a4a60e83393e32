"""Pairs of the self-ensemble, and a network that learns from them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srgan import Upscaler
from srgan.data.distill import distil
from srgan.errors import DataError, UsageError
from srgan.image import read, read_rgb8
from srgan.models.export import build_onnx, save_onnx, set_card
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.resize.imresize import downscale


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    config = GeneratorConfig(features=4, blocks=1, norm="none", output="linear")
    model = build_onnx({key: value.numpy() for key, value in Generator(config).state_dict().items()}, config)
    set_card(model, name="start-x4", scale=4, card={})
    path = tmp_path_factory.mktemp("network") / "start-x4.onnx"
    save_onnx(model, path)
    return path


def picture(seed: int, width: int, height: int) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (height // 6, width // 6, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed, (width, height) in enumerate([(203, 195), (260, 300), (320, 192)]):
        picture(seed, width, height).save(folder / f"p{seed}.png")
    picture(7, 190, 300).save(folder / "little.png")
    (folder / "torn.png").write_bytes((folder / "p0.png").read_bytes()[:2000])
    return folder


@pytest.fixture(scope="module")
def pairs(photos: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "pairs"
    told: list[tuple[int, int]] = []
    made = distil(photos, out, network, side=240, progress=lambda done, total: told.append((done, total)))
    assert (made.pairs, made.pixels) == (3, 200 * 192 + 240 * 240 + 240 * 192)
    assert sorted(name for name, _ in made.rejected) == ["little.png", "torn.png"]
    assert told == [(1, 5), (2, 5), (3, 5)]
    return out


def eight_ways(network: Path, lr: np.ndarray) -> np.ndarray:
    """The self-ensemble, written out."""
    upscaler = Upscaler(network, precision="fp32")
    total = np.zeros(1)
    for turns in range(4):
        for mirrored in (False, True):
            seen = np.rot90(lr, turns)
            seen = seen[:, ::-1] if mirrored else seen
            result = upscaler(np.ascontiguousarray(seen)).astype(np.float64)
            total = total + np.rot90(result[:, ::-1] if mirrored else result, -turns)
    return total / 8


def test_the_pairs_are_a_piece_reduced_and_its_self_ensemble(photos: Path, network: Path, pairs: Path) -> None:
    names = sorted(file.name for file in (pairs / "HR").iterdir())
    assert names == sorted(file.name for file in (pairs / "LRx4").iterdir())
    assert {name[5:] for name in names} == {"_p0.png", "_p1.png", "_p2.png"}
    for name in names:
        lr, hr = read(pairs / "LRx4" / name).pixels, read(pairs / "HR" / name).pixels
        assert (lr.dtype, hr.dtype) == (np.uint16, np.uint16)
        assert hr.shape == (4 * lr.shape[0], 4 * lr.shape[1], 3)
        assert not (lr % 257).any()  # 8 bits, as files have them
        assert np.abs(hr - eight_ways(network, lr)).max() <= 2
    # Where it was cut: 203 x 195 pixels leave four places each way.
    whole = read_rgb8(photos / "p0.png")
    (lr,) = (read(pairs / "LRx4" / name).pixels for name in names if name.endswith("_p0.png"))
    places = [whole[y : y + 192, x : x + 200] for y in range(4) for x in range(4)]
    assert sum(np.array_equal(downscale(np.ascontiguousarray(place), 4) * np.uint16(257), lr) for place in places) == 1


def test_a_network_that_learns_from_them_comes_nearer_to_its_self_ensemble(
    network: Path, pairs: Path, tmp_path: Path
) -> None:
    settings = ["generator.features=4", "generator.blocks=1", "data.workers=0", "stages.srresnet.steps=150"]
    # Mirrored and turned at random, the network's own single results would lead to their mean, too.
    settings += ["data.flips=false"]
    settings += ["stages.srresnet.rate=1e-3", "stages.srresnet.muon_lr=2e-3", "stages.srresnet.ema=0.9"]
    command = [sys.executable, "-m", "srgan", "train", str(pairs), "--recipe", "distil", "--init", str(network)]
    command += ["--out", str(tmp_path / "run"), *(word for setting in settings for word in ("--set", setting))]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    lr = np.asarray(picture(9, 60, 54)).astype(np.uint16) * 257  # 16 bits, so that rounding does not matter
    target = eight_ways(network, lr)
    before, after = (
        float(np.square(Upscaler(file, precision="fp32")(lr) - target).mean())
        for file in (network, tmp_path / "run" / "srresnet-x4.onnx")
    )
    assert after < before / 2


def test_fewer_pieces_and_other_seeds(photos: Path, network: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert distil(photos, tmp_path / name, network, count=1, side=192, seed=seed).pairs == 1
    found = [next((tmp_path / name / "LRx4").iterdir()) for name in "abc"]
    assert found[0].read_bytes() == found[1].read_bytes()
    assert found[0].read_bytes() != found[2].read_bytes()
    assert read(found[0]).pixels.shape == (48, 48, 3)


def test_new_pictures_are_learned_from_the_originals(photos: Path, network: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    for seed, (width, height) in enumerate([(200, 196), (700, 203)]):
        picture(20 + seed, width, height).save(new / f"n{seed}.png")
    picture(7, 190, 300).save(new / "thin.png")
    told: list[tuple[int, int]] = []
    made = distil(
        photos, tmp_path / "a", network, new=new, count=1, progress=lambda done, total: told.append((done, total))
    )
    assert made.pairs == 3
    assert ("thin.png", "smaller than 192 pixels") in made.rejected
    assert told == [(1, 4), (2, 4), (3, 4)]
    # The photographs are those that would be there without them.
    distil(photos, tmp_path / "b", network, count=1)
    (alone,) = (tmp_path / "b" / "HR").iterdir()
    assert (tmp_path / "a" / "HR" / alone.name).read_bytes() == alone.read_bytes()
    hr = read(tmp_path / "a" / "HR" / "00001_n0.png").pixels
    lr = read(tmp_path / "a" / "LRx4" / "00001_n0.png").pixels
    original = read_rgb8(new / "n0.png")
    assert np.array_equal(hr, original.astype(np.uint16) * 257)
    assert np.array_equal(lr, downscale(original, 4).astype(np.uint16) * 257)
    assert read(tmp_path / "a" / "HR" / "00002_n1.png").pixels.shape == (200, 480, 3)


def test_what_it_refuses(photos: Path, network: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        distil(photos, tmp_path / "full", network)
    with pytest.raises(UsageError, match="192 or more"):
        distil(photos, tmp_path / "out", network, side=191)
    with pytest.raises(UsageError, match="not a folder"):
        distil(photos / "p0.png", tmp_path / "out", network)
    (tmp_path / "small").mkdir()
    picture(1, 100, 100).save(tmp_path / "small" / "a.png")
    with pytest.raises(DataError, match="no pictures of 192 pixels"):
        distil(tmp_path / "small", tmp_path / "out", network)
    with pytest.raises(DataError, match=r"no pictures of 192 pixels.*small'"):
        distil(photos, tmp_path / "out", network, new=tmp_path / "small")
    with pytest.raises(UsageError, match="not a folder"):
        distil(photos, tmp_path / "out", network, new=tmp_path / "none")
    assert not (tmp_path / "out").exists()
