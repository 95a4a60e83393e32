"""A model over benchmark folders -> a table of PSNR and SSIM.

By the literature's protocol: luma, ``scale`` pixels of border cropped, everything rounded to 8 bits first (see
:mod:`srgan.evaluation.metrics`), LR by MATLAB's bicubic (see :mod:`srgan.resize.imresize`), and the mean over pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srgan.data.pairs import Pair, find_pairs
from srgan.errors import DataError, UsageError
from srgan.evaluation.metrics import psnr_y, ssim_y, vgg_distance
from srgan.evaluation.sample import Sample, make_sample
from srgan.evaluation.scores import BenchmarkReport, ImageScore, SetScore
from srgan.image import read, to_rgb8
from srgan.resize.imresize import downscale, upscale

if TYPE_CHECKING:
    from srgan.networks.vgg import VGGFeatures
    from srgan.runtime.network import Precision

Pixels = NDArray[np.uint8]

BICUBIC = "bicubic"


class Model(Protocol):
    """What can be evaluated; an :class:`srgan.Upscaler` is one."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        ...

    @property
    def scale(self) -> int:
        """How many times it enlarges each side."""
        ...

    def __call__(self, image: Pixels, /) -> Pixels:
        """Enlarge ``[H, W, C]`` uint8, with C = 3 (RGB), or 1 for a picture that is gray in its file."""
        ...


@dataclass(frozen=True)
class Bicubic:
    """MATLAB's bicubic enlargement, the baseline of every table."""

    scale: int
    name: str = BICUBIC

    def __call__(self, image: Pixels, /) -> Pixels:
        """Enlarge ``[H, W, C]`` uint8 ``scale`` times."""
        return upscale(image, self.scale)


def evaluate(
    model: str | Path | Model,
    folders: Sequence[str | Path],
    *,
    scale: int | None = None,
    precision: Precision = "fp32",
    features: VGGFeatures | None = None,
    keep_samples: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BenchmarkReport:
    """Measure a model on benchmark folders.

    Parameters
    ----------
    model : ``"bicubic"``, the name of a shipped network, the path of a model file, or a :class:`Model`
    folders : see :func:`find_pairs`; a set is named after its folder
    scale : enlargement, for ``"bicubic"`` (default 4); another model has its own, and asking for a different one is an error
    precision : what a network that is opened here computes in; published figures are fp32
    features : VGG16 with :data:`srgan.evaluation.metrics.VGG_DISTANCE_LAYERS`, to measure ``vgg_distance`` as well (needs torch)
    keep_samples : keep a crop of each picture for :func:`srgan.evaluation.figure.write_figure`
    progress : called with pictures done and pictures in all

    Raises
    ------
    UsageError, UnknownModelError, ModelError
        for what is wrong with the call or the model
    DataError
        for folders without pictures, pictures too small to measure, or LR and HR that do not belong together
    ImageReadError
        for a picture that cannot be read. It is not left out: a mean over fewer pictures could not be compared
    MissingExtraError
        without scikit-image
    """
    network = _open(model, scale, precision)
    jobs = [(Path(folder), find_pairs(Path(folder), network.scale)) for folder in folders]
    if not jobs:
        raise UsageError("nothing to evaluate on: name a folder with pictures")
    total = sum(len(pairs) for _, pairs in jobs)
    done = 0
    sets = []
    for folder, pairs in jobs:
        name = folder.resolve().name
        scores, samples = [], []
        for pair in pairs:
            score, sample = _measure(network, pair, features, name if keep_samples else None)
            scores.append(score)
            samples += [sample] if sample else []
            done += 1
            if progress:
                progress(done, total)
        sets.append(SetScore(name, tuple(scores), tuple(samples)))
    return BenchmarkReport(network.name, network.scale, tuple(sets))


def _open(model: str | Path | Model, scale: int | None, precision: Precision) -> Model:
    if model == BICUBIC:
        if scale is not None and scale < 2:
            raise UsageError(f"bicubic cannot enlarge {scale} times: give a scale from 2 on")
        return Bicubic(scale or 4)
    if isinstance(model, str | Path):
        from srgan.engine.upscaler import Upscaler

        upscaler = Upscaler(model, precision=precision, device="cpu")
        upscaler.require_rgb("benchmarks are")
        opened: Model = upscaler
    else:
        opened = model
    if scale not in (None, opened.scale):
        raise UsageError(f"{opened.name} enlarges {opened.scale} times, not {scale}: leave the scale out")
    return opened


def _measure(
    network: Model, pair: Pair, features: VGGFeatures | None, set_name: str | None
) -> tuple[ImageScore, Sample | None]:
    """Score one picture; ``set_name`` is given if a sample of it is to be kept."""
    scale = network.scale
    lr, hr = _load(pair, scale)
    sr, hr = _fit(network(lr), hr, pair, scale)
    try:
        distance = None if features is None else vgg_distance(sr, hr, features)
        score = ImageScore(pair.hr.stem, psnr_y(sr, hr, scale), ssim_y(sr, hr, scale), distance)
    except ValueError as error:
        raise DataError(f"'{pair.hr}' cannot be measured ({error}): take the picture out of the set") from error
    if set_name is None:
        return score, None
    bicubic = upscale(lr, scale)[: hr.shape[0], : hr.shape[1]]
    figures = psnr_y(bicubic, hr, scale), ssim_y(bicubic, hr, scale)
    caption = f"{set_name}  {score.name}"
    return score, make_sample(caption, bicubic, sr, hr, before=figures, after=(score.psnr_y, score.ssim_y))


def _load(pair: Pair, scale: int) -> tuple[Pixels, Pixels]:
    """Return LR and HR, ``[H, W, 3]``, or ``[H, W, 1]`` where HR is gray in its file."""
    hr, hr_gray = _read(pair.hr)
    if hr_gray:
        hr = hr[:, :, :1]
    if pair.lr is None:
        height, width = hr.shape[0] // scale * scale, hr.shape[1] // scale * scale
        if not height or not width:
            raise DataError(f"'{pair.hr}' is smaller than {scale} pixels: take the picture out of the set")
        hr = np.ascontiguousarray(hr[:height, :width])
        return downscale(hr, scale), hr
    lr, _ = _read(pair.lr)
    if hr_gray:
        if (lr != lr[:, :, :1]).any():
            raise DataError(f"'{pair.lr}' has colours but '{pair.hr}' is gray: they do not belong together")
        lr = np.ascontiguousarray(lr[:, :, :1])
    return lr, hr


def _read(path: Path) -> tuple[Pixels, bool]:
    picture = read(path)
    return to_rgb8(picture), picture.pixels.shape[2] <= 2


def _fit(sr: Pixels, hr: Pixels, pair: Pair, scale: int) -> tuple[Pixels, Pixels]:
    """Cut HR or SR at right and bottom where HR's sides are no multiples of the scale.

    Benchmarks either cut HR before reducing it, and SR is smaller, or do not, and SR is larger, by less than ``scale``;
    in both cases the upper left corners coincide.
    """
    if any(abs(a - b) >= scale for a, b in zip(sr.shape[:2], hr.shape[:2], strict=True)):
        raise DataError(
            f"'{pair.lr or pair.hr}' enlarged {scale} times is {_size(sr)} pixels but '{pair.hr}' is {_size(hr)}: "
            "they do not belong together"
        )
    common = slice(min(sr.shape[0], hr.shape[0])), slice(min(sr.shape[1], hr.shape[1]))
    return sr[common], hr[common]


def _size(picture: NDArray[Any]) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
