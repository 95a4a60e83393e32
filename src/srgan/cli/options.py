"""Options that several commands have, said once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class CodecOption(StrEnum):
    """Codecs of videos."""

    auto = "auto"
    h264 = "h264"
    hevc = "hevc"
    av1 = "av1"
    vp9 = "vp9"
    prores = "prores"


ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|FILE",
        help="A shipped network ('srgan models' lists them), auto, which chooses by the file, or a .onnx file.",
    ),
]
WidthOption = Annotated[
    int | None, typer.Option(metavar="PX", help="Instead: pixels across in the result.", show_default=False)
]
HeightOption = Annotated[
    int | None, typer.Option(metavar="PX", help="Instead: pixels down in the result.", show_default=False)
]
FitOption = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Instead: a box to fit into, for instance 1920x1080.", show_default=False),
]
FidelityOption = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        help="Blend the GAN (0, sharpest) with its faithful partner (1, nothing invented). Default: 0.",
        show_default=False,
    ),
]
NoAudioOption = Annotated[bool, typer.Option("--no-audio", help="For videos: without sound.")]
NoSubtitlesOption = Annotated[bool, typer.Option("--no-subtitles", help="For videos: without subtitles.")]
OnlyOption = Annotated[
    str | None,
    typer.Option(
        metavar="KINDS",
        help="For videos: keep the picture and these alone: video (nothing else), audio, subtitles; with commas between them.",
        show_default=False,
    ),
]
