"""The loop: draw, step, log, validate, save; stage after stage, from wherever a checkpoint left off."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from srgan.errors import CheckpointError, ModelError, TrainingError, TrainingInterrupted
from srgan.evaluation.metrics import VGG_DISTANCE_LAYERS
from srgan.networks.vgg import VGGFeatures, load_vgg
from srgan.training.batches import Batch, batches
from srgan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from srgan.training.data import CropDataset
from srgan.training.doctor import Doctor
from srgan.training.grid import grid_energy
from srgan.training.pictures import Pictures
from srgan.training.preview import write_preview
from srgan.training.processes import Processes
from srgan.training.recipe import Recipe, Stage
from srgan.training.report import Reporter
from srgan.training.shared import shared_mean
from srgan.training.stages import Examination, Losses, Trainer, learning_rate
from srgan.training.validation import ValidationSet, feature_distance, validate

# A loss so many times what it mostly was at the last logged steps is a training that has broken down: it may come back, but not
# to what it had learnt.
_EXPLODED, _RECENT = 50.0, 9

# Called at a stage's end with its name, the stage, the averaged weights and the facts of the stage.
StageEnd = Callable[[str, Stage, dict[str, Tensor], "Facts"], None]


@dataclass
class Facts:
    """What a stage remembers beside its tensors; part of every checkpoint.

    Attributes
    ----------
    seconds : wall-clock time trained, over all resumptions
    best : highest PSNR of the first validation set, dB
    curve : ``[step, {set: dB}]`` of every validation
    slowness : factor of the learning rates: 1, or less once the stage has broken down and gone back
    recent : the total loss at the last steps that were logged, the newest at the end
    """

    seconds: float = 0.0
    best: float = float("-inf")
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    slowness: float = 1.0
    recent: list[float] = field(default_factory=list)

    def note(self, total: float) -> None:
        """Add to :attr:`recent`."""
        self.recent = [*self.recent, total][-_RECENT:]


@dataclass(frozen=True)
class Run:
    """All that a run is made of, built and passed in.

    Attributes
    ----------
    folder : the run folder
    recipe : resolved recipe
    pictures : training pictures
    validation : validation sets; the first one decides which checkpoint is the best
    fabric : launched; device and precision
    processes : that train together
    vgg_weights : file for content losses, or None for torchvision's own
    reporter : entered
    """

    folder: Path
    recipe: Recipe
    pictures: Pictures
    validation: Sequence[ValidationSet]
    fabric: Fabric
    processes: Processes
    vgg_weights: Path | None
    reporter: Reporter


def fit(
    run: Run,
    *,
    checkpoint: Checkpoint | None,
    initial: dict[str, Tensor] | None,
    on_start: Callable[[], None],
    on_stage_end: StageEnd,
) -> dict[str, Tensor]:
    """Train all stages of the recipe that are not behind yet; return the last one's averaged weights.

    Parameters
    ----------
    run : its parts
    checkpoint : where to go on, or None to start
    initial : weights that the first stage starts from, or None for random ones; without meaning when resuming
    on_start : called once, before the first step and after the checkpoint was found to fit
    on_stage_end : exports what a stage has made

    Raises
    ------
    TrainingInterrupted
        after Ctrl-C or SIGTERM, when a checkpoint has been saved
    TrainingError
        when a loss or a weight is not a finite number, or the loss has exploded, for the second time in a stage; the last
        checkpoint stays
    CheckpointError
        when the checkpoint is of other stages or networks than the recipe's
    """
    weights = initial or {}
    first = checkpoint.order if checkpoint else 0
    if checkpoint and list(run.recipe.stages)[first : first + 1] != [checkpoint.stage]:
        raise _unfit(checkpoint)
    for order, (name, stage) in enumerate(run.recipe.stages.items()):
        if order < first:
            continue
        # Seeded a stage: weights that start at random do not depend on what ran before, nor on resuming.
        run.fabric.seed_everything((run.recipe.run.seed + order) % 2**32, verbose=False)
        trainer = Trainer(run.recipe, stage, run.fabric, run.vgg_weights)
        facts = Facts()
        done = 0
        if checkpoint and order == first:
            try:
                trainer.load_state(checkpoint.parts)
            except (RuntimeError, ValueError, KeyError) as error:  # how torch says that keys or shapes differ
                raise _unfit(checkpoint) from error
            facts, done = Facts(**checkpoint.facts), checkpoint.step
        elif weights:
            trainer.start_from(weights)
        if order == first:
            on_start()
        try:
            _run_stage(run, name, order, stage, trainer, facts, done)
        except _BrokenError as error:
            facts, done = _back(run, name, trainer, facts, error)
            _run_stage(run, name, order, stage, trainer, facts, done)
        weights = {key: value.clone() for key, value in trainer.average.network.state_dict().items()}
        on_stage_end(name, stage, weights, facts)
    return weights


class _BrokenError(TrainingError):
    """A loss or a weight is not a number, or the loss has exploded."""


def _back(run: Run, name: str, trainer: Trainer, facts: Facts, error: _BrokenError) -> tuple[Facts, int]:
    """Take the stage's last checkpoint, once, to go on from there at half the rate."""
    checkpoint = load_checkpoint(run.folder / "checkpoints", run.reporter.say)
    run.processes.wait()  # all have read it before the first one writes the next
    if facts.slowness < 1 or checkpoint is None or checkpoint.stage != name:
        raise error
    trainer.load_state(checkpoint.parts)
    facts = Facts(**checkpoint.facts)
    facts.slowness = 0.5
    run.reporter.say(
        f"{str(error).partition(':')[0]}: going back to step {checkpoint.step}, once, and on at half the learning rate"
    )
    return facts, checkpoint.step


def _unfit(checkpoint: Checkpoint) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint of stage {checkpoint.stage} does not fit the recipe: stages, networks and optimizers of a begun run "
        "cannot be changed; leave that out of --set, or start anew in another --out"
    )


def _run_stage(run: Run, name: str, order: int, stage: Stage, trainer: Trainer, facts: Facts, done: int) -> None:
    settings, reporter, processes = run.recipe.run, run.reporter, run.processes
    dataset = CropDataset(
        run.pictures,
        crop=stage.crop,
        scale=run.recipe.generator.scale,
        seed=settings.seed + (order << 32),
        flips=run.recipe.data.flips,
        degradation=run.recipe.data.degradation,
        candidates=stage.candidates,
    )
    source = batches(
        dataset,
        first_step=done,
        steps=stage.steps,
        batch=stage.batch,
        workers=run.recipe.data.workers,
        rank=processes.rank,
        devices=processes.count,
        pinned=run.fabric.device.type == "cuda",
    )
    started, before = time.monotonic(), facts.seconds
    saved = done

    def save(step: int, losses: Losses, best: bool = False) -> None:
        nonlocal saved
        _check(losses, name, step, saved, facts)
        if processes.highest(not trainer.is_finite()):  # a finite loss can have a gradient that is not
            raise _broken(f"a weight of {name} is not a number after step {step}", name, saved)
        saved = step
        facts.seconds = before + time.monotonic() - started
        if processes.is_first:
            state = Checkpoint(name, order, step, trainer.state(), vars(facts))
            save_checkpoint(state, run.folder / "checkpoints", keep=settings.keep, best=best)
        processes.wait()

    reporter.start_stage(name, stage.steps, done)
    doctor = Doctor(name, stage)
    yardstick = _yardstick(run, stage)
    trainer.slowness = facts.slowness
    trainer.generator.train()
    try:  # before the batches come, which a thread takes to the GPU
        trainer.record()
    except RuntimeError as error:
        reporter.say(f"the passes of {name} are not replayed: {str(error).splitlines()[0]}")
    step, losses = done, None
    with _stop_requests() as stop:
        for step, batch in enumerate(_until(stop, source, processes), start=done + 1):
            examine = step % settings.examine_every == 0
            losses = trainer.step(batch.lr, batch.hr, step - 1, examine=examine)
            reporter.advance(step)
            if examine and trainer.examination:
                _examine(run, name, step, trainer.examination, doctor)
            last = step == stage.steps
            if step % settings.log_every == 0 or last or step == done + 1:
                _check(losses, name, step, saved, facts)
                shown = Losses(*shared_mean(torch.stack(losses)))
                facts.note(float(shown.total))
                rate = stage.rate * learning_rate(stage, step - 1) * trainer.slowness
                reporter.losses(name, step, stage.steps, shown, rate)
                _say_all(reporter, doctor.losses(shown))
            if step % settings.validate_every == 0 or last:
                _check(losses, name, step, saved, facts)
                better = _validate(run, name, step, trainer, facts, doctor, yardstick)
                if better or last:
                    save(step, losses, best=better)
            if step % settings.checkpoint_every == 0 and saved != step:
                save(step, losses)
        if processes.highest(int(stop.is_set())):
            if losses is not None and saved != step:
                save(step, losses)
            raise TrainingInterrupted(
                f"stopped after step {step} of {stage.steps} of {name}, checkpoint saved; "
                f"to go on: srgan train --resume --out '{run.folder}'"
            )
    facts.seconds = before + time.monotonic() - started
    reporter.end_stage()


def _check(losses: Losses, name: str, step: int, saved: int, facts: Facts) -> None:
    """Stop before a broken state is saved or trained on."""
    total = float(shared_mean(losses.total))
    if not math.isfinite(total):
        raise _broken(f"the loss of {name} is {total} at step {step}", name, saved)
    if len(facts.recent) == _RECENT and total > _EXPLODED * (usual := median(facts.recent)):
        raise _broken(f"the loss of {name} is {total:.4g} at step {step} and was {usual:.4g} before", name, saved)


def _broken(what: str, name: str, saved: int) -> _BrokenError:
    last = f"the checkpoint of step {saved} is whole" if saved else "no checkpoint of this stage was written"
    return _BrokenError(
        f"{what}: lower stages.{name}.rate or set stages.{name}.clip = 1.0; {last}, --resume with --set goes on from there"
    )


def _examine(run: Run, name: str, step: int, found: Examination, doctor: Doctor) -> None:
    """Report what a closer look has found, as the mean of all processes."""
    every = run.processes.gather(found)
    gradients = {key: fmean(one.gradients[key] for one in every) for key in found.gradients}
    features = {key: fmean(one.features[key] for one in every) for key in found.features}
    run.reporter.figures(name, step, {f"gradient/{key}": value for key, value in gradients.items()})
    run.reporter.figures(name, step, {f"features/{key}": value for key, value in features.items()})
    _say_all(run.reporter, doctor.gradients(gradients))


def _say_all(reporter: Reporter, lines: list[str]) -> None:
    for line in lines:
        reporter.say(line)


def _yardstick(run: Run, stage: Stage) -> VGGFeatures | None:
    """Return VGG16 for the feature distances of a stage that has its weights: on the process that reports."""
    if not (stage.content.weight and stage.content.network == "vgg16" and run.validation and run.processes.is_first):
        return None
    try:
        features = load_vgg("vgg16", VGG_DISTANCE_LAYERS, run.vgg_weights)
    except ModelError:  # the file has the layers of the content loss alone
        return None
    return features.to(run.fabric.device)


def _validate(
    run: Run, name: str, step: int, trainer: Trainer, facts: Facts, doctor: Doctor, yardstick: VGGFeatures | None
) -> bool:
    """Measure, report, write the picture; return whether the first set's PSNR is the best so far."""
    if not run.validation:
        return False
    psnr, pictures = validate(trainer.average.network, run.validation, run.fabric, run.processes)
    facts.curve.append((step, psnr))
    preview = None
    if run.processes.is_first:
        preview = run.folder / "results" / f"{name}-{step:08d}.png"
        write_preview(preview, run.validation[0].examples, pictures, run.recipe.generator.scale)
    run.reporter.validation(name, step, psnr, preview)
    if run.processes.is_first:
        hr = [example.hr for example in run.validation[0].examples]
        energy = grid_energy(pictures, hr, run.recipe.generator.scale)
        run.reporter.figures(name, step, {f"grid/{period}": value for period, value in energy.items()})
        distance = math.nan
        if yardstick is not None:
            distance = feature_distance(pictures, run.validation[0].examples, yardstick)
        if math.isfinite(distance):
            run.reporter.figures(name, step, {f"vgg_distance/{run.validation[0].name}": distance})
            run.reporter.say(f"{name} step {step}: feature distance {run.validation[0].name} {distance:.4f}")
        _say_all(run.reporter, doctor.grid(energy))
    current = psnr[run.validation[0].name]
    if current <= facts.best:
        return False
    facts.best = current
    return True


_GO_ON, _FAIL, _STOP = range(3)


def _until(stop: threading.Event, source: Iterator[Batch], processes: Processes) -> Iterator[Batch]:
    """Yield batches until any process is asked to stop: they all end after the same step.

    A stop may also end the processes that prepare batches; where they end without one, that is a failure of all.
    """
    failure: TrainingError | None = None
    while True:
        try:
            batch = next(source, None)
        except TrainingError as error:
            batch, failure = None, error
        wish = _STOP if stop.is_set() else _FAIL if failure else _GO_ON
        answer = processes.highest(wish)
        if answer == _FAIL:
            reasons = [reason for reason in processes.gather(str(failure or "")) if reason]
            raise failure or TrainingError(reasons[0])
        if answer == _STOP or batch is None:
            return
        yield batch


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event that the loop looks at between steps; a second Ctrl-C stops at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals belong to the main thread
        return

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    previous: dict[int, Any] = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
