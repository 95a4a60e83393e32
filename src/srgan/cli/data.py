"""``srgan data``: training pictures before training: check a folder, cut big ones into tiles, draw some, make pairs to distil."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srgan.cli import completion
from srgan.cli.counting import count_bar
from srgan.cli.lines import check_address_space
from srgan.data.words import counted

if TYPE_CHECKING:
    from srgan.data.check import DataReport

_ADDRESS_SPACE = 500_000_000
"""Below that GLib ends the process where decoding threads get no memory, without a word of what it did."""

app = typer.Typer(help="Check, prepare and create training pictures.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _data() -> None:
    """Check, prepare and create training pictures."""


@app.command("check")
def check_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of pictures, searched recursively.", show_default=False)
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            metavar="NAME|FILE",
            autocompletion=completion.recipes,
            help="Recipe to train with: its largest crop is the minimum side, and pictures must have its bands.",
            show_default=False,
        ),
    ] = None,
    smallest: Annotated[
        int | None,
        typer.Option(help="Minimum side in pixels. Default: the recipe's crop, or 96.", show_default=False, min=1),
    ] = None,
    quality: Annotated[int, typer.Option(help="Report JPEGs below this quality.", min=0, max=100)] = 60,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the report as JSON; - prints it.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads for decoding. Default: one per core.", show_default=False)
    ] = None,
) -> None:
    """Find pictures that would harm training, or be left out of it: unreadable, too small, copies, flat, and more.

    The exit code is 0 for a clean folder and 1 if there are problems. Nothing is changed.
    """
    from rich.console import Console

    from srgan.data.check import check
    from srgan.files import atomic_path

    check_address_space("srgan data check", _ADDRESS_SPACE)
    crop, bands = _needs_of(recipe)
    with count_bar(f"checking {folder}", Console(stderr=True)) as progress:
        report = check(
            folder,
            smallest=smallest or crop,
            bands=bands,
            quality=quality,
            threads=threads,
            progress=progress,
        )
    if str(json_file) == "-":
        typer.echo(report.to_json(), nl=False)
    else:
        _print_table(report)
    if json_file is not None and str(json_file) != "-":
        with atomic_path(json_file, overwrite=True) as partial:
            partial.write_text(report.to_json(), encoding="utf-8")
    if report.problems:
        raise typer.Exit(1)


def _needs_of(recipe: str | None) -> tuple[int, int]:
    """Return the least side of pictures, in pixels, and the bands that a recipe trains on."""
    if recipe is None:
        return 96, 3
    from srgan.training.recipe import load_recipe

    found = load_recipe(recipe)
    return max(stage.crop for stage in found.stages.values()), found.generator.bands


@app.command("prepare")
def prepare_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of pictures, searched recursively.", show_default=False)
    ],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="Empty folder, or URL such as s3://bucket/name.", show_default=False)
    ],
    bands: Annotated[
        int, typer.Option(help="Bands of the network to be trained: 3 for RGB, 1 for gray, up to 13.", min=1)
    ] = 3,
    tile: Annotated[int, typer.Option(help="Side of the tiles in pixels.", min=16)] = 512,
    overlap: Annotated[int, typer.Option(help="Pixels that neighbouring tiles share.", min=0)] = 64,
    flat: Annotated[
        float,
        typer.Option(
            help="Drop tiles with a lower standard deviation, in levels of 255; 0 drops only those of one colour.",
            min=0,
        ),
    ] = 3.0,
    shard_size: Annotated[int, typer.Option(help="Megabytes per shard.", min=1)] = 256,
) -> None:
    """Cut large pictures into tiles, drop flat ones, and write the rest as shards for srgan train.

    The shards are tar files of PNG (TIFF for more than four bands), with an index. To train on them: srgan train OUT.
    """
    from rich.console import Console

    from srgan.data.shard_writer import prepare
    from srgan.storage import place

    check_address_space("srgan data prepare", _ADDRESS_SPACE)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    with count_bar(f"cutting {folder}", errors) as progress:
        summary = prepare(
            folder,
            place(out),
            bands=bands,
            tile=tile,
            overlap=overlap,
            flat=flat,
            shard_bytes=shard_size * 1_000_000,
            progress=progress,
        )
    for name, reason in summary.rejected:
        errors.print(f"left out: {name}: {reason}", markup=False)
    print(
        f"{counted(summary.tiles, 'tile')} of {counted(summary.pictures, 'picture')}, {summary.nbytes / 1e6:.1f} MB in "
        f"{counted(summary.shards, 'shard')}; {counted(summary.flat, 'flat tile')} dropped, "
        f"{counted(len(summary.rejected), 'picture')} with damage"
    )
    print(f"to train on them: srgan train {out}" + (f" --set generator.bands={bands}" if bands != 3 else ""))


@app.command("draw")
def draw_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Where to write: ideally a subfolder of your photographs.", show_default=False
        ),
    ],
    count: Annotated[int, typer.Option("--count", "-n", help="Number of pictures.", min=1)] = 48,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of each picture in pixels.")] = "1024x768",
    seed: Annotated[int, typer.Option(help="Another seed draws different pictures.", min=0)] = 0,
    fonts: Annotated[
        Path | None,
        typer.Option(
            help="Folder of .ttf and .otf fonts to use. Default: those of matplotlib and Pillow.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing pictures of the same names.")
    ] = False,
) -> None:
    """Draw text, slides, charts, tables, ink drawings and signs, to train networks that upscale such things sharply.

    Photographs teach little about ruled lines and letters. Draw about a fifth as many pixels as your photographs have, into
    a subfolder, and train on all of them together. The same options and fonts always draw the same pictures.
    """
    from rich.console import Console

    from srgan.data.drawing import draw
    from srgan.engine.sizes import parse_fit

    width, height = parse_fit(size)
    errors = Console(stderr=True)
    with count_bar(f"drawing into {folder}", errors) as progress:
        files = draw(
            folder,
            count,
            seed=seed,
            width=width,
            height=height,
            fonts=fonts,
            overwrite=overwrite,
            progress=progress,
        )
    pixels = len(files) * width * height / 1e6
    print(f"{counted(len(files), 'picture')}, {pixels:.1f} megapixels: '{files[0]}' to '{files[-1].name}'")


@app.command("distil")
def distil_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of photographs, searched recursively.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Empty folder, for HR/ and LRx4/.", show_default=False)],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME|FILE",
            help="Network to distil: the name of a shipped one, or a .onnx file.",
            autocompletion=completion.shipped,
        ),
    ] = "srresnet-x4",
    new: Annotated[
        Path | None,
        typer.Option(
            help="Folder of pictures that the network should get better at, with the originals as targets.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Number of pictures to take a piece from.", min=1)] = 200,
    side: Annotated[int, typer.Option(help="Largest side of a piece in pixels.", min=1)] = 480,
    seed: Annotated[int, typer.Option(help="Another seed takes different pieces.", min=0)] = 0,
) -> None:
    """Make training pairs from a network's own self-ensemble: pictures reduced, then enlarged by it in eight orientations.

    Then: srgan train OUT --recipe distil --init MODEL. The network gains part of what --tta gains, at no loss of speed.
    With --new it also learns all pictures in that folder, without forgetting what it knows.
    """
    from rich.console import Console

    from srgan.data.distill import distil

    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    with count_bar(f"enlarging pieces of {folder}", errors) as progress:
        made = distil(
            folder,
            out,
            model,
            new=new,
            count=count,
            side=side,
            seed=seed,
            progress=progress,
        )
    for name, reason in made.rejected:
        errors.print(f"left out: {name}: {reason}", markup=False)
    print(f"{counted(made.pairs, 'pair')}, {made.pixels / 1e6:.1f} megapixels in '{out}'")
    print(f"to train on them: srgan train {out} --recipe distil --init {model}")


def _print_table(report: DataReport) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if report.problems:
        table = Table()
        table.add_column("picture", overflow="fold")
        table.add_column("what", no_wrap=True)
        table.add_column("why", overflow="fold")
        for problem in report.problems:
            # Text, because a str with [brackets] would be taken for markup.
            name = problem.file.relative_to(report.folder).as_posix()
            table.add_row(Text(name), problem.kind, Text(problem.reason))
        Console().print(table)
    found = ", ".join(f"{count} {kind}" for kind, count in report.counts().items() if count)
    print(
        f"{counted(report.pictures, 'picture')}, {report.megapixels:.1f} megapixels: "
        + (f"{report.bad} with problems ({found})" if found else "nothing wrong")
    )
