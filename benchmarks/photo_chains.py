"""The chain that the first photo-psnr-x4 and photo-x4 were trained with, kept to the bit: benchmarks/photo.py measures on it.

Noise comes in before the final reduction, which leaves little of it. Each picture goes through a chain of its own, drawn at
random after Zhang et al. 2021 ("Designing a practical degradation model for deep blind image super-resolution",
arXiv:2103.14006: the order of the steps is shuffled) and Wang et al. 2021 ("Real-ESRGAN", arXiv:2107.10833: a second round,
weaker than the first). All ranges stand in :class:`PhotoRanges`. Training has another chain now:
:mod:`srgan.training.degradation.photo`.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PhotoRanges:
    """From where the steps of a chain draw; the second round draws from :meth:`halved`.

    Attributes
    ----------
    blur : standard deviation of Gaussian blur in pixels (Real-ESRGAN, section 4.1: 0.2 to 3)
    blur_kinds : probabilities of isotropic, anisotropic and no blur
    resize : factor of an intermediate change of size (Real-ESRGAN: 0.15 to 1.5; below 0.3 nothing of a crop is left here)
    gaussian : standard deviation of Gaussian noise, levels of 255 (Real-ESRGAN: 1 to 30; sensors at daylight have less)
    poisson : photons for full intensity, as a power of ten: shot noise (BSRGAN, section 3.3: 2 to 4)
    noise_kinds : probabilities of Gaussian, Poisson and no noise
    gray_noise : probability that noise is the same in all bands (Real-ESRGAN: 0.4)
    jpeg : quality of JPEG (both papers: 30 to 95)
    jpeg_probability : of a JPEG round trip within the chain
    last_jpeg : probability of the one at its end
    kernels : for changes of size; Pillow's, antialiased
    """

    blur: tuple[float, float] = (0.2, 3.0)
    blur_kinds: tuple[float, float, float] = (0.45, 0.3, 0.25)
    resize: tuple[float, float] = (0.3, 1.5)
    gaussian: tuple[float, float] = (1.0, 20.0)
    poisson: tuple[float, float] = (2.0, 4.0)
    noise_kinds: tuple[float, float, float] = (0.45, 0.3, 0.25)
    gray_noise: float = 0.4
    jpeg: tuple[float, float] = (30.0, 95.0)
    jpeg_probability: float = 0.7
    last_jpeg: float = 0.75
    kernels: tuple[str, ...] = ("box", "bilinear", "bicubic", "lanczos")

    def halved(self) -> PhotoRanges:
        """Return ranges of half the strength, for the second round."""
        return dataclasses.replace(
            self,
            blur=(min(self.blur[0], self.blur[1] / 2), self.blur[1] / 2),
            resize=((1 + self.resize[0]) / 2, (1 + self.resize[1]) / 2),
            gaussian=(self.gaussian[0] / 2, self.gaussian[1] / 2),
            poisson=(self.poisson[0] + 0.6, self.poisson[1] + 0.6),  # four times the photons: half the noise
            jpeg=(sum(self.jpeg) / 2, self.jpeg[1]),
            jpeg_probability=self.jpeg_probability / 2,
        )


def photo(
    hr: NDArray[np.uint8], scale: int, random: np.random.Generator, ranges: PhotoRanges | None = None
) -> NDArray[np.uint8]:
    """Reduce a picture through a random chain of blur, change of size, noise and JPEG.

    Two rounds, each with its steps in random order, then the final size by a random kernel and, mostly, a last JPEG: that is
    how a file reaches its user.

    Parameters
    ----------
    hr : ``[H, W, C]`` uint8, C = 1 or 3, sides multiples of ``scale``
    scale : how many times smaller the result is
    random : source of all draws: the same state gives the same chain
    ranges : strengths of the first round

    Returns
    -------
    array
        ``[H / scale, W / scale, C]`` uint8
    """
    ranges = ranges or PhotoRanges()
    target = hr.shape[0] // scale, hr.shape[1] // scale
    x: Floats = hr.astype(np.float32) / np.float32(255)
    for strength in (ranges, ranges.halved()):
        steps = [_blur, _change_size, _noise, _maybe_jpeg]
        for step in random.permutation(len(steps)):
            x = steps[step](x, strength, random, target)
    x = _resized(x, *target, _kernel(ranges, random))
    if random.random() < ranges.last_jpeg:
        x = _jpeg(x, random.uniform(*ranges.jpeg), bool(random.integers(2)))
    return _to_bytes(x)


def _blur(x: Floats, ranges: PhotoRanges, random: np.random.Generator, target: tuple[int, int]) -> Floats:
    from scipy.ndimage import convolve, gaussian_filter

    del target
    kind = random.choice(3, p=ranges.blur_kinds)
    sigmas = random.uniform(*ranges.blur, size=2)
    angle = random.uniform(0, np.pi)
    if kind == 2:
        return x
    if kind == 0:
        blurred: Floats = gaussian_filter(x, (sigmas[0], sigmas[0], 0), mode="mirror", truncate=3)
        return blurred
    reach = int(np.ceil(3 * sigmas.max()))
    grid_y, grid_x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = np.cos(angle) * grid_x + np.sin(angle) * grid_y, np.cos(angle) * grid_y - np.sin(angle) * grid_x
    kernel = np.exp(-((along / sigmas[0]) ** 2 + (across / sigmas[1]) ** 2) / 2)
    weights = (kernel / kernel.sum()).astype(np.float32)[:, :, None]
    turned: Floats = convolve(x, weights, mode="mirror")
    return turned


def _change_size(x: Floats, ranges: PhotoRanges, random: np.random.Generator, target: tuple[int, int]) -> Floats:
    # Never below the final size: what is lost there, no network could bring back.
    factor = random.uniform(*ranges.resize)
    kernel = _kernel(ranges, random)
    height, width = (max(round(side * factor), least) for side, least in zip(x.shape[:2], target, strict=True))
    return _resized(x, height, width, kernel)


def _kernel(ranges: PhotoRanges, random: np.random.Generator) -> str:
    return ranges.kernels[int(random.integers(len(ranges.kernels)))]


def _resized(x: Floats, height: int, width: int, kernel: str) -> Floats:
    """Change the size; Pillow's kernels are stretched when reducing (antialiased)."""
    from PIL import Image

    method = Image.Resampling[kernel.upper()]
    bands = [
        np.asarray(Image.fromarray(np.ascontiguousarray(x[:, :, band])).resize((width, height), method))
        for band in range(x.shape[2])
    ]
    return np.stack(bands, axis=2)


def _noise(x: Floats, ranges: PhotoRanges, random: np.random.Generator, target: tuple[int, int]) -> Floats:
    del target
    kind = random.choice(3, p=ranges.noise_kinds)
    shape = (*x.shape[:2], 1) if random.random() < ranges.gray_noise else x.shape
    sigma, photons = random.uniform(*ranges.gaussian) / 255, 10 ** random.uniform(*ranges.poisson)
    if kind == 0:
        x = x + random.normal(0, sigma, shape).astype(np.float32)
    elif kind == 1:
        light = np.clip(x if shape == x.shape else x.mean(axis=2, keepdims=True), 0, 1)
        x = x + (random.poisson(light * photons) / photons - light).astype(np.float32)
    return np.clip(x, 0, 1)


def _maybe_jpeg(x: Floats, ranges: PhotoRanges, random: np.random.Generator, target: tuple[int, int]) -> Floats:
    del target
    quality, coarse = random.uniform(*ranges.jpeg), bool(random.integers(2))
    return _jpeg(x, quality, coarse) if random.random() < ranges.jpeg_probability else x


def _jpeg(x: Floats, quality: float, coarse: bool) -> Floats:
    """Go through a real JPEG encoder and decoder; ``coarse`` halves the chroma's resolution (4:2:0, else 4:4:4)."""
    from PIL import Image

    pixels = _to_bytes(x)
    file = io.BytesIO()
    gray = pixels.shape[2] == 1
    options = {} if gray else {"subsampling": 2 if coarse else 0}
    Image.fromarray(pixels[:, :, 0] if gray else pixels).save(file, "JPEG", quality=round(quality), **options)
    decoded: Floats = np.asarray(Image.open(file), dtype=np.float32) / np.float32(255)
    return decoded[:, :, None] if gray else decoded


def _to_bytes(x: Floats) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return rounded
