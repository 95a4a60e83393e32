"""``srgan evaluate``: how good a model is, by the literature's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srgan.cli import completion
from srgan.cli.counting import count_bar
from srgan.cli.lines import check_address_space
from srgan.cli.options import PrecisionOption
from srgan.errors import MissingExtraError

if TYPE_CHECKING:
    from srgan.evaluation.scores import BenchmarkReport, ImageScore, SetScore
    from srgan.networks.vgg import VGGFeatures


_ADDRESS_SPACE = 1_000_000_000
"""Of the libraries alone: SciPy, Matplotlib and the runtime."""


def evaluate_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="bicubic, a shipped network ('srgan models' lists them) or a .onnx file.",
            show_default=False,
            autocompletion=completion.measured,
        ),
    ],
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER…",
            help="Benchmarks: folders with HR/ and optionally LRx2/, LRx3/ or LRx4/, or simply with pictures.",
            show_default=False,
        ),
    ],
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the figures as JSON; - prints them instead of the tables.",
            show_default=False,
        ),
    ] = None,
    figure_file: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            metavar="FILE",
            help="Draw crops of up to six pictures beside bicubic and the original (.png, .svg or .pdf).",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(help="Scale of bicubic. Default: 4.", min=2, max=16, show_default=False),
    ] = None,
    precision: Annotated[
        PrecisionOption, typer.Option(help="Precision of the network. Published figures are in fp32.")
    ] = PrecisionOption.fp32,
    perceptual: Annotated[
        bool,
        typer.Option("--perceptual", help="Also measure the perceptual distance in VGG16 features (needs torch)."),
    ] = False,
    vgg_weights: Annotated[
        Path | None,
        typer.Option(
            help="VGG16 weights for --perceptual (.safetensors or .pth, torchvision's keys). Default: download them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure a model: PSNR in dB and SSIM, on luma, with a border of SCALE pixels cropped.

    If a folder has no LR pictures, they are made from HR with a bit-exact copy of MATLAB's bicubic. A picture that cannot
    be read or has no partner ends the evaluation: a mean over fewer pictures would not be comparable.
    """
    from rich.console import Console

    check_address_space("srgan evaluate", _ADDRESS_SPACE)
    from srgan.evaluation import figure
    from srgan.evaluation.benchmark import evaluate
    from srgan.files import atomic_path

    if figure_file is not None:
        figure.check_target(figure_file)
    features = _features(vgg_weights) if perceptual or vgg_weights is not None else None
    with count_bar(f"evaluating {model}", Console(stderr=True)) as progress:
        report = evaluate(
            model,
            folders,
            scale=scale,
            precision=precision.value,
            features=features,
            keep_samples=figure_file is not None,
            progress=progress,
        )
    if str(json_file) == "-":
        typer.echo(report.to_json(), nl=False)
    else:
        _print_tables(report)
    if json_file is not None and str(json_file) != "-":
        with atomic_path(json_file, overwrite=True) as partial:
            partial.write_text(report.to_json(), encoding="utf-8")
    if figure_file is not None:
        figure.write_figure(report, figure_file)


def _features(weights: Path | None) -> VGGFeatures:
    try:
        from srgan.networks.vgg import load_vgg
    except ImportError as error:
        raise MissingExtraError("srgan evaluate --perceptual", "train") from error
    from srgan.evaluation.metrics import VGG_DISTANCE_LAYERS

    return load_vgg("vgg16", VGG_DISTANCE_LAYERS, weights)


def _print_tables(report: BenchmarkReport) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for entry in report.sets:
        # Text, because a str with [brackets] would be taken for markup.
        table = Table(title=Text(f"{report.model} x{report.scale} on {entry.name}"), title_justify="left")
        table.add_column("picture", overflow="fold")
        table.add_column("PSNR-Y, dB", justify="right")
        table.add_column("SSIM-Y", justify="right")
        if entry.vgg_distance is not None:
            table.add_column("VGG distance", justify="right")
        for image in entry.images:
            table.add_row(Text(image.name), *_cells(image))
        table.add_section()
        table.add_row(f"mean of {len(entry.images)}", *_cells(entry), style="bold")
        console.print(table)


def _cells(score: ImageScore | SetScore) -> list[str]:
    cells = [f"{score.psnr_y:.2f}", f"{score.ssim_y:.4f}"]
    return cells if score.vgg_distance is None else [*cells, f"{score.vgg_distance:.4f}"]
