"""Arrays of every depth and kind of channel through real tiny networks: same kind out, tiled as whole, little memory."""

from __future__ import annotations

import functools
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import srgan
from srgan import Upscaler, UsageError
from srgan.engine import pixels
from srgan.errors import ImageReadError, ModelError, SrganError, UnknownModelError
from srgan.image.pixels import Rows
from srgan.resize.resample import resample
from srgan.runtime.network import open_network
from support import tiny_models

DEPTHS = {"uint8": 255, "uint16": 65535, "float32": 1}


def noise(height: int, width: int, channels: int | None = 3, dtype: str = "uint8", seed: int = 0) -> Any:
    shape = (height, width) if channels is None else (height, width, channels)
    return (np.random.default_rng(seed).random(shape) * DEPTHS[dtype]).astype(dtype)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.residual(folder / "residual.onnx", scale=4, blocks=1)
    tiny_models.shallow(folder / "shallow.onnx", scale=2)
    tiny_models.nearest(folder / "nearest.onnx", scale=2)
    return folder


@pytest.fixture(scope="module")
def nearest(models: Path) -> Upscaler:
    return Upscaler(models / "nearest.onnx")


def has_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def repeated(image: Any, scale: int = 2) -> Any:
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("dtype", DEPTHS)
def test_each_depth_and_gray_come_back_as_they_were(nearest: Upscaler, channels: int | None, dtype: str) -> None:
    """A network that only repeats pixels returns every value: no depth is squeezed through another."""
    image = noise(23, 31, channels, dtype)
    large = nearest(image)
    assert large.dtype == image.dtype
    np.testing.assert_allclose(large, repeated(image), rtol=0, atol=1e-7 if dtype == "float32" else 0)


def test_all_16_bit_values_survive(nearest: Upscaler) -> None:
    image = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(nearest(image), repeated(image))


def test_the_values_are_the_networks(models: Path) -> None:
    """Against another runtime, through none of our conversions."""
    image = noise(20, 33)
    (expected,) = onnxruntime.InferenceSession(str(models / "residual.onnx")).run(
        None, {"input": (image.transpose(2, 0, 1)[None] / 255).astype(np.float32)}
    )
    expected = (expected[0].transpose(1, 2, 0).clip(0, 1) * 255).round()
    large = Upscaler(models / "residual.onnx", precision="fp32")(image)
    assert abs(large - expected).max() <= 1
    assert (large != expected).mean() < 1e-3  # halves may round either way


def test_what_is_out_of_range_is_clipped(tmp_path: Path) -> None:
    net = tiny_models.Layers()
    last = net.shuffle(net.conv("input", np.full((12, 3, 1, 1), 1.0), np.full(12, -1.0)))
    upscaler = Upscaler(net.save(tmp_path / "net.onnx", last, scale=2, radius=0))
    image = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 51]]], np.uint8)  # sums of 0, 3, 1.2, less 1
    np.testing.assert_array_equal(upscaler(image)[0, ::2, 0], [0, 255, 51])
    floats = upscaler(image.astype(np.float32) / 255)
    assert floats.min() == 0
    assert floats.max() == 1


def test_gray_is_the_mean_of_what_the_network_makes_of_it(models: Path) -> None:
    upscaler = Upscaler(models / "residual.onnx", precision="fp32")
    gray = noise(12, 13, 1, "float32")
    np.testing.assert_allclose(upscaler(gray)[:, :, 0], upscaler(gray.repeat(3, 2)).mean(2), atol=1e-6)


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from(["residual", "shallow"]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_size_tiled_is_the_picture_computed_whole(
    models: Path, height: int, width: int, name: str, alpha: bool
) -> None:
    file = models / f"{name}.onnx"
    image = noise(height, width, 4 if alpha else 3, seed=height)
    whole = opened(file)
    tiled = smallest(file, exact=True)
    assert len(whole.plan(height, width).tiles) == 1
    difference = abs(whole(image).astype(int) - tiled(image))
    assert difference.max() <= 1  # where a value lies on the edge between two levels
    assert (difference > 0).mean() < 1e-2


@functools.cache
def opened(file: Path) -> Upscaler:
    return Upscaler(file, precision="fp32", exact=True)


@functools.cache
def smallest(file: Path, *, exact: bool = False, **options: Any) -> Upscaler:
    """Open a network with about the least memory that it accepts."""
    roomy = Upscaler(file, precision="fp32", exact=exact, **options)
    memory, least = 1000, roomy._config.budget.least(roomy._networks.first)
    while memory < least:
        memory = memory * 5 // 4
    return Upscaler(file, precision="fp32", memory=memory, exact=exact, **options)


def test_the_smallest_memory_really_cuts_pictures_into_tiles(models: Path) -> None:
    plan = smallest(models / "residual.onnx", exact=True).plan(100, 120, np.uint8)
    assert len(plan.tiles) >= 4
    assert plan.halo == 7


def test_bands_are_the_picture(models: Path) -> None:
    upscaler = smallest(models / "residual.onnx")
    image = noise(150, 90, 4)
    bands = list(upscaler.bands(image))
    assert len(bands) >= 2
    np.testing.assert_array_equal(np.concatenate(bands), upscaler(image))


@pytest.mark.parametrize("scale", [None, 1.5])
@pytest.mark.parametrize("exact", [False, True])
def test_a_picture_may_be_decoded_while_it_is_enlarged(models: Path, scale: float | None, exact: bool) -> None:
    upscaler = smallest(models / "residual.onnx", scale=scale, exact=exact)
    image = noise(400, 90, 3)
    held = []

    def decode(first: int, end: int) -> Any:
        held.append(end - rows._first)
        return image[first:end]

    rows = Rows(image.shape, image.dtype, decode)
    assert upscaler.takes_rows(400, 90)
    result = np.concatenate(list(upscaler.bands(rows)))
    far = abs(result.astype(int) - upscaler(image))  # the plan is another one
    assert far.max() <= 1
    assert (far > 0).mean() < 1e-2
    assert max(held) < 250
    assert not smallest(models / "residual.onnx", wrap=True).takes_rows(400, 90)  # it begins with the last rows
    assert not smallest(models / "residual.onnx", scale=17).takes_rows(400, 90)  # twice through the network


def test_a_large_picture_takes_the_cheap_halo_unless_exact(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "deep.onnx", channels=16, blocks=16)
    memory = 30_000_000
    assert Upscaler(file, precision="fp32", memory=memory).plan(2000, 2000).halo == 16
    assert Upscaler(file, precision="fp32", memory=memory, exact=True).plan(2000, 2000).halo == 37
    assert Upscaler(file, precision="fp32", memory=memory).plan(100, 100).cost == 1


def test_progress_ends_at_the_whole_and_never_goes_back(models: Path) -> None:
    seen: list[tuple[int, int]] = []
    smallest(models / "residual.onnx")(noise(130, 120), progress=lambda done, total: seen.append((done, total)))
    assert {total for _, total in seen} == {130 * 120}
    assert seen == sorted(seen)
    assert len(seen) > 4
    assert seen[-1] == (130 * 120, 130 * 120)


# --- Other sizes than the network's own ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ({"scale": 1.5}, (46, 36)),  # 45, 36 of 30.5 … rounded half up
        ({"scale": 3}, (93, 72)),
        ({"scale": 5.5}, (171, 132)),
        ({"width": 90}, (116, 90)),
        ({"height": 40}, (40, 31)),
        ({"fit": (100, 100)}, (100, 77)),
        ({"fit": (20, 20)}, (20, 15)),
    ],
)
@pytest.mark.parametrize(("channels", "dtype"), [(None, "uint16"), (3, "uint8"), (4, "uint8"), (2, "float32")])
def test_any_size_comes_out_exactly(
    nearest: Upscaler, wanted: dict[str, Any], size: tuple[int, int], channels: int | None, dtype: str
) -> None:
    image = noise(31, 24, channels, dtype)
    upscaler = Upscaler(nearest._networks.first.path, **wanted)
    size = upscaler.size_of(31, 24) if "scale" in wanted else size
    large = upscaler(image)
    assert large.shape == (*size, *image.shape[2:])
    assert large.dtype == image.dtype
    np.testing.assert_array_equal(np.concatenate(list(upscaler.bands(image))).reshape(large.shape), large)


def test_below_the_networks_factor_it_is_the_networks_result_reduced(models: Path) -> None:
    image = noise(40, 50)
    full = Upscaler(models / "residual.onnx", precision="fp32")(image)
    np.testing.assert_array_equal(
        Upscaler(models / "residual.onnx", precision="fp32", scale=3)(image), resample(full, 120, 150)
    )


def test_above_the_networks_factor_it_goes_through_again(models: Path) -> None:
    image = noise(20, 15)
    once = Upscaler(models / "residual.onnx", precision="fp32")
    between = resample(once(image), 40, 30)
    seen: list[tuple[int, int]] = []
    large = Upscaler(models / "residual.onnx", precision="fp32", scale=8)(image, progress=lambda *at: seen.append(at))
    np.testing.assert_array_equal(large, once(between))
    assert seen == sorted(seen)
    assert seen[-1] == (20 * 15 + 40 * 30,) * 2


def test_a_picture_that_is_large_enough_does_not_see_the_network(tmp_path: Path) -> None:
    upscaler = Upscaler(overflowing(tmp_path / "net.onnx", in_fp32=True), precision="fp32", fit=(30, 30))
    image = np.full((40, 60, 3), 255, np.uint8)  # which this network cannot do
    assert (upscaler(image) == 255).all()
    assert upscaler(image).shape == (20, 30, 3)
    same = noise(30, 30)
    np.testing.assert_array_equal(upscaler(same), same)


def test_reduced_in_many_tiles_it_is_the_same(models: Path) -> None:
    image = noise(150, 90, 4)
    tiled = smallest(models / "residual.onnx", exact=True, scale=2.7)
    assert len(tiled.plan(150, 90).bands) >= 3
    whole = Upscaler(models / "residual.onnx", precision="fp32", exact=True, scale=2.7)
    difference = abs(tiled(image).astype(int) - whole(image))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-2


# --- Patterns that repeat, and the self-ensemble ---------------------------------------------------------------------


@pytest.mark.parametrize("scale", [None, 3, 2.3])
@pytest.mark.parametrize("channels", [None, 3, 4])
@pytest.mark.parametrize("tiled", [False, True])
def test_wrapped_it_is_the_middle_of_the_pattern_laid_out(
    models: Path, scale: float | None, channels: int | None, tiled: bool
) -> None:
    image = noise(40, 30, channels)
    if channels == 4:
        image[:, :, 3] |= 1  # hidden colours are made up from a pyramid, which is not the same for every position
    options: dict[str, Any] = {"exact": True, "scale": scale}
    file = models / "residual.onnx"
    upscaler = smallest(file, wrap=True, **options) if tiled else Upscaler(file, precision="fp32", wrap=True, **options)
    wrapped = upscaler(image).astype(int)
    pattern = np.tile(image, (2, 2) if channels is None else (2, 2, 1))
    whole = Upscaler(file, precision="fp32", **options)(pattern)
    height, width = wrapped.shape[:2]
    middle = np.roll(whole, (-(height // 2), -(width // 2)), axis=(0, 1))[:height, :width]  # from its middle on
    difference = abs(np.roll(wrapped, (-(height // 2), -(width // 2)), axis=(0, 1)) - middle)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-2


def test_without_wrapping_the_pattern_has_a_seam(models: Path) -> None:
    """What the test above is about: at the edges the two differ by far."""
    image = noise(40, 30)
    file = models / "residual.onnx"
    plain, wrapped = (Upscaler(file, precision="fp32", wrap=wrap)(image).astype(int) for wrap in (False, True))
    assert abs(plain - wrapped).max() > 20
    assert abs(plain - wrapped)[40:-40, 40:-40].max() <= 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 50), (5, 2)])
def test_a_tile_smaller_than_the_networks_reach_wraps_many_times(models: Path, height: int, width: int) -> None:
    image = noise(height, width)
    wrapped = Upscaler(models / "residual.onnx", precision="fp32", wrap=True)(image)
    laid_out = Upscaler(models / "residual.onnx", precision="fp32")(np.tile(image, (31, 31, 1)))
    middle = laid_out[15 * 4 * height :, 15 * 4 * width :][: 4 * height, : 4 * width]
    assert abs(wrapped.astype(int) - middle).max() <= 1


@pytest.mark.parametrize("tiled", [False, True])
def test_the_self_ensemble_is_the_mean_over_eight_positions(models: Path, tiled: bool) -> None:
    """By hand, with the picture turned and mirrored outside."""
    image = noise(130, 95, 3, "float32")
    file = models / "residual.onnx"
    plain = Upscaler(file, precision="fp32", exact=True)
    total = np.zeros((520, 380, 3))
    for quarters, mirrored in itertools.product(range(4), (False, True)):
        turned = np.rot90(image[:, ::-1] if mirrored else image, quarters)
        back = np.rot90(plain(np.ascontiguousarray(turned)), -quarters)
        total += back[:, ::-1] if mirrored else back
    # The network ends in tanh: no position is clipped before the mean.
    expected = total / 8
    upscaler = smallest(file, exact=True, tta=True) if tiled else Upscaler(file, precision="fp32", exact=True, tta=True)
    assert (len(upscaler.plan(130, 95, np.float32).tiles) > 1) == tiled
    ours = upscaler(image)
    np.testing.assert_allclose(ours, expected, atol=2e-5)
    assert abs(ours - plain(image)).max() > 0.05
    seen: list[tuple[int, int]] = []
    upscaler(image, progress=lambda *at: seen.append(at))
    assert seen == sorted(seen)
    assert seen[-1] == (130 * 95, 130 * 95)


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16")
def test_the_self_ensemble_heals_an_overflow_in_bf16(tmp_path: Path) -> None:
    image = noise(20, 20) // 2
    image[5, 6] = 255
    file = overflowing(tmp_path / "net.onnx", in_fp32=False)
    np.testing.assert_allclose(Upscaler(file, precision="bf16", tta=True)(image), repeated(image), atol=1)


# --- Transparency ----------------------------------------------------------------------------------------------------


def disc(size: int, hidden: int, dtype: str = "uint8") -> Any:
    """A bright disc on transparency; under the transparency lies ``hidden``."""
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    inside = x * x + y * y < (size / 3) ** 2
    full = DEPTHS[dtype]
    image = np.full((size, size, 4), hidden, dtype)
    image[inside, :3] = [0.9 * full, 0.8 * full, 0.6 * full]
    image[:, :, 3] = inside * full
    return image


@pytest.mark.parametrize("hidden", [0, 255, 77])
def test_what_lies_under_transparency_does_not_show(models: Path, hidden: int) -> None:
    """No dark or light fringe: composited over black and over white, the edge stays between the two sides."""
    blur = models / "blur.onnx"
    if not blur.exists():  # averages 3 x 3 pixels: it mixes what is hidden into the edge, as every network does
        net = tiny_models.Layers(half=False)
        weight = np.zeros((12, 3, 3, 3))
        for channel in range(3):
            weight[4 * channel : 4 * channel + 4, channel] = 1 / 9
        net.save(blur, net.shuffle(net.conv("input", weight)), scale=2, radius=1)
    large = Upscaler(blur, precision="fp32")(disc(40, hidden))[4:-4, 4:-4].astype(float)
    seen = large[large[:, :, 3] > 0]
    assert abs(seen[:, :3] - [229, 204, 153]).max() <= 1
    alpha = large[:, :, 3:] / 255
    for background in (0, 255):
        composited = large[:, :, :3] * alpha + background * (1 - alpha)
        low, high = np.minimum(background, [229, 204, 153]), np.maximum(background, [229, 204, 153])
        assert (composited >= low - 1.5).all()
        assert (composited <= high + 1.5).all()


@pytest.mark.parametrize("value", [0, 1, 254, 255])
def test_even_alpha_stays_exactly_even(nearest: Upscaler, value: int) -> None:
    image = noise(9, 11, 4)
    image[:, :, 3] = value
    assert (nearest(image)[:, :, 3] == value).all()


def test_gray_with_alpha(nearest: Upscaler) -> None:
    image = noise(9, 11, 2)
    image[:, :, 1] = 255
    np.testing.assert_array_equal(nearest(image), repeated(image))


# --- When something goes wrong ---------------------------------------------------------------------------------------


def overflowing(path: Path, *, in_fp32: bool) -> Path:
    """Repeats pixels, by way of values at the end of the range of floats; white does not come back from there.

    bf16 rounds 1.998 * 2^127 up to infinity, where fp32 still has room; 2.2 * 2^127 is infinite in both.
    """
    net = tiny_models.Layers(half=False)

    def scaled(x: str, factor: float, mix: float = 0.0) -> str:
        weight = np.eye(3) * factor
        weight[:, :] += (1 - np.eye(3)) * factor * mix
        return net.conv(x, weight.reshape(3, 3, 1, 1))

    mix = 0.2 if in_fp32 else 0.00147
    x = scaled(scaled("input", 2.0**64), 1.9921875 * 2.0**63, mix)
    x = scaled(scaled(x, 2.0**-64), 2.0**-63 / 1.9921875)
    weight = np.zeros((12, 3, 1, 1))
    for channel in range(3):
        weight[4 * channel : 4 * channel + 4, channel] = 1
    return net.save(path, net.shuffle(net.conv(x, weight)), scale=2, radius=0)


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16")
def test_a_tile_that_overflows_in_bf16_is_computed_in_fp32(tmp_path: Path) -> None:
    file = overflowing(tmp_path / "net.onnx", in_fp32=False)
    image = noise(20, 20) // 2
    image[5, 6] = 255
    fast = open_network(file, precision="bf16")
    with np.errstate(all="ignore"):
        assert not np.isfinite(fast(pixels.to_network(image))).all(), "the network does what the test is about"
    np.testing.assert_allclose(Upscaler(file, precision="bf16")(image), repeated(image), atol=1)


def test_a_network_that_gives_no_numbers_fails_the_picture(tmp_path: Path) -> None:
    upscaler = Upscaler(overflowing(tmp_path / "net.onnx", in_fp32=True), precision="fp32")
    assert upscaler(noise(5, 5) // 4).shape == (10, 10, 3)
    with pytest.raises(ModelError, match="not numbers"):
        upscaler(np.full((5, 5, 3), 255, np.uint8))


@pytest.mark.slow
def test_short_of_memory_the_tiles_shrink_and_the_picture_is_the_same(tmp_path: Path) -> None:
    """In a process whose address space is limited while it works."""
    file = tiny_models.residual(tmp_path / "net.onnx", channels=48, blocks=1)
    code = f"""
import resource, numpy as np
from srgan import Upscaler
from srgan.engine import tiling
upscaler = Upscaler({str(file)!r}, precision="fp32", exact=True, memory=4 << 30)
image = np.random.default_rng(0).integers(0, 256, (500, 600, 3), np.uint8)
expected = Upscaler({str(file)!r}, precision="fp32", exact=True, memory=4 << 30)(image)
assert len(upscaler.plan(500, 600).tiles) == 1
upscaler(image[:16, :16])
split = []
halves = tiling.halves
tiling.halves = lambda tile, **more: split.append(tile) or halves(tile, **more)  # only watches
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (150 << 20), -1))
large = upscaler(image)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
assert split, "the limit was not felt"
difference = abs(large.astype(int) - expected)
assert difference.max() <= 1 and (difference > 0).mean() < 1e-4, difference.max()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("megabytes", [20, 50, 80])
def test_with_little_memory_left_it_is_done_or_a_line_and_never_a_crash(tmp_path: Path, megabytes: int) -> None:
    """The runtime does not notice that a convolution gets no scratch memory, and ends the process."""
    file = tiny_models.residual(tmp_path / "net.onnx", channels=48, blocks=1)
    code = f"""
import resource, numpy as np
from srgan import SrganError, Upscaler
upscaler = Upscaler({str(file)!r}, precision="fp32", exact=True, memory=4 << 30)
image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
expected = upscaler(image[:16, :16])
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + ({megabytes} << 20), -1))
try:
    upscaler(image)
except SrganError as error:
    assert "memory" in str(error), error
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
assert (upscaler(image[:16, :16]) == expected).all()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_memory_for_even_a_small_tile_it_says_so(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", channels=256, blocks=1)
    code = f"""
import resource, numpy as np
from srgan import SrganError, Upscaler
upscaler = Upscaler({str(file)!r}, precision="fp32")
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (2 << 20), -1))
try:
    upscaler(np.zeros((64, 64, 3), np.uint8))
except SrganError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "out of memory even with small tiles: close other programs\n"


def test_a_result_larger_than_memory_is_one_line(nearest: Upscaler) -> None:
    image = np.lib.stride_tricks.as_strided(np.zeros(3, np.uint8), (1_500_000, 1_500_000, 3), (0, 0, 1))
    with pytest.raises(SrganError, match=r"the result takes 27000\.0 GB"):
        nearest(image)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4), np.float64), "pixels are float64"),
        (np.zeros((4, 4, 5), np.uint8), "1 to 4 channels"),
        (np.zeros((1, 4, 4, 3), np.uint8), "2 or 3 axes"),
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        (np.full((4, 4), np.nan, np.float32), "not numbers"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(nearest: Upscaler, image: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        nearest(image)


# --- The one-call function -------------------------------------------------------------------------------------------


def test_upscale_takes_an_array(models: Path) -> None:
    image = noise(8, 9)
    np.testing.assert_array_equal(srgan.upscale(image, model=models / "nearest.onnx"), repeated(image))


@pytest.mark.parametrize(
    ("mode", "comes_back"),
    [("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("P", "RGB"), ("CMYK", "RGB"), ("1", "L")],
)
def test_upscale_takes_a_pil_image(models: Path, mode: str, comes_back: str) -> None:
    image = Image.fromarray(noise(8, 9)).convert(mode)
    large = srgan.upscale(image, model=models / "nearest.onnx")
    assert (large.mode, large.size) == (comes_back, (18, 16))
    np.testing.assert_array_equal(np.asarray(large), repeated(np.asarray(image.convert(comes_back))))


def test_upscale_keeps_16_bits_and_palette_transparency_of_a_pil_image(models: Path) -> None:
    deep = noise(5, 6, None, "uint16")
    np.testing.assert_array_equal(
        np.asarray(srgan.upscale(Image.fromarray(deep), model=models / "nearest.onnx")), repeated(deep)
    )
    image = Image.fromarray(noise(8, 9)).convert("P")
    image.info["transparency"] = image.getpixel((0, 0))
    large = srgan.upscale(image, model=models / "nearest.onnx")
    assert large.mode == "RGBA"
    assert large.getpixel((0, 0))[3] == 0


def test_a_profile_of_other_values_does_not_go_along(models: Path) -> None:
    """RGB made from CMYK under a profile for inks would be shown in wrong colours."""
    image = Image.fromarray(noise(8, 9))
    for mode, kept in (("RGB", True), ("L", True), ("P", True), ("RGBA", True), ("CMYK", False), ("YCbCr", False)):
        given = image.convert(mode)
        given.info["icc_profile"], given.info["exif"] = b"profile", b"Exif"
        large = srgan.upscale(given, model=models / "nearest.onnx")
        assert ("icc_profile" in large.info) == kept, mode
        assert large.info["exif"] == b"Exif"
    keyed = image.convert("L")
    keyed.info["icc_profile"], keyed.info["transparency"] = b"profile of gray", 0
    large = srgan.upscale(keyed, model=models / "nearest.onnx")
    assert large.mode == "RGBA"
    assert "icc_profile" not in large.info


def test_a_pil_image_that_cannot_be_had_is_one_line(models: Path, tmp_path: Path) -> None:
    Image.fromarray(noise(80, 90)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:9000])
    with Image.open(tmp_path / "cut.png") as cut, pytest.raises(ImageReadError, match="get the picture again"):
        srgan.upscale(cut, model=models / "nearest.onnx")
    with pytest.raises(UsageError, match="has no range"):
        srgan.upscale(Image.new("F", (4, 4)), model=models / "nearest.onnx")


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_16_bits_of_a_pil_image_in_either_order_of_bytes(models: Path, mode: str) -> None:
    deep = noise(5, 6, None, "uint16")
    image = Image.frombytes(mode, (6, 5), deep.astype(">u2" if mode == "I;16B" else "<u2").tobytes())
    np.testing.assert_array_equal(np.asarray(srgan.upscale(image, model=models / "nearest.onnx")), repeated(deep))


def test_upscale_refuses_what_it_cannot_take(models: Path) -> None:
    for wrong, options in itertools.product([7, None, [[1]]], [{}]):
        with pytest.raises(UsageError, match="give a path, a numpy array or a PIL image"):
            srgan.upscale(wrong, **options)
    with pytest.raises(UsageError, match="output is for"):
        srgan.upscale(noise(4, 4), "out.png", model=models / "nearest.onnx")
    with pytest.raises(UnknownModelError, match="srgan-x4"):
        srgan.upscale(noise(4, 4), model="srgan-x3")
