"""Crops of pictures: what place, which seed, how often."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from srgan.training.data import CropDataset
from support.prepared import prepared, save


def test_lr_and_hr_crops_show_the_same_place(tmp_path):
    # HR made of flat 4x4 blocks: LR away from the edges of blocks is smooth, so compare block means to LR of the same crop.
    small = np.random.default_rng(0).integers(0, 256, (20, 24, 1), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(small[:, :, 0]).resize((96, 80), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).convert("RGB").save(tmp_path / "a.png")
    pictures = prepared(tmp_path, [tmp_path / "a.png"])
    dataset = CropDataset(pictures, crop=32, scale=4, seed=0, flips=True)
    for i in range(30):
        lr, hr = dataset[i]
        assert lr.shape == (3, 8, 8)
        assert hr.shape == (3, 32, 32)
        means = hr.float().reshape(3, 8, 4, 8, 4).mean((2, 4))
        assert (means - lr.float()).abs().mean() < 8
        assert torch.corrcoef(torch.stack([means.flatten(), lr.float().flatten()]))[0, 1] > 0.97


def test_crops_depend_on_seed_and_number_alone(tmp_path):
    save(tmp_path, "a.png", 64, 64)
    pictures = prepared(tmp_path, [tmp_path / "a.png"])
    make = lambda seed: CropDataset(pictures, crop=16, scale=4, seed=seed, flips=True)  # noqa: E731
    one, again, other = make(1), make(1), make(2)
    for i in (5, 3, 5):
        assert torch.equal(one[i][1], again[i][1])
    assert not torch.equal(one[5][1], one[6][1])
    assert not torch.equal(one[5][1], other[5][1])


def test_every_position_is_equally_likely(tmp_path):
    # 36 positions in the large picture, 4 in each of the two small ones: shares 36/44 and 4/44.
    for name, side in (("large", 36), ("small1", 20), ("small2", 20)):
        Image.new("RGB", (side, side), {"large": (255, 0, 0), "small1": (0, 255, 0), "small2": (0, 0, 255)}[name]).save(
            tmp_path / f"{name}.png"
        )
    pictures = prepared(tmp_path, sorted(tmp_path.glob("*.png")))
    dataset = CropDataset(pictures, crop=16, scale=4, seed=0, flips=True)
    counts = np.zeros(3)
    for i in range(4000):
        counts[int(dataset[i][1][:, 0, 0].argmax())] += 1
    assert counts / 4000 == pytest.approx([36 / 44, 4 / 44, 4 / 44], abs=0.02)


def test_all_eight_symmetries_occur(tmp_path):
    pixels = save(tmp_path, "a.png", 16, 16)
    dataset = CropDataset(prepared(tmp_path, [tmp_path / "a.png"]), crop=16, scale=4, seed=0, flips=True)
    seen = {dataset[i][1].numpy().tobytes() for i in range(100)}
    wanted = {
        np.ascontiguousarray(turned.transpose(2, 0, 1)).tobytes()
        for x in (pixels, pixels[:, ::-1])
        for turned in (np.rot90(x, k) for k in range(4))
    }
    assert seen == wanted


def test_a_worker_maps_the_pictures_and_gets_no_copy(tmp_path):
    save(tmp_path, "a.png", 400, 400)
    dataset = CropDataset(prepared(tmp_path, [tmp_path / "a.png"]), crop=16, scale=4, seed=1, flips=True)
    sent = pickle.dumps(dataset)
    assert len(sent) < 2000
    for one, two in zip(dataset[7], pickle.loads(sent)[7], strict=True):
        assert torch.equal(one, two)


def test_of_several_candidates_the_most_detailed_is_taken(tmp_path):
    # Left half flat, right half noise: a crop falls wholly into the flat half four times in nine.
    pixels = save(tmp_path, "a.png", 64, 256)
    pixels = pixels.copy()
    pixels[:, :128] = 90
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pictures = prepared(tmp_path, [tmp_path / "a.png"])

    def flat(candidates):
        dataset = CropDataset(pictures, crop=32, scale=4, seed=2, flips=False, candidates=candidates)
        return sum(int(dataset[i][1].float().std() < 1) for i in range(200))

    assert flat(1) > 60
    assert flat(4) < 20
