"""The networks that come with the package, by name.

They are plain files inside the installed package and are opened where they lie; nothing is downloaded or unpacked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from srgan.errors import ModelError, UnknownModelError, UsageError, option

AUTO = "auto"
"""In the place of a network's name: the one that :mod:`srgan.engine.choice` chooses, picture by picture."""

DEFAULT = AUTO
"""What ``srgan upscale`` takes when no network is named."""

CLEAN, COMPRESSED, NOISY, DEEP = "srgan-x4", "photo-x4", "photo-noisy-x4", "srresnet-x4"
"""The networks that :data:`AUTO` chooses among: for clean 8-bit pictures, for compressed, blurred or slightly noisy ones, for
noisier ones, and for those of 16 bits, which are mostly measurements: there nothing is invented."""


CLIPS = "fast-psnr-x4"
"""The network that :data:`AUTO` means for videos and animations: thousands of frames, among which invented detail flickers."""


TWICE = 2
"""Up to this enlargement :data:`AUTO` takes networks of their own for it (:attr:`CatalogueEntry.twice`)."""


@dataclass(frozen=True)
class Thresholds:
    """From where on COMPRESSED makes a picture that is nearer to the original than CLEAN's, in VGG's features.

    Attributes
    ----------
    noise, blocks, sharpness : of :class:`srgan.engine.appearance.Appearance`; below the last a picture is blurred
    jpeg_below : quality that a JPEG file was saved with
    even_noise, texture : instead of ``noise`` where the texture is below this, that is where it is noise for sure
    noisy : levels from which on NOISY takes COMPRESSED's place, which leaves less of them
    """

    noise: float
    blocks: float
    sharpness: float
    jpeg_below: int
    even_noise: float
    texture: float
    noisy: float

    @property
    def version(self) -> str:
        """What a journal knows the choice by."""
        even = f"{self.even_noise:g}<{self.texture:g}"
        return f"{self.noise:g},{self.blocks:g},{self.sharpness:g},{self.jpeg_below},{even},{self.noisy:g}"

    def noise_of(self, texture: float) -> float:
        """Return the level of noise from which on COMPRESSED is the better one, for what was seen with it."""
        return self.even_noise if texture < self.texture else self.noise

    def cleaner_of(self, noise: float) -> str:
        """Return the network for damaged pictures with so many levels of noise."""
        return NOISY if noise >= self.noisy else COMPRESSED


THRESHOLDS = Thresholds(
    noise=6.5,
    blocks=0.08,
    sharpness=0.49,
    jpeg_below=93,
    even_noise=3.75,
    texture=2.0,
    noisy=6.5,
)
"""As ``python benchmarks/auto.py FOLDER --fit`` prints them: to be printed again when one of the two networks is another one."""

AUTO_TITLE = "Automatic"
AUTO_WHEN = f"looks at each picture: {COMPRESSED} for noisy, compressed or blurred ones, {CLEAN} for clean ones"


@dataclass(frozen=True)
class CatalogueEntry:
    """A shipped network: its file in this folder, and one line on when to take it.

    ``partner`` names, for a GAN, the faithful network that it is blended with (:mod:`srgan.runtime.blend`): one of the two was
    trained from the other. ``cleaner`` names, for a network for clean pictures, the one for damaged pictures that it is mixed
    with (:mod:`srgan.engine.mix`). ``twice`` names the one that :data:`AUTO` takes in its place where a picture becomes at most
    twice as large, and ``after`` the one that it takes for the last pass where a picture needs several. ``aside`` is set for one
    that is there as a partner, or in another's place: a server offers it only if named. ``title`` is what the page calls it.
    """

    file: str
    when: str
    partner: str | None = None
    cleaner: str | None = None
    twice: str | None = None
    after: str | None = None
    aside: bool = False
    title: str = ""


CATALOGUE: dict[str, CatalogueEntry] = {
    "srgan-x4": CatalogueEntry(
        "srgan-x4.onnx",
        "clean photographs: sharp, with believable texture",
        "srgan-psnr-x4",
        "photo-x4",
        twice="srgan-x2",
        title="Sharp",
    ),
    "srresnet-x4": CatalogueEntry(
        "srresnet-x4.onnx",
        "clean photographs, nothing invented: highest PSNR, softer",
        cleaner="photo-psnr-x4",
        twice="fast-psnr-x2",
        after="fast-psnr-x2",
        title="Faithful",
    ),
    "srgan-psnr-x4": CatalogueEntry(
        "srgan-psnr-x4.onnx",
        "a GAN trained back to pixels: the fidelity 1 of srgan-x4",
        cleaner="photo-psnr-x4",
        aside=True,
    ),
    "srgan-x2": CatalogueEntry(
        "srgan-x2.onnx",
        "clean photographs for twice the size: auto takes it for what becomes no larger",
        aside=True,
        title="Sharp, twice",
    ),
    "fast-x4": CatalogueEntry(
        "fast-x4.onnx",
        "many photographs, weak machines: six times as fast, nearly as sharp as srgan-x4",
        partner="fast-psnr-x4",
        title="Fast, sharp",
    ),
    "fast-psnr-x4": CatalogueEntry(
        "fast-psnr-x4.onnx",
        "clips, and where nothing may be invented: six times as fast",
        twice="fast-psnr-x2",
        title="Fast",
    ),
    "fast-psnr-x2": CatalogueEntry(
        "fast-psnr-x2.onnx",
        "the same for twice the size: auto takes it for clips that become no larger",
        aside=True,
        title="Fast, twice",
    ),
    "photo-x4": CatalogueEntry(
        "photo-x4.onnx",
        "blurred, noisy or JPEG-compressed photographs: cleaned and sharpened",
        partner="photo-psnr-x4",
        after="srgan-x4",
        title="Repair",
    ),
    "photo-noisy-x4": CatalogueEntry(
        "photo-noisy-x4.onnx",
        f"noisy photographs: auto takes it from {THRESHOLDS.noisy:g} levels of noise on",
        partner="photo-psnr-x4",
        after="srgan-x4",
        aside=True,
        title="Repair, noisy",
    ),
    "photo-psnr-x4": CatalogueEntry(
        "photo-psnr-x4.onnx", "the same, nothing invented: smooth and free of noise", title="Repair, smooth"
    ),
}


def mixed_pair(model: str | Path) -> tuple[str, str]:
    """Return the networks that a strength of cleaning goes between: the one for clean pictures, and the one for damaged ones.

    Either of the two names gives both; :data:`AUTO` gives CLEAN and COMPRESSED.

    Raises
    ------
    UsageError
        if the model is in no such pair
    """
    name = CLEAN if str(model) == AUTO else str(model)
    for clean, entry in CATALOGUE.items():
        if entry.cleaner is not None and name in (clean, entry.cleaner):
            return clean, entry.cleaner
    raise UsageError(
        f"denoise mixes two shipped networks, and {name} is in no such pair: take {option('model', AUTO)}, {CLEAN} or {DEEP}, "
        "or leave denoise out"
    )


def for_twice(name: str) -> str:
    """Return the network that :data:`AUTO` takes in the place of one where a picture becomes at most twice as large."""
    entry = CATALOGUE.get(name)
    return name if entry is None or entry.twice is None else entry.twice


def in_turn(name: str) -> tuple[str, str]:
    """Return what :data:`AUTO` takes in the place of a network where a picture becomes larger than one pass makes it.

    The first of the two is for all passes but the last. Nothing comes after the GAN for clean pictures but itself: another
    network would take the texture that it invents for detail, and sharpen it.
    """
    entry = CATALOGUE.get(name)
    return name, name if entry is None or entry.after is None else entry.after


def for_clips(
    model: str | Path, fidelity: float | None = None, denoise: float | None = None, *, twice: bool = False
) -> str | Path:
    """Return what a model's name or path stands for with a clip: for :data:`AUTO` that is :data:`CLIPS`, or the one for twice.

    Who gives a fidelity or a strength of cleaning means the networks that have it. ``twice`` is whether the clip becomes at most
    twice as large.
    """
    if str(model) != AUTO or fidelity is not None or denoise is not None:
        return model
    return for_twice(CLIPS) if twice else CLIPS


def networks_of(
    model: str | Path, fidelity: float | None = None, denoise: float | None = None
) -> tuple[str | Path, ...]:
    """Return the networks that a model's name or path stands for, with these options; the first one first."""
    if str(model) != AUTO:
        return (model,) if denoise is None else mixed_pair(model)
    # Who gives a fidelity has decided how much is invented; and neither DEEP nor those for twice have a partner to blend with.
    if fidelity is not None:
        return CLEAN, COMPRESSED
    names = (CLEAN, COMPRESSED, NOISY, DEEP) if denoise is None else mixed_pair(model)
    helpers = [helper for name in names for helper in in_turn(name)]
    return tuple(dict.fromkeys([*names, *map(for_twice, names), *helpers]))


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


def shipped_file(entry: CatalogueEntry) -> Path:
    """Return where a shipped network lies, whether or not it is there."""
    # The wheel is always unpacked (OpenVINO maps the file), and importlib.resources takes 0.02 s to import.
    return Path(__file__).with_name(entry.file)
