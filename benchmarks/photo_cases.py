"""What benchmarks/photo.py measures on: photographs made worse in one way, or in several, by known amounts.

All reductions are MATLAB's antialiased bicubic, all files Pillow's (libjpeg-turbo), all noise is drawn from the number of the
picture: the same folder gives the same cases, to the bit with the same libraries.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from photo_chains import photo as old_chain
from srgan.image import list_pictures, read_rgb8
from srgan.resize.imresize import downscale
from srgan.training.degradation.noise import camera

SCALE, CHAINS, CHAIN_SIDE = 4, 12, 480

Pair = tuple[np.ndarray, np.ndarray]
Degradation = Callable[[np.ndarray, int], np.ndarray]
"""Makes LR of HR, both [H, W, 3] uint8, for the picture of a number."""


def middle(file: Path, side: int) -> np.ndarray:
    """Return the middle of a picture, of at most ``side`` pixels, multiples of the scale."""
    hr = read_rgb8(file)
    top, left = (max(length - side, 0) // 2 for length in hr.shape[:2])
    hr = hr[top : top + side, left : left + side]
    return np.ascontiguousarray(hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE])


def chains(folder: Path) -> list[Pair]:
    """Return LR and HR of the twelve chains of the first photo-x4's training; chain n is drawn from the seed n."""
    files = list_pictures(folder)
    crops = [middle(files[number % len(files)], CHAIN_SIDE) for number in range(CHAINS)]
    return [(old_chain(hr, SCALE, np.random.default_rng(number)), hr) for number, hr in enumerate(crops)]


def pairs(folder: Path, degradation: Degradation, side: int, most: int) -> list[Pair]:
    """Return LR and HR of the middles of at most ``most`` pictures of a folder."""
    crops = [middle(file, side) for file in list_pictures(folder)[:most]]
    return [(degradation(hr, number), hr) for number, hr in enumerate(crops)]


def clean(hr: np.ndarray, number: int) -> np.ndarray:
    """Reduce it, and nothing else."""
    del number
    small: np.ndarray = downscale(hr, SCALE)
    return small


def noisy(lr: np.ndarray, levels: float, number: int) -> np.ndarray:
    """Add Gaussian noise of so many levels of 255."""
    noise = np.random.default_rng(number).normal(0, levels, lr.shape)
    return np.clip(np.rint(lr + noise), 0, 255).astype(np.uint8)


def camera_noise(lr: np.ndarray, levels: float, number: int) -> np.ndarray:
    """Add noise that goes over several pixels and has colours, as cameras leave it."""
    x = camera(lr.astype(np.float32) / 255, levels, np.random.default_rng(number))
    return np.rint(x * 255).astype(np.uint8)


def jpeg(lr: np.ndarray, quality: int) -> np.ndarray:
    """Save as JPEG, with colours of half the resolution, and read back."""
    file = io.BytesIO()
    Image.fromarray(lr).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file))


def jpeg_twice(lr: np.ndarray, quality: int) -> np.ndarray:
    """Save as JPEG, cut three rows and five columns off, and save as JPEG again; they are there once more in the result."""
    wide = jpeg(np.pad(lr, ((3, 0), (5, 0), (0, 0)), mode="symmetric"), quality)
    return jpeg(np.ascontiguousarray(wide[3:, 5:]), quality)


def blurred(hr: np.ndarray, pixels: float) -> np.ndarray:
    """Blur by a Gaussian whose standard deviation is so many pixels of LR, and reduce."""
    sigma = pixels * SCALE
    return clean(np.rint(gaussian_filter(hr.astype(np.float32), (sigma, sigma, 0), mode="mirror")).astype(np.uint8), 0)


def shared(lr: np.ndarray, factor: float, quality: int) -> np.ndarray:
    """Shrink, save as JPEG and enlarge again, as messengers and screenshots do."""
    height, width = lr.shape[:2]
    small = Image.fromarray(lr).resize((round(width * factor), round(height * factor)), Image.Resampling.LANCZOS)
    return np.asarray(
        Image.fromarray(jpeg(np.asarray(small), quality)).resize((width, height), Image.Resampling.BICUBIC)
    )


AXES: dict[str, Degradation] = {
    "clean": clean,
    "noise 5": lambda hr, n: noisy(clean(hr, n), 5, n),
    "noise 10": lambda hr, n: noisy(clean(hr, n), 10, n),
    "noise 20": lambda hr, n: noisy(clean(hr, n), 20, n),
    "camera noise 5": lambda hr, n: camera_noise(clean(hr, n), 5, n),
    "camera noise 10": lambda hr, n: camera_noise(clean(hr, n), 10, n),
    "camera noise 20": lambda hr, n: camera_noise(clean(hr, n), 20, n),
    "JPEG 70": lambda hr, n: jpeg(clean(hr, n), 70),
    "JPEG 50": lambda hr, n: jpeg(clean(hr, n), 50),
    "JPEG 30": lambda hr, n: jpeg(clean(hr, n), 30),
    "JPEG 70 twice": lambda hr, n: jpeg_twice(clean(hr, n), 70),
    "JPEG 50 twice": lambda hr, n: jpeg_twice(clean(hr, n), 50),
    "JPEG 30 twice": lambda hr, n: jpeg_twice(clean(hr, n), 30),
    "blur 0.5": lambda hr, _: blurred(hr, 0.5),
    "blur 0.8": lambda hr, _: blurred(hr, 0.8),
    "blur 1.2": lambda hr, _: blurred(hr, 1.2),
}
"""One kind at a time, in three strengths each; blur in pixels of LR."""

MIXTURES: dict[str, Degradation] = {
    "phone: camera noise 6, JPEG 85": lambda hr, n: jpeg(camera_noise(clean(hr, n), 6, n), 85),
    "old camera: blur 0.5, noise 12, JPEG 60": lambda hr, n: jpeg(noisy(blurred(hr, 0.5), 12, n), 60),
    "messenger: camera noise 5, to 0.6 and back, JPEG 60": lambda hr, n: shared(
        camera_noise(clean(hr, n), 5, n), 0.6, 60
    ),
    "saved often: JPEG 60, to 0.75 and back, JPEG 60": lambda hr, n: jpeg(shared(jpeg(clean(hr, n), 60), 0.75, 60), 80),
    "night: camera noise 15, JPEG 75": lambda hr, n: jpeg(camera_noise(clean(hr, n), 15, n), 75),
    "soft scan: blur 0.8, noise 6": lambda hr, n: noisy(blurred(hr, 0.8), 6, n),
}
"""Several kinds, as they come together."""


def flat(levels: float, side: int = 64) -> list[np.ndarray]:
    """Return flat LR pictures of four colours with Gaussian noise."""
    colours = ((128, 128, 128), (200, 180, 160), (60, 80, 110), (40, 40, 40))
    return [noisy(np.full((side, side, 3), colour, np.uint8), levels, n) for n, colour in enumerate(colours)]


def edge(levels: float, side: int = 64) -> np.ndarray:
    """Return LR of an upright edge between gray of 64 and 192, with Gaussian noise."""
    hr = np.full((side * SCALE, side * SCALE, 3), 64, np.uint8)
    hr[:, side * SCALE // 2 :] = 192
    return noisy(clean(hr, 0), levels, 0)


def residual_noise(sr: np.ndarray, border: int = 32) -> float:
    """Return the standard deviation within each band of what a flat picture has become, levels."""
    inside = sr[border:-border, border:-border].astype(np.float64)
    return float(np.sqrt(inside.var(axis=(0, 1)).mean()))


def edge_width(sr: np.ndarray, border: int = 32) -> float:
    """Return over how many pixels an upright edge rises from 10 to 90 % of its height."""
    profile = sr[border:-border].astype(np.float64).mean(axis=(0, 2))
    half = len(profile) // 2
    low, high = profile[border : half - 24].mean(), profile[half + 24 : -border].mean()
    rise = (profile[half - 24 : half + 24] - low) / (high - low)

    def crossing(level: float) -> float:
        after = int(np.argmax(rise >= level))
        return after - (rise[after] - level) / (rise[after] - rise[after - 1])

    return crossing(0.9) - crossing(0.1)
