import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from srgan.resize.imresize import downscale
from srgan.training.data import CropDataset
from srgan.training.degradation import PhotoRanges, for_validation, photo, sharpened
from srgan.training.pictures import prepare

CLEAN = PhotoRanges(
    blur_kinds=(0, 0, 1),
    noise_kinds=(0, 0, 1),
    resize=(1, 1),
    jpeg=(95, 95),
    jpeg_probability=0,
    last_jpeg=0,
    kernels=("bicubic",),
)


def smooth(height=96, width=128, channels=3, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, channels), dtype=np.uint8)
    bands = [Image.fromarray(small[:, :, c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)]
    return np.stack([np.asarray(band) for band in bands], axis=2)


def error(ranges, hr, seeds=range(12), scale=4):
    """Mean difference from the clean reduction, levels."""
    clean = downscale(hr, scale).astype(int)
    return np.mean([abs(photo(hr, scale, np.random.default_rng(s), ranges) - clean).mean() for s in seeds])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [2, 4])
def test_a_chain_gives_the_size_and_is_a_function_of_its_seed(channels, scale):
    hr = smooth(64, 96, channels)
    results = [photo(hr, scale, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert results[0].shape == (64 // scale, 96 // scale, channels)
    assert results[0].dtype == np.uint8
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_without_any_step_a_chain_is_the_clean_reduction():
    assert error(CLEAN, smooth()) < 0.5  # Pillow's bicubic is MATLAB's, without the rounding between


@pytest.mark.parametrize(
    "changes",
    [
        {"noise_kinds": (1, 0, 0), "gaussian": (20, 20)},
        {"noise_kinds": (0, 1, 0), "poisson": (2, 2)},
        {"jpeg": (30, 30), "jpeg_probability": 1},
        {"jpeg": (30, 30), "last_jpeg": 1},
        {"kernels": ("box",)},
        {"blur_kinds": (1, 0, 0), "blur": (3, 3)},
        {"blur_kinds": (0, 1, 0), "blur": (3, 3)},
        {"resize": (0.3, 0.3)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_each_step_leaves_its_mark(changes):
    hr = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    assert error(CLEAN, hr) < 1.5
    assert error(dataclasses.replace(CLEAN, **changes), hr) > error(CLEAN, hr) + 0.5


def test_the_second_round_is_weaker():
    hr, full = smooth(), PhotoRanges()
    assert error(full.halved(), hr, range(30)) < error(full, hr, range(30))


def test_gray_noise_is_the_same_in_all_bands():
    flat = np.full((64, 64, 3), 128, np.uint8)
    ranges = dataclasses.replace(CLEAN, noise_kinds=(1, 0, 0), gaussian=(20, 20), gray_noise=1)
    gray = photo(flat, 4, np.random.default_rng(0), ranges).astype(int)
    coloured = photo(flat, 4, np.random.default_rng(0), dataclasses.replace(ranges, gray_noise=0)).astype(int)
    assert np.ptp(gray, axis=2).mean() < np.ptp(coloured, axis=2).mean() / 2


def test_sharpening_overshoots_at_edges_and_leaves_noise_alone():
    edge = np.full((32, 32, 1), 80, np.uint8)
    edge[:, 16:] = 170
    result = sharpened(edge)
    assert result[16, 15, 0] < 80
    assert result[16, 16, 0] > 170
    assert (result[:, :4] == 80).all()
    noise = np.random.default_rng(0).integers(120, 128, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(sharpened(noise), noise)


def test_crops_of_photographs_have_chains_of_their_own_and_show_the_same_place(tmp_path):
    Image.fromarray(smooth(160, 192)).save(tmp_path / "a.png")
    pictures = prepare([tmp_path / "a.png"], tmp_path / "cache", scale=4, bands=3, smallest=64, degradation="photo")
    assert np.array_equal(pictures.hr[0], sharpened(smooth(160, 192)))
    make = lambda kind: CropDataset(pictures, crop=64, scale=4, seed=5, flips=True, degradation=kind)  # noqa: E731
    through, clean = make("photo"), make("bicubic")
    same = []
    for i in range(20):
        lr, hr = through[i]
        wanted, hr_clean = clean[i]
        assert lr.shape == (3, 16, 16)
        assert np.array_equal(hr, hr_clean)
        assert np.array_equal(lr, through[i][0])
        same.append(np.corrcoef(lr.numpy().ravel(), wanted.numpy().ravel())[0, 1])
        assert not np.array_equal(lr, wanted)
    assert np.median(same) > 0.9  # shifted by a pixel or mirrored it would be far less


def test_validation_pictures_are_the_same_in_every_run():
    hr = smooth()
    assert np.array_equal(for_validation("photo", hr, 4, 3), for_validation("photo", hr, 4, 3))
    assert not np.array_equal(for_validation("photo", hr, 4, 3), for_validation("photo", hr, 4, 4))
    assert np.array_equal(for_validation("bicubic", hr, 4, 3), downscale(hr, 4))


def test_jpeg_goes_through_a_real_codec():
    hr = smooth(channels=1)
    ranges = dataclasses.replace(CLEAN, jpeg=(40, 40), last_jpeg=1)
    result = photo(hr, 1, np.random.default_rng(6), ranges)  # scale 1: nothing but the last JPEG
    file = io.BytesIO()
    Image.fromarray(hr[:, :, 0]).save(file, "JPEG", quality=40)
    assert np.array_equal(result[:, :, 0], np.asarray(Image.open(file)))
