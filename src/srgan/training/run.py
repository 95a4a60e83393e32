"""``srgan train`` from end to end: prepare (recipe, pictures, devices), fit (stages), publish (networks, figures, cards)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from srgan.errors import TrainingError
from srgan.files import why_not_written
from srgan.networks.generator import GeneratorConfig
from srgan.networks.vgg import load_vgg
from srgan.training.checkpoint import Checkpoint, load_checkpoint
from srgan.training.device import check_batches, make_fabric, process_counts
from srgan.training.initial import Initial, initial_weights
from srgan.training.loading import load_data
from srgan.training.loop import fit
from srgan.training.processes import Processes, is_loss_of_a_process, launch, loss_of_a_process
from srgan.training.publish import Publisher
from srgan.training.recipe import Recipe
from srgan.training.report import Reporter
from srgan.training.request import RUN_FILE, Request, TrainingPlan, new_plan, resumed_plan, write_plan
from srgan.training.state import Run

_A_DAY = 4e8  # LR pixels: what two processor cores train on in a day, about


def train(request: Request) -> list[Path]:
    """Train as asked; return the exported networks, one a stage.

    Raises
    ------
    UsageError, RecipeError, DataError, ModelError, CheckpointError
        before any training, for what is wrong with the request; a new run folder is then removed again
    TrainingInterrupted, TrainingError
        as :func:`srgan.training.loop.fit`; TrainingError as well when the disk is full
    """
    plan = resumed_plan(request) if request.resume else new_plan(request)
    _check_vgg_weights(plan)
    initial = None if request.resume else _initial_weights(plan)
    devices, nodes = process_counts(request.devices, request.nodes)
    check_batches(plan.recipe, devices * nodes)
    fabric = make_fabric(plan.recipe, request.accelerator, devices, nodes)
    # Crops have one size: the time that cuDNN takes to find its fastest convolutions for it is paid once a stage.
    torch.backends.cudnn.benchmark = True
    processes = launch(fabric)
    with (
        _run_folder(request.out, resumed=request.resume, processes=processes),
        Reporter(request.out, active=processes.is_first, quiet=request.quiet) as reporter,
        _explained(processes, request.out),
    ):
        for note in plan.notes:
            reporter.say(note)
        checkpoint = load_checkpoint(request.out / "checkpoints", reporter.say) if request.resume else None
        if request.resume and checkpoint is None:  # stopped before its first checkpoint
            initial = _initial_weights(plan)
        pictures, validation = load_data(
            plan.recipe, plan.photos, plan.lr, plan.validation, request.out, reporter, processes
        )
        _say_where_it_starts(checkpoint, request.resume, plan.recipe, fabric.device, reporter)
        if initial and initial.note:
            reporter.say(initial.note)
        run = Run(request.out, plan.recipe, pictures, validation, fabric, processes, plan.vgg_weights, reporter)
        publisher = Publisher(run, plan)
        begin = partial(_begin, request.out, plan, processes)
        weights = initial.weights if initial else None
        fit(run, checkpoint=checkpoint, initial=weights, on_start=begin, on_stage_end=publisher)
        if processes.is_first:
            shutil.rmtree(request.out / "cache", ignore_errors=True)
    processes.end(failed=False)
    return publisher.exported


def _check_vgg_weights(plan: TrainingPlan) -> None:
    """Load them once: hours of pixel training must not end in a missing file."""
    for stage in plan.recipe.stages.values():
        if stage.content.weight:
            load_vgg(stage.content.network, stage.content.layers, plan.vgg_weights)


def _initial_weights(plan: TrainingPlan) -> Initial | None:
    return None if plan.init is None else initial_weights(plan.init, GeneratorConfig(**vars(plan.recipe.generator)))


def _begin(folder: Path, plan: TrainingPlan, processes: Processes) -> None:
    """Make the folder a run's, before the first step; a resumed run keeps what was changed by --set."""
    if processes.is_first:
        write_plan(folder, plan)
    processes.wait()


def _say_where_it_starts(
    checkpoint: Checkpoint | None, resumed: bool, recipe: Recipe, device: torch.device, reporter: Reporter
) -> None:
    if checkpoint:
        reporter.say(f"resuming after step {checkpoint.step} of {checkpoint.stage}")
    elif resumed:
        reporter.say("there is no checkpoint yet: starting from the beginning")
    elif device.type == "cpu" and _lr_pixels(recipe) > _A_DAY:
        reporter.say("this recipe is work for a GPU, and days on a processor: --recipe laptop takes hours")


def _lr_pixels(recipe: Recipe) -> float:
    scale = recipe.generator.scale
    return sum(stage.steps * stage.batch * (stage.crop / scale) ** 2 for stage in recipe.stages.values())


@contextmanager
def _run_folder(folder: Path, *, resumed: bool, processes: Processes) -> Iterator[None]:
    """Remove what a new run has left when it fails before its first step, and say why a file could not be written."""
    existed = folder.exists()
    ours = not resumed and (not existed or _is_empty(folder))
    try:
        yield
    except BaseException as error:
        begun = (folder / RUN_FILE).exists()
        if ours and not begun and processes.is_first:
            shutil.rmtree(folder, ignore_errors=True)
            if existed:
                folder.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else folder
            raise TrainingError(f"cannot write '{where}': {why_not_written(error)}; then use --resume") from error
        raise


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


@contextmanager
def _explained(processes: Processes, out: Path) -> Iterator[None]:
    """Leave no process behind, and turn the words of torch when another one has ended into ours."""
    try:
        yield
    except BaseException as error:
        how = processes.end(failed=True)
        if not is_loss_of_a_process(error):
            raise
        begun = (out / RUN_FILE).exists()
        then = f"resume from the last checkpoint with srgan train --resume --out '{out}'" if begun else "start again"
        what = f"{how} (out of memory?)" if how else loss_of_a_process(error)
        raise TrainingError(f"{what}: {then}") from error
