import numpy as np
import pytest
import pyvips
from PIL import Image

from srgan.data import check as module
from srgan.data.check import _bit_count, check, jpeg_quality
from srgan.errors import DataError, ImageReadError, UsageError
from srgan.image.multiband import read_bands


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


def floats(path, low, high, bands=3):
    blocks = np.random.default_rng(5).uniform(low, high, (10, 10, bands)).astype(np.float32)
    pyvips.Image.new_from_array(blocks.repeat(12, 0).repeat(12, 1)).write_to_file(str(path))


def test_floats_are_looked_at_as_a_training_sees_them(tmp_path):
    floats(tmp_path / "unit.tif", 0, 1)
    floats(tmp_path / "wide.tif", 0, 255)
    (problem,) = check(tmp_path, smallest=80).problems
    assert (problem.file.name, problem.kind) == ("wide.tif", "unusable")
    assert problem.reason.endswith("scale them to 0 to 1")


def test_what_a_training_would_leave_out_is_named_with_its_reason(tmp_path, monkeypatch):
    floats(tmp_path / "five.tif", 0, 1, bands=5)
    Image.fromarray(np.random.default_rng(6).integers(0, 256, (120, 130, 3), dtype=np.uint8)).save(tmp_path / "rgb.png")
    for bands, odd in ((3, "five.tif"), (1, "five.tif"), (5, "rgb.png")):
        (problem,) = check(tmp_path, smallest=80, bands=bands).problems
        assert (problem.file.name, problem.kind) == (odd, "unusable")
        with pytest.raises(ImageReadError) as caught:
            read_bands(tmp_path / odd, bands)
        assert problem.reason == caught.value.reason
    monkeypatch.setattr(module, "MAX_PIXELS", 120 * 120)
    problems = {problem.file.name: problem.reason for problem in check(tmp_path, smallest=80).problems}
    assert "cut it into tiles with srgan data prepare" in problems["rgb.png"]


@pytest.mark.parametrize("bands", [1, 4])
def test_a_stack_of_pages_is_named_as_a_training_leaves_it_out(tmp_path, bands):
    pages = np.random.default_rng(7).integers(0, 256, (3 * 120, 130, bands), dtype=np.uint8)
    pyvips.Image.new_from_array(pages).write_to_file(str(tmp_path / "stack.tif"), page_height=120)
    (problem,) = check(tmp_path, smallest=80, bands=bands).problems
    assert (problem.kind, problem.reason.partition(",")[0]) == ("unusable", "it has 3 pages")
