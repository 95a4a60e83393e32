"""A finished stage -> a network in a file: exported, evaluated, and described by its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from srgan.errors import SrganError
from srgan.evaluation.benchmark import evaluate
from srgan.files import atomic_path
from srgan.models.export import build_onnx, save_onnx, set_card
from srgan.networks.generator import GeneratorConfig
from srgan.runtime.blend import grown_apart
from srgan.training.card import make_card, to_markdown
from srgan.training.halfway import halfway
from srgan.training.recipe import Stage
from srgan.training.report import Reporter
from srgan.training.request import TrainingPlan
from srgan.training.state import Run, StageState


class Publisher:
    """Publishes what each stage has made; only the first of several processes writes.

    Attributes
    ----------
    exported : files that were written
    """

    def __init__(self, run: Run, plan: TrainingPlan) -> None:
        self.run, self.plan = run, plan
        self.exported: list[Path] = []

    def __call__(self, name: str, stage: Stage, weights: dict[str, Tensor], state: StageState) -> None:
        """Publish the averaged weights of the stage ``name``."""
        if self.run.processes.is_first:
            self.exported.append(publish(self.run, self.plan, name, stage, weights, state))
        self.run.processes.wait()


def publish(
    run: Run, plan: TrainingPlan, name: str, stage: Stage, weights: dict[str, Tensor], state: StageState
) -> Path:
    """Write ``NAME-x<scale>.onnx`` and its card ``NAME-x<scale>.md`` into the run folder; return the network's file."""
    scale = run.recipe.generator.scale
    full_name = f"{name}-x{scale}"
    path = run.folder / f"{full_name}.onnx"
    config = GeneratorConfig(**vars(run.recipe.generator))
    model = build_onnx({key: value.float().cpu().numpy() for key, value in weights.items()}, config)
    card = make_card(run, plan.init, name, stage, state)
    set_card(model, name=full_name, scale=scale, card=card)
    save_onnx(model, path)
    run.reporter.say(f"wrote {path}")
    folders = [*(plan.validation or _own_validation(run.folder)), *plan.benchmarks]
    if folders and run.recipe.generator.bands == 3 and (found := _measure(path, folders, run.reporter)):
        card.update(found)
        set_card(model, name=full_name, scale=scale, card=card)
        save_onnx(model, path)
    with atomic_path(path.with_suffix(".md"), overwrite=True) as partial:
        partial.write_text(to_markdown(full_name, card), encoding="utf-8")
    return path


def _measure(path: Path, folders: list[Path], reporter: Reporter) -> dict[str, Any]:
    """Return what the card says of an evaluation; nothing where there could be none."""
    try:
        report = evaluate(str(path), folders)
    except SrganError as error:  # the network is made; a missing benchmark must not lose it
        reporter.say(f"not evaluated: {error}")
        return {}
    for entry in report.sets:
        reporter.say(f"{path.stem} on {entry.name}: {entry.psnr_y:.2f} dB, SSIM {entry.ssim_y:.4f}")
    figures: dict[str, Any] = {
        "evaluation": [
            {"set": entry.name, "images": len(entry.images), "psnr_y": entry.psnr_y, "ssim_y": entry.ssim_y}
            for entry in report.sets
        ]
    }
    if found := measure_halfway(path, folders[0], report.sets[0].psnr_y, reporter):
        figures["halfway"] = found
    return figures


def measure_halfway(path: Path, folder: Path, alone: float, reporter: Reporter) -> dict[str, Any] | None:
    """Return what is for the card of a GAN, and say it if its fidelity cannot be chosen.

    Parameters as for :func:`srgan.training.halfway.halfway`.
    """
    try:
        found = halfway(path, folder, alone)
    except SrganError as error:  # as for a benchmark
        reporter.say(f"fidelity not measured: {error}")
        return None
    if found and grown_apart(found):
        gan, between, faithful = found["psnr_y"]
        reporter.say(
            f"diagnostics: halfway between {path.stem} ({gan:.2f} dB) and {found['with']} ({faithful:.2f}) are "
            f"{between:.2f} dB: they have grown apart, and --fidelity will not blend them; fewer steps or a lower rate keep "
            "them near"
        )
    return found


def _own_validation(folder: Path) -> tuple[Path, ...]:
    own = folder / "validation"
    return (own,) if own.is_dir() else ()
