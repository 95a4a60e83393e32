"""``srgan train``: a folder of photographs in, trained networks out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srgan.cli import completion
from srgan.errors import MissingExtraError, UsageError


def _help_recipe(value: bool) -> None:
    if value:
        from srgan.training.recipe import describe

        print(describe())
        raise typer.Exit


def train_command(
    photos: Annotated[
        str | None,
        typer.Argument(
            metavar="[PHOTOS]",
            help="Folder of photographs, searched recursively; or of pairs, in HR/ and LRx4/ (or LR/); or a folder or URL "
            "of shards made by srgan data prepare.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            "-r",
            help="Recipe: srgan, laptop, photo, photo-unet, features, distil, fast-psnr, fast, x2, paper, keras, or a TOML file.",
            metavar="NAME|FILE",
            autocompletion=completion.recipes,
        ),
    ] = "srgan",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run folder. Default: runs/PHOTOS-RECIPE.", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Replace one value of the recipe; repeatable.", metavar="KEY=VALUE", show_default=False
        ),
    ] = None,
    lr: Annotated[
        Path | None,
        typer.Option(
            "--lr",
            help="Folder with the LR versions of PHOTOS under the same names, for training on pairs.",
            show_default=False,
        ),
    ] = None,
    validation: Annotated[
        list[Path] | None,
        typer.Option(
            "--val", help="Folder of validation pictures; repeatable. Default: some of PHOTOS.", show_default=False
        ),
    ] = None,
    benchmark: Annotated[
        list[Path] | None,
        typer.Option(
            "--benchmark", help="Folder to evaluate the finished networks on; repeatable.", show_default=False
        ),
    ] = None,
    vgg_weights: Annotated[
        Path | None,
        typer.Option(
            help="VGG weights (.safetensors or .pth, torchvision's keys). Default: download them.", show_default=False
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Start from a shipped network or an exported .onnx file.",
            metavar="NAME|FILE",
            show_default=False,
            autocompletion=completion.shipped,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out.")] = False,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or mps.", metavar="KIND", autocompletion=completion.accelerators)
    ] = "auto",
    devices: Annotated[int, typer.Option(help="Processes (GPUs) per machine.", min=1)] = 1,
    nodes: Annotated[int, typer.Option(help="Number of machines.", min=1)] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    help_recipe: Annotated[
        bool,
        typer.Option("--help-recipe", callback=_help_recipe, is_eager=True, help="Describe every recipe key and exit."),
    ] = False,
) -> None:
    """Train on your photographs, stage by stage; then export, evaluate and describe each network.

    The run folder holds checkpoints, TensorBoard events, side-by-side pictures (results/), the resolved recipe, a log, and
    for each stage an ONNX network with its card. Ctrl-C saves a checkpoint; --resume continues from it.
    """
    del help_recipe
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise UsageError(f"--device must be auto, cpu, cuda or mps, not '{device}'")
    if resume and out is None:
        raise UsageError("--resume needs --out, the folder of the run to resume")
    if photos is None and not resume:
        raise UsageError("name a folder of photographs to train on: srgan train PHOTOS")
    try:
        from srgan.storage import place
        from srgan.training.request import Request, default_folder
        from srgan.training.run import train
    except ImportError as error:
        raise MissingExtraError("srgan train", "train") from error
    source = place(photos) if photos is not None else None
    if out is None:
        assert source is not None
        out = default_folder(source, recipe)
    networks = train(
        Request(
            photos=source,
            out=out,
            recipe=recipe,
            overrides=tuple(overrides or ()),
            lr=lr,
            validation=tuple(validation or ()),
            benchmarks=tuple(benchmark or ()),
            vgg_weights=vgg_weights,
            init=init,
            resume=resume,
            devices=devices,
            nodes=nodes,
            accelerator=device,
            quiet=quiet,
        )
    )
    if not quiet and networks:  # of several processes the first one alone exports
        for network in networks:
            print(f"{network}")
        print(f"to use it: srgan upscale PHOTO --model {networks[-1]}")
