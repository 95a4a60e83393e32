"""What the user asks a training for, checked before any work, and kept in the run folder for resuming."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from srgan._version import __version__
from srgan.errors import CheckpointError, DataError, UsageError
from srgan.files import atomic_path
from srgan.image import list_pictures
from srgan.models.catalogue import CATALOGUE, resolve
from srgan.storage import Remote, place
from srgan.training.loading import for_data
from srgan.training.recipe import Recipe, load_recipe, to_toml

RUN_FILE = "run.json"
"""Its presence says that a folder is a run's."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes
    ----------
    photos : folder of training pictures, searched recursively, or of pairs in ``HR/`` and ``LRx<scale>/``; or folder
        or URL of shards that ``srgan data prepare`` has made; None when resuming
    out : run folder
    recipe : name or TOML file
    overrides : ``KEY=VALUE`` strings for the recipe
    lr : folder of the LR of the pictures in ``photos``, or None
    validation : folders of validation pictures; empty keeps some training pictures aside
    benchmarks : folders that the finished networks are evaluated on, beside the validation pictures
    vgg_weights : file of weights for content losses, or None for torchvision's own
    init : name or file of an exported network to start from, or None
    resume : continue the run in ``out``
    devices, nodes : processes a machine, machines
    accelerator : Fabric's name for the kind of device
    quiet : nothing on the terminal
    """

    photos: PurePath | None
    out: Path
    recipe: str = "srgan"
    overrides: tuple[str, ...] = ()
    lr: Path | None = None
    validation: tuple[Path, ...] = ()
    benchmarks: tuple[Path, ...] = ()
    vgg_weights: Path | None = None
    init: str | None = None
    resume: bool = False
    devices: int = 1
    nodes: int = 1
    accelerator: str = "auto"
    quiet: bool = False


@dataclass(frozen=True)
class TrainingPlan:
    """A checked request: what a resumed run reads back from its folder. ``notes`` are lines for the user."""

    recipe: Recipe
    photos: PurePath
    lr: Path | None
    validation: tuple[Path, ...]
    benchmarks: tuple[Path, ...]
    vgg_weights: Path | None
    init: str | None
    notes: tuple[str, ...] = ()


def new_plan(request: Request) -> TrainingPlan:
    """Check a request for a new run.

    Raises
    ------
    UsageError, RecipeError, DataError, ModelError
        for what is wrong with it
    """
    notes: list[str] = []
    recipe = load_recipe(request.recipe, request.overrides, notes=notes)
    if request.photos is None:
        raise UsageError("name a folder of photographs to train on")
    for folder in (*filter(None, [request.lr]), *request.validation, *request.benchmarks):
        if not folder.is_dir():
            raise UsageError(f"'{folder}' is not a folder: give one with pictures in it")
    recipe = for_data(recipe, request.photos, request.lr, request.out)
    for folder in request.validation:
        if not list_pictures(folder / "HR" if (folder / "HR").is_dir() else folder):
            raise DataError(f"there are no pictures in '{folder}' to validate on")
    if (request.out / RUN_FILE).exists():
        raise UsageError(f"'{request.out}' holds a run already: add --resume to continue it, or choose another --out")
    init = request.init
    if init is not None and init not in CATALOGUE:
        init = str(resolve(init).resolve())  # a resumed run may stand in another folder
    return TrainingPlan(
        recipe,
        _absolute(request.photos),
        request.lr.resolve() if request.lr else None,
        tuple(folder.resolve() for folder in request.validation),
        tuple(folder.resolve() for folder in request.benchmarks),
        request.vgg_weights.resolve() if request.vgg_weights else None,
        init,
        tuple(notes),
    )


def resumed_plan(request: Request) -> TrainingPlan:
    """Read the plan of a begun run from its folder; what the request names takes the place of what is there.

    Raises
    ------
    UsageError, RecipeError
        for what is wrong with the request
    CheckpointError
        when there is no run, or its files are damaged
    """
    if request.init is not None:
        raise UsageError("--init starts a new run: leave it out with --resume")
    file = request.out / RUN_FILE
    notes: list[str] = []
    try:
        facts: Any = json.loads(file.read_text(encoding="utf-8"))
        stored = TrainingPlan(
            load_recipe(request.out / "recipe.toml", request.overrides, notes=notes),
            place(facts["photos"]),
            Path(facts["lr"]) if facts.get("lr") else None,
            tuple(Path(entry) for entry in facts["validation"]),
            tuple(Path(entry) for entry in facts["benchmarks"]),
            Path(facts["vgg_weights"]) if facts["vgg_weights"] else None,
            facts["init"],
            tuple(notes),
        )
    except OSError as error:
        raise CheckpointError(f"'{request.out}' holds no run to resume: start one without --resume") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"'{file}' is damaged: start again in another --out") from error
    return replace(
        stored,
        photos=_absolute(request.photos) if request.photos else stored.photos,
        lr=request.lr.resolve() if request.lr else stored.lr,
        validation=tuple(folder.resolve() for folder in request.validation) or stored.validation,
        benchmarks=tuple(folder.resolve() for folder in request.benchmarks) or stored.benchmarks,
        vgg_weights=request.vgg_weights.resolve() if request.vgg_weights else stored.vgg_weights,
    )


def write_plan(folder: Path, plan: TrainingPlan) -> None:
    """Write ``recipe.toml`` and ``run.json``, which makes the folder a run's."""
    facts = {
        "srgan": __version__,
        "photos": str(plan.photos),
        "lr": str(plan.lr) if plan.lr else None,
        "validation": [str(path) for path in plan.validation],
        "benchmarks": [str(path) for path in plan.benchmarks],
        "vgg_weights": str(plan.vgg_weights) if plan.vgg_weights else None,
        "init": plan.init,
    }
    texts = {"recipe.toml": to_toml(plan.recipe.to_dict()), RUN_FILE: json.dumps(facts, indent=2)}
    for name, text in texts.items():  # run.json last
        with atomic_path(folder / name, overwrite=True, error=UsageError) as partial:
            partial.write_text(text, encoding="utf-8")


def default_folder(photos: PurePath, recipe: str) -> Path:
    """Return ``runs/<photos>-<recipe>``, with a number when it is taken."""
    base = Path("runs") / f"{_absolute(photos).name or 'photos'}-{Path(recipe).stem}"
    folder, number = base, 1
    while (folder / RUN_FILE).exists():
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


def _absolute(photos: PurePath) -> PurePath:
    return photos if isinstance(photos, Remote) else Path(photos).resolve()
