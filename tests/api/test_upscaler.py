"""``srgan.upscale`` and ``srgan.Upscaler``: the same for paths, arrays and PIL images; options, errors, progress, cancelling."""

from __future__ import annotations

import inspect
import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import srgan
from srgan.api.options import NetworkOptions
from srgan.engine import upscaler as engine_upscaler


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


def test_both_take_the_same_options_and_the_types_know_all_of_them() -> None:
    taken = set(inspect.signature(srgan.Upscaler.__init__).parameters) - {"self", "model"}
    assert taken == set(NetworkOptions.__annotations__)
    engines = set(inspect.signature(engine_upscaler.Upscaler.__init__).parameters) - {"self", "model"}
    assert engines == taken - {"denoise"}


def test_auto_looks_at_each_picture_and_denoise_decides_for_all() -> None:
    clean = noise(16, 16)
    seen = np.clip(np.random.default_rng(0).normal(128, 25, (64, 64, 3)), 0, 255).astype(np.uint8)
    auto = srgan.Upscaler()
    np.testing.assert_array_equal(auto(seen), srgan.Upscaler("photo-x4")(seen))
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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scale": "2"}, "scale is '2': give a number"),
        ({"width": 3.5}, "width is 3.5: give a whole number"),
        ({"fit": "1920x1080"}, r"give the width and the height of a box, for instance \(1920, 1080\)"),
        ({"memory": "1GB"}, "memory is '1GB': give a whole number of bytes"),
        ({"model": None}, "model is None"),
        ({"quality": "best"}, "quality is 'best'"),
        ({"quality": 200}, "quality is 200: give 1 to 100"),
        ({"progress": 3}, "progress is 3: give True"),
        ({"cancel": 3}, "cancel is 3: give a threading.Event"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_a_wrong_option_is_one_line(model: Path, tmp_path: Path, options: dict[str, Any], says: str) -> None:
    Image.fromarray(noise(4, 4)).save(tmp_path / "a.png")
    with pytest.raises(srgan.UsageError, match=says):
        srgan.upscale(tmp_path / "a.png", tmp_path / "b.jpg", **({"model": model} | options))
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_numbers_of_numpy_are_numbers(model: Path) -> None:
    large = srgan.upscale(noise(4, 4), model=model, width=np.int64(6), memory=np.int64(10**8))
    assert large.shape == (6, 6, 3)


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


@pytest.mark.parametrize("kind", ["path", "array", "pil"])
def test_progress_is_told_to_its_end(upscaler: srgan.Upscaler, tmp_path: Path, kind: str) -> None:
    told: list[tuple[int, int]] = []
    upscaler(given(kind, tmp_path), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2000, 2000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {2000}


@pytest.mark.parametrize("kind", ["path", "array", "pil"])
@pytest.mark.parametrize("early", [True, False])
def test_cancelling_ends_the_work_and_leaves_nothing(model: Path, tmp_path: Path, kind: str, early: bool) -> None:
    picture, stop, told = given(kind, tmp_path), threading.Event(), []

    def tell(done: int, total: int) -> None:
        told.append(done / total)
        if done < total:  # as from another thread
            stop.set()

    if early:
        stop.set()
    small = srgan.Upscaler(model, memory=300_000)
    assert len(small.plan(40, 50).tiles) > 1
    with pytest.raises(srgan.Cancelled, match="cancelled: nothing was written"):
        small(picture, progress=tell, cancel=stop)
    assert len(told) == (0 if early else 1)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_what_progress_raises_comes_through(upscaler: srgan.Upscaler, tmp_path: Path) -> None:
    class MineError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise MineError(done, total)

    for kind in ("path", "array"):
        with pytest.raises(MineError):
            upscaler(given(kind, tmp_path), progress=stop)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
