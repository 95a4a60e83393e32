"""Flat pictures stay flat to their corners, in every way through the engine; what is not flat keeps its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan import Upscaler
from srgan.engine import flat as keep_flat_module
from srgan.engine import tile_pass
from srgan.engine.tiling import Box
from srgan.image.pixels import Rows
from srgan.models.catalogue import CATALOGUE
from support import tiny_models

COLOURS = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255), (40, 200, 90)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights: its zero padding shows, and it makes another colour of a flat one."""
    return tiny_models.residual(tmp_path_factory.mktemp("models") / "net.onnx", scale=4, blocks=2)


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def flat(height: int, width: int, colour: tuple[int, ...] = (255, 0, 0), dtype: str = "uint8") -> Any:
    full = {"uint8": 1, "uint16": 257, "float32": np.float32(1 / 255)}[dtype]
    return (np.full((height, width, len(colour)), colour) * full).astype(dtype)


def off(large: Any, small: Any) -> int:
    """Return by how much a result differs from its input's pixels, repeated."""
    scale = large.shape[0] // small.shape[0]
    return int(abs(large.astype(int) - small.repeat(scale, 0).repeat(scale, 1)).max())


def plain(upscaler: Upscaler, image: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what the network alone makes of a picture."""
    with monkeypatch.context() as patch:
        patch.setattr(tile_pass, "keep_flat", lambda *_: None)
        return upscaler(image)


@pytest.mark.parametrize("name", CATALOGUE)
def test_flat_pictures_are_flat_by_every_shipped_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = Upscaler(name, precision="fp32")
    for colour in COLOURS:
        assert off(upscaler(flat(15, 17, colour)), flat(15, 17, colour)) <= 2
    # As scans have it: no two levels more or less.
    scan = (noise(15, 17, 3) % 3 + 252).astype(np.uint8)
    assert off(upscaler(scan), scan) <= 4
    assert off(plain(upscaler, flat(15, 17), monkeypatch), flat(15, 17)) > 8, "there is nothing to mend here"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("colour", [(200,), (200, 255), (7, 8, 9), (7, 8, 9, 200)], ids=["gray", "GA", "RGB", "RGBA"])
def test_every_depth_and_kind(model: Path, dtype: str, colour: tuple[int, ...]) -> None:
    image = flat(20, 31, colour, dtype)
    np.testing.assert_array_equal(Upscaler(model, precision="fp32")(image), image.repeat(4, 0).repeat(4, 1))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 5)])
def test_pictures_of_few_pixels(model: Path, size: tuple[int, int]) -> None:
    image = flat(*size)
    assert off(Upscaler(model, precision="fp32")(image), image) == 0


def logo() -> Any:
    """Content in the middle of a margin of one colour."""
    image = flat(80, 90, (250, 250, 250))
    image[30:50, 35:60] = noise(20, 25, 3)
    return image


def edge_along_the_top() -> Any:
    image = noise(80, 90, 3)
    image[:25] = 0
    return image


@pytest.mark.parametrize("image", [logo(), edge_along_the_top()], ids=["logo", "one edge"])
def test_only_what_is_flat_changes(model: Path, image: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = Upscaler(model, precision="fp32")
    large, network = upscaler(image), plain(upscaler, image, monkeypatch)
    same = (large == network).all(axis=2)[::4, ::4]
    exact = (large == image.repeat(4, 0).repeat(4, 1)).all(axis=2)[::4, ::4]
    content = (image != image[0, 0]).any(axis=2)
    near, far = grown(content, 6), grown(content, 9)  # the network looks 9 pixels far
    assert same[near].all()
    assert exact[~far].all()
    assert not same[~far].all()


def grown(mask: Any, by: int) -> Any:
    rows, columns = mask.nonzero()
    result = mask.copy()
    for y in range(-by, by + 1):
        for x in range(-by, by + 1):
            result[np.clip(rows + y, 0, mask.shape[0] - 1), np.clip(columns + x, 0, mask.shape[1] - 1)] = True
    return result


def test_pictures_without_flat_parts_keep_their_bytes(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = Upscaler(model, precision="fp32")
    gradient = np.broadcast_to(np.arange(0, 180, 2, dtype=np.uint8)[None, :, None], (60, 90, 3)).copy()
    spotted = flat(60, 90)
    spotted[::5, ::5] = 0
    for image in (noise(60, 90, 3), gradient, spotted):
        np.testing.assert_array_equal(upscaler(image), plain(upscaler, image, monkeypatch))


@pytest.mark.parametrize("tta", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("image", [logo(), edge_along_the_top()], ids=["logo", "one edge"])
def test_tiles_and_rows_are_the_picture_computed_whole(model: Path, image: Any, tta: bool) -> None:
    image = np.pad(image, ((40, 60), (20, 40), (0, 0)), mode="edge")
    whole = Upscaler(model, precision="fp32", exact=True, tta=tta)
    tiled = Upscaler(model, precision="fp32", exact=True, tta=tta, memory=3_500_000)
    assert len(tiled.plan(180, 150).bands) > 2
    expected = whole(image).astype(int)
    assert abs(tiled(image) - expected).max() <= 1
    rows = Rows(image.shape, image.dtype, lambda top, bottom: image[top:bottom])
    assert abs(np.concatenate(list(tiled.bands(rows))) - expected).max() <= 1


def test_a_pattern_that_goes_on_has_no_edge(model: Path) -> None:
    """Its result is that of the pattern repeated, wherever its flat parts lie."""
    image = np.roll(logo(), (30, 20), axis=(0, 1))
    once = Upscaler(model, precision="fp32", wrap=True)(image)
    thrice = Upscaler(model, precision="fp32")(np.tile(image, (3, 3, 1)))
    assert abs(once - thrice[320:640, 360:720].astype(int)).max() <= 1


def test_several_passes_and_other_sizes(model: Path) -> None:
    for scale in (1.5, 6):
        large = Upscaler(model, precision="fp32", scale=scale)(flat(20, 30))
        assert (abs(large - np.array([255.0, 0, 0])) <= 1).all()


def defined(picture: Any, core: Box, tolerance: bool, reach: int) -> Any:
    """Return the weights pixel by pixel, as they are defined."""
    whole = Box(0, 0, *picture.shape[:2])
    steps = range(reach - reach // 3, reach + 1)
    found = np.zeros((core.height, core.width), np.float32)
    for row in range(core.height):
        for column in range(core.width):
            y, x = core.top + row, core.left + column
            distance = min(y, x, whole.bottom - 1 - y, whole.right - 1 - x)
            near = np.float32(np.clip(2 - distance / reach, 0, 1)) if tolerance else np.float32(0)
            for radius in steps:
                seen = picture[Box(y, x, y + 1, x + 1).grow(radius, whole).slices].astype(np.float64)
                span = np.ptp(seen.reshape(-1, picture.shape[2]), axis=0).max()
                found[row, column] += 1 if span == 0 else near if span <= 2.002 else 0
    return found / np.float32(len(steps))


@pytest.mark.parametrize("reach", [2, 3, 5, 12])
def test_what_a_glance_skips_is_nowhere_flat(reach: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares of one colour at all places and of all sizes, with steps of some levels: as defined, to the last pixel."""
    monkeypatch.setattr(
        keep_flat_module, "_CELL", 8
    )  # so that the glance decides for each part of these small pictures
    random = np.random.default_rng(reach)
    seen = 0
    for _ in range(6):
        high, wide = (int(side) for side in random.integers(1, 60 if reach == 12 else 100, 2))
        picture = np.empty((high, wide, 3), np.uint8)
        picture[:] = random.integers(0, 250, 3)
        if random.random() < 0.5:  # flat in the middle alone
            picture += random.integers(0, 5, picture.shape, np.uint8)
            middle = picture[high // 6 : high - high // 6, wide // 6 : wide - wide // 6]
            middle[:] = random.integers(0, 250, 3)
        for _ in range(random.integers(0, 4)):
            top, left = int(random.integers(0, high)), int(random.integers(0, wide))
            part = picture[top : top + random.integers(1, 40), left : left + random.integers(1, 40)]
            part += random.integers(0, random.choice([2, 3, 5]), part.shape, np.uint8)
        whole = Box(0, 0, high, wide)
        core = Box(high // 3, wide // 4, high, wide)
        shown = core.grow(reach, whole)
        for picture_edge in (whole, None):
            made = keep_flat_module._weights(picture[shown.slices], core, shown, picture_edge, reach)
            right = defined(picture, core, picture_edge is not None, reach)
            np.testing.assert_array_equal(made, right)
            seen += bool(made.any())
    assert seen > 3
