"""Whole runs on shards, from a folder and from a URL."""

import subprocess
import sys

import fsspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from srgan.data.shards import open_shards, read_tiles
from srgan.models.metadata import read_info
from srgan.training.sources import held_out_pictures, prepare_shards
from support.tiny_runs import RECIPE, Death, call, run, save_photo

PIXELS = RECIPE[: RECIPE.index("[stages.gan]")] + RECIPE[RECIPE.index("[run]") :]
SHORT = PIXELS.replace("steps = 60", "steps = 4").replace("warmup = 5", "warmup = 0")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    for number in range(12):
        save_photo(folder / "photos" / f"{number:02}.png", 60, 70, seed=number)
    result = call("data", "prepare", folder / "photos", folder / "shards", "--tile", 48, "--overlap", 32)
    assert result.code == 0, result.err
    (folder / "my.toml").write_text(PIXELS)
    (folder / "short.toml").write_text(SHORT)
    return folder


def arguments(material, out, shards="shards", recipe="short.toml"):
    where = shards if "://" in shards else material / shards
    return ["train", where, "--recipe", material / recipe, "--out", out, "--device", "cpu"]


def weights(path):
    return {entry.name: numpy_helper.to_array(entry) for entry in onnx.load(path).graph.initializer}


def assert_same(one, two):
    a, b = weights(one / "pixels-x2.onnx"), weights(two / "pixels-x2.onnx")
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert np.array_equal(value, b[name]), name


def test_a_killed_run_on_shards_ends_with_the_same_weights(material, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(one, *arguments(material, one, recipe="my.toml")).code == 0
    killed = run(two, *arguments(material, two, recipe="my.toml"), death=Death("pixels 29/60 "))
    assert killed.code < 0
    again = run(two, "train", "--resume", "--out", two, "--device", "cpu")
    assert again.code == 0, again.err
    assert "resuming after step" in again.err
    assert_same(one, two)


def test_two_processes_train_on_shards_what_one_does(material, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for out, devices in ((one, 1), (two, 2)):
        command = [sys.executable, "-m", "srgan", *map(str, arguments(material, out)), "--devices", str(devices)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    assert done.stderr.count("decoding") == 1
    ours, theirs = weights(one / "pixels-x2.onnx"), weights(two / "pixels-x2.onnx")
    for name, value in ours.items():
        np.testing.assert_allclose(value.astype(np.float32), theirs[name].astype(np.float32), atol=2e-3, err_msg=name)
    cards = [read_info(out / "pixels-x2.onnx").card["data"] for out in (one, two)]
    assert cards[0] == cards[1]


def test_pictures_are_kept_whole_to_validate_on(material, tmp_path):
    shards = open_shards(material / "shards")
    assert held_out_pictures(shards) == (6,)
    kept = tmp_path / "kept"
    pictures = prepare_shards(
        shards, tmp_path / "cache", kept=(6,), keep_in=kept, scale=2, smallest=32, degradation="bicubic"
    )
    assert len(pictures.names) == shards.tiles - shards.pictures[6][1] == 11 * 6
    assert not any(name.startswith("06") for name in pictures.names)
    (file,) = kept.iterdir()
    photo = np.asarray(Image.open(material / "photos" / "06.png"))
    assert np.array_equal(np.asarray(Image.open(file)), photo[12:, :48])  # tile 3 of 6


def test_a_run_on_a_url_is_that_on_the_folder(material, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.put(str(material / "shards") + "/", "/bucket/set/", recursive=True)
    try:
        here, there = tmp_path / "here", tmp_path / "there"
        for out, where in ((here, "shards"), (there, "memory://bucket/set")):
            result = call(*arguments(material, out, where))
            assert result.code == 0, result.err
        assert_same(here, there)
        card = read_info(there / "pixels-x2.onnx").card
        assert card["data"]["pictures"] == 66
        assert card["evaluation"][0]["images"] == 1
        result = call("train", "--resume", "--out", there, "--device", "cpu", "--set", "stages.pixels.steps=6")
        assert result.code == 0, result.err
        assert "of 'memory://bucket/set'" in result.err
    finally:
        memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("where", "more", "code", "words"),
    [
        ("memory://nothing/there", (), 2, "there are no shards in 'memory://nothing/there'"),
        ("shards", ("--set", "generator.bands=1"), 1, "have 3 bands and generator.bands is 1"),
        ("shards", ("--set", "data.degradation=given"), 2, "shards hold tiles of HR alone"),
        ("shards", ("--lr", "."), 2, "--lr is for a folder of pictures"),
    ],
)
def test_what_shards_cannot_do_is_one_line(material, tmp_path, where, more, code, words):
    result = call(*arguments(material, tmp_path / "run", where), *more)
    assert result.code == code, result.err
    assert words in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "run").exists()


def test_a_damaged_shard_stops_the_run_before_it_begins(material, tmp_path):
    set_ = tmp_path / "set"
    set_.mkdir()
    for file in (material / "shards").iterdir():
        data = file.read_bytes()
        (set_ / file.name).write_bytes(data[: len(data) // 2] if file.suffix == ".tar" else data)
    result = call(*arguments(tmp_path, tmp_path / "run", "set", material / "short.toml"))
    assert result.code == 1
    assert "tiles-000000.tar' is damaged" in result.err.splitlines()[-1]
    assert not (tmp_path / "run").exists()
    assert len(list(read_tiles(open_shards(material / "shards")))) == 72
