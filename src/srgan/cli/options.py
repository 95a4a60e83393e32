"""Options that several commands have, said once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from srgan.cli import completion
from srgan.errors import UsageError


class CodecOption(StrEnum):
    """Codecs of videos."""

    auto = "auto"
    h264 = "h264"
    hevc = "hevc"
    av1 = "av1"
    vp9 = "vp9"
    prores = "prores"


class PrecisionOption(StrEnum):
    """What the network computes in."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"
    int8 = "int8"


SIZE, NETWORK, OUTPUT, FOLDER, VIDEO = "Size", "Network", "Output", "Folders", "Videos"
"""Groups of options in the help."""


MACHINE = ("memory", "threads", "device")
"""Options of the network that say how this machine computes: results do not depend on them."""


class GroupedCommand(TyperCommand):
    """A command whose help shows options in their groups, in plain text (rich takes as long to import as all else)."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then each group under its name, then the rest."""
        groups: dict[str, list[tuple[str, str]]] = {
            title: [] for title in ("Arguments", SIZE, NETWORK, OUTPUT, FOLDER, VIDEO)
        }
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                group = getattr(param, "rich_help_panel", None) or "Other options"
                groups.setdefault("Arguments" if param.param_type_name == "argument" else group, []).append(record)
        others = groups.pop("Other options", [])
        for title, records in [*groups.items(), ("Other options", others)]:
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


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


ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|FILE",
        autocompletion=completion.networks,
        rich_help_panel=NETWORK,
        help="A shipped network ('srgan models' lists them), a .onnx file, or auto, which chooses for each picture.",
    ),
]
WidthOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX", help="Instead of --scale: width of the result.", show_default=False, rich_help_panel=SIZE
    ),
]
HeightOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX", help="Instead of --scale: height of the result.", show_default=False, rich_help_panel=SIZE
    ),
]
FitOption = Annotated[
    str | None,
    typer.Option(
        metavar="WxH",
        help="Instead of --scale: a box that the result fits into, such as 1920x1080.",
        show_default=False,
        rich_help_panel=SIZE,
    ),
]
FidelityOption = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        rich_help_panel=NETWORK,
        help="Faithful rather than invented detail: from the GAN (0, sharpest) to its faithful partner (1). "
        "Default: 0; with auto, by the noise.",
        show_default=False,
    ),
]
DenoiseOption = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        rich_help_panel=NETWORK,
        help="How much noise, JPEG blocking and blur to remove: 0 none, 1 all; in between takes twice the work. "
        "Default: with auto, what each picture needs; otherwise what the network does.",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        autocompletion=completion.devices,
        rich_help_panel=NETWORK,
        help="Device to compute on: cpu, gpu, or a name from 'srgan devices'; gpu:0,gpu:1 share a folder. "
        "auto: a GPU if its results are correct and it is faster.",
    ),
]
NoAudioOption = Annotated[bool, typer.Option("--no-audio", help="Leave out the sound.", rich_help_panel=VIDEO)]
NoSubtitlesOption = Annotated[
    bool, typer.Option("--no-subtitles", help="Leave out the subtitles.", rich_help_panel=VIDEO)
]
OnlyOption = Annotated[
    str | None,
    typer.Option(
        metavar="KINDS",
        help="Keep only the picture and these streams: video (nothing else), audio, subtitles; separated by commas.",
        show_default=False,
        rich_help_panel=VIDEO,
    ),
]
