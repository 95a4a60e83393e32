import numpy as np
from PIL import Image

from srgan.resize.imresize import downscale, upscale
from srgan.training.preview import side_by_side, write_preview
from srgan.training.validation import Example


def example(height, width, bands=3, seed=0):
    hr = np.random.default_rng(seed).integers(0, 255, (height, width, bands), dtype=np.uint8)  # never white
    return Example("a", downscale(hr, 2), hr), np.full_like(hr, 7)


def test_one_row_a_picture_bicubic_then_sr_then_hr():
    first, sr = example(400, 500)
    found = side_by_side([first], [sr], 2)
    assert found.shape == (320, 3 * 320 + 2 * 8, 3)
    left, middle, right = found[:, :320], found[:, 328:648], found[:, 656:]
    assert (middle == 7).all()
    assert (found[:, 320:328] == 255).all()
    assert (found[:, 648:656] == 255).all()
    bicubic = upscale(first.lr, 2)
    places = [
        (top, side)
        for top in range(0, 81, 2)
        for side in range(0, 181, 2)
        if np.array_equal(right, first.hr[top : top + 320, side : side + 320])
    ]
    ((top, side),) = places
    assert np.array_equal(left, bicubic[top : top + 320, side : side + 320])


def test_small_pictures_stand_on_white():
    first, sr = example(40, 60)
    found = side_by_side([first], [sr], 2)
    assert np.array_equal(found[:40, 656:716], first.hr)
    assert (found[40:] == 255).all()
    assert (found[:, 716:] == 255).all()


def test_at_most_four_rows_and_gray_becomes_rgb():
    pairs = [example(40, 60, bands=1, seed=seed) for seed in range(6)]
    found = side_by_side([pair[0] for pair in pairs], [pair[1] for pair in pairs], 2)
    assert found.shape == (4 * 320 + 3 * 8, 976, 3)
    assert np.array_equal(found[3 * 328 : 3 * 328 + 40, 656:716], np.repeat(pairs[3][0].hr, 3, axis=2))


def test_the_file_is_replaced(tmp_path):
    path = tmp_path / "results" / "a.png"
    for value in (1, 7):
        first, sr = example(40, 60)
        write_preview(path, [first], [np.full_like(sr, value)], 2)
    assert np.asarray(Image.open(path))[0, 328].tolist() == [7, 7, 7]
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]
