import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srgan.resize.imresize import downscale, keys_cubic, upscale


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


BENCHMARK = [
    (name, scale, number)
    for name, count in (("Set5", 5), ("Set14", 14))
    for scale in (2, 3, 4)
    for number in range(1, count + 1)
]


@pytest.mark.parametrize(("name", "scale", "number"), BENCHMARK)
def test_every_lr_file_of_the_benchmarks_is_reproduced_to_the_last_bit(bench, name, scale, number):
    folder = bench / name
    source = folder / f"HRx{scale}" if (folder / f"HRx{scale}").is_dir() else folder / "HR"
    hr, lr = read(source / f"img_{number:03}.png"), read(folder / f"LRx{scale}" / f"img_{number:03}.png")
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    assert np.array_equal(downscale(hr, scale), lr)


def test_the_kernel_is_keys_cubic():
    # Keys 1981, equation 15, a = -1/2, by hand.
    x = np.array([0, 0.5, -0.5, 1, 1.5, 2, 2.5])
    assert keys_cubic(x) == pytest.approx([1, 0.5625, 0.5625, 0, -0.0625, 0, 0])


def matlab(x, out, scale):
    """One pass of imresize, row by row as MATLAB's documentation of `contributions` has it: slow, plain, 1-based."""
    result = np.empty((out, *x.shape[1:]))
    width = 4 / min(scale, 1)
    for row in range(1, out + 1):
        u = row / scale + 0.5 * (1 - 1 / scale)
        taps = int(np.floor(u - width / 2)) + np.arange(int(np.ceil(width)) + 2)
        weights = keys_cubic(min(scale, 1) * (u - taps))
        weights = weights / weights.sum()
        rows = np.clip(taps, 1, x.shape[0]) - 1
        result[row - 1] = sum(w * x[r].astype(float) for w, r in zip(weights, rows, strict=True))
    return np.clip(np.floor(result + 0.5), 0, np.iinfo(x.dtype).max).astype(x.dtype)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    factor=st.sampled_from([2, 4, 8]),
    channels=st.sampled_from([None, 1, 3, 4]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    seed=st.integers(0, 1000),
)
def test_any_size_agrees_with_matlabs_formula(height, width, factor, channels, dtype, seed):
    shape = (height, width) if channels is None else (height, width, channels)
    x = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    small = matlab(x, -(-height // factor), 1 / factor)
    small = matlab(small.swapaxes(0, 1), -(-width // factor), 1 / factor).swapaxes(0, 1)
    assert np.array_equal(downscale(x, factor), small)
    large = matlab(matlab(x, height * factor, factor).swapaxes(0, 1), width * factor, factor).swapaxes(0, 1)
    assert np.array_equal(upscale(x, factor), large)


def test_flat_pictures_stay_flat_and_results_are_clipped():
    flat = np.full((9, 13, 3), 200, np.uint8)
    assert (downscale(flat, 3) == 200).all()
    assert (upscale(flat, 3) == 200).all()
    edge = np.zeros((1, 8), np.uint8)
    edge[:, 4:] = 255
    large = upscale(edge, 4)
    assert (large[:, 16:20] == 255).any()  # overshoot clipped, not wrapped round
    assert (np.diff(large[0, 8:24].astype(int)) >= 0).all()


def test_views_and_strides_do_not_matter():
    x = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    assert np.array_equal(downscale(x[::-1, ::2], 2), downscale(x[::-1, ::2].copy(), 2))


def test_factor_one_is_a_copy():
    x = np.zeros((2, 2), np.uint8)
    assert downscale(x, 1) is not x
    assert np.array_equal(upscale(x, 1), x)


@pytest.mark.parametrize(
    ("picture", "factor"),
    [
        (np.zeros((4, 4)), 2),
        (np.zeros((4, 4), np.uint8), 0),
        (np.zeros((4, 4), np.uint8), 1.5),
        (np.zeros((0, 4), np.uint8), 2),
        (np.zeros(4, np.uint8), 2),
    ],
)
def test_what_is_no_picture_is_refused(picture, factor):
    for function in (downscale, upscale):
        with pytest.raises(ValueError, match=r"pictures|factor"):
            function(picture, factor)
