import math

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from PIL import Image

from srgan.errors import DataError, ImageReadError
from srgan.evaluation.metrics import psnr_y
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.resize.imresize import downscale
from srgan.training.validation import find_validation, load_validation, upscale, validate
from support.tiny_runs import save_photo

COMMON = {"scale": 2, "bands": 3, "degradation": "bicubic"}


@pytest.fixture
def fabric():
    return Fabric(accelerator="cpu", devices=1)


def gray_generator(bands=3):
    """Build a network that answers middle gray to everything: (0 + 1) / 2 * 255 = 127.5, rounded to the even 128."""
    generator = Generator(GeneratorConfig(features=4, blocks=1, scale=2, bands=bands, norm="none", output="linear"))
    torch.nn.init.zeros_(generator.tail.weight)
    return generator.eval()


def test_psnr_by_hand(tmp_path, fabric):
    for name, level in (("a", 138), ("b", 148)):
        Image.new("RGB", (40, 30), (level,) * 3).save(tmp_path / f"{name}.png")
    (folder,) = find_validation([tmp_path], **COMMON)
    psnr, pictures = validate(gray_generator(), [folder], fabric)
    assert all((picture == 128).all() for picture in pictures)
    # Luma 16 + 219 v / 255, rounded: 126 for 128, 135 for 138, 143 for 148.
    wanted = np.mean([10 * math.log10(255**2 / error**2) for error in (9, 17)])
    assert psnr == {tmp_path.name: pytest.approx(wanted)}


def test_psnr_is_that_of_the_benchmarks(tmp_path, fabric):
    save_photo(tmp_path / "a.png", 50, 62)
    (folder,) = find_validation([tmp_path], **COMMON)
    generator = Generator(GeneratorConfig(features=4, blocks=1, scale=2)).eval()
    psnr, (sr,) = validate(generator, [folder], fabric)
    hr = np.asarray(Image.open(tmp_path / "a.png"))
    assert np.array_equal(folder.examples[0].lr, downscale(hr, 2))
    assert np.array_equal(sr, upscale(generator, downscale(hr, 2), fabric))
    assert psnr[tmp_path.name] == pytest.approx(psnr_y(sr, hr, 2))


def test_a_benchmark_stands_for_its_hr_and_keeps_its_name(tmp_path):
    save_photo(tmp_path / "Set" / "HR" / "a.png", 33, 45)
    save_photo(tmp_path / "Set" / "LRx2" / "a.png", 16, 22)
    (found,) = find_validation([tmp_path / "Set"], **COMMON)
    assert (found.name, len(found.examples)) == ("Set", 1)
    assert found.examples[0].hr.shape == (32, 44, 3)
    assert found.examples[0].lr.shape == (16, 22, 3)


def test_huge_pictures_are_validated_in_their_middle(tmp_path):
    save_photo(tmp_path / "a.png", 1210, 1301)
    ((example,),) = (entry.examples for entry in find_validation([tmp_path], **COMMON))
    height, width, _ = example.hr.shape
    assert 0.99 * 2**20 < height * width <= 2**20
    assert height / width == pytest.approx(1210 / 1301, rel=0.01)
    whole = np.asarray(Image.open(tmp_path / "a.png"))
    top, left = (1210 - height) // 2, (1301 - width) // 2
    assert any(
        np.array_equal(example.hr, whole[top - i : top - i + height, left - j : left - j + width])
        for i in (0, 1)  # the sides are cut to multiples of the scale at the bottom and on the right
        for j in (0, 1)
    )


def test_gray_pictures_are_measured_as_gray(tmp_path, fabric):
    Image.new("L", (40, 30), 138).save(tmp_path / "a.png")
    for bands in (1, 3):
        sets = find_validation([tmp_path], **{**COMMON, "bands": bands})
        psnr, _ = validate(gray_generator(bands), sets, fabric)
        assert psnr[tmp_path.name] == pytest.approx(20 * math.log10(255 / 10))  # gray values as they are


def test_what_cannot_be_measured_is_an_error(tmp_path):
    save_photo(tmp_path / "small.png", 5, 40)
    with pytest.raises(DataError, match=r"small\.png.*too small"):
        load_validation("set", [tmp_path / "small.png"], **COMMON)
    (tmp_path / "bad.png").write_text("hello")
    with pytest.raises(ImageReadError, match=r"bad\.png"):
        load_validation("set", [tmp_path / "bad.png"], **COMMON)
