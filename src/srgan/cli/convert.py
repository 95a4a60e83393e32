"""``srgan convert``: foreign weights in, a network for ``srgan upscale --model`` out; or the int8 form of one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from srgan.errors import MissingExtraError, UsageError


class OutputFormat(StrEnum):
    """What to write."""

    onnx = "onnx"
    state_dict = "state-dict"


def convert_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Weights: srgan-keras .h5, .pth of a known SRGAN repository or of a community network, "
            "or a checkpoint of srgan train. With --int8, --fidelity and --to state-dict: a network, by name or .onnx file.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="File to write. Default: FILE with the new extension.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the network. Default: the output's name.", show_default=False),
    ] = None,
    to: Annotated[
        OutputFormat, typer.Option("--to", help="onnx, or state-dict: our generator's weights in safetensors.")
    ] = OutputFormat.onnx,
    half: Annotated[
        bool, typer.Option("--fp16", help="Store weights in fp16: half the file size, almost the same result.")
    ] = False,
    int8: Annotated[
        Path | None,
        typer.Option(
            "--int8",
            metavar="PHOTOS",
            help="Instead: write the int8 version of a network, for srgan upscale --precision int8, calibrated on the "
            "photographs in this folder.",
            show_default=False,
        ),
    ] = None,
    fidelity: Annotated[
        float | None,
        typer.Option(
            "--fidelity",
            metavar="0..1",
            help="Instead: blend a GAN (0) with the network it was trained from (1), and write the result as a new network.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
) -> None:
    """Convert weights to a network for srgan upscale --model, and check it.

    Code in a .pth file is never run. Before it is written, the result is compared with the original network.
    """
    if fidelity is not None:
        if to is not OutputFormat.onnx or half or int8 is not None:
            raise UsageError("--fidelity writes a blend as it is: leave out --to, --fp16 and --int8")
        _blend(file, fidelity, output, name, overwrite=overwrite)
        return
    if int8 is not None:
        if to is not OutputFormat.onnx or half or name is not None:
            raise UsageError("--int8 writes another form of the same network: leave out --to, --fp16 and --name")
        _quantise(file, int8, output, overwrite=overwrite)
        return
    if to is OutputFormat.state_dict and (half or name is not None):
        raise UsageError("--fp16 and --name are for --to onnx: leave them out")
    suffix = ".onnx" if to is OutputFormat.onnx else ".safetensors"
    target = output or file.with_suffix(suffix)
    if target.suffix.lower() != suffix:
        raise UsageError(f"'{target}' must end in {suffix}: choose another --output")
    if target.resolve() == file.resolve():
        raise UsageError(f"the output would replace '{file}' itself: name another with --output")
    try:
        from srgan.interop import convert
    except ImportError as error:
        raise MissingExtraError("srgan convert", "convert") from error
    if to is OutputFormat.state_dict:
        done = convert.convert_to_state_dict(file, target, overwrite=overwrite)
        print(f"{done.path}: {done.origin}, x{done.scale}")
        return
    done = convert.convert(file, target, name=name, half=half, overwrite=overwrite)
    print(
        f"{done.path}: {done.origin}, x{done.scale}; differs from the original network by at most {done.difference:.1e} of 1"
    )
    print(f"to use it: srgan upscale PHOTO --model {done.path}")


def _blend(model: Path, fidelity: float, output: Path | None, name: str | None, *, overwrite: bool) -> None:
    if output is None or output.suffix.lower() != ".onnx":
        raise UsageError("a blend needs a name that ends in .onnx: give one with --output")
    try:
        from srgan.interop.blend import export_blend
    except ImportError as error:
        raise MissingExtraError("srgan convert", "convert") from error
    done = export_blend(model, fidelity, output, name=name, overwrite=overwrite)
    blended = done.card["blended"]
    print(f"{done.path}: {done.name}, {model} with {blended['share']:g} of {blended['with']}")
    print(f"to use it: srgan upscale PHOTO --model {done.path}")


def _quantise(model: Path, photos: Path, output: Path | None, *, overwrite: bool) -> None:
    try:
        from srgan.interop.quantize import quantise
    except ImportError as error:
        raise MissingExtraError("srgan convert --int8", "int8") from error
    done = quantise(model, photos, output, overwrite=overwrite)
    print(f"{done.path}: {done.int8:.2f} dB in int8, {done.fp32:.2f} dB in fp32, on {done.crops} held-out crops")
    print(f"to use it: srgan upscale PHOTO --model {model} --precision int8")
