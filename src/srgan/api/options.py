"""The keywords that ``srgan.upscale`` and ``srgan.Upscaler`` take, with their types, and a check of what was given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypedDict

from srgan.errors import UsageError
from srgan.runtime.network import Precision


class NetworkOptions(TypedDict, total=False):
    """What :class:`srgan.Upscaler` is made with, beside the network; see there."""

    scale: float | None
    width: int | None
    height: int | None
    fit: tuple[int, int] | None
    wrap: bool
    tta: bool
    fidelity: float | None
    denoise: float | None
    precision: Precision
    memory: int
    exact: bool
    threads: int | None
    device: str


class UpscaleOptions(NetworkOptions, total=False):
    """What :func:`srgan.upscale` takes beside the picture; see there."""

    model: str | Path


_KINDS: dict[str, tuple[Any, str]] = {
    "model": ((str, os.PathLike), "a network's name or file"),
    "scale": (Real, "a number"),
    "width": (Integral, "a whole number of pixels"),
    "height": (Integral, "a whole number of pixels"),
    "fidelity": (Real, "a number from 0 to 1"),
    "denoise": (Real, "a number from 0 to 1"),
    "memory": (Integral, "a whole number of bytes"),
    "threads": (Integral, "a whole number"),
    "device": (str, "cpu, gpu, auto, or a device's name"),
    "quality": (Integral, "a whole number from 1 to 100"),
}


def check(options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option of another type than it is documented with.

    Ranges are checked where the options are used. ``None`` is the default of all of these but ``model``, ``memory`` and
    ``device``.
    """
    for name, value in options.items():
        kind, words = _KINDS.get(name, (object, ""))
        if not isinstance(value, kind) and (value is not None or name in ("model", "memory", "device")):
            raise UsageError(f"{name} is {value!r}: give {words}")
    fit = options.get("fit")
    if fit is not None and not (
        isinstance(fit, tuple | list) and len(fit) == 2 and all(isinstance(side, Integral) for side in fit)
    ):
        raise UsageError(f"fit is {fit!r}: give the width and the height of a box, for instance (1920, 1080)")
