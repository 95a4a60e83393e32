import numpy as np
import pytest
import pyvips
from PIL import Image

from srgan.data.check import _bit_count, check, jpeg_quality
from srgan.errors import DataError, UsageError


def scene(seed, size=160):
    """Smooth shapes with noise: each seed another picture."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((size, size), Image.BICUBIC)
    noisy = np.asarray(coarse, np.float64) + random.normal(0, 6, (size, size, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def kinds(report):
    return {(problem.file.name, problem.kind) for problem in report.problems}


def test_a_clean_folder(tmp_path):
    for seed in range(12):
        scene(seed).save(tmp_path / f"{seed}.png")
    report = check(tmp_path)
    assert report.problems == ()
    assert (report.pictures, report.bad) == (12, 0)
    assert report.megapixels == pytest.approx(12 * 160 * 160 / 1e6)


def test_each_fault_is_found(tmp_path):
    for seed in range(4):
        scene(seed).save(tmp_path / f"fine{seed}.png")
    scene(0).resize((120, 120)).save(tmp_path / "resized.png")
    scene(1).save(tmp_path / "recompressed.jpg", quality=85)
    (tmp_path / "twice.png").write_bytes((tmp_path / "fine2.png").read_bytes())
    scene(9).resize((80, 200)).save(tmp_path / "small.png")
    Image.new("RGB", (200, 200), (90, 120, 30)).save(tmp_path / "flat.png")
    Image.new("RGB", (200, 200), (10, 20, 30)).save(tmp_path / "flat2.png")
    scene(10).save(tmp_path / "poor.jpg", quality=30)
    scene(11).save(tmp_path / "cut.jpg", quality=90)
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "page.png").write_text("<html>not found</html>")
    report = check(tmp_path)
    assert kinds(report) == {
        ("resized.png", "near copy"),
        ("recompressed.jpg", "near copy"),
        ("twice.png", "copy"),
        ("small.png", "too small"),
        ("flat.png", "flat"),
        ("flat2.png", "flat"),
        ("poor.jpg", "compressed"),
        ("cut.jpg", "unreadable"),
        ("page.png", "unreadable"),
    }
    assert all("\n" not in problem.reason for problem in report.problems)
    assert kinds(check(tmp_path, smallest=80, quality=20)) == kinds(report) - {
        ("small.png", "too small"),
        ("poor.jpg", "compressed"),
    }


def test_fine_texture_is_not_flat(tmp_path):
    # Flat in any thumbnail, and full of detail.
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    assert check(tmp_path).problems == ()


@pytest.mark.parametrize("quality", [10, 35, 60, 75, 92])
def test_jpeg_quality_is_read_from_the_table(tmp_path, quality):
    scene(0).save(tmp_path / "a.jpg", quality=quality)
    assert abs(jpeg_quality(tmp_path / "a.jpg") - quality) <= 1


def test_bits_are_counted():
    values = np.array([0, 1, 2**64 - 1, 0xF0F0], np.uint64)
    assert _bit_count(values).tolist() == [0, 1, 64, 8]


def test_wrong_folders(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        check(tmp_path / "none")
    with pytest.raises(DataError, match="no pictures"):
        check(tmp_path)


def test_pictures_of_many_bands_are_looked_at_as_the_mean_of_them(tmp_path):
    for seed in range(3):
        bands = np.concatenate([np.asarray(scene(seed)), np.asarray(scene(seed + 20))], axis=2)
        pyvips.Image.new_from_array(bands.astype(np.uint16) * 257).write_to_file(str(tmp_path / f"{seed}.tif"))
    (tmp_path / "twice.tif").write_bytes((tmp_path / "1.tif").read_bytes())
    pyvips.Image.new_from_array(np.full((200, 200, 6), 90, np.uint8)).write_to_file(str(tmp_path / "flat.tif"))
    assert kinds(check(tmp_path)) == {("twice.tif", "copy"), ("flat.tif", "flat")}
