"""What a user can do wrong with ``srgan train``: one line each, nothing left behind; and the kinds of run beside the usual."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from srgan.models.metadata import read_info
from srgan.runtime.network import open_network
from srgan.training.recipe import shipped_recipes
from support.tiny_runs import (
    RECIPE,
    SHORT,
    assert_line,
    call,
    initializers,
    run,
    save_material,
    save_photo,
    save_photos,
    save_vgg,
    train,
)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return save_material(tmp_path_factory.mktemp("material"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a folder of photographs"),
        (["photos", "--device", "tpu"], "--device must be"),
        (["--resume"], "--resume needs --out"),
        (["--resume", "--out", "run", "--init", "srgan-x4"], "--init starts a new run"),
        (["nowhere", "--out", "run"], "'nowhere' is not a folder"),
        (["photos", "--out", "run", "--val", "nowhere"], "'nowhere' is not a folder"),
        (["photos", "--out", "run", "--recipe", "nothing"], "cannot read recipe 'nothing'"),
        (["photos", "--out", "run", "--recipe", "nothing.toml"], "cannot read recipe 'nothing.toml'"),
        (["photos", "--out", "run", "--init", "nothing.onnx"], "no model 'nothing.onnx'"),
        (["photos", "--out", "run", "--devices", "0"], "devices"),
    ],
)
def test_wrong_calls_exit_2(material, monkeypatch, arguments, words):
    monkeypatch.chdir(material)
    assert_line(call("train", *arguments), 2, words)
    assert not (material / "run").exists()


def test_unknown_keys_and_contradictions_come_in_one_line_before_any_work(material, tmp_path):
    (tmp_path / "bad.toml").write_text(RECIPE.replace("warmup", "warmpu").replace("crop = 32", "crop = 33", 1))
    result = train(material, tmp_path / "run", "--set", "run.keep=0", recipe=tmp_path / "bad.toml")
    assert_line(result, 2, "3 problems", "stages.pixels.warmpu", "crop (33) must be a multiple", "run.keep", "bad.toml")
    assert not (tmp_path / "run").exists()


def test_a_missing_device_is_named(material, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert_line(train(material, tmp_path / "run", "--device", "cuda"), 2, "cannot train on --device cuda")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("existed", [False, True])
def test_no_usable_pictures_exit_1_and_leave_nothing(material, tmp_path, existed):
    (tmp_path / "photos").mkdir()
    if existed:
        (tmp_path / "run").mkdir()
    where = {"photos": tmp_path / "photos"}
    assert_line(train(material, tmp_path / "run", **where), 1, "there are no pictures in")
    save_photo(tmp_path / "photos" / "small.png", 20, 60)
    (tmp_path / "photos" / "bad.png").write_bytes(b"")
    result = train(material, tmp_path / "run", **where)
    assert_line(result, 1, "none of the 2 pictures can be used", "at least 32 x 32")
    assert (tmp_path / "run").exists() == existed
    assert not existed or not list((tmp_path / "run").iterdir())
    save_photo(tmp_path / "photos" / "large.png", 64, 64)  # put right, the same command goes through
    assert train(material, tmp_path / "run", **where).code == 0


def test_a_validation_folder_must_be_whole(material, tmp_path):
    (tmp_path / "val").mkdir()
    assert_line(train(material, tmp_path / "run", "--val", tmp_path / "val"), 1, "to validate on")
    (tmp_path / "val" / "bad.png").write_bytes(b"")
    assert_line(train(material, tmp_path / "run", "--val", tmp_path / "val"), 1, "bad.png")
    assert not (tmp_path / "run").exists()


def test_resume_needs_a_run_and_a_new_run_needs_room(material, tmp_path):
    assert_line(call("train", "--resume", "--out", tmp_path / "none"), 1, "holds no run to resume")
    assert not (tmp_path / "none").exists()
    folder = tmp_path / "run"
    folder.mkdir()
    for text in ("{}", "[]", "hello"):
        (folder / "run.json").write_text(text)
        (folder / "recipe.toml").write_text(SHORT)
        assert_line(call("train", "--resume", "--out", folder), 1, "run.json' is damaged")
    assert_line(train(material, folder), 2, "holds a run already", "--resume")
    assert sorted(file.name for file in folder.iterdir()) == ["recipe.toml", "run.json"]


def test_vgg_weights_must_be_there_and_fit(material, tmp_path):
    text, other = tmp_path / "text.safetensors", tmp_path / "other.safetensors"
    text.write_text("hello")
    save_file({"features.0.weight": torch.zeros(1)}, other)
    weights = tmp_path / "deep.safetensors"
    save_vgg(weights, "vgg16", "conv1_2")  # not deep enough
    for file, words in (
        (tmp_path / "none.safetensors", "none.safetensors"),
        (text, "text.safetensors"),
        (other, "weights lack features.0.bias"),
        (weights, "weights lack features.5.weight"),
        (tmp_path, "cannot read the VGG weights"),
    ):
        result = train(material, tmp_path / "run", "--vgg-weights", file, recipe="my.toml")
        assert_line(result, 1, words)
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_cannot_be_made(material, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        assert_line(train(material, out), 2, "cannot write the run folder")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on a file's size is POSIX's")
def test_a_full_disk(material, tmp_path):
    arguments = ["train", material / "photos", "--recipe", material / "short.toml", "--device", "cpu"]
    out = tmp_path / "run"
    result = run(out, *arguments, "--out", out, file_size=5000)  # pictures do not fit
    assert_line(result, 1, "cannot write the decoded pictures")
    assert not out.exists()
    large = ["--set", "generator.features=24"]  # the checkpoint does not fit
    result = run(out, *arguments, "--out", out, *large, file_size=150_000)
    assert_line(result, 1, "cannot write checkpoint", "--resume")
    assert not list((out / "checkpoints").iterdir())
    result = run(out, "train", "--resume", "--out", out)  # made room
    assert result.code == 0, result.err
    assert (out / "pixels-x2.onnx").exists()


def test_a_loss_that_explodes_is_one_line(material, tmp_path):
    changes = ["generator.blocks=8", "stages.pixels.pixel.weight=1e20", "stages.pixels.pixel.kind=mse"]
    changes += ["stages.pixels.optimizer=adam", "stages.pixels.rate=1.0", "stages.pixels.steps=9"]
    changes += ["run.checkpoint_every=1"]
    result = train(material, tmp_path / "run", *(word for change in changes for word in ("--set", change)))
    assert_line(result, 1, "the loss of pixels is", "lower stages.pixels.rate", "is intact")
    back = [word for change in ("pixel.weight=1.0", "rate=1e-4") for word in ("--set", f"stages.pixels.{change}")]
    assert "damaged" not in call("train", "--resume", "--out", tmp_path / "run", *back).err


def test_a_fast_network_goes_through_all_stages_and_becomes_an_x2(material, tmp_path):
    """Both stages and their blend; then half its enlargement, which it starts as if reduced by a box."""
    kind = ["generator.kind=fast", "stages.pixels.steps=2", "stages.pixels.warmup=0"]
    large = [*kind, "generator.scale=4", "stages.gan.steps=1", "run.diagnose_every=9"]
    changes = [word for change in large for word in ("--set", change)]
    vgg = ["--vgg-weights", material / "vgg.safetensors"]
    result = train(material, tmp_path / "run", *vgg, *changes, recipe="my.toml")
    assert result.code == 0, result.err
    faithful, gan = tmp_path / "run" / "pixels-x4.onnx", tmp_path / "run" / "gan-x4.onnx"
    assert read_info(gan).card["recipe"]["generator"]["kind"] == "fast"
    x = np.random.default_rng(0).random((1, 3, 12, 12), dtype=np.float32)
    ends = [open_network(path, precision="fp32")(x) for path in (gan, faithful)]
    assert np.abs(ends[0] - ends[1]).max() > 1e-5
    for fidelity, wanted in zip((0.0, 1.0), ends, strict=True):
        assert np.abs(open_network(gan, precision="fp32", fidelity=fidelity)(x) - wanted).max() < 1e-6

    still = [f"stages.pixels.{name}=1e-12" for name in ("rate", "final_rate", "muon_lr")]
    changes = [word for change in [*kind, *still] for word in ("--set", change)]
    result = train(material, tmp_path / "half", "--init", faithful, *changes)
    assert f"starting from {faithful}, an x4, reduced to x2" in result.err
    y = open_network(tmp_path / "half" / "pixels-x2.onnx", precision="fp32")(x)
    reduced = ends[1].reshape(1, 3, 24, 2, 24, 2).mean(axis=(3, 5))
    assert np.abs(y - reduced).max() < 2e-3  # weights are stored in fp16


def test_gray_networks(material, tmp_path):
    result = train(material, tmp_path / "run", "--set", "generator.bands=1", "--val", material / "photos")
    assert result.code == 0, result.err
    network = onnx.load(tmp_path / "run" / "pixels-x2.onnx")
    assert network.graph.input[0].type.tensor_type.shape.dim[1].dim_value == 1
    assert initializers(tmp_path / "run" / "pixels-x2.onnx")["head.weight.fp16"].shape == (4, 1, 9, 9)
    told = (
        result.out.splitlines()[-1].removeprefix("to use it: srgan ").replace("PHOTO", str(photo := tmp_path / "a.png"))
    )
    save_photo(photo, 20, 30, mode="L")
    assert call(*told.split()).code == 0
    assert Image.open(tmp_path / "a_x2.tif").mode == "L"
    assert Image.open(tmp_path / "run" / "results" / "pixels-00000002.png").mode == "RGB"


def test_quiet_and_fewer_than_ten_pictures(material, tmp_path):
    result = train(material, tmp_path / "run", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert "fewer than ten pictures" in (tmp_path / "run" / "log.txt").read_text()
    assert (tmp_path / "run" / "pixels-x2.onnx").exists()


def test_pictures_of_one_name_in_two_folders_are_both_kept_to_validate_on(material, tmp_path):
    for folder in ("a", "b"):
        save_photos(tmp_path / "photos" / folder, 10)
    result = train(material, tmp_path / "run", photos=tmp_path / "photos")
    assert result.code == 0, result.err
    kept = sorted(file.name for file in (tmp_path / "run" / "validation" / "HR").iterdir())
    assert kept == ["a-05.png", "b-05.png"]
    card = read_info(tmp_path / "run" / "pixels-x2.onnx").card
    assert (card["data"]["pictures"], card["evaluation"][0]["images"]) == (18, 2)


def test_a_run_inside_the_photos_does_not_train_on_its_own_results(material, tmp_path):
    photos = save_photos(tmp_path / "photos", 10)
    out = photos / "runs" / "one"
    assert train(material, out, photos=photos).code == 0
    before = read_info(out / "pixels-x2.onnx").card["data"]
    assert before["pictures"] == 9
    assert list((out / "results").glob("*.png"))
    assert call("train", "--resume", "--out", out).code == 0
    assert read_info(out / "pixels-x2.onnx").card["data"] == before


def test_without_the_extra_the_install_command_is_the_answer(material):
    code = "import sys; sys.modules['torch'] = None; from srgan.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, "train", str(material / "photos")],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "srgan: srgan train needs libraries that are not installed: run pip install 'srgan[train]'\n"
    )


def test_the_help_names_all_recipes():
    text = call("train", "--help").out
    assert all(name in text.partition("--recipe")[2].partition("--out")[0] for name in shipped_recipes())


def test_every_recipe_key_is_explained():
    result = call("train", "--help-recipe")
    assert result.code == 0
    assert "[stages.NAME.adversarial]" in result.out
    assert "steps between checkpoints" in result.out
