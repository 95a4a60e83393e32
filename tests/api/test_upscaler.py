"""``srgan.upscale`` and ``srgan.Upscaler``: the same for paths, arrays and PIL images; options, errors, progress, cancelling."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import srgan


def noise(height: int, width: int, dtype: str = "uint8") -> Any:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(dtype)


def test_one_open_network_takes_paths_arrays_and_pil_images(upscaler: srgan.Upscaler, tmp_path: Path) -> None:
    array = noise(5, 6)
    doubled = array.repeat(2, 0).repeat(2, 1)
    Image.fromarray(array).save(tmp_path / "a.png")
    np.testing.assert_array_equal(upscaler(array), doubled)
    np.testing.assert_array_equal(np.asarray(upscaler(Image.fromarray(array))), doubled)
    written = upscaler(tmp_path / "a.png")
    assert written == tmp_path / "a_x2.png"
    assert isinstance(written, Path)
    with Image.open(written) as large:
        np.testing.assert_array_equal(np.asarray(large), doubled)
    named = upscaler(str(tmp_path / "a.png"), tmp_path / "b.jpg", quality=80)
    with Image.open(named) as large:
        assert (large.format, large.size) == ("JPEG", (12, 10))


@pytest.mark.slow
def test_auto_looks_at_each_picture_and_denoise_decides_for_all() -> None:
    clean = noise(16, 16)
    seen = np.clip(np.random.default_rng(0).normal(128, 25, (64, 64, 3)), 0, 255).astype(np.uint8)
    auto = srgan.Upscaler()
    np.testing.assert_array_equal(auto(seen), srgan.Upscaler("photo-noisy-x4")(seen))
    np.testing.assert_array_equal(auto(clean), srgan.Upscaler("srgan-x4")(clean))
    np.testing.assert_array_equal(np.concatenate(list(auto.bands(seen))), auto(seen))
    untouched = srgan.Upscaler(denoise=0)
    np.testing.assert_array_equal(untouched(seen), srgan.Upscaler("srgan-x4")(seen))
    assert not np.array_equal(srgan.Upscaler(denoise=0.5)(clean), untouched(clean))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.int32),
        np.zeros((4, 4)),
        np.zeros((4, 4), bool),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.full((4, 4), np.inf, np.float32),
        np.full((4, 4, 3), 200, np.float32),
    ],
)
def test_an_array_that_is_no_picture_is_an_srgan_error(upscaler: srgan.Upscaler, array: Any) -> None:
    for call in (upscaler, lambda array: list(upscaler.bands(array))):
        with pytest.raises(srgan.ArrayError) as caught:
            call(array)
        assert isinstance(caught.value, srgan.SrganError)
        assert isinstance(caught.value, ValueError)
        assert "\n" not in str(caught.value)


def test_what_is_for_files_is_refused_for_other_pictures(upscaler: srgan.Upscaler) -> None:
    pictures: list[Any] = [noise(4, 4), Image.fromarray(noise(4, 4))]
    for picture, option in itertools.product(pictures, ({"output": "a.png"}, {"overwrite": True}, {"quality": 90})):
        with pytest.raises(srgan.UsageError, match=f"{next(iter(option))} is for pictures given as a path"):
            upscaler(picture, **option)
    wrong: Any = [[1, 2]]
    with pytest.raises(srgan.UsageError, match="cannot upscale a list"):
        upscaler(wrong)


def test_an_error_speaks_python(model: Path, tmp_path: Path) -> None:
    """The command's own words are tested with the command."""
    Image.fromarray(noise(4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a_x2.png").write_bytes(b"mine")
    with pytest.raises(srgan.OutputExistsError, match="pass overwrite=True to replace it"):
        srgan.upscale(tmp_path / "a.png", model=model)
    assert srgan.upscale(tmp_path / "a.png", model=model, overwrite=True).stat().st_size > 4
    with pytest.raises(srgan.UsageError, match="leave out fidelity or precision='int8'"):
        srgan.Upscaler("srgan-x4", fidelity=0.5, precision="int8")
    with pytest.raises(srgan.UsageError, match="take model='auto'"):
        srgan.Upscaler(model, denoise=0.5)
    with pytest.raises(srgan.UsageError, match="is a folder: call this for each file in it"):
        srgan.upscale(tmp_path, model=model)


# --- Progress and cancelling -------------------------------------------------------------------------------------------


def given(kind: str, folder: Path) -> Any:
    array = noise(40, 50)
    Image.fromarray(array).save(folder / "a.png")
    return {"path": folder / "a.png", "array": array, "pil": Image.fromarray(array)}[kind]
