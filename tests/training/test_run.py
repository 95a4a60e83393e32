"""Whole runs: from the command line to networks, through Ctrl-C, SIGKILL and damaged checkpoints, always to the same bits."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from PIL import Image

from srgan.models.metadata import read_info
from srgan.training.checkpoint import load_checkpoint, read_checkpoint
from srgan.training.recipe import load_recipe
from support.tiny_runs import RECIPE, Death, call, delays, run, save_photos, save_vgg

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    save_photos(folder / "photos", 12)
    (folder / "photos" / "05x.png").write_text("not a picture")  # the seventh, which would be kept to validate on
    save_vgg(folder / "vgg.safetensors", layer="conv5_3")
    (folder / "my.toml").write_text(RECIPE)
    return folder


def arguments(material, out):
    recipe, vgg = material / "my.toml", material / "vgg.safetensors"
    return ["train", material / "photos", "--recipe", recipe, "--out", out, "--vgg-weights", vgg, "--device", "cpu"]


@pytest.fixture(scope="module")
def finished(material):
    """The run that nothing stopped, as a user starts it."""
    out = material / "finished"
    result = subprocess.run(
        [sys.executable, "-m", "srgan", *map(str, arguments(material, out))],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    return out, result


@pytest.fixture(scope="module")
def stopped(material):
    """A run that was stopped by Ctrl-C in a terminal, which reaches its worker process as well."""
    out = material / "stopped"
    result = run(
        out,
        *arguments(material, out),
        *("--set", "data.workers=1"),
        death=Death("pixels 9/60 ", signal=signal.SIGINT),
    )
    return out, result


def tensors(value, path=""):
    if isinstance(value, torch.Tensor):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {name: found for key, item in items for name, found in tensors(item, f"{path}/{key}").items()}


def assert_same(out, reference):
    """Networks, optimizers, averages, validation figures and exported weights: all equal to the last bit."""
    for name in ("pixels-x2.onnx", "gan-x2.onnx"):
        one, two = (onnx.load(folder / name).graph.initializer for folder in (out, reference))
        assert len(one) == len(two) > 10
        for a, b in zip(one, two, strict=True):
            assert a.name == b.name
            assert np.array_equal(numpy_helper.to_array(a), numpy_helper.to_array(b)), a.name
    one, two = (read_checkpoint(folder / "checkpoints" / "1-gan-00000040.safetensors") for folder in (out, reference))
    assert one.facts["curve"] == two.facts["curve"]
    a, b = tensors(one.parts), tensors(two.parts)
    assert a.keys() == b.keys()
    assert {key.split("/")[1] for key in a} >= {
        "generator",
        "average",
        "generator_optimizer",
        "discriminator",
        "discriminator_optimizer",
    }
    for key, value in a.items():
        assert torch.equal(value, b[key]), key


def test_ends_in_two_networks_with_cards(finished):
    out, result = finished
    assert result.stdout.splitlines()[:2] == [str(out / "pixels-x2.onnx"), str(out / "gan-x2.onnx")]
    for name, stage, steps in (("pixels-x2", "pixels", 60), ("gan-x2", "gan", 40)):
        info = read_info(out / f"{name}.onnx")
        card = info.card
        assert (info.name, info.scale, card["stage"], card["steps"]) == (name, 2, stage, steps)
        assert card["data"]["pictures"] == 11
        assert card["data"]["megapixels"] == pytest.approx(11 * 48 * 56 / 1e6, abs=1e-3)
        assert [step for step, _ in card["curve"]] == ([25, 50, 60] if stage == "pixels" else [25, 40])
        (figures,) = card["evaluation"]
        assert (figures["set"], figures["images"]) == ("validation", 1)
        text = (out / f"{name}.md").read_text()
        assert f"| validation | 1 | {figures['psnr_y']:.2f} | {figures['ssim_y']:.4f} |" in text
    text = (out / "gan-x2.md").read_text()
    assert "**Started from**: stage pixels" in text
    blend = card["halfway"]
    assert (blend["with"], blend["set"]) == ("pixels-x2", "validation")
    assert blend["psnr_y"][0] == pytest.approx(figures["psnr_y"], abs=1e-3)
    assert (
        f"**Fidelity**: on validation {figures['psnr_y']:.2f} dB alone, {blend['psnr_y'][1]:.2f} halfway to pixels-x2"
        in text
    )
    assert "halfway" not in read_info(out / "pixels-x2.onnx").card


def test_the_run_folder_holds_what_was_promised(finished, material):
    out, result = finished
    assert load_recipe(out / "recipe.toml") == load_recipe(material / "my.toml")
    log = (out / "log.txt").read_text()
    for text in (log, result.stderr):
        assert "left out" in text
        assert "05x.png" in text
    assert "held out from training: 06.png" in log
    assert len(re.findall(r" pixels \d+/60 total ", log)) == 60
    assert sorted(file.name for file in (out / "checkpoints").iterdir()) == [
        "1-gan-00000032.safetensors",
        "1-gan-00000036.safetensors",
        "1-gan-00000040.safetensors",
        "best.safetensors",
    ]
    pictures = [
        f"{stage}-{step:08}.png" for stage, steps in (("gan", (25, 40)), ("pixels", (25, 50, 60))) for step in steps
    ]
    assert sorted(file.name for file in (out / "results").iterdir()) == pictures
    assert Image.open(out / "results" / pictures[0]).size == (3 * 320 + 2 * 8, 320)
    assert not (out / "cache").exists()
    assert not list(out.rglob("*.part*"))


def test_tensorboard_has_losses_rates_validation_and_pictures(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished[0] / "events"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {
        "pixels/loss/pixel",
        "pixels/rate",
        "pixels/psnr/validation",
        "gan/loss/content",
        "gan/loss/real",
    } <= scalars
    assert "pixels/loss/content" not in scalars
    assert {"gan/gradient/pixel", "gan/gradient/content", "gan/gradient/adversarial", "gan/features/conv2_2"} <= scalars
    assert "pixels/gradient/adversarial" not in scalars
    assert {tag for tag in scalars if "vgg_distance" in tag} == {"gan/vgg_distance/validation"}
    assert all(0 < point.value < 2 for point in events.Scalars("gan/vgg_distance/validation"))
    assert [point.step for point in events.Scalars("gan/gradient/adversarial")] == [20, 40]
    assert all(point.value > 0 for point in events.Scalars("gan/gradient/adversarial"))
    assert [point.step for point in events.Scalars("gan/loss/total")] == list(range(1, 41))
    rates = [point.value for point in events.Scalars("pixels/rate")]
    assert rates[0] == pytest.approx(1e-3 / 5)
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-4)
    assert [image.step for image in events.Images("pixels/results")] == [25, 50, 60]


def test_training_trains(finished):
    log = (finished[0] / "log.txt").read_text()
    losses = [float(value) for value in re.findall(r" pixels \d+/60 total (\S+)", log)]
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:10])


def test_the_network_is_the_average_of_the_last_checkpoint(finished):
    state = read_checkpoint(finished[0] / "checkpoints" / "1-gan-00000040.safetensors").parts
    stored = {entry.name: entry for entry in onnx.load(finished[0] / "gan-x2.onnx").graph.initializer}
    head = numpy_helper.to_array(stored["head.weight.fp16"])
    assert np.array_equal(head, state["average"]["head.weight"].half().numpy())
    assert not np.array_equal(head, state["generator"]["head.weight"].half().numpy())


def test_the_network_upscales_and_evaluates_to_its_card(finished, tmp_path):
    network = finished[0] / "gan-x2.onnx"
    Image.open(finished[0] / "validation" / "HR" / "06.png").crop((0, 0, 31, 23)).save(tmp_path / "a.png")
    result = call("upscale", tmp_path / "a.png", "-o", tmp_path / "b.png", "--model", network)
    assert result.code == 0, result.err
    assert Image.open(tmp_path / "b.png").size == (62, 46)
    result = call("evaluate", network, finished[0] / "validation", "--json", "-")
    (entry,) = json.loads(result.out)["sets"]
    (figures,) = read_info(network).card["evaluation"]
    assert entry["mean"] == {"psnr_y": figures["psnr_y"], "ssim_y": figures["ssim_y"]}


def test_ctrl_c_saves_says_how_to_go_on_and_changes_nothing(stopped, finished, tmp_path):
    out, result = stopped
    assert result.code == 130
    last = result.err.splitlines()[-1]
    step = int(
        re.fullmatch(r"srgan: stopped after step (\d+) of 60 of pixels, checkpoint saved; to resume: (.*)", last)[1]
    )
    assert last.endswith(f"srgan train --resume --out '{out}'")
    assert "Traceback" not in result.err
    assert load_checkpoint(out / "checkpoints", pytest.fail).step == step >= 9
    copy = shutil.copytree(out, tmp_path / "run")
    resume = ["train", "--resume", "--out", copy]
    result = run(copy, *resume, "--set", "data.workers=0", death=Death("gan 7/40 ", signal=signal.SIGINT))
    assert (result.code, "of 40 of gan" in result.err) == (130, True)
    result = run(copy, *resume)
    assert result.code == 0, result.err
    assert_same(copy, finished[0])


def test_a_run_killed_again_and_again_ends_with_the_same_bits(material, finished):
    out = material / "killed"
    early, late = delays(seed=7, count=2)
    resume = ["train", "--resume", "--out", out]
    assert run(out, *arguments(material, out), death=Death(torn=1)).code == -signal.SIGKILL  # its very first checkpoint
    assert len(list((out / "checkpoints").glob("*.part"))) == 1
    assert not list((out / "checkpoints").glob("*.safetensors"))
    assert run(out, *resume, death=Death("pixels 17/60 ", early)).code == -signal.SIGKILL
    assert run(out, *resume, death=Death(torn=3)).code == -signal.SIGKILL
    assert run(out, *resume, death=Death("gan 13/40 ", late)).code == -signal.SIGKILL
    assert run(out, *resume, death=Death(torn=2)).code == -signal.SIGKILL
    result = run(out, *resume, "--set", "data.workers=1")
    assert result.code == 0, result.err
    assert "resuming after step" in result.err
    assert not list((out / "checkpoints").glob("*.part"))
    assert_same(out, finished[0])


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(stopped, finished, tmp_path, damage):
    copy = shutil.copytree(stopped[0], tmp_path / "run")
    before, newest = sorted((copy / "checkpoints").glob("0-*.safetensors"))[-2:]
    data = bytearray(newest.read_bytes())
    if damage == "truncated":
        del data[len(data) // 2 :]
    else:
        data[-len(data) // 4] ^= 8
    newest.write_bytes(data)
    result = run(copy, "train", "--resume", "--out", copy, "--set", "data.workers=0")
    assert result.code == 0, result.err
    assert newest.name in result.err
    assert f"resuming after step {read_step(before)} of pixels" in result.err
    assert_same(copy, finished[0])


def read_step(file):
    return int(file.stem.split("-")[-1])


def test_with_all_checkpoints_damaged_one_line_says_so(stopped, tmp_path):
    copy = shutil.copytree(stopped[0], tmp_path / "run")
    for file in (copy / "checkpoints").iterdir():
        file.write_bytes(b"x")
    result = call("train", "--resume", "--out", copy, "--quiet")
    assert result.code == 1
    assert result.err.startswith("srgan: every checkpoint in")
    assert result.err.count("\n") == 1


def test_what_a_begun_stage_cannot_change_is_refused(stopped, tmp_path):
    copy = shutil.copytree(stopped[0], tmp_path / "run")
    recipe = (copy / "recipe.toml").read_text()
    for change in ("generator.features=6", "stages.pixels.optimizer=adam"):
        result = call("train", "--resume", "--out", copy, "--quiet", "--set", change)
        assert (result.code, result.err.count("\n")) == (1, 1)
        assert "does not fit the recipe" in result.err
    assert (copy / "recipe.toml").read_text() == recipe


def test_what_set_changes_stays_changed(stopped, tmp_path):
    copy = shutil.copytree(stopped[0], tmp_path / "run")
    settings = ["--set", "data.workers=0", "--set", "stages.pixels.steps=20", "--set", "stages.gan.steps=1"]
    assert call("train", "--resume", "--out", copy, "--quiet", *settings).code == 0
    assert load_recipe(copy / "recipe.toml").stages["pixels"].steps == 20
    again = call("train", "--resume", "--out", copy)  # nothing is left to do but to export once more
    assert again.code == 0, again.err
    assert "1-gan-00000001.safetensors" in {file.name for file in (copy / "checkpoints").iterdir()}


LONG = "stages.pixels.steps=1000000"


def test_work_for_a_gpu_is_told_on_a_processor(finished, material, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "srgan", *map(str, arguments(material, tmp_path / "long")), "--set", LONG],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    said = next((line for line in process.stderr if "--recipe laptop" in line or "1/1000000" in line), "")
    process.kill()
    process.communicate()
    assert said.strip() == "this recipe is work for a GPU, and days on a processor: --recipe laptop takes hours"
    assert "--recipe laptop" not in finished[1].stderr
