"""The networks that come with the package, by name.

They are plain files inside the installed package and are opened where they lie; nothing is downloaded or unpacked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from srgan.errors import ModelError, UnknownModelError

AUTO = "auto"
"""In the place of a network's name: the one that :func:`chosen` says, picture by picture."""

DEFAULT = AUTO
"""What ``srgan upscale`` takes when no network is named."""

CLEAN, COMPRESSED = "srgan-x4", "photo-x4"
"""The networks that :data:`AUTO` chooses between."""

JPEG_BELOW = 93
"""Of a JPEG file saved with a quality below this, photo-x4 makes a picture that is nearer to the original than srgan-x4's,
in VGG's features; from 95 on it is the other way round (docs/experiments.md)."""

AUTO_WHEN = f"by the file: {COMPRESSED} for JPEG of a quality below {JPEG_BELOW}, {CLEAN} for all others"


@dataclass(frozen=True)
class Entry:
    """A shipped network: its file in this folder, and one line on when to take it.

    ``partner`` names, for a GAN, the faithful network that it is blended with (:mod:`srgan.runtime.blend`): one of the two was
    trained from the other. ``aside`` is set for one that is there as a partner alone: a server offers it only if it is named.
    """

    file: str
    when: str
    partner: str | None = None
    aside: bool = False


CATALOGUE: dict[str, Entry] = {
    "srgan-x4": Entry("srgan-x4.onnx", "clean photographs: sharp, with believable texture", partner="srgan-psnr-x4"),
    "srresnet-x4": Entry("srresnet-x4.onnx", "clean photographs, nothing invented: highest PSNR, softer"),
    "srgan-psnr-x4": Entry(
        "srgan-psnr-x4.onnx", "a GAN trained back to pixels: the fidelity 1 of srgan-x4", aside=True
    ),
    "photo-x4": Entry(
        "photo-x4.onnx", "blurred, noisy or JPEG-compressed photographs: cleaned and sharpened", partner="photo-psnr-x4"
    ),
    "photo-psnr-x4": Entry("photo-psnr-x4.onnx", "the same, nothing invented: smooth and free of noise"),
}


def chosen(jpeg_quality: int | None) -> str:
    """Return the name of the shipped network for a picture file: of the quality it was saved with, None if it is no JPEG."""
    return COMPRESSED if jpeg_quality is not None and jpeg_quality < JPEG_BELOW else CLEAN


def networks_of(model: str | Path) -> tuple[str | Path, ...]:
    """Return the networks that a model's name or path stands for: of :data:`AUTO` those it chooses between, CLEAN first."""
    return (CLEAN, COMPRESSED) if str(model) == AUTO else (model,)


def resolve(name_or_path: str | Path) -> Path:
    """Return the file of a shipped network's name, or of a path to a model file.

    A name wins over a file of the same name in the working folder; write ``./srgan-x4`` for such a file.

    Raises
    ------
    UnknownModelError
        if it is neither; the message lists the shipped names.
    ModelError
        if a shipped network's file is missing from the installation, or the path is a folder.
    """
    entry = CATALOGUE.get(str(name_or_path))
    if entry is not None:
        file = shipped_file(entry)
        if not file.is_file():
            raise ModelError(f"the file of the model {name_or_path!r} is missing ({file}): install srgan again")
        return file
    path = Path(os.path.expanduser(name_or_path))  # unlike Path's methods, these take any name: '~nobody', too long
    if os.path.isdir(path):
        raise ModelError(f"{path} is a folder, not a model file: name the .onnx file in it")
    if not os.path.exists(path):
        names = ", ".join(sorted(CATALOGUE))
        raise UnknownModelError(
            f"no model {str(name_or_path)!r}: shipped are {names}; or pass the path of a .onnx file"
        )
    return path


def shipped_file(entry: Entry) -> Path:
    """Return where a shipped network lies, whether or not it is there."""
    # The wheel is always unpacked (OpenVINO maps the file), and importlib.resources takes 0.02 s to import.
    return Path(__file__).with_name(entry.file)
