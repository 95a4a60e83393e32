"""``srgan upscale``."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srgan.cli.lines import printable, say
from srgan.cli.options import (
    CodecOption,
    FidelityOption,
    FitOption,
    HeightOption,
    ModelOption,
    NoAudioOption,
    NoSubtitlesOption,
    OnlyOption,
    WidthOption,
)
from srgan.engine.sizes import Target, parse_fit
from srgan.errors import UsageError
from srgan.models.catalogue import AUTO, DEFAULT

if TYPE_CHECKING:
    from srgan.jobs.reports import Listener


class PrecisionOption(StrEnum):
    """What the network computes in."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    int8 = "int8"


def upscale_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…",
            help="Pictures, folders of pictures, videos, animated GIF, WebP and PNG.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A file for one picture or video, a folder for many. Default: photo_x4.jpg beside photo.jpg, and the folder "
            "photos_x4 beside photos; with another size _x1.5, _w1920, _h1080, _1920x1080.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = DEFAULT,
    scale: Annotated[
        float | None,
        typer.Option(metavar="X", help="Enlargement: 3, 1.5, 8 … Default: the network's own.", show_default=False),
    ] = None,
    width: WidthOption = None,
    height: HeightOption = None,
    fit: FitOption = None,
    wrap: Annotated[
        bool, typer.Option("--wrap", help="For textures that repeat: the result repeats without a seam, too.")
    ] = False,
    tta: Annotated[
        bool, typer.Option("--tta", help="Mean over eight positions of the picture: more faithful, 8 times the work.")
    ] = False,
    fidelity: FidelityOption = None,
    precision: Annotated[
        PrecisionOption,
        typer.Option(
            help="auto: bf16 where the processor has it and the picture has 8 bits, else fp32. int8: faster, a little coarser."
        ),
    ] = PrecisionOption.auto,
    memory: Annotated[
        str, typer.Option(metavar="SIZE", help="For the work, for instance 500MB or 2GB; the program takes 150MB more.")
    ] = "1GB",
    exact: Annotated[
        bool, typer.Option("--exact", help="Tiles with the network's full halo, however large the picture.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="EXT",
            help="Format of the results: png, jpg, webp, tif, mp4, mkv … Default: the input's.",
            show_default=False,
        ),
    ] = None,
    quality: Annotated[
        int | None, typer.Option(min=1, max=100, help="For formats that lose, 1 to 100.", show_default=False)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say how far each result, reduced again, is from its input (in dB).")
    ] = False,
    check_map: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="And draw where one picture's result contradicts its input.", show_default=False
        ),
    ] = None,
    codec: Annotated[
        CodecOption,
        typer.Option(
            help="For videos. auto: H.264 for 8 bits, HEVC for more, AV1 in WebM; VP9 or ProRes for transparency."
        ),
    ] = CodecOption.auto,
    crf: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="For videos: lower is better and larger. Default: 17 for H.264, 18 for HEVC, 22 for AV1, 20 for VP9.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="For videos, the encoder's: ultrafast to veryslow, AV1 13 to 0, VP9 8 to 0. Default: medium, 6, 3.",
            show_default=False,
        ),
    ] = None,
    no_audio: NoAudioOption = False,
    no_subtitles: NoSubtitlesOption = False,
    only: OnlyOption = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Threads that compute. Default: one for each core.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="For a folder: say what there is to do and what it takes; write nothing.")
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="For a folder: write an HTML page with counts, failures and thumbnails.",
            show_default=False,
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="For a folder: compute on a Ray cluster. auto: the one this machine is in; local: this machine's cores; "
            "or HOST:PORT.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Enlarge pictures, videos and animated pictures.

    Prints one line for each file written. A file that fails is reported, the rest goes on, and the command exits
    with 1. A folder's results have a journal among them: started again, the command goes on where it was stopped and
    does only what changed. Outputs that it did not make are skipped.

    Of a video, timestamps, audio, subtitles, chapters, rotation and colour tags stay. Started again, the command resumes
    there, too. GIF and other animations become videos, and videos animations, by the output's name.
    """
    budget = parse_size(memory)
    box = None if fit is None else parse_fit(fit)
    Target(scale, width, height, box)  # a contradiction is said before anything is loaded

    from srgan import image
    from srgan.cli import folder, many_bands, video
    from srgan.engine.choice import ModelChooser
    from srgan.engine.multiband import bands_of
    from srgan.jobs import report_page
    from srgan.jobs.folder import results_folder
    from srgan.jobs.plan import plan, refuse_existing
    from srgan.jobs.run import run_one, run_pictures
    from srgan.video import names

    if bands_of(model) != 3:
        wishes_not_met = {
            "--scale": scale,
            "--width": width,
            "--height": height,
            "--fit": fit,
            "--wrap": wrap,
            "--tta": tta,
        }
        wishes_not_met |= {"--fidelity": fidelity, "--format": format, "--quality": quality, "--check": check}
        wishes_not_met |= {"--check-map": check_map, "--dry-run": dry_run, "--report": report, "--ray": ray}
        many_bands.run(
            paths,
            output,
            model,
            options={"precision": precision.value, "memory": budget, "threads": threads},
            refused=[name for name, value in wishes_not_met.items() if value],
            overwrite=overwrite,
            quiet=quiet,
        )
        return
    clips, paths = video.split(paths, output, format)
    given = {"--check": check, "--check-map": check_map, "--dry-run": dry_run, "--report": report, "--ray": ray}
    streams = video.selection(only, no_audio=no_audio, no_subtitles=no_subtitles)
    video_options = video.VideoOptions(codec, crf, preset, quality, overwrite, quiet, streams)
    misplaced = [name for name, value in given.items() if value]
    video.check(clips, video_options, misplaced, output=output, format=format)
    if clips and paths and output is not None:
        output = os.path.join(output, "")  # for both it is a folder

    options: dict[str, Any] = {
        "scale": scale,
        "width": width,
        "height": height,
        "fit": box,
        "wrap": wrap,
        "tta": tta,
        "fidelity": fidelity,
        "precision": precision.value,
        "memory": budget,
        "exact": exact,
        "threads": threads,
    }
    chooser = ModelChooser(model, **options)
    films = names.plan(clips, output, chooser.label, format=format)
    made = {"model": model, **options}
    if films and not paths:
        if not video.run(films, chooser.first, made, video_options, many=len(films) > 1):
            raise typer.Exit(1)
        return
    urls = folder.plan_urls(paths, output, scale=chooser.label, format=format)
    work = plan(paths, output, scale=chooser.label, format=format) if urls is None else urls.jobs
    single = urls is None and len(work) == 1 and not clips and not os.path.isdir(paths[0])  # a folder is never single
    place = results_folder(work, paths, output) if urls is None else urls.folder
    if single:
        place = None
    if place is None and (dry_run or report is not None or ray is not None):
        raise UsageError(
            "--dry-run, --report and --ray are for a folder of pictures: name one, or give many and -o FOLDER"
        )
    if ray is not None and check:
        raise UsageError("--check is not for a cluster: leave --check or --ray out")
    if report is not None:
        report_page.check_name(report)
    if single:
        refuse_existing(work[0].target, overwrite=overwrite)
    if check_map is not None:
        if not single:
            raise UsageError("--check-map draws one picture: name one, or leave it out")
        image.format_of(check_map)  # a wrong suffix is said before the work, not after it
        if os.path.realpath(check_map) in map(os.path.realpath, (work[0].source, work[0].target)):
            raise UsageError(f"{check_map} is the picture itself: give the map of --check-map another name")
        refuse_existing(Path(check_map), overwrite=overwrite)
    whole = None
    if place is not None:
        settings = {name: value for name, value in options.items() if name not in ("memory", "threads")}
        settings["quality"] = quality
        whole = folder.describe(work, place, model, settings, None if urls is None else urls.versions)
        if dry_run:
            print("\n".join(folder.dry_run(whole, chooser, overwrite=overwrite, quality=quality)))
            return
    with _listener(many=not single, quiet=quiet, chosen=model == AUTO) as listener:
        if single:
            check = check or check_map is not None
            done = run_one(work[0], chooser, overwrite=overwrite, quality=quality, check=check, listener=listener)
            if check_map is not None and done.check is not None:
                image.write(image.Picture(done.check.map()), check_map, overwrite=overwrite)
            return
        if whole is None:
            done_all = run_pictures(work, chooser, overwrite=overwrite, quality=quality, check=check, listener=listener)
        else:
            done_all = folder.run(
                whole,
                chooser,
                overwrite=overwrite,
                quality=quality,
                check=check,
                listener=listener,
                report_to=report,
                cluster=None if ray is None else folder.Cluster(ray, model, options),
            )
    if not quiet:
        unchanged = f"{len(done_all.unchanged)} up to date, " if done_all.unchanged else ""
        say(
            f"{len(done_all.written)} written, {unchanged}{len(done_all.skipped)} skipped, {len(done_all.failed)} failed"
        )
    fine = video.run(films, chooser.first, made, video_options, many=True)
    if done_all.failed or not fine:
        raise typer.Exit(1)


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_size(text: str) -> int:
    """Return the bytes that ``500MB``, ``1.5 GB`` or ``2GiB`` mean; UsageError for anything else."""
    number = text.strip().rstrip("BbIiKkMmGg").strip()
    unit = text.strip()[len(number) :].strip().upper()
    unit = unit + "B" if unit in ("K", "M", "G") else unit
    try:
        size = float(number) * _UNITS[unit]
        if not 0 < size < 2**62:
            raise ValueError
    except (ValueError, KeyError):
        raise UsageError(f"{text!r} is no size: write for instance 500MB or 2GB") from None
    return int(size)


def _listener(*, many: bool, quiet: bool, chosen: bool) -> AbstractContextManager[Listener]:
    """Return what prints the run's lines, with a progress bar around it if a person is watching."""
    from srgan.jobs.job import Job
    from srgan.jobs.reports import Done, Failure, Listener

    class Lines(Listener):
        def written(self, done: Done) -> None:
            if not quiet:
                before, after = ("x".join(map(str, size)) for size in (done.before, done.after))
                said = "" if done.check is None else f"  consistency {done.check.psnr:.1f} dB"
                target = printable(str(done.job.target))
                after += f", the first of {done.enlarged} pages" if done.enlarged > 1 else ""
                said += f"  by {done.network}" if chosen and done.network else ""
                print(f"{target}  {before} -> {after}  {done.seconds:.1f} s{said}", flush=True)
                if done.pages > done.enlarged:
                    say(f"{done.job.source} has {done.pages} pages or frames: the first one was enlarged")

        def skipped(self, job: Job) -> None:
            if not quiet:
                say(f"{job.target} exists, skipped (--overwrite replaces it)")

        def failed(self, failure: Failure) -> None:
            if many:  # the error of a single picture is raised and printed at the end
                say(str(failure.error))

    if quiet or not sys.stderr.isatty():
        return nullcontext(Lines())

    from srgan.cli.progress import Bar

    return Bar(Lines(), many=many)
