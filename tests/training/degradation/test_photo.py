import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from srgan.resize.imresize import downscale
from srgan.training.batches import batches
from srgan.training.data import CropDataset
from srgan.training.degradation import PhotoRanges, for_validation, photo, sharpened
from srgan.training.degradation.blur import KINDS
from srgan.training.pictures import Sharpening, prepare

CLEAN = PhotoRanges(
    shares=(0, 0, 1),
    blur=0,
    sizes=(0, 1, 0),
    kernels=("bicubic",),
    aliased=0,
    middle_noise=0,
    final_noise=0,
    smear=0,
    haloes=0,
    middle_codec=0,
    final_codec=0,
    webp=0,
)
NOISES = ("gaussian", "poisson", "camera", "grain")


def smooth(height=96, width=128, channels=3, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, channels), dtype=np.uint8)
    bands = [Image.fromarray(small[:, :, c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)]
    return np.stack([np.asarray(band) for band in bands], axis=2)


def error(ranges, hr, seeds=range(12), scale=4):
    """Mean difference from the clean reduction, levels."""
    clean = downscale(hr, scale).astype(int)
    return np.mean([abs(photo(hr, scale, np.random.default_rng(s), ranges) - clean).mean() for s in seeds])


def only(place, count):
    return tuple(float(number == place) for number in range(count))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [2, 4])
def test_a_chain_gives_the_size_and_is_a_function_of_its_seed(channels, scale):
    hr = smooth(64, 96, channels)
    results = [photo(hr, scale, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert results[0].shape == (64 // scale, 96 // scale, channels)
    assert results[0].dtype == np.uint8
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_every_chain_of_a_small_picture_works(channels):
    hr = smooth(32, 48, channels)  # of which the widest kernel is as large as the whole
    for seed in range(150):
        assert photo(hr, 4, np.random.default_rng(seed)).shape == (8, 12, channels)


def test_without_any_step_a_chain_is_the_clean_reduction():
    assert error(CLEAN, smooth()) < 0.5  # Pillow's bicubic is MATLAB's, without the rounding between
    clean = dataclasses.replace(PhotoRanges(), shares=(1, 0, 0), kernels=("bicubic",), final_codec=0)
    assert error(clean, smooth()) < 0.5


@pytest.mark.parametrize(
    "changes",
    [
        *({"final_noise": 1, "noise": (20, 20), "noise_kinds": only(kind, 4)} for kind in range(4)),
        {"middle_noise": 1, "noise": (20, 20)},
        {"middle_codec": 1, "quality": (30, 30)},
        {"final_codec": 1, "quality": (30, 30)},
        {"final_codec": 1, "quality": (30, 30), "webp": 1},
        {"kernels": ("box",)},
        *({"blur": 1, "spread": (3, 3), "blur_kinds": only(kind, len(KINDS))} for kind in range(len(KINDS))),
        {"sizes": (0, 0, 1), "smaller": (0.5, 0.5)},
        {"sizes": (1, 0, 0), "larger": (1.4, 1.4)},
        {"haloes": 1},
    ],
    ids=lambda changes: "-".join(str(key) for key in changes),
)
def test_each_step_leaves_its_mark(changes):
    hr = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    assert error(CLEAN, hr) < 1.5
    assert error(dataclasses.replace(CLEAN, **changes), hr) > error(CLEAN, hr) + 0.5


def test_neighbours_are_taken_as_they_are_where_a_size_is_aliased():
    hr = np.zeros((64, 64, 3), np.uint8)
    hr[:, ::2] = 255
    aliased = photo(hr, 4, np.random.default_rng(0), dataclasses.replace(CLEAN, aliased=1))
    assert set(np.unique(aliased)) <= {0, 255}
    assert abs(photo(hr, 4, np.random.default_rng(0), CLEAN).astype(int) - 128).max() < 40


def test_a_second_file_leaves_more_than_one():
    hr = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    once = dataclasses.replace(CLEAN, final_codec=1, quality=(30, 30), second_codec=0)
    assert error(dataclasses.replace(once, second_codec=1), hr) > error(once, hr) + 0.5


def test_light_chains_are_lighter():
    hr, full = smooth(), dataclasses.replace(PhotoRanges(), shares=(0, 0, 1))
    assert error(full.lighter(), hr, range(30)) < error(full, hr, range(30)) / 2


@pytest.mark.parametrize("kind", range(4), ids=NOISES)
def test_noise_reaches_the_final_size_in_its_full_strength(kind):
    flat = np.full((256, 256, 3), 128, np.uint8)
    ranges = dataclasses.replace(CLEAN, final_noise=1, noise=(15, 15), noise_kinds=only(kind, 4))
    left = np.mean([photo(flat, 4, np.random.default_rng(seed), ranges).std(axis=(0, 1)) for seed in range(6)])
    assert 13 < left < 17


def test_one_in_eight_default_chains_is_as_noisy_as_bad_photographs_and_one_in_four_hardly_at_all():
    flat = np.full((128, 128, 3), 128, np.uint8)
    left = np.array([photo(flat, 4, np.random.default_rng(seed)).std(axis=(0, 1)).mean() for seed in range(300)])
    assert (left > 10).mean() > 0.125
    assert (left < 0.7).mean() > 0.25


def test_gray_noise_is_the_same_in_all_bands():
    flat = np.full((64, 64, 3), 128, np.uint8)
    ranges = dataclasses.replace(CLEAN, final_noise=1, noise_kinds=only(0, 4), noise=(20, 20), gray_noise=1)
    gray = photo(flat, 4, np.random.default_rng(0), ranges).astype(int)
    coloured = photo(flat, 4, np.random.default_rng(0), dataclasses.replace(ranges, gray_noise=0)).astype(int)
    assert np.ptp(gray, axis=2).mean() < np.ptp(coloured, axis=2).mean() / 2


def test_crops_of_photographs_have_chains_of_their_own_and_show_the_same_place(tmp_path):
    Image.fromarray(smooth(160, 192)).save(tmp_path / "a.png")
    pictures = prepare([tmp_path / "a.png"], tmp_path / "cache", scale=4, bands=3, smallest=64, degradation="photo")
    assert np.array_equal(pictures.hr[0], sharpened(smooth(160, 192)))
    make = lambda kind: CropDataset(pictures, crop=64, scale=4, seed=5, flips=True, degradation=kind)  # noqa: E731
    through, clean = make("photo"), make("bicubic")
    same, changed = [], []
    for i in range(20):
        lr, hr = through[i]
        wanted, hr_clean = clean[i]
        assert lr.shape == (3, 16, 16)
        assert np.array_equal(hr, hr_clean)
        assert np.array_equal(lr, through[i][0])
        same.append(np.corrcoef(lr.numpy().ravel(), wanted.numpy().ravel())[0, 1])
        changed.append(not np.array_equal(lr, wanted))
    assert np.median(same) > 0.9  # shifted by a pixel or mirrored it would be far less
    assert np.mean(changed) > 0.9  # of the clean ones some are just what the benchmark's reduction is


def test_the_pictures_as_they_were_are_kept_beside_the_sharpened_ones_where_asked(tmp_path):
    Image.fromarray(smooth(160, 192)).save(tmp_path / "a.png")

    def made(name, **sharpening):
        settings = {"scale": 4, "bands": 3, "smallest": 64, "degradation": "photo"}
        return prepare([tmp_path / "a.png"], tmp_path / name, **settings, sharpening=Sharpening(**sharpening))

    usual, both, none, strong = made("1"), made("2", keep_plain=True), made("3", amount=0.0), made("4", amount=1.5)
    assert np.array_equal(both.plain[0], smooth(160, 192))
    assert np.array_equal(both.hr[0], usual.hr[0])
    assert np.array_equal(both.lr[0], usual.lr[0])
    assert np.array_equal(none.hr[0], smooth(160, 192))
    assert np.array_equal(strong.hr[0], sharpened(smooth(160, 192), 1.5))
    assert usual.plain == none.plain == ()
    assert both.digest != usual.digest
    assert np.array_equal(made("2", keep_plain=True).plain[0], both.plain[0])  # opened again
    assert made("2").plain == ()  # another request: decoded anew
    both = made("2", keep_plain=True)
    make = lambda pictures, plain: CropDataset(  # noqa: E731
        pictures, crop=64, scale=4, seed=5, flips=True, degradation="photo", plain=plain
    )
    for i in range(9):
        lr, hr, plain = make(both, True)[i]
        for a, b in zip((lr, hr), make(usual, True)[i], strict=True):  # which has none to give
            assert np.array_equal(a, b)
        assert len(make(both, False)[i]) == 2
        assert np.array_equal(plain, make(none, False)[i][1])  # the same place, turned in the same way
    (batch,) = batches(make(both, True), first_step=0, steps=1, batch=2, workers=0)
    assert np.array_equal(batch.plain[1], make(both, True)[1][2])


def test_validation_pictures_are_the_same_in_every_run():
    hr = smooth()
    assert np.array_equal(for_validation("photo", hr, 4, 3), for_validation("photo", hr, 4, 3))
    assert not np.array_equal(for_validation("photo", hr, 4, 3), for_validation("photo", hr, 4, 4))
    assert np.array_equal(for_validation("bicubic", hr, 4, 3), downscale(hr, 4))


def test_the_last_jpeg_of_a_chain_is_of_its_quality():
    hr = smooth(channels=1)
    ranges = dataclasses.replace(CLEAN, quality=(40, 40), final_codec=1, second_codec=0)
    found = {
        photo(hr, 1, np.random.default_rng(seed), ranges).tobytes() for seed in range(300)
    }  # scale 1: nothing else
    file = io.BytesIO()
    Image.fromarray(hr[:, :, 0]).save(file, "JPEG", quality=40)
    assert np.asarray(Image.open(file)).tobytes() in found  # of gray pictures one in 64 begins with a block
