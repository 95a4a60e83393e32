"""``srgan train`` from end to end: recipe, pictures, stages, exported networks, their evaluation and cards."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from srgan._version import __version__
from srgan.errors import CheckpointError, DataError, SrganError, TrainingError, UsageError
from srgan.evaluation.benchmark import evaluate
from srgan.files import atomic_path, why_not_written
from srgan.image import list_pictures
from srgan.models.catalogue import CATALOGUE, resolve
from srgan.models.export import build_onnx, load_weights, save_onnx, set_card
from srgan.networks.generator import GeneratorConfig
from srgan.networks.vgg import load_vgg
from srgan.runtime.blend import grown_apart
from srgan.storage import Remote, place
from srgan.training.card import make_card, to_markdown
from srgan.training.checkpoint import load_checkpoint
from srgan.training.halfway import halfway
from srgan.training.loading import for_data, load_data
from srgan.training.loop import Facts, Run, fit
from srgan.training.processes import Processes, is_loss_of_a_process, launch, started_by_torchrun
from srgan.training.recipe import Recipe, Stage, load_recipe, to_toml
from srgan.training.report import Reporter

_A_DAY = 4e8  # LR pixels: what two processor cores train on in a day, about


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
    vgg_weights : safetensors file for content losses, or None for torchvision's own
    init : name or file of an exported network to start from, or None
    resume : go on in ``out``
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
class _Plan:
    """A checked request: what a resumed run reads back from its folder."""

    recipe: Recipe
    photos: PurePath
    lr: Path | None
    validation: tuple[Path, ...]
    benchmarks: tuple[Path, ...]
    vgg_weights: Path | None
    init: str | None


def train(request: Request) -> list[Path]:
    """Train as asked; return the exported networks, one a stage.

    Raises
    ------
    UsageError, RecipeError, DataError, ModelError, CheckpointError
        before any training, for what is wrong with the request; a new run folder is then removed again
    TrainingInterrupted, TrainingError
        as :func:`srgan.training.loop.fit`; TrainingError as well when the disk is full
    """
    plan = _resumed(request) if request.resume else _new(request)
    recipe = plan.recipe
    for stage in recipe.stages.values():
        if stage.content.weight:  # hours of pixel training must not end in a missing file
            load_vgg(stage.content.network, stage.content.layers, plan.vgg_weights)
    initial = None if request.resume else _initial_weights(plan)
    devices, nodes = _counts(request)
    for name, stage in recipe.stages.items():
        if stage.batch % (devices * nodes * stage.accumulate):
            times = " times accumulate" if stage.accumulate > 1 else ""
            raise UsageError(f"stages.{name}.batch ({stage.batch}) must be a multiple of the number of devices{times}")
    fabric = _fabric(request, recipe, devices, nodes)
    # Crops have one size: the time that cuDNN takes to find its fastest convolutions for it is paid once a stage.
    torch.backends.cudnn.benchmark = True
    processes = launch(fabric)
    existed = request.out.exists()
    ours = not request.resume and (not existed or _is_empty(request.out))
    begun = False
    try:
        with (
            Reporter(request.out, active=processes.is_first, quiet=request.quiet) as reporter,
            _explained(processes, request.out),
        ):
            checkpoint = load_checkpoint(request.out / "checkpoints", reporter.say) if request.resume else None
            if request.resume and checkpoint is None:  # stopped before its first checkpoint
                initial = _initial_weights(plan)
            pictures, validation = load_data(
                recipe, plan.photos, plan.lr, plan.validation, request.out, reporter, processes
            )
            if checkpoint:
                reporter.say(f"going on after step {checkpoint.step} of {checkpoint.stage}")
            elif request.resume:
                reporter.say("there is no checkpoint yet: going on from the start")
            elif fabric.device.type == "cpu" and _lr_pixels(recipe) > _A_DAY:
                reporter.say("this recipe is work for a GPU, and days on a processor: --recipe laptop takes hours")
            run = Run(request.out, recipe, pictures, validation, fabric, processes, plan.vgg_weights, reporter)
            exported: list[Path] = []

            def start() -> None:
                nonlocal begun
                if processes.is_first:  # a resumed run keeps what was changed by --set
                    _write_plan(request.out, plan)
                processes.wait()
                begun = True

            def finish(name: str, stage: Stage, weights: dict[str, Tensor], facts: Facts) -> None:
                if processes.is_first:
                    exported.append(_export(run, plan, name, stage, weights, facts))
                processes.wait()

            fit(run, checkpoint=checkpoint, initial=initial, on_start=start, on_stage_end=finish)
            if processes.is_first:
                shutil.rmtree(request.out / "cache", ignore_errors=True)
    except BaseException as error:
        if ours and not begun and processes.is_first:
            shutil.rmtree(request.out, ignore_errors=True)
            if existed:
                request.out.mkdir(exist_ok=True)
        if isinstance(error, OSError):
            where = error.filename or request.out
            raise TrainingError(f"cannot go on with '{where}': {why_not_written(error)}; then --resume") from error
        raise
    processes.end(failed=False)
    return exported


def _lr_pixels(recipe: Recipe) -> float:
    scale = recipe.generator.scale
    return sum(stage.steps * stage.batch * (stage.crop / scale) ** 2 for stage in recipe.stages.values())


@contextmanager
def _explained(processes: Processes, out: Path) -> Iterator[None]:
    """Leave no process behind, and turn the words of torch when another one has ended into ours."""
    try:
        yield
    except BaseException as error:
        how = processes.end(failed=True) or "another process of this run has ended"
        if not is_loss_of_a_process(error):
            raise
        begun = (out / "run.json").exists()
        then = f"go on from the last checkpoint with srgan train --resume --out '{out}'" if begun else "start again"
        raise TrainingError(f"{how} (out of memory?): {then}") from error


def _counts(request: Request) -> tuple[int, int]:
    """Return processes a machine and machines, which torchrun has decided where it has started this."""
    given = started_by_torchrun()
    if given is None:
        return request.devices, request.nodes
    for option, wanted, there in (("--devices", request.devices, given[0]), ("--nodes", request.nodes, given[1])):
        if wanted not in (1, there):
            raise UsageError(f"torchrun has started {there} where {option} says {wanted}: leave {option} out")
    return given


def _fabric(request: Request, recipe: Recipe, devices: int, nodes: int) -> Fabric:
    # It reports each process as it comes up, and more, on stderr.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    try:
        return Fabric(
            accelerator=request.accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=_precision(recipe, request.accelerator),
        )
    except Exception as error:  # Fabric has many ways to say that there is no such device
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(f"cannot train on --device {request.accelerator} here ({reason}): take another one") from error


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _new(request: Request) -> _Plan:
    recipe = load_recipe(request.recipe, list(request.overrides))
    if request.photos is None:
        raise UsageError("name a folder of photographs to train on")
    for folder in (*filter(None, [request.lr]), *request.validation, *request.benchmarks):
        if not folder.is_dir():
            raise UsageError(f"'{folder}' is not a folder: give one with pictures in it")
    recipe = for_data(recipe, request.photos, request.lr, request.out)
    for folder in request.validation:
        if not list_pictures(folder / "HR" if (folder / "HR").is_dir() else folder):
            raise DataError(f"there are no pictures in '{folder}' to validate on")
    if (request.out / "run.json").exists():
        raise UsageError(f"'{request.out}' holds a run already: add --resume to go on with it, or choose another --out")
    init = request.init
    if init is not None and init not in CATALOGUE:
        init = str(resolve(init).resolve())  # a resumed run may stand in another folder
    return _Plan(
        recipe,
        _absolute(request.photos),
        request.lr.resolve() if request.lr else None,
        tuple(folder.resolve() for folder in request.validation),
        tuple(folder.resolve() for folder in request.benchmarks),
        request.vgg_weights.resolve() if request.vgg_weights else None,
        init,
    )


def _absolute(photos: PurePath) -> PurePath:
    return photos if isinstance(photos, Remote) else Path(photos).resolve()


def _write_plan(folder: Path, plan: _Plan) -> None:
    facts = {
        "srgan": __version__,
        "photos": str(plan.photos),
        "lr": str(plan.lr) if plan.lr else None,
        "validation": [str(path) for path in plan.validation],
        "benchmarks": [str(path) for path in plan.benchmarks],
        "vgg_weights": str(plan.vgg_weights) if plan.vgg_weights else None,
        "init": plan.init,
    }
    # run.json last: its presence says that this is a run.
    for name, text in (("recipe.toml", to_toml(plan.recipe.to_dict())), ("run.json", json.dumps(facts, indent=2))):
        with atomic_path(folder / name, overwrite=True, error=UsageError) as partial:
            partial.write_text(text, encoding="utf-8")


def _resumed(request: Request) -> _Plan:
    if request.init is not None:
        raise UsageError("--init starts a new run: leave it out with --resume")
    file = request.out / "run.json"
    try:
        facts: Any = json.loads(file.read_text(encoding="utf-8"))
        stored = _Plan(
            load_recipe(request.out / "recipe.toml", list(request.overrides)),
            place(facts["photos"]),
            Path(facts["lr"]) if facts.get("lr") else None,
            tuple(Path(entry) for entry in facts["validation"]),
            tuple(Path(entry) for entry in facts["benchmarks"]),
            Path(facts["vgg_weights"]) if facts["vgg_weights"] else None,
            facts["init"],
        )
    except OSError as error:
        raise CheckpointError(f"'{request.out}' holds no run to resume: start one without --resume") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"'{file}' is damaged: start anew in another --out") from error
    return replace(
        stored,
        photos=_absolute(request.photos) if request.photos else stored.photos,
        lr=request.lr.resolve() if request.lr else stored.lr,
        validation=tuple(folder.resolve() for folder in request.validation) or stored.validation,
        benchmarks=tuple(folder.resolve() for folder in request.benchmarks) or stored.benchmarks,
        vgg_weights=request.vgg_weights.resolve() if request.vgg_weights else stored.vgg_weights,
    )


def _initial_weights(plan: _Plan) -> dict[str, Tensor] | None:
    if plan.init is None:
        return None
    arrays = load_weights(resolve(plan.init), GeneratorConfig(**vars(plan.recipe.generator)))
    return {key: torch.from_numpy(value.copy()) for key, value in arrays.items()}


def _precision(recipe: Recipe, accelerator: str) -> Any:
    wanted = recipe.run.precision
    if wanted == "auto":
        on_gpu = accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
        if on_gpu:
            wanted = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        else:
            wanted = "bf16" if _cpu_has_bf16() and accelerator in ("auto", "cpu") else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[wanted]


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX512_BF16 or AMX); emulated it is slower than fp32."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        test = getattr(torch.cpu, name, None)
        if test is not None and test():
            return True
    return False


def _export(run: Run, plan: _Plan, name: str, stage: Stage, weights: dict[str, Tensor], facts: Facts) -> Path:
    scale = run.recipe.generator.scale
    full_name = f"{name}-x{scale}"
    path = run.folder / f"{full_name}.onnx"
    config = GeneratorConfig(**vars(run.recipe.generator))
    model = build_onnx({key: value.float().cpu().numpy() for key, value in weights.items()}, config)
    card = make_card(run, plan.init, name, stage, facts)
    set_card(model, name=full_name, scale=scale, card=card)
    save_onnx(model, path)
    run.reporter.say(f"wrote {path}")
    folders = [*(plan.validation or _own_validation(run.folder)), *plan.benchmarks]
    if folders and run.recipe.generator.bands == 3:
        try:
            report = evaluate(str(path), folders)
        except SrganError as error:  # the network is made; a missing benchmark must not lose it
            run.reporter.say(f"not evaluated: {error}")
        else:
            card["evaluation"] = [
                {"set": entry.name, "images": len(entry.images), "psnr_y": entry.psnr_y, "ssim_y": entry.ssim_y}
                for entry in report.sets
            ]
            for entry in report.sets:
                run.reporter.say(f"{full_name} on {entry.name}: {entry.psnr_y:.2f} dB, SSIM {entry.ssim_y:.4f}")
            if found := _halfway(path, folders[0], report.sets[0].psnr_y, run.reporter):
                card["halfway"] = found
            set_card(model, name=full_name, scale=scale, card=card)
            save_onnx(model, path)
    with atomic_path(path.with_suffix(".md"), overwrite=True) as partial:
        partial.write_text(to_markdown(full_name, card), encoding="utf-8")
    return path


def _halfway(path: Path, folder: Path, alone: float, reporter: Reporter) -> dict[str, Any] | None:
    """Return what is for the card of a GAN, and say it if its fidelity cannot be chosen."""
    try:
        found = halfway(path, folder, alone)
    except SrganError as error:  # as for a benchmark
        reporter.say(f"fidelity not looked at: {error}")
        return None
    if found and grown_apart(found):
        gan, between, faithful = found["psnr_y"]
        reporter.say(
            f"doctor: halfway between {path.stem} ({gan:.2f} dB) and {found['with']} ({faithful:.2f}) are {between:.2f} dB: "
            "they have grown apart, and --fidelity will not blend them; fewer steps or a lower rate keep them near"
        )
    return found


def _own_validation(folder: Path) -> tuple[Path, ...]:
    own = folder / "validation"
    return (own,) if own.is_dir() else ()


def default_folder(photos: PurePath, recipe: str) -> Path:
    """Return ``runs/<photos>-<recipe>``, with a number when it is taken."""
    base = Path("runs") / f"{_absolute(photos).name or 'photos'}-{Path(recipe).stem}"
    folder, number = base, 1
    while (folder / "run.json").exists():
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder
