"""Validation during training: PSNR of the averaged generator on whole pictures, in RGB under the benchmark's protocol."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from srgan.data.pairs import find_pairs
from srgan.errors import DataError
from srgan.evaluation.metrics import VGG_LEAST_SIDE, psnr, psnr_y, vgg_distance
from srgan.image import list_pictures, probe, to_8_bit
from srgan.image.multiband import read_bands
from srgan.networks.make import AnyGenerator
from srgan.networks.vgg import VGGFeatures
from srgan.training.degradation import for_validation
from srgan.training.pictures import misfit
from srgan.training.processes import Processes

# Larger pictures are validated on a part of this many HR pixels in their middle: a validation must not outlast its interval.
_LARGEST = 1 << 20
# Side of the middle that feature distances are taken of, in pixels: on a processor VGG takes longer than the generator.
_MIDDLE = 512


@dataclass(frozen=True)
class Example:
    """A validation picture: name, LR ``[h, w, C]`` and HR ``[s*h, s*w, C]``, uint8 or uint16; ``gray`` if the file is."""

    name: str
    lr: NDArray[Any]
    hr: NDArray[Any]
    gray: bool = False


@dataclass(frozen=True)
class ValidationSet:
    """Validation pictures under one name."""

    name: str
    examples: tuple[Example, ...]


def load_validation(
    name: str,
    files: Sequence[Path],
    *,
    scale: int,
    bands: int,
    degradation: str,
    partners: Sequence[Path] | None = None,
) -> ValidationSet:
    """Read pictures and make their LR as the training does, or read it from ``partners``.

    Raises
    ------
    ImageReadError
        when a picture cannot be read: a mean over fewer pictures could not be compared with other means
    DataError
        when one is too small to measure, or a pair's sizes do not belong together
    """
    examples = []
    for number, file in enumerate(files):
        hr = read_bands(file, bands)
        lr = read_bands(partners[number], bands) if partners else None
        if lr is not None and (wrong := misfit(hr, lr, scale)):
            raise DataError(f"'{file}' cannot be validated on: {wrong}")
        hr, lr = _middle(hr, lr, scale)
        if min(hr.shape[:2]) <= 2 * scale:  # nothing is left inside the border that PSNR leaves out
            raise DataError(f"'{file}' is too small to validate on: take pictures of more than {2 * scale} pixels")
        if lr is None:
            hr = to_8_bit(hr) if degradation == "photo" else hr
            lr = for_validation(degradation, hr, scale, number)
        examples.append(Example(file.stem, lr, hr, probe(file).bands <= 2))
    return ValidationSet(name, tuple(examples))


def _middle(hr: NDArray[Any], lr: NDArray[Any] | None, scale: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Cut HR to whole LR pixels, and both to what a validation has time for."""
    height, width = hr.shape[0] // scale, hr.shape[1] // scale  # in LR pixels
    tall, wide = height, width
    if hr.shape[0] * hr.shape[1] > _LARGEST:
        shrink = (_LARGEST / (hr.shape[0] * hr.shape[1])) ** 0.5
        tall, wide = int(hr.shape[0] * shrink) // scale, int(hr.shape[1] * shrink) // scale
    top, left = (height - tall) // 2, (width - wide) // 2
    if lr is not None:
        lr = np.ascontiguousarray(lr[top : top + tall, left : left + wide])
    hr = hr[top * scale : (top + tall) * scale, left * scale : (left + wide) * scale]
    return np.ascontiguousarray(hr), lr


def find_validation(folders: Sequence[Path], *, scale: int, bands: int, degradation: str) -> list[ValidationSet]:
    """Read validation folders; one that holds ``HR/`` (a benchmark) stands for the pictures in there.

    For the degradation ``"given"`` each must have LR as well, as :func:`srgan.evaluation.benchmark.find_pairs` takes it.

    Raises
    ------
    DataError
        also when there are no pictures
    """
    found = []
    for folder in folders:
        partners = None
        if degradation == "given":
            pairs = find_pairs(folder, scale)
            files = [pair.hr for pair in pairs]
            partners = [pair.lr for pair in pairs if pair.lr is not None]
            if not partners:
                raise DataError(f"there are no pairs in '{folder}' to validate on: put HR/ and LRx{scale}/ into it")
        else:
            files = list_pictures(folder / "HR" if (folder / "HR").is_dir() else folder)
        found.append(
            load_validation(folder.name, files, scale=scale, bands=bands, degradation=degradation, partners=partners)
        )
    return found


@torch.no_grad()
def upscale(generator: AnyGenerator, lr: NDArray[Any], fabric: Fabric) -> NDArray[Any]:
    """Enlarge one picture ``[h, w, C]`` to ``[s*h, s*w, C]`` of the same dtype, rounded to the nearest level."""
    full = float(np.iinfo(lr.dtype).max)
    x = torch.from_numpy(lr.transpose(2, 0, 1).copy())[None].to(fabric.device).float().div_(full)
    # Every picture has its own size: no search for the fastest convolutions.
    with fabric.autocast(), torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=True):
        y = generator(x.to(memory_format=torch.channels_last))[0]
    pixels = y.float().clamp_(0, 1).mul_(full).round_().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(pixels.astype(lr.dtype))


def validate(
    generator: AnyGenerator, sets: Sequence[ValidationSet], fabric: Fabric, processes: Processes | None = None
) -> tuple[dict[str, float], list[NDArray[Any]]]:
    """Return the mean PSNR (dB, ``scale`` pixels of border cropped) of each set, and the first set's pictures.

    RGB pictures are measured on luma in 8 bits, as the benchmarks are; others on all their bands, in their own depth.

    Several ``processes`` take turns, and each returns the same.
    """
    rank, count = (processes.rank, processes.count) if processes else (0, 1)
    means: dict[str, float] = {}
    first: list[NDArray[Any]] = []
    for number, validation in enumerate(sets):
        measured = []
        for place in range(rank, len(validation.examples), count):
            example = validation.examples[place]
            sr = upscale(generator, example.lr, fabric)
            measured.append((place, _psnr(sr, example, generator.config.scale), sr if number == 0 else None))
        if processes:
            measured = sorted(itertools.chain.from_iterable(processes.gather(measured)), key=operator.itemgetter(0))
        means[validation.name] = float(np.mean([value for _, value, _ in measured]))
        first += [sr for _, _, sr in measured if sr is not None]
    return means, first


def feature_distance(pictures: Sequence[NDArray[Any]], examples: Sequence[Example], features: VGGFeatures) -> float:
    """Return the mean :func:`srgan.evaluation.metrics.vgg_distance` of enlarged pictures from HR, in their middle 512 x 512.

    Parameters
    ----------
    pictures : as :func:`validate` returns them, of 1 or 3 bands
    examples : their HR
    features : as the metric takes it, on any device

    Returns
    -------
    float
        nan where all pictures are too small for it
    """

    def middle(x: NDArray[Any]) -> NDArray[np.uint8]:
        top, left = (max(side - _MIDDLE, 0) // 2 for side in x.shape[:2])
        return to_8_bit(x[top : top + _MIDDLE, left : left + _MIDDLE])

    values = [
        vgg_distance(middle(sr), middle(one.hr), features)
        for sr, one in zip(pictures, examples, strict=True)
        if min(sr.shape[:2]) >= VGG_LEAST_SIDE
    ]
    return float(np.mean(values)) if values else math.nan


def _psnr(sr: NDArray[Any], example: Example, scale: int) -> float:
    if sr.shape[2] != 3:
        return psnr(sr, example.hr, scale)
    if not example.gray:
        return psnr_y(to_8_bit(sr), to_8_bit(example.hr), scale)
    gray = np.rint(sr.mean(axis=2, keepdims=True)).astype(sr.dtype)
    return psnr(gray, example.hr[:, :, :1], scale)
