import json

import numpy as np
import pytest
from PIL import Image

from srgan.data.pairs import find_pairs
from srgan.errors import DataError, ImageReadError, UsageError
from srgan.evaluation.benchmark import Bicubic, evaluate
from srgan.evaluation.figure import write_figure
from srgan.evaluation.metrics import psnr_y, ssim_y
from srgan.resize.imresize import downscale, upscale


def test_bicubic_reads_what_the_literature_prints(bench):
    # x4: Set5 28.42 dB / 0.8104, Set14 26.00 dB / 0.7027 (Ledig et al. 2017: 28.43 and 25.99; Kim et al. 2016: 28.42, 26.00).
    report = evaluate("bicubic", [bench / "Set5", bench / "Set14"])
    five, fourteen = report.sets
    assert (five.name, len(five.images), fourteen.name, len(fourteen.images)) == ("Set5", 5, "Set14", 14)
    assert five.psnr_y == pytest.approx(28.42, abs=0.02)
    assert five.ssim_y == pytest.approx(0.810, abs=0.002)
    assert fourteen.psnr_y == pytest.approx(26.00, abs=0.02)
    assert fourteen.ssim_y == pytest.approx(0.703, abs=0.002)


@pytest.mark.parametrize(("scale", "psnr"), [(2, 33.66), (3, 30.39)])  # Kim et al. 2016 (VDSR), table 3
def test_the_other_scales_agree_as_well(bench, scale, psnr):
    assert evaluate("bicubic", [bench / "Set5"], scale=scale).sets[0].psnr_y == pytest.approx(psnr, abs=0.02)


def picture(height, width, seed=0, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path)


def test_lr_is_made_where_the_folder_has_none(tmp_path):
    hr = picture(43, 50)
    save(tmp_path / "own" / "a.png", hr)
    (score,) = evaluate("bicubic", [tmp_path / "own"], scale=2).sets[0].images
    cut = hr[:42, :50]
    sr = upscale(downscale(cut, 2), 2)
    assert score.psnr_y == psnr_y(sr, cut, 2)
    assert score.ssim_y == ssim_y(sr, cut, 2)


def test_lr_files_and_the_hr_of_their_scale_are_used(tmp_path):
    folder = tmp_path / "Set"
    save(folder / "HR" / "a.png", picture(40, 40, 1))
    save(folder / "HRx3" / "a.png", picture(42, 42, 2))
    save(folder / "LRx3" / "ax3.png", picture(14, 14, 3))
    (score,) = evaluate("bicubic", [folder], scale=3).sets[0].images
    assert score.psnr_y == psnr_y(upscale(picture(14, 14, 3), 3), picture(42, 42, 2), 3)
    assert [pair.lr for pair in find_pairs(folder, 2)] == [None]


def test_gray_pictures_stay_gray(tmp_path):
    save(tmp_path / "g" / "a.png", picture(32, 32, channels=1))
    seen = []

    class Model(Bicubic):
        def __call__(self, image):
            seen.append(image.shape)
            return super().__call__(image)

    evaluate(Model(4, "own"), [tmp_path / "g"])
    assert seen == [(8, 8, 1)]


def test_json_has_the_documented_form(tmp_path):
    save(tmp_path / "Some" / "b.png", picture(48, 48))
    save(tmp_path / "Some" / "a.png", picture(48, 52, 1))
    report = evaluate("bicubic", [tmp_path / "Some"])
    data = json.loads(report.to_json())
    assert set(data) == {"model", "scale", "sets"}
    assert (data["model"], data["scale"]) == ("bicubic", 4)
    (entry,) = data["sets"]
    assert set(entry) == {"name", "images", "mean"}
    assert [image["name"] for image in entry["images"]] == ["a", "b"]
    assert set(entry["images"][0]) == {"name", "psnr_y", "ssim_y"}
    for key in ("psnr_y", "ssim_y"):
        assert entry["mean"][key] == pytest.approx(np.mean([image[key] for image in entry["images"]]))


def test_what_cannot_be_measured_is_named(tmp_path):
    with pytest.raises(UsageError, match="not a folder"):
        evaluate("bicubic", [tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        evaluate("bicubic", [tmp_path / "empty"])
    save(tmp_path / "tiny" / "a.png", picture(3, 30))
    with pytest.raises(DataError, match=r"a\.png"):
        evaluate("bicubic", [tmp_path / "tiny"])
    save(tmp_path / "narrow" / "a.png", picture(16, 30))
    with pytest.raises(DataError, match="11 x 11"):
        evaluate("bicubic", [tmp_path / "narrow"])
    save(tmp_path / "pair" / "HR" / "a.png", picture(40, 40))
    save(tmp_path / "pair" / "LRx4" / "a.png", picture(9, 10))
    with pytest.raises(DataError, match=r"40 x 36.*40 x 40"):
        evaluate("bicubic", [tmp_path / "pair"])
    save(tmp_path / "alone" / "HR" / "a.png", picture(40, 40))
    save(tmp_path / "alone" / "LRx4" / "b.png", picture(10, 10))
    with pytest.raises(DataError, match="no partner"):
        evaluate("bicubic", [tmp_path / "alone"])
    save(tmp_path / "bad" / "a.png", picture(40, 40))
    (tmp_path / "bad" / "b.png").write_bytes(b"")
    with pytest.raises(ImageReadError, match=r"b\.png"):
        evaluate("bicubic", [tmp_path / "bad"])


def test_a_networks_scale_is_its_own(tmp_path):
    save(tmp_path / "s" / "a.png", picture(40, 40))
    with pytest.raises(UsageError, match="enlarges 2 times"):
        evaluate(Bicubic(2, "two"), [tmp_path / "s"], scale=4)


def test_the_figure_shows_the_pictures(tmp_path):
    for number in range(2):
        save(tmp_path / "s" / f"{number}.png", picture(200, 220, number))
    report = evaluate("bicubic", [tmp_path / "s"], keep_samples=True)
    for suffix in ("png", "svg", "pdf"):
        write_figure(report, tmp_path / f"f.{suffix}")
        assert (tmp_path / f"f.{suffix}").stat().st_size > 10_000
    drawn = np.asarray(Image.open(tmp_path / "f.png").convert("RGB"))
    assert drawn.shape[1] > drawn.shape[0] > 500
    with pytest.raises(UsageError, match=r"\.png"):
        write_figure(report, tmp_path / "f.xyz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.pdf", "f.png", "f.svg", "s"]
