"""What a run is made of, and what a stage of it remembers between two steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from srgan.training.pictures import Pictures
from srgan.training.processes import Processes
from srgan.training.recipe import Recipe
from srgan.training.report import Reporter
from srgan.training.validation import ValidationSet

RECENT = 9
"""Logged losses that a stage remembers."""


@dataclass
class StageState:
    """What a stage remembers beside its tensors; part of every checkpoint.

    Attributes
    ----------
    seconds : wall-clock time trained, over all resumptions
    best : highest PSNR of the first validation set, dB
    curve : ``[step, {set: dB}]`` of every validation
    lr_scale : factor of the learning rates: 1, or less once the stage has broken down and gone back
    recent : the total loss at the last steps that were logged, the newest at the end
    """

    seconds: float = 0.0
    best: float = float("-inf")
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    lr_scale: float = 1.0
    recent: list[float] = field(default_factory=list)

    def note(self, total: float) -> None:
        """Add to :attr:`recent`."""
        self.recent = [*self.recent, total][-RECENT:]

    def to_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> StageState:
        """Take back what :meth:`to_dict` returned, in this version or an earlier one."""
        facts = dict(facts)
        if "slowness" in facts:  # its name in the first checkpoints
            facts["lr_scale"] = facts.pop("slowness")
        return cls(**facts)


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
