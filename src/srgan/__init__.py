"""Super-resolution for photographs with SRGAN (Ledig et al., CVPR 2017, arXiv:1609.04802).

>>> import srgan
>>> srgan.upscale("photo.jpg")                # writes photo_x4.jpg beside it, returns its path
>>> upscaler = srgan.Upscaler("srgan-x4")     # opens the network once, for many pictures
>>> large = upscaler(array)                   # an array in, the same four times as large out; or a path, or a PIL image

Importing the package imports neither torch nor the runtime of the network: each name below is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from srgan._version import __version__
from srgan.errors import (
    ArrayError,
    Cancelled,
    CheckpointError,
    DataError,
    DeviceError,
    ImageError,
    ImageReadError,
    ImageTooLargeError,
    ImageWriteError,
    MissingExtraError,
    ModelError,
    OutputExistsError,
    RecipeError,
    SrganError,
    TrainingError,
    TrainingInterrupted,
    UnknownModelError,
    UsageError,
    VideoError,
)

if TYPE_CHECKING:
    from srgan.api import Comparison, ResultPath, Upscaler, compare, upscale

__all__ = [
    "ArrayError",
    "Cancelled",
    "CheckpointError",
    "Comparison",
    "DataError",
    "DeviceError",
    "ImageError",
    "ImageReadError",
    "ImageTooLargeError",
    "ImageWriteError",
    "MissingExtraError",
    "ModelError",
    "OutputExistsError",
    "RecipeError",
    "ResultPath",
    "SrganError",
    "TrainingError",
    "TrainingInterrupted",
    "UnknownModelError",
    "Upscaler",
    "UsageError",
    "VideoError",
    "__version__",
    "compare",
    "upscale",
]


_LATE = ("Comparison", "ResultPath", "Upscaler", "compare", "upscale")
"""Names that need numpy and more: loaded when first used."""


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from srgan import api

        return getattr(api, name)
    raise AttributeError(f"module 'srgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
