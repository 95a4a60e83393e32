"""``srgan upscale``: its options; :mod:`srgan.cli.work` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from srgan.cli.options import (
    FOLDER,
    NETWORK,
    OUTPUT,
    SIZE,
    VIDEO,
    CodecOption,
    DenoiseOption,
    DeviceOption,
    FidelityOption,
    FitOption,
    HeightOption,
    ModelOption,
    NoAudioOption,
    NoSubtitlesOption,
    OnlyOption,
    PrecisionOption,
    WidthOption,
)
from srgan.engine.sizes import Target, parse_fit
from srgan.models.catalogue import DEFAULT


def upscale_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…",
            help="Pictures, folders of pictures, videos, animated GIF, WebP and PNG; URLs; - for a picture from stdin.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A file for one picture or video, a folder for many, - for stdout. Default: photo_x4.jpg beside "
            "photo.jpg, and the folder photos_x4 beside photos; for other sizes _x1.5, _w1920, _h1080, _1920x1080.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    model: ModelOption = DEFAULT,
    scale: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Scale factor: 3, 1.5, 8 …; 1 cleans and keeps the size. Up to 2 and above 4, auto takes networks for that. "
            "Default: the network's own.",
            show_default=False,
            rich_help_panel=SIZE,
        ),
    ] = None,
    width: WidthOption = None,
    height: HeightOption = None,
    fit: FitOption = None,
    wrap: Annotated[
        bool,
        typer.Option(
            "--wrap",
            help="For textures that tile: the result tiles without a seam, too.",
            rich_help_panel=NETWORK,
        ),
    ] = False,
    tta: Annotated[
        bool,
        typer.Option(
            "--tta",
            help="Average over eight orientations of the picture: more accurate, 8 times the work.",
            rich_help_panel=NETWORK,
        ),
    ] = False,
    fidelity: FidelityOption = None,
    denoise: DenoiseOption = None,
    precision: Annotated[
        PrecisionOption,
        typer.Option(
            help="auto: for 8-bit pictures bf16 if the processor has it and fp16 on a GPU, otherwise fp32. int8: faster, "
            "slightly coarser.",
            rich_help_panel=NETWORK,
        ),
    ] = PrecisionOption.auto,
    memory: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Memory for the work, such as 500MB or 2GB; the program itself takes 150 MB more.",
            rich_help_panel=NETWORK,
        ),
    ] = "1GB",
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Always overlap tiles by the network's full receptive field, however large the picture.",
            rich_help_panel=NETWORK,
        ),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Threads to compute with. Default: one per core.",
            show_default=False,
            rich_help_panel=NETWORK,
        ),
    ] = None,
    device: DeviceOption = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing outputs.", rich_help_panel=OUTPUT)
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="EXT",
            help="Format of the results: png, jpg, webp, tif, mp4, mkv … Default: the input's.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Quality of lossy formats, 1 to 100.", show_default=False, rich_help_panel=OUTPUT
        ),
    ] = None,
    keep_date: Annotated[
        bool, typer.Option("--keep-date", help="Give results the date of their input files.", rich_help_panel=OUTPUT)
    ] = False,
    no_history: Annotated[
        bool,
        typer.Option(
            "--no-history",
            help="Do not record this program and the network in the result's XMP.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    suffix: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Text appended to the input's name, instead of _x4. Default for an output folder elsewhere: none.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Full name of the results, for instance '{stem}_{scale}x.{ext}'.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Print how closely each result, reduced again, matches its input, in dB.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    check_map: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Also draw where the result of one picture contradicts its input.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    skip_larger: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Leave out pictures larger than this, for instance 4000x3000.",
            show_default=False,
            rich_help_panel=FOLDER,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Keep processing new pictures that arrive in the folder, until Ctrl-C.",
            rich_help_panel=FOLDER,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print what would be done, and the time and disk space it takes; write nothing.",
            rich_help_panel=FOLDER,
        ),
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write an HTML page with counts, failures and thumbnails.",
            show_default=False,
            rich_help_panel=FOLDER,
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Compute on a Ray cluster. auto: the one this machine belongs to; local: this machine only; or HOST:PORT.",
            show_default=False,
            rich_help_panel=FOLDER,
        ),
    ] = None,
    codec: Annotated[
        CodecOption,
        typer.Option(
            help="auto: H.264 for 8 bits, HEVC for more, AV1 in WebM; VP9 or ProRes for transparency.",
            rich_help_panel=VIDEO,
        ),
    ] = CodecOption.auto,
    crf: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Lower means better and larger. Default: 17 for H.264, 18 for HEVC, 22 for AV1, 20 for VP9.",
            show_default=False,
            rich_help_panel=VIDEO,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Encoder preset: ultrafast to veryslow, AV1 13 to 0, VP9 8 to 0. Default: medium, 6, 3.",
            show_default=False,
            rich_help_panel=VIDEO,
        ),
    ] = None,
    no_audio: NoAudioOption = False,
    no_subtitles: NoSubtitlesOption = False,
    only: OnlyOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Enlarge pictures, videos and animated pictures.

    Prints one line for each file written. A file that fails is reported, the others are still done, and the exit code is
    1. The output folder keeps a journal: run again, the command resumes and does only what has changed.
    Existing files that it did not make are skipped; files that are not pictures are counted.

    Videos keep timestamps, audio, subtitles, chapters, rotation and colour tags, and an interrupted video resumes, too.
    GIF and other animations become videos, and videos animations, if the output's name says so.
    """
    given = dict(locals())
    # Contradictions are said before anything is loaded.
    Target(scale, width, height, None if fit is None else parse_fit(fit))

    from srgan.cli.upscale_options import CommandOptions
    from srgan.cli.work import carry_out

    if not carry_out(CommandOptions.from_command(given)):
        raise typer.Exit(1)
