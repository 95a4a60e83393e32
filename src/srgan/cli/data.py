"""``srgan data``: what to know about a folder of pictures before training on it, tiles of big ones, and drawn ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from srgan.data.check import DataReport

app = typer.Typer(help="Look after folders of training pictures.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _data() -> None:
    """Look after folders of training pictures."""


@app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures, searched recursively.", show_default=False)],
    smallest: Annotated[int, typer.Option(help="Least side in pixels: the crop of the recipe.", min=1)] = 96,
    quality: Annotated[int, typer.Option(help="Name JPEGs of a lower quality than this.", min=0, max=100)] = 60,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write what was found as JSON; - prints it.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that decode. Default: one for each core.", show_default=False)
    ] = None,
) -> None:
    """Find pictures that would harm a training: unreadable, too small, copies, flat, or heavily compressed.

    The exit code is 0 for a clean folder and 1 if anything is wrong with it. Nothing is changed.
    """
    from rich.console import Console

    from srgan.data.check import check
    from srgan.files import atomic_path

    errors = Console(stderr=True)
    with _bar(f"checking {folder}", errors) as progress:
        report = check(
            folder,
            smallest=smallest,
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


@app.command("prepare")
def prepare_command(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures, searched recursively.", show_default=False)],
    out: Annotated[str, typer.Argument(help="Empty folder, or URL such as s3://bucket/name.", show_default=False)],
    bands: Annotated[
        int, typer.Option(help="Bands of the network to train: 3 for RGB, 1 for gray, up to 13.", min=1)
    ] = 3,
    tile: Annotated[int, typer.Option(help="Side of the tiles, pixels.", min=16)] = 512,
    overlap: Annotated[int, typer.Option(help="Pixels that neighbouring tiles share.", min=0)] = 64,
    flat: Annotated[
        float,
        typer.Option(help="Drop tiles that vary less: standard deviation in levels of 255. 0 drops plain ones.", min=0),
    ] = 3.0,
    shard_size: Annotated[int, typer.Option(help="Megabytes a shard.", min=1)] = 256,
) -> None:
    """Cut big pictures into tiles, drop flat ones, and write them as shards that srgan train takes.

    The shards are tar files of PNG (TIFF for more than four bands), with an index. Training on them: srgan train OUT.
    """
    from rich.console import Console

    from srgan.data import shards
    from srgan.storage import place

    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    with _bar(f"cutting {folder}", errors) as progress:
        summary = shards.prepare(
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
        f"{summary.tiles} tiles of {summary.pictures} pictures, {summary.nbytes / 1e6:.1f} MB in {summary.shards} shards; "
        f"{summary.flat} flat tiles dropped, {len(summary.rejected)} pictures with damage"
    )
    print(f"to train on them: srgan train {out}" + (f" --set generator.bands={bands}" if bands != 3 else ""))


@app.command("draw")
def draw_command(
    folder: Annotated[
        Path, typer.Argument(help="Where to draw: best a folder among your photographs.", show_default=False)
    ],
    count: Annotated[int, typer.Option("--count", "-n", help="How many pictures.", min=1)] = 48,
    size: Annotated[str, typer.Option(metavar="WxH", help="Pixels of each.")] = "1024x768",
    seed: Annotated[int, typer.Option(help="Another seed draws other pictures.", min=0)] = 0,
    fonts: Annotated[
        Path | None,
        typer.Option(
            help="Folder of .ttf and .otf files to write with. Default: those of matplotlib and Pillow.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace drawn pictures of the same names.")] = False,
) -> None:
    """Draw text, slides, charts, tables, ink drawings and signs, for networks that shall enlarge such things sharply.

    Photographs teach little about ruled lines and letters. Draw about a fifth as many pixels as your photographs have, into
    a folder among them, and train on all together. The same options and fonts draw the same pictures.
    """
    from rich.console import Console

    from srgan.data.drawing import draw
    from srgan.engine.sizes import parse_fit

    width, height = parse_fit(size)
    errors = Console(stderr=True)
    with _bar(f"drawing into {folder}", errors) as progress:
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
    print(f"{len(files)} pictures, {pixels:.1f} megapixels: '{files[0]}' to '{files[-1].name}'")


@app.command("distil")
def distil_command(
    folder: Annotated[Path, typer.Argument(help="Folder of photographs, searched recursively.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Empty folder, for HR/ and LRx4/.", show_default=False)],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Network to teach: a shipped one's name or a .onnx file.")
    ] = "srresnet-x4",
    new: Annotated[
        Path | None,
        typer.Option(
            help="Folder of pictures that it is to get better at: learned from the originals.", show_default=False
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Pictures to take a piece of.", min=1)] = 200,
    side: Annotated[int, typer.Option(help="Largest side of a piece, pixels.", min=1)] = 480,
    seed: Annotated[int, typer.Option(help="Another seed takes other pieces.", min=0)] = 0,
) -> None:
    """Make pairs that teach a network its own self-ensemble: pictures reduced, and enlarged by it in eight ways.

    Then: srgan train OUT --recipe distil --init MODEL. The network gains a part of what --tta gains, and stays as fast as it is.
    With --new it also learns other pictures, all of that folder, without forgetting these.
    """
    from rich.console import Console

    from srgan.data.distill import distil

    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    with _bar(f"enlarging pieces of {folder}", errors) as progress:
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
    print(f"{made.pairs} pairs, {made.pixels / 1e6:.1f} megapixels in '{out}'")
    print(f"to train on them: srgan train {out} --recipe distil --init {model}")


@contextmanager
def _bar(what: str, errors: Console) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many are done, if a person is watching."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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
        f"{report.pictures} pictures, {report.megapixels:.1f} megapixels: "
        + (f"{report.bad} with problems ({found})" if found else "nothing wrong")
    )
