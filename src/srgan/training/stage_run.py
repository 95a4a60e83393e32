"""One stage from its first step, or from its checkpoint, to its last: draw, step, log, validate, save."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from statistics import fmean, median

import torch

from srgan.errors import ModelError, TrainingError, TrainingInterrupted
from srgan.evaluation.metrics import VGG_DISTANCE_LAYERS
from srgan.networks.vgg import VGGFeatures, load_vgg
from srgan.training.batches import Batch, batches
from srgan.training.checkpoint import Checkpoint, save_checkpoint
from srgan.training.data import CropDataset
from srgan.training.diagnostics import Diagnostics
from srgan.training.grid import grid_energy
from srgan.training.optimizers import learning_rate
from srgan.training.preview import write_preview
from srgan.training.recipe import Stage
from srgan.training.stages import StepDiagnostics, StepLosses, Trainer
from srgan.training.state import RECENT, Run, StageState
from srgan.training.stopping import stop_requests, until_stopped
from srgan.training.sync_batchnorm import all_reduce_mean
from srgan.training.validation import feature_distance, validate

# A loss this many times its recent median means that the training has broken down: it may recover, but not what it had learnt.
_EXPLODED = 50.0


class BrokenError(TrainingError):
    """A loss or a weight is not a number, or the loss has exploded."""


class StageRun:
    """Takes a stage from step ``done`` to its end.

    Parameters
    ----------
    run : all parts of the run
    name, order : of the stage in the recipe
    stage : the stage
    trainer : its networks and optimizers
    state : what the stage remembers; changed as it goes
    done : steps that are behind
    """

    def __init__(
        self, run: Run, name: str, order: int, stage: Stage, trainer: Trainer, state: StageState, done: int
    ) -> None:
        self.run, self.name, self.order, self.stage = run, name, order, stage
        self.trainer, self.state, self.done = trainer, state, done
        self._diagnostics = Diagnostics(name, stage, run.recipe.discriminator)
        self._perceptual_metric: VGGFeatures | None = None
        self._saved = done
        self._started = self._saved_at = time.monotonic()
        self._seconds_before = state.seconds

    def train(self) -> None:
        """Train to the stage's last step.

        Raises
        ------
        TrainingInterrupted
            after Ctrl-C or SIGTERM, when a checkpoint has been saved
        BrokenError
            when the training has broken down; the last checkpoint stays
        TrainingError
            when a worker process has died
        """
        reporter, processes = self.run.reporter, self.run.processes
        reporter.start_stage(self.name, self.stage.steps, self.done)
        self._perceptual_metric = self._load_perceptual_metric()
        self.trainer.lr_scale = self.state.lr_scale
        self.trainer.generator.run.train()
        try:  # before the batches come, which a thread takes to the GPU
            self.trainer.record()
        except RuntimeError as error:
            reporter.say(f"the passes of {self.name} are not replayed: {str(error).splitlines()[0]}")
        step, losses = self.done, None
        with stop_requests() as stop:
            for step, batch in enumerate(until_stopped(stop, self._batches(), processes), start=self.done + 1):
                losses = self._step(step, batch)
            if processes.highest(int(stop.is_set())):
                if losses is not None and self._saved != step:
                    self._save(step, losses)
                raise TrainingInterrupted(
                    f"stopped after step {step} of {self.stage.steps} of {self.name}, checkpoint saved; "
                    f"to resume: srgan train --resume --out '{self.run.folder}'"
                )
        self.state.seconds = self._seconds()
        reporter.end_stage()

    def _batches(self) -> Iterator[Batch]:
        run, stage = self.run, self.stage
        dataset = CropDataset(
            run.pictures,
            crop=stage.crop,
            scale=run.recipe.generator.scale,
            seed=run.recipe.run.seed + (self.order << 32),
            flips=run.recipe.data.flips,
            degradation=run.recipe.data.degradation,
            candidates=stage.candidates,
            plain=stage.wants_plain,
        )
        return batches(
            dataset,
            first_step=self.done,
            steps=stage.steps,
            batch=stage.batch,
            workers=run.recipe.data.workers,
            rank=run.processes.rank,
            devices=run.processes.count,
            pinned=run.fabric.device.type == "cuda",
        )

    def _step(self, step: int, batch: Batch) -> StepLosses:
        """Train step number ``step`` (1-based), then log, validate and save as due."""
        settings, reporter = self.run.recipe.run, self.run.reporter
        diagnose = step % settings.diagnose_every == 0
        losses = self.trainer.step(batch.lr, batch.hr, step - 1, plain=batch.plain, diagnose=diagnose)
        reporter.advance(step)
        if diagnose and self.trainer.diagnostics:
            self._report_diagnostics(step, self.trainer.diagnostics)
        last = step == self.stage.steps
        if step % settings.log_every == 0 or last or step == self.done + 1:
            self._log(step, losses)
        if step % settings.validate_every == 0 or last:
            self._check(step, losses)
            better = self._validate(step)
            if better or last:
                self._save(step, losses, best=better)
        if (self._minutes_are_over() or step % settings.checkpoint_every == 0) and self._saved != step:
            self._save(step, losses)
        return losses

    def _minutes_are_over(self) -> bool:
        limit = 60 * self.run.recipe.run.checkpoint_minutes
        if not limit:
            return False
        return bool(self.run.processes.highest(int(time.monotonic() - self._saved_at >= limit)))

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    # --- Checkpoints, and what must not get into one ------------------------------------------------------------------

    def _save(self, step: int, losses: StepLosses, best: bool = False) -> None:
        run = self.run
        self._check(step, losses)
        if run.processes.highest(not self.trainer.is_finite()):  # a finite loss can have a gradient that is not
            raise self._broken(f"a weight of {self.name} is not a number after step {step}")
        self._saved = step
        self.state.seconds = self._seconds()
        if run.processes.is_first:
            checkpoint = Checkpoint(self.name, self.order, step, self.trainer.state(), self.state.to_dict())
            save_checkpoint(checkpoint, run.folder / "checkpoints", keep=run.recipe.run.keep, best=best)
        run.processes.wait()
        self._saved_at = time.monotonic()

    def _check(self, step: int, losses: StepLosses) -> None:
        """Stop before a broken state is saved or trained on."""
        total = float(all_reduce_mean(losses.total))
        recent, term = self.state.recent, self.stage.adversarial
        if not math.isfinite(total):
            raise self._broken(f"the loss of {self.name} is {total} at step {step}")
        # The hinge loss of a generator goes through 0: its weight says what size is usual.
        least = term.weight if term.kind == "hinge" else 0.0
        if len(recent) == RECENT and total > _EXPLODED * (usual := max(median(recent), least)):
            raise self._broken(f"the loss of {self.name} is {total:.4g} at step {step} and was {usual:.4g} before")

    def _broken(self, what: str) -> BrokenError:
        last = (
            f"the checkpoint of step {self._saved} is intact"
            if self._saved
            else "no checkpoint of this stage was written"
        )
        return BrokenError(
            f"{what}: lower stages.{self.name}.rate or set stages.{self.name}.clip = 1.0; {last}, "
            "--resume with --set continues from there"
        )

    # --- What is said -------------------------------------------------------------------------------------------------

    def _log(self, step: int, losses: StepLosses) -> None:
        self._check(step, losses)
        shown = StepLosses(*all_reduce_mean(torch.stack(losses)))
        self.state.note(float(shown.total))
        rate = self.stage.rate * learning_rate(self.stage, step - 1) * self.trainer.lr_scale
        self.run.reporter.losses(self.name, step, self.stage.steps, shown, rate)
        self._say(self._diagnostics.losses(shown))

    def _report_diagnostics(self, step: int, found: StepDiagnostics) -> None:
        """Report a step's diagnostics, averaged over all processes."""
        reporter = self.run.reporter
        every = self.run.processes.gather(found)
        gradients = {key: fmean(one.gradients[key] for one in every) for key in found.gradients}
        features = {key: fmean(one.features[key] for one in every) for key in found.features}
        reporter.figures(self.name, step, {f"gradient/{key}": value for key, value in gradients.items()})
        reporter.figures(self.name, step, {f"features/{key}": value for key, value in features.items()})
        self._say(self._diagnostics.gradients(gradients))

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            self.run.reporter.say(line)

    # --- Validation ---------------------------------------------------------------------------------------------------

    def _load_perceptual_metric(self) -> VGGFeatures | None:
        """Return VGG16 for the feature distances of a stage that has its weights: on the process that reports."""
        run, content = self.run, self.stage.content
        if not (content.weight and content.network == "vgg16" and run.validation and run.processes.is_first):
            return None
        try:
            features = load_vgg("vgg16", VGG_DISTANCE_LAYERS, run.vgg_weights)
        except ModelError:  # the file has the layers of the content loss alone
            return None
        return features.to(run.fabric.device)

    def _validate(self, step: int) -> bool:
        """Measure, report, write the picture; return whether the first set's PSNR is the best so far."""
        run = self.run
        if not run.validation:
            return False
        scale, first = run.recipe.generator.scale, run.validation[0]
        psnr, pictures = validate(self.trainer.ema.network, run.validation, run.fabric, run.processes)
        self.state.curve.append((step, psnr))
        preview = None
        if run.processes.is_first:
            preview = run.folder / "results" / f"{self.name}-{step:08d}.png"
            write_preview(preview, first.examples, pictures, scale)
        run.reporter.validation(self.name, step, psnr, preview)
        if run.processes.is_first:
            energy = grid_energy(pictures, [example.hr for example in first.examples], scale)
            run.reporter.figures(self.name, step, {f"grid/{period}": value for period, value in energy.items()})
            distance = math.nan
            if self._perceptual_metric is not None:
                distance = feature_distance(pictures, first.examples, self._perceptual_metric)
            if math.isfinite(distance):
                run.reporter.figures(self.name, step, {f"vgg_distance/{first.name}": distance})
                run.reporter.say(f"{self.name} step {step}: feature distance {first.name} {distance:.4f}")
            self._say(self._diagnostics.grid(energy))
        current = psnr[first.name]
        if current <= self.state.best:
            return False
        self.state.best = current
        return True
