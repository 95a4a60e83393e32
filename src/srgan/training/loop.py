"""The stages of a recipe, one after the other, from wherever a checkpoint left off."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from srgan.errors import CheckpointError
from srgan.training.checkpoint import Checkpoint, load_checkpoint
from srgan.training.recipe import Stage
from srgan.training.stage_run import BrokenError, StageRun
from srgan.training.stages import Trainer
from srgan.training.state import Run, StageState

# Called at a stage's end with its name, the stage, the averaged weights and what the stage remembers.
StageEnd = Callable[[str, Stage, dict[str, Tensor], StageState], None]


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
    checkpoint : where to resume, or None to start
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
        state, done = StageState(), 0
        if checkpoint and order == first:
            try:
                trainer.load_state(checkpoint.parts)
            except (RuntimeError, ValueError, KeyError) as error:  # how torch says that keys or shapes differ
                raise _unfit(checkpoint) from error
            state, done = StageState.from_dict(checkpoint.facts), checkpoint.step
        elif weights:
            trainer.start_from(weights)
        if order == first:
            on_start()
        try:
            StageRun(run, name, order, stage, trainer, state, done).train()
        except BrokenError as error:
            state, done = _back(run, name, trainer, state, error)
            StageRun(run, name, order, stage, trainer, state, done).train()
        weights = {key: value.clone() for key, value in trainer.ema.network.state_dict().items()}
        on_stage_end(name, stage, weights, state)
    return weights


def _back(run: Run, name: str, trainer: Trainer, state: StageState, error: BrokenError) -> tuple[StageState, int]:
    """Return to the stage's last checkpoint, once, to continue from there at half the rate."""
    checkpoint = load_checkpoint(run.folder / "checkpoints", run.reporter.say)
    run.processes.wait()  # all have read it before the first one writes the next
    if state.lr_scale < 1 or checkpoint is None or checkpoint.stage != name:
        raise error
    trainer.load_state(checkpoint.parts)
    state = StageState.from_dict(checkpoint.facts)
    state.lr_scale = 0.5
    run.reporter.say(
        f"{str(error).partition(':')[0]}: going back to step {checkpoint.step}, once, and on at half the learning rate"
    )
    return state, checkpoint.step


def _unfit(checkpoint: Checkpoint) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint of stage {checkpoint.stage} does not fit the recipe: stages, networks and optimizers of a begun run "
        "cannot be changed; leave them out of --set, or start again in another --out"
    )
