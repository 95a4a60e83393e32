"""From file to file with all that a picture can be at once: kind of channels x depth x alpha x profile x orientation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srgan import Upscaler
from srgan.image import read
from srgan.jobs.plan import plan
from srgan.jobs.run import run_pictures
from support import picture_samples as samples
from support import tiny_models

FULL = {np.uint8: 255, np.uint16: 65535}
PROFILES: dict[str, Any] = {
    "none": lambda _: None,
    "of the kind": lambda gray: samples.gray_profile(1.8) if gray else bytes(pyvips.Image.profile_load("p3")),
    "srgb": lambda gray: samples.gray_profile(2.2) if gray else samples.srgb_profile(),
}


class File(NamedTuple):
    """What is drawn: a picture as it lies in its file, before it is turned upright."""

    suffix: str
    pixels: Any
    profile: bytes | None
    orientation: int


@st.composite
def any_file(draw: st.DrawFn) -> File:
    suffix = draw(st.sampled_from(["png", "tif", "webp"]))
    dtype = draw(st.sampled_from([np.uint8] if suffix == "webp" else list(FULL)))
    channels = draw(st.sampled_from([3, 4] if suffix == "webp" else [1, 2, 3, 4]))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 9)), channels
    pixels = draw(hnp.arrays(dtype, shape, elements=st.integers(0, FULL[dtype]), fill=st.just(0)))
    if channels in (2, 4):  # what is under full transparency may be changed: that is another test's
        pixels[:, :, -1] = draw(st.integers(1, FULL[dtype] - (suffix == "webp")))  # WebP leaves out an opaque one
    profile = PROFILES[draw(st.sampled_from(list(PROFILES)))](channels < 3)
    return File(suffix, pixels, profile, draw(st.integers(1, 8)))


def save(file: File, path: Path) -> None:
    """Write the file by libvips itself."""
    deep = file.pixels.dtype == np.uint16
    gray = file.pixels.shape[2] < 3
    image = pyvips.Image.new_from_array(file.pixels)
    image = image.copy(interpretation=("grey16" if gray else "rgb16") if deep else ("b-w" if gray else "srgb"))
    image.set_type(pyvips.GValue.gint_type, "orientation", file.orientation)
    if file.profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", file.profile)
    image.write_to_file(str(path), **({"lossless": True} if file.suffix == "webp" else {}))


def upright(pixels: Any, orientation: int) -> Any:
    """Turn by the definition of EXIF: where the file's first row and first column are in the picture."""
    turned = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: x.transpose(1, 0, 2)[:, ::-1],
        7: lambda x: x.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda x: x.transpose(1, 0, 2)[::-1],
    }
    return turned[orientation](pixels)


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Upscaler:
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx"))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(file=any_file())
def test_a_file_comes_out_with_all_that_it_was(file: File, upscaler: Upscaler, tmp_path_factory: Any) -> None:
    """Through a network that repeats each pixel: every value, the depth, the kind, the profile; upright, and said so."""
    folder = tmp_path_factory.mktemp("round")
    source, target = folder / f"a.{file.suffix}", folder / f"b.{file.suffix}"
    save(file, source)
    report = run_pictures(plan([source], scale=upscaler.scale, output=target).pictures, upscaler, quality=100)
    assert not report.failed
    found = read(target)
    expected = upright(file.pixels, file.orientation).repeat(2, axis=0).repeat(2, axis=1)
    assert found.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.icc == file.profile
    other = pyvips.Image.new_from_file(str(target))
    assert (other.height, other.width, other.bands) == expected.shape
    assert other.get_typeof("orientation") == 0 or other.get("orientation") == 1
