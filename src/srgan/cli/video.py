"""``srgan video``."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srgan.cli.lines import printable, say
from srgan.cli.options import FidelityOption, FitOption, HeightOption, ModelOption, WidthOption
from srgan.cli.upscale import PrecisionOption, parse_size
from srgan.errors import MissingExtraError, UsageError
from srgan.models.catalogue import DEFAULT
from srgan.sizes import Target, parse_fit

if TYPE_CHECKING:
    from srgan.video.work import Listener


class CodecOption(StrEnum):
    """Codecs of results."""

    auto = "auto"
    h264 = "h264"
    hevc = "hevc"
    av1 = "av1"


def video_command(
    clip: Annotated[
        str, typer.Argument(metavar="CLIP", help="A video, or an animated GIF, WebP or PNG.", show_default=False)
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A file: .mp4, .mov, .mkv, .webm, or .gif, .webp, .png for animated pictures. Default: clip_x4.mp4 "
            "beside clip.mp4.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = DEFAULT,
    scale: Annotated[
        float | None,
        typer.Option(metavar="X", help="Enlargement: 2, 1.5 … Default: the network's own.", show_default=False),
    ] = None,
    width: WidthOption = None,
    height: HeightOption = None,
    fit: FitOption = None,
    fidelity: FidelityOption = None,
    codec: Annotated[
        CodecOption, typer.Option(help="auto: H.264 for 8 bits, HEVC for more, AV1 in WebM.")
    ] = CodecOption.auto,
    crf: Annotated[
        int | None,
        typer.Option(min=0, help="Lower is better and larger. Default: 17 for H.264, 18 for HEVC, 22 for AV1."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="The encoder's: ultrafast to veryslow, AV1 13 to 0. Default: medium, 6.", show_default=False),
    ] = None,
    quality: Annotated[
        int | None, typer.Option(min=1, max=100, help="For animated WebP, 1 to 100.", show_default=False)
    ] = None,
    precision: Annotated[
        PrecisionOption,
        typer.Option(help="auto: bf16 where the processor has it and the video has 8 bits, else fp32."),
    ] = PrecisionOption.auto,
    memory: Annotated[
        str, typer.Option(metavar="SIZE", help="For the network, for instance 500MB or 2GB; the encoder comes on top.")
    ] = "1GB",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that compute. Default: one for each core.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Enlarge a video, or an animated picture.

    Timestamps, audio, subtitles, chapters, rotation and colour tags stay. Frames that repeat the one before are not
    computed again. A run that was stopped goes on when the same command is given again.
    """
    budget = parse_size(memory)
    box = None if fit is None else parse_fit(fit)
    size: dict[str, Any] = {"scale": scale, "width": width, "height": height, "fit": box}
    wanted = Target(**size)  # a contradiction is said before anything is loaded

    from srgan.video import names

    source = Path(clip)
    animated = names.is_animation(source)
    if animated and (codec is not CodecOption.auto or crf is not None or preset is not None):
        raise UsageError("--codec, --crf and --preset are for videos: leave them out")
    if not animated and quality is not None:
        raise UsageError("--quality is for animated WebP: say --crf for a video")
    if not animated:
        try:
            from srgan.video.encoder import Encoding
            from srgan.video.run import upscale_clip
        except ImportError as error:
            raise MissingExtraError("srgan video", "video") from error
    from srgan.models.catalogue import resolve
    from srgan.upscaler import Upscaler
    from srgan.video.animation import upscale_animation
    from srgan.video.work import check_source, refuse

    check_source(source)
    if output is not None or any(value is not None for value in size.values()):
        # What cannot be is said before the network opens.
        refuse(source, names.target_for(source, output, wanted.label(1)), overwrite=overwrite)
    options = {**size, "fidelity": fidelity, "precision": precision.value, "memory": budget}
    upscaler = Upscaler(model, threads=threads, **options)
    target = names.target_for(source, output, upscaler.label)
    with _listener(quiet=quiet) as listener:
        if animated:
            done = upscale_animation(source, target, upscaler, overwrite=overwrite, quality=quality, listener=listener)
        else:
            encoding = Encoding(codec.value, crf, preset)
            options["model"] = resolve(model).stat().st_mtime_ns  # another network may have come under this name
            try:
                done = upscale_clip(
                    source, target, upscaler, encoding=encoding, options=options, overwrite=overwrite, listener=listener
                )
            except KeyboardInterrupt:
                say("give the same command again to go on")
                raise
    if not quiet:
        before, after = ("x".join(map(str, pair)) for pair in (done.before, done.after))
        counts = f"{done.frames} frames, {done.computed} computed"
        print(f"{printable(str(done.target))}  {before} -> {after}  {counts}  {done.seconds:.1f} s", flush=True)


def _listener(*, quiet: bool) -> AbstractContextManager[Listener]:
    """Return what prints notes, with a progress bar if a person is watching."""
    from srgan.video.work import Listener

    class Notes(Listener):
        def started(self, source: Path, total: int, resumed: int) -> None:
            if resumed and not quiet:
                of = f" of about {total}" if total else ""
                say(f"{source}: {resumed}{of} frames are done already")

        def note(self, text: str) -> None:
            if not quiet:
                say(text)

    if quiet or not sys.stderr.isatty():
        return nullcontext(Notes())

    from srgan.cli.frames import FrameBar

    return FrameBar(Notes())
