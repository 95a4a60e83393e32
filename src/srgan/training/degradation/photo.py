"""The chain of a photograph: how it came to be as people have it.

A lens and a hand blur it. It is brought to some size, where a sensor's noise, sharpening and a first file come in: larger than
what is left in the end, just that size, or smaller, as messengers and screenshots do, which is then enlarged again. At its
final size noise can come in as well, and it is saved, perhaps twice, with the blocks of the two files in different places.
That noise and blocks reach the final size is what matters: reduced by four they are hardly seen any more, and a network that
has only met those takes the noise of real files for texture.

The ideas are from Zhang et al. 2021 ("Designing a practical degradation model for deep blind image super-resolution",
arXiv:2103.14006) and Wang et al. 2021 ("Real-ESRGAN", arXiv:2107.10833). Unlike there, a share of the pictures is clean or nearly
so: one network serves the whole range. All ranges stand in :class:`PhotoRanges`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.training.degradation import codec, noise
from srgan.training.degradation.blur import KINDS, blurred, kernel_of
from srgan.training.degradation.sharpness import with_haloes
from srgan.training.degradation.sizes import bicubic, resized

Floats = NDArray[np.float32]

CONTEXT = 32
"""HR pixels around a crop that go through the ``photo`` chain with it and are cut off: filters reach over its border."""


@dataclass(frozen=True)
class PhotoRanges:
    """From where the steps of a chain draw. "p" stands for a probability.

    Attributes
    ----------
    shares : p of chains that are clean (a reduction, and at most a good JPEG), light (:meth:`lighter`) and full
    blur : p of blur before anything else
    blur_kinds : p of each kind, in the order of :data:`srgan.training.degradation.blur.KINDS`
    spread : of the blur, HR pixels at x4; small ones are drawn more often
    sizes : p of a middle size that is larger than the final one, just that, and smaller
    larger, smaller : how many times, up to the HR picture's own size
    kernels : for changes of size; Pillow's, antialiased but for ``nearest``
    aliased : p of ``nearest`` for a reduction
    middle_noise, final_noise, both_noise : p of noise at the middle size, at the final one, and at that where there is some
        already
    noise_kinds : p of Gaussian, Poisson, camera noise and film grain
    noise : levels of 255; small ones are drawn more often
    gray_noise : p that Gaussian and Poisson noise are the same in all bands
    smear : p of a denoiser's work after noise
    haloes : p of too much sharpening, at the middle size and at the end
    middle_codec, final_codec, second_codec : p of a lossy file at the middle size, at the end, and of another one after that
    webp : p that it is WebP, not JPEG
    quality : of both
    coarse : p of 4:2:0 in JPEG
    """

    shares: tuple[float, float, float] = (0.1, 0.22, 0.68)
    blur: float = 0.6
    blur_kinds: tuple[float, ...] = (0.3, 0.2, 0.12, 0.08, 0.15, 0.15)
    spread: tuple[float, float] = (0.4, 4.0)
    sizes: tuple[float, float, float] = (0.3, 0.42, 0.28)
    larger: tuple[float, float] = (1.0, 3.5)
    smaller: tuple[float, float] = (0.5, 0.95)
    kernels: tuple[str, ...] = ("box", "bilinear", "hamming", "bicubic", "lanczos")
    aliased: float = 0.03
    middle_noise: float = 0.45
    final_noise: float = 0.6
    both_noise: float = 0.2
    noise_kinds: tuple[float, float, float, float] = (0.35, 0.15, 0.38, 0.12)
    noise: tuple[float, float] = (1.0, 27.0)
    gray_noise: float = 0.35
    smear: float = 0.2
    haloes: float = 0.12
    middle_codec: float = 0.5
    final_codec: float = 0.65
    second_codec: float = 0.3
    webp: float = 0.15
    quality: tuple[float, float] = (20.0, 95.0)
    coarse: float = 0.65

    def lighter(self) -> PhotoRanges:
        """Return ranges of pictures that hardly anybody would call bad."""
        return dataclasses.replace(
            self,
            shares=(0.0, 0.0, 1.0),
            blur=self.blur / 2,
            spread=(self.spread[0], self.spread[1] * 0.4),
            sizes=(self.sizes[0] / 2, 1 - self.sizes[0] / 2, 0.0),
            middle_noise=0.0,
            noise=(self.noise[0] / 2, self.noise[1] * 0.2),
            smear=self.smear / 4,
            haloes=self.haloes / 2,
            middle_codec=self.middle_codec / 2,
            second_codec=self.second_codec / 2,
            quality=(self.quality[0] + 0.7 * (self.quality[1] - self.quality[0]), self.quality[1]),
        )


def photo(
    hr: NDArray[np.uint8], scale: int, random: np.random.Generator, ranges: PhotoRanges | None = None
) -> NDArray[np.uint8]:
    """Reduce a picture through a random chain of blur, changes of size, noise, sharpening and lossy files.

    Parameters
    ----------
    hr : ``[H, W, C]`` uint8, C = 1 or 3, sides multiples of ``scale``
    scale : how many times smaller the result is
    random : source of all draws: the same state gives the same chain
    ranges : how often and how much

    Returns
    -------
    array
        ``[H / scale, W / scale, C]`` uint8
    """
    ranges = ranges or PhotoRanges()
    target = hr.shape[0] // scale, hr.shape[1] // scale
    x: Floats = hr.astype(np.float32) / np.float32(255)
    share = int(random.choice(3, p=ranges.shares))
    if share == 0:
        x = resized(x, *target, _kernel(ranges, random))
        if random.random() < ranges.final_codec / 2:
            x = codec.jpeg(x, random.uniform(85, 100), random.random() < ranges.coarse, _offset(random))
        return codec.to_bytes(x)
    if share == 1:
        ranges = ranges.lighter()
    if random.random() < ranges.blur:
        kind = KINDS[int(random.choice(len(KINDS), p=ranges.blur_kinds))]
        x = blurred(x, kernel_of(kind, _skewed(ranges.spread, random) * scale / 4, random))
    x, noisy = _middle(x, target, ranges, random)
    x = _reduced(x, target, ranges, random)
    if random.random() < (ranges.both_noise if noisy else ranges.final_noise):
        x = _noise(x, ranges, random)
    x = _haloes(x, ranges, random)
    if random.random() < ranges.final_codec:
        x = _codec(x, ranges, random)
        if random.random() < ranges.second_codec:
            x = _codec(x, ranges, random)
    return codec.to_bytes(x)


def _middle(
    x: Floats, target: tuple[int, int], ranges: PhotoRanges, random: np.random.Generator
) -> tuple[Floats, bool]:
    """Bring a picture to its middle size and do there what is done there; return it, and whether noise was added."""
    place = int(random.choice(3, p=ranges.sizes))
    factor = 1.0
    if place != 1:
        low, high = ranges.larger if place == 0 else ranges.smaller
        factor = float(np.exp(random.uniform(np.log(low), np.log(high))))
    size = tuple(max(min(round(side * factor), most), 1) for side, most in zip(target, x.shape[:2], strict=True))
    x = _reduced(x, (size[0], size[1]), ranges, random)
    noisy = bool(random.random() < ranges.middle_noise)
    if noisy:
        x = _noise(x, ranges, random)
    x = _haloes(x, ranges, random)
    if random.random() < ranges.middle_codec:
        x = _codec(x, ranges, random)
    return x, noisy


def _reduced(x: Floats, size: tuple[int, int], ranges: PhotoRanges, random: np.random.Generator) -> Floats:
    """Change to ``size``, reducing or enlarging, by a random kernel."""
    kernel = _kernel(ranges, random)
    aliased = random.random() < ranges.aliased
    if x.shape[0] < size[0] and kernel in ("box", "hamming"):
        kernel = "bilinear"  # enlarged by these, pixels would be squares
    return resized(x, *size, "nearest" if aliased else kernel)


def _noise(x: Floats, ranges: PhotoRanges, random: np.random.Generator) -> Floats:
    kind = int(random.choice(4, p=ranges.noise_kinds))
    levels = _skewed(ranges.noise, random)
    gray, smear = bool(random.random() < ranges.gray_noise), random.random() < ranges.smear
    if kind == 0:
        x = noise.gaussian(x, levels, gray, random)
    elif kind == 1:
        x = noise.poisson(x, levels, gray, random)
    elif kind == 2:
        x = noise.camera(x, levels, random)
    else:
        x = noise.film_grain(x, levels, random)
    if smear:
        x = noise.smeared(x, levels * random.uniform(0.7, 2), random.uniform(0.6, 1.6))
    return x


def _haloes(x: Floats, ranges: PhotoRanges, random: np.random.Generator) -> Floats:
    if random.random() >= ranges.haloes:
        return x
    return with_haloes(x, random.uniform(0.3, 1.2), random.uniform(0.6, 2))


def _codec(x: Floats, ranges: PhotoRanges, random: np.random.Generator) -> Floats:
    quality, coarse, offset = random.uniform(*ranges.quality), random.random() < ranges.coarse, _offset(random)
    if random.random() < ranges.webp:
        return codec.webp(x, quality, offset)
    return codec.jpeg(x, quality, bool(coarse), offset)


def _offset(random: np.random.Generator) -> tuple[int, int]:
    top, left = random.integers(codec.GRID, size=2)
    return int(top), int(left)


def _skewed(limits: tuple[float, float], random: np.random.Generator) -> float:
    """Draw from a range, small values more often than large ones."""
    return float(limits[0] + (limits[1] - limits[0]) * random.random() ** 1.5)


def _kernel(ranges: PhotoRanges, random: np.random.Generator) -> str:
    return ranges.kernels[int(random.integers(len(ranges.kernels)))]


def for_validation(name: str, hr: NDArray[Any], scale: int, number: int) -> NDArray[Any]:
    """Return the LR of validation picture ``number``: the same in every run, whatever is random in the training.

    Parameters
    ----------
    name : ``"bicubic"`` or ``"photo"``
    hr : ``[H, W, C]``, sides multiples of ``scale``; uint8, or uint16 for ``"bicubic"``
    scale : enlargement
    number : of the picture in its set; seeds its chain
    """
    return photo(hr, scale, np.random.default_rng(number)) if name == "photo" else bicubic(hr, scale)
