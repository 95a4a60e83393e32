import math

import numpy as np
import pytest

from srgan.evaluation.metrics import luma, psnr_y, ssim_y


def test_luma_is_matlabs_rgb2ycbcr():
    # MATLAB's rgb2ycbcr(uint8(...)): black 16, white 235, primaries 81.481, 144.553, 40.966 rounded, gray 128 -> 125.93.
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128]], np.uint8)
    assert luma(colours[None])[0].tolist() == [16, 235, 81, 145, 41, 126]


def test_gray_is_measured_as_it_is():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(luma(gray), gray)
    assert np.array_equal(luma(gray[:, :, None]), gray)


def test_psnr_by_hand():
    a = np.full((20, 20, 3), 128, np.uint8)
    b = a.copy()
    b[10, 10] = 255  # luma 126 -> 235: one pixel of the 12 x 12 inside the border differs by 109
    assert psnr_y(a, b, 4) == pytest.approx(10 * math.log10(255**2 / (109**2 / 144)))
    b = a.copy()
    b[3, 10] = 255  # in the border
    assert psnr_y(a, b, 4) == math.inf


def test_ssim_of_flat_pictures_by_hand():
    # Without structure SSIM is its luminance term, (2ab + C1) / (a^2 + b^2 + C1) with C1 = (0.01 * 255)^2; luma 16 and 235.
    black, white = np.zeros((24, 24, 3), np.uint8), np.full((24, 24, 3), 255, np.uint8)
    c1 = 2.55**2
    assert ssim_y(black, white, 4) == pytest.approx((2 * 16 * 235 + c1) / (16**2 + 235**2 + c1))
    assert ssim_y(white, white, 4) == pytest.approx(1)


def reference_ssim(a, b):
    """Wang's ssim.m: 11 x 11 Gaussian window of sigma 1.5, only whole windows."""
    k = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(k, k) / np.outer(k, k).sum()
    patches = lambda x: np.lib.stride_tricks.sliding_window_view(x, (11, 11))  # noqa: E731
    mean = lambda x: (patches(x) * window).sum((2, 3))  # noqa: E731
    ma, mb = mean(a), mean(b)
    va, vb, vab = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 2.55**2, 7.65**2
    return (((2 * ma * mb + c1) * (2 * vab + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()


def test_ssim_is_the_original_scripts():
    random = np.random.default_rng(0)
    a = random.integers(0, 256, (40, 37, 3), dtype=np.uint8)
    b = np.clip(a.astype(int) + random.integers(-40, 40, a.shape), 0, 255).astype(np.uint8)
    assert ssim_y(a, b, 3) == pytest.approx(reference_ssim(luma(a)[3:-3, 3:-3], luma(b)[3:-3, 3:-3]), abs=1e-6)


@pytest.mark.parametrize("function", [psnr_y, ssim_y])
def test_what_cannot_be_compared_is_refused(function):
    a = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        function(a, a[:19], 4)
    with pytest.raises(ValueError, match="border"):
        function(a, a, 10)
    with pytest.raises(ValueError, match="uint8"):
        function(a.astype(float), a, 4)


def test_ssim_needs_a_window():
    a = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="11 x 11"):
        ssim_y(a, a, 4)


@pytest.fixture(scope="module")
def vgg16(shared):
    from srgan.evaluation.metrics import VGG_DISTANCE_LAYERS
    from srgan.networks.vgg import load_vgg

    return load_vgg("vgg16", VGG_DISTANCE_LAYERS, shared / "data" / "vgg16_features.safetensors")


def test_vgg_distance_is_the_formula_of_lpips(vgg16):
    import torch

    from srgan.evaluation.metrics import vgg_distance

    random = np.random.default_rng(0)
    a, b = (random.integers(0, 256, (40, 32, 3), dtype=np.uint8) for _ in range(2))
    total = 0.0
    for layer in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
        unit = []
        for picture in (a, b):
            maps = vgg16(torch.tensor(picture / 255, dtype=torch.float32).permute(2, 0, 1)[None])[layer][0].numpy()
            maps = np.maximum(maps, 0)
            unit.append(maps / np.sqrt((maps**2).sum(0, keepdims=True) + 1e-20))
        total += ((unit[0] - unit[1]) ** 2).sum(0).mean() / 5
    assert vgg_distance(a, b, vgg16) == pytest.approx(total, rel=1e-4)
    assert vgg_distance(a, a, vgg16) == 0


def test_vgg_distance_grows_with_blur_where_psnr_sees_little(vgg16, bench):
    from PIL import Image, ImageFilter

    from srgan.evaluation.metrics import vgg_distance

    hr = Image.open(bench / "Set5" / "HR" / "img_001.png").convert("RGB").crop((100, 100, 260, 260))
    pictures = [np.asarray(hr.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 0.7, 1.5, 3)]
    distances = [vgg_distance(picture, pictures[0], vgg16) for picture in pictures]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[3] > 3 * distances[1]


def test_vgg_distance_refuses_what_it_cannot_compare(vgg16):
    from srgan.evaluation.metrics import vgg_distance

    a = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        vgg_distance(a, a[:19], vgg16)
    with pytest.raises(ValueError, match="16 x 16"):
        vgg_distance(a[:15], a[:15], vgg16)
