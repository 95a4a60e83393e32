import dataclasses
import math
import os
import re
import signal
import threading
from types import SimpleNamespace

import pytest
import torch
from lightning_fabric import Fabric

from srgan.errors import CheckpointError, TrainingError, TrainingInterrupted
from srgan.networks.generator import Generator
from srgan.training import stage_run
from srgan.training.checkpoint import load_checkpoint, read_checkpoint
from srgan.training.loading import load_data
from srgan.training.loop import fit
from srgan.training.pictures import prepare
from srgan.training.processes import Processes
from srgan.training.recipe import load_recipe
from srgan.training.report import Reporter
from srgan.training.stages import StepLosses, Trainer
from srgan.training.state import Run, StageState
from srgan.training.validation import load_validation
from support.tiny_runs import RECIPE, save_photos

PIXELS_ONLY = ["stages.gan.content.weight=0.0", "stages.gan.adversarial.weight=0.0"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return sorted(save_photos(tmp_path_factory.mktemp("photos"), 3).iterdir())


class Interrupting(Reporter):
    """Sends this process a signal after a step, as a user does."""

    at = -1
    kind = signal.SIGINT

    def advance(self, done):
        super().advance(done)
        if done == self.at:
            os.kill(os.getpid(), self.kind)


def make(folder, photos, *changes, validate=False):
    (folder / "my.toml").write_text(RECIPE)
    recipe = load_recipe(folder / "my.toml", [*PIXELS_ONLY, *changes])
    common = {"scale": 2, "bands": 3, "degradation": "bicubic"}
    pictures = prepare(photos, folder / "cache", smallest=32, **common)
    sets = [load_validation("set", photos[:1], **common)] if validate else []
    fabric = Fabric(accelerator="cpu", devices=1)
    return Run(
        folder / "run",
        recipe,
        pictures,
        sets,
        fabric,
        Processes(fabric),
        None,
        Interrupting(folder / "run", quiet=True),
    )


def train(run, checkpoint=None, initial=None):
    """Return what each stage made: ``{stage: (weights, facts)}``."""
    made = {}
    with run.reporter:
        fit(
            run,
            checkpoint=checkpoint,
            initial=initial,
            on_start=lambda: None,
            on_stage_end=lambda name, _, weights, facts: made.update({name: (weights, facts)}),
        )
    return made


def names(run):
    folder = run.folder / "checkpoints"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_stages_follow_each_other_from_the_averaged_weights(tmp_path, photos):
    rate = ["stages.gan.rate=1e-12", "stages.gan.final_rate=1e-12"]
    run = make(tmp_path, photos, "stages.pixels.steps=6", "stages.gan.steps=2", *rate)
    made = train(run)
    assert list(made) == ["pixels", "gan"]
    for key, value in made["pixels"][0].items():
        assert torch.allclose(made["gan"][0][key], value, atol=1e-6), key
    last = load_checkpoint(run.folder / "checkpoints", pytest.fail)
    assert (last.order, last.stage, last.step) == (1, "gan", 2)


def test_initial_weights_are_where_the_first_stage_starts(tmp_path, photos):
    small = ["stages.pixels.steps=1", "stages.gan.steps=1"]
    rates = [f"stages.{name}={1e-12}" for name in ("pixels.rate", "pixels.final_rate", "pixels.muon_lr")]
    weights = train(make(tmp_path, photos, *small))["pixels"][0]
    again = train(make(tmp_path, photos, *small, *rates), initial=weights)["pixels"][0]
    for key, value in weights.items():
        assert torch.allclose(again[key], value, atol=1e-6), key


def test_the_best_is_kept_and_every_validation_remembered(tmp_path, photos):
    run = make(tmp_path, photos, "stages.pixels.steps=9", "stages.gan.steps=1", "run.validate_every=4", validate=True)
    facts = train(run)["pixels"][1]
    assert [step for step, _ in facts.curve] == [4, 8, 9]
    assert facts.best == max(psnr["set"] for _, psnr in facts.curve)
    assert "best.safetensors" in names(run)
    assert facts.seconds > 0
    assert (run.folder / "results" / "pixels-00000008.png").exists()


def test_a_checkpoint_is_written_after_some_minutes_too(tmp_path, photos, monkeypatch):
    clock = iter(range(0, 1_000_000, 20))  # seconds: each look at it takes twenty
    monkeypatch.setattr(stage_run, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    few = [
        "stages.pixels.steps=9",
        "stages.gan.steps=1",
        "run.checkpoint_every=1000",
        "run.keep=99",
        "run.log_every=1000",
    ]
    run = make(tmp_path, photos, *few, "run.checkpoint_minutes=1.0")
    train(run)
    assert names(run) == [
        *(f"0-pixels-0000000{step}.safetensors" for step in (3, 6, 9)),
        "1-gan-00000001.safetensors",
    ]
    (tmp_path / "off").mkdir()
    run = make(tmp_path / "off", photos, *few, "run.checkpoint_minutes=0.0")
    train(run)
    assert names(run) == ["0-pixels-00000009.safetensors", "1-gan-00000001.safetensors"]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_answered_after_the_step_with_a_checkpoint(tmp_path, photos, kind):
    run = make(tmp_path, photos)
    run.reporter.at, run.reporter.kind = 7, kind
    before = signal.getsignal(kind)
    with pytest.raises(TrainingInterrupted, match=r"after step 7 of 60 of pixels.*--resume --out") as caught:
        train(run)
    assert caught.value.exit_code == 130
    assert names(run) == ["0-pixels-00000004.safetensors", "0-pixels-00000007.safetensors"]
    assert signal.getsignal(kind) is before


def test_trains_in_a_thread_where_signals_cannot_be_caught(tmp_path, photos):
    run = make(tmp_path, photos, "stages.pixels.steps=2", "stages.gan.steps=1")
    made = {}
    thread = threading.Thread(target=lambda: made.update(train(run)))
    thread.start()
    thread.join()
    assert list(made) == ["pixels", "gan"]


# A step of size 1 in each of twenty layers: the next loss is beyond float's range.
DIVERGING = [
    "generator.blocks=8",
    "stages.pixels.pixel.weight=1e20",
    "stages.pixels.optimizer=adam",
    "stages.pixels.rate=1.0",
    "stages.pixels.warmup=0",
    "stages.pixels.pixel.kind=mse",
]


def test_a_loss_beyond_all_numbers_stops_before_it_is_saved(tmp_path, photos):
    run = make(tmp_path, photos, *DIVERGING, "run.checkpoint_every=1")
    with pytest.raises(TrainingError, match=r"loss of pixels is (inf|nan) at step \d+.*rate.*checkpoint of step (\d+)"):
        train(run)
    last = load_checkpoint(run.folder / "checkpoints", pytest.fail)
    assert names(run)[-1] == f"0-pixels-{last.step:08}.safetensors"
    for part in ("generator", "average"):
        assert all(torch.isfinite(value).all() for value in last.parts[part].values())


def test_what_broke_down_goes_back_once_and_on_at_half_the_rate(tmp_path, photos):
    run = make(tmp_path, photos, "stages.pixels.steps=10", "stages.gan.steps=1", "stages.pixels.schedule=constant")
    forwards = 0

    def disturb(module, _, output):
        nonlocal forwards
        if isinstance(module, Generator) and module.training:
            forwards += 1
            if forwards == 7:  # step 7, and not when it is made again
                return output * math.nan
        return output

    with torch.nn.modules.module.register_module_forward_hook(disturb):
        made = train(run)
    assert made["pixels"][1].lr_scale == 0.5
    assert made["gan"][1].lr_scale == 1
    assert all(torch.isfinite(value).all() for value in made["gan"][0].values())
    log = (run.folder / "log.txt").read_text()
    assert "the loss of pixels is nan at step 7: going back to step 4, once, and on at half the learning rate" in log
    rates = re.findall(r"pixels (\d+)/10 .* rate (\S+) ", log)
    assert rates[4:] == [("5", "0.001"), ("6", "0.001"), *((str(step), "0.0005") for step in range(5, 11))]


def test_a_loss_that_explodes_goes_back_too_also_after_a_resumption(tmp_path, photos):
    changes = ["stages.gan.steps=1", "stages.pixels.schedule=constant", "run.validate_every=1000", "run.log_every=1"]
    train(make(tmp_path, photos, *changes, "stages.pixels.steps=12", "run.checkpoint_every=4", "run.keep=9"))
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoints" / "0-pixels-00000008.safetensors")
    assert len(checkpoint.facts["recent"]) == 8
    for file in (tmp_path / "run" / "checkpoints").glob("*"):
        if "00000008" not in file.name:
            file.unlink()
    forwards = 0

    def disturb(module, _, output):
        nonlocal forwards
        if isinstance(module, Generator) and module.training:
            forwards += 1
            if forwards == 4:  # step 12, the second one with nine losses before it
                return output * 1000
        return output

    run = make(tmp_path, photos, *changes, "stages.pixels.steps=16", "run.checkpoint_every=1000")
    with torch.nn.modules.module.register_module_forward_hook(disturb):
        made = train(run, checkpoint=checkpoint)
    assert made["pixels"][1].lr_scale == 0.5
    log = (run.folder / "log.txt").read_text()
    assert re.search(
        r"the loss of pixels is \S+ at step 12 and was 0\.\d+ before: going back to step 8, once, and on at half", log
    )


@pytest.mark.parametrize(("kind", "explodes"), [("hinge", False), ("standard", True)])
def test_a_hinge_loss_near_zero_is_no_sign_of_the_next_ones_explosion(tmp_path, photos, kind, explodes):
    terms = ["weight=0.1", f"kind={kind}"]
    run = make(tmp_path, photos, *(f"stages.gan.adversarial.{term}" for term in terms))
    losses = StepLosses(*map(torch.tensor, (0.3, math.nan, math.nan, -0.3, 0.5, 0.7, 0.3)))
    state = StageState(recent=[0.001, -0.002] * 4 + [0.001])
    watched = stage_run.StageRun(run, "gan", 1, run.recipe.stages["gan"], None, state, 0)
    if explodes:
        with pytest.raises(stage_run.BrokenError):
            watched._check(50, losses)
    else:
        watched._check(50, losses)
        with pytest.raises(stage_run.BrokenError):
            watched._check(51, losses._replace(total=torch.tensor(6.0)))


def test_a_unet_with_all_that_goes_with_it_resumes_to_the_same_bits(tmp_path, photos, monkeypatch):
    terms = ["weight=0.1", "kind=hinge", "noise=0.1", "sharpened=false"]
    changes = [
        *(
            "stages.pixels.steps=1",
            "stages.gan.steps=6",
            "stages.gan.shift=true",
            "data.degradation=photo",
            "run.keep=9",
        ),
        *("discriminator.kind=unet", "discriminator.dense=1024"),
        *(f"stages.gan.adversarial.{term}" for term in terms),
    ]

    def run():
        made = make(tmp_path, photos, *changes)
        with made.reporter:
            data = load_data(made.recipe, photos[0].parent, None, [], tmp_path / "photo", made.reporter, made.processes)
        return dataclasses.replace(made, pictures=data[0])

    seen = []
    step = Trainer.step

    def watched(trainer, lr, hr, number, *, plain, diagnose):
        seen.append(None if plain is None else (plain != hr).float().mean().item())
        return step(trainer, lr, hr, number, plain=plain, diagnose=diagnose)

    monkeypatch.setattr(Trainer, "step", watched)
    whole = train(run())["gan"][0]
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoints" / "1-gan-00000004.safetensors")
    assert seen[0] is None  # of the stage of pixels
    assert len(seen) == 7
    assert max(seen[1:]) > 0.01  # sharpened, and not
    assert any(key.endswith("_u") for key in checkpoint.parts["discriminator"])
    resumed = train(run(), checkpoint=checkpoint)["gan"][0]
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key
    paper = make(tmp_path, photos, *changes, "discriminator.kind=paper")
    with pytest.raises(CheckpointError, match="networks and optimizers of a begun run cannot be changed"):
        train(paper, checkpoint=checkpoint)


@pytest.mark.parametrize("key", ["lr_scale", "slowness"])  # the second one is of older checkpoints
def test_half_the_rate_holds_over_a_resumption(tmp_path, photos, key):
    changes = ["stages.pixels.steps=5", "stages.gan.steps=1", "stages.pixels.schedule=constant"]
    train(make(tmp_path, photos, *changes, "run.keep=9"))
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoints" / "0-pixels-00000004.safetensors")
    del checkpoint.facts["lr_scale"]
    checkpoint.facts[key] = 0.5
    run = make(tmp_path, photos, *changes)
    train(run, checkpoint=checkpoint)
    assert " pixels 5/5 " in (log := (run.folder / "log.txt").read_text())
    assert log.rpartition(" pixels 5/5 ")[2].splitlines()[0].split(" rate ")[1].startswith("0.0005 ")


def test_nor_does_a_stop_save_it(tmp_path, photos):
    run = make(
        tmp_path, photos, *DIVERGING, "run.checkpoint_every=1000", "run.log_every=1000", "run.validate_every=1000"
    )
    run.reporter.at = 5
    with pytest.raises(TrainingError, match="no checkpoint of this stage was written"):
        train(run)
    assert names(run) == []


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path, photos):
    run = make(tmp_path, photos, "stages.pixels.steps=2", "stages.gan.steps=1")
    train(run)
    checkpoint = load_checkpoint(run.folder / "checkpoints", pytest.fail)
    for other in (
        make(tmp_path, photos, "generator.features=6"),
        make(tmp_path, photos, "stages.gan.adversarial.weight=0.1"),
        dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, stages={"gan": run.recipe.stages["gan"]})),
    ):
        with pytest.raises(CheckpointError, match="does not fit the recipe"):
            train(other, checkpoint=checkpoint)
