import numpy as np
import pytest
from PIL import Image

from srgan.errors import DataError
from srgan.resize.imresize import downscale
from support.prepared import prepared, save


def test_pictures_come_back_cropped_to_the_scale_and_reduced_whole(tmp_path):
    pixels = save(tmp_path, "a.png", 45, 50)
    pictures = prepared(tmp_path, [tmp_path / "a.png"])
    assert np.array_equal(pictures.hr[0], pixels[:44, :48])
    assert np.array_equal(pictures.lr[0], downscale(pixels[:44, :48], 4))
    assert pictures.megapixels == pytest.approx(44 * 48 / 1e6)


def test_bad_and_small_pictures_are_named_and_left_out(tmp_path):
    save(tmp_path, "good.png", 32, 32)
    save(tmp_path, "small.png", 15, 64)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    pictures = prepared(tmp_path, sorted(tmp_path.glob("*.*g")))
    assert pictures.names == ("good.png",)
    rejected = dict(pictures.rejected)
    assert set(rejected) == {"small.png", "empty.jpg", "text.png"}
    assert "64 x 15" in rejected["small.png"]


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    save(tmp_path, "small.png", 15, 64)
    with pytest.raises(DataError, match=r"small\.png.*16 x 16"):
        prepared(tmp_path, [tmp_path / "small.png"])
    assert not list((tmp_path / "cache").glob("*.part"))


def test_a_second_call_opens_what_the_first_one_wrote(tmp_path):
    save(tmp_path, "a.png", 32, 32)
    first = prepared(tmp_path, [tmp_path / "a.png"])
    written = (tmp_path / "cache" / "pixels.u8").stat().st_mtime_ns
    assert prepared(tmp_path, [tmp_path / "a.png"]).digest == first.digest
    assert (tmp_path / "cache" / "pixels.u8").stat().st_mtime_ns == written
    save(tmp_path, "a.png", 32, 32, seed=1)
    assert prepared(tmp_path, [tmp_path / "a.png"]).digest != first.digest


def test_gray_networks_get_luma(tmp_path):
    Image.new("RGB", (16, 16), (255, 0, 0)).save(tmp_path / "red.png")
    pictures = prepared(tmp_path, [tmp_path / "red.png"], bands=1)
    assert pictures.hr[0].shape == (16, 16, 1)
    assert (pictures.hr[0] == 76).all()  # 0.299 * 255


def test_pixels_that_were_lost_are_decoded_again(tmp_path):
    save(tmp_path, "a.png", 64, 64)
    first = prepared(tmp_path, [tmp_path / "a.png"])
    pixels = np.array(first.hr[0])
    (tmp_path / "cache" / "pixels.u8").write_bytes(b"short")
    assert np.array_equal(prepared(tmp_path, [tmp_path / "a.png"]).hr[0], pixels)
    (tmp_path / "cache" / "pixels.u8").unlink()
    assert np.array_equal(prepared(tmp_path, [tmp_path / "a.png"]).hr[0], pixels)
