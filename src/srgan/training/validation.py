"""Validation during training: PSNR of the averaged generator on whole pictures, under the benchmark's protocol."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from srgan.errors import DataError
from srgan.image import list_pictures, read, to_rgb8
from srgan.metrics import psnr_y
from srgan.networks.generator import Generator
from srgan.training.data import to_bands
from srgan.training.degradation import for_validation, mod_crop
from srgan.training.processes import Processes

# Larger pictures are validated on a part of this many HR pixels in their middle: a validation must not outlast its interval.
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Example:
    """A validation picture: name, LR ``[h, w, C]`` and HR ``[s*h, s*w, C]``, uint8; ``gray`` if the file is."""

    name: str
    lr: NDArray[np.uint8]
    hr: NDArray[np.uint8]
    gray: bool = False


@dataclass(frozen=True)
class ValidationSet:
    """Validation pictures under one name."""

    name: str
    examples: tuple[Example, ...]


def load_validation(name: str, files: Sequence[Path], *, scale: int, bands: int, degradation: str) -> ValidationSet:
    """Read pictures and make their LR as the training does.

    Raises
    ------
    ImageReadError
        when a picture cannot be read: a mean over fewer pictures could not be compared with others
    DataError
        when one is too small to measure
    """
    examples = []
    for number, file in enumerate(files):
        picture = read(file)
        hr = to_bands(to_rgb8(picture), bands)
        height, width = hr.shape[:2]
        if height * width > _LARGEST:
            shrink = (_LARGEST / (height * width)) ** 0.5
            tall, wide = int(height * shrink), int(width * shrink)
            top, left = (height - tall) // 2, (width - wide) // 2
            hr = hr[top : top + tall, left : left + wide]
        hr = np.ascontiguousarray(mod_crop(hr, scale))
        if min(hr.shape[:2]) <= 2 * scale:  # nothing is left inside the border that PSNR leaves out
            raise DataError(f"'{file}' is too small to validate on: take pictures of more than {2 * scale} pixels")
        examples.append(
            Example(file.stem, for_validation(degradation, hr, scale, number), hr, picture.pixels.shape[2] <= 2)
        )
    return ValidationSet(name, tuple(examples))


def find_validation(folders: Sequence[Path], *, scale: int, bands: int, degradation: str) -> list[ValidationSet]:
    """Read validation folders; one that holds ``HR/`` (a benchmark) stands for the pictures in there."""
    found = []
    for folder in folders:
        pictures = folder / "HR" if (folder / "HR").is_dir() else folder
        found.append(
            load_validation(folder.name, list_pictures(pictures), scale=scale, bands=bands, degradation=degradation)
        )
    return found


@torch.no_grad()
def upscale(generator: Generator, lr: NDArray[np.uint8], fabric: Fabric) -> NDArray[np.uint8]:
    """Enlarge one picture ``[h, w, C]`` uint8 to ``[s*h, s*w, C]`` uint8, rounded to the nearest level."""
    x = torch.from_numpy(lr.transpose(2, 0, 1).copy())[None].to(fabric.device).float().div_(255)
    # Every picture has its own size: no search for the fastest convolutions.
    with fabric.autocast(), torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=True):
        y = generator(x.to(memory_format=torch.channels_last))[0]
    pixels = y.float().clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    array: NDArray[np.uint8] = pixels.permute(1, 2, 0).cpu().numpy()
    return array


def validate(
    generator: Generator, sets: Sequence[ValidationSet], fabric: Fabric, processes: Processes | None = None
) -> tuple[dict[str, float], list[NDArray[np.uint8]]]:
    """Return the mean PSNR (dB, luma, ``scale`` pixels of border cropped) of each set, and the first set's pictures.

    Several ``processes`` take turns, and each returns the same.
    """
    rank, count = (processes.rank, processes.count) if processes else (0, 1)
    means: dict[str, float] = {}
    first: list[NDArray[np.uint8]] = []
    for number, validation in enumerate(sets):
        measured = []
        for place in range(rank, len(validation.examples), count):
            example = validation.examples[place]
            sr = upscale(generator, example.lr, fabric)
            measured.append((place, _psnr(sr, example, generator.config.scale), sr if number == 0 else None))
        if processes:
            measured = sorted(itertools.chain.from_iterable(processes.gather(measured)), key=operator.itemgetter(0))
        means[validation.name] = float(np.mean([psnr for _, psnr, _ in measured]))
        first += [sr for _, _, sr in measured if sr is not None]
    return means, first


def _psnr(sr: NDArray[np.uint8], example: Example, scale: int) -> float:
    if not example.gray:
        return psnr_y(sr, example.hr, scale)
    gray = np.rint(sr.mean(axis=2)).astype(np.uint8)
    return psnr_y(gray, example.hr[:, :, 0], scale)
