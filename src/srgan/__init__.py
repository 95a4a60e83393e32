"""Super-resolution for photographs with SRGAN (Ledig et al., CVPR 2017, arXiv:1609.04802).

>>> import srgan
>>> srgan.upscale("photo.jpg")                # writes photo_x4.jpg beside it, returns its path
>>> upscaler = srgan.Upscaler("srgan-x4")     # opens the network once, for many pictures
>>> large = upscaler(array)                   # HWC uint8 or uint16 in, the same four times as large out

Importing the package imports neither torch nor the runtime of the network: each name below is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from srgan.errors import (
    CheckpointError,
    DataError,
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
    from srgan.engine.upscaler import Upscaler, upscale

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "DataError",
    "ImageError",
    "ImageReadError",
    "ImageTooLargeError",
    "ImageWriteError",
    "MissingExtraError",
    "ModelError",
    "OutputExistsError",
    "RecipeError",
    "SrganError",
    "TrainingError",
    "TrainingInterrupted",
    "UnknownModelError",
    "Upscaler",
    "UsageError",
    "VideoError",
    "__version__",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name in ("Upscaler", "upscale"):
        from srgan.engine import upscaler

        return getattr(upscaler, name)
    raise AttributeError(f"module 'srgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
