"""Pictures with one known damage each, for measuring how ``--model auto`` sees and chooses.

Each is a photograph reduced as the benchmarks are, then damaged at its final size, as people have their pictures.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from srgan.image import list_pictures, read_rgb8
from srgan.resize.imresize import downscale

SCALE = 4
Bytes = NDArray[np.uint8]
Damage = Callable[[Bytes, np.random.Generator], Bytes]


@dataclass(frozen=True)
class Sample:
    """A damaged picture.

    Attributes
    ----------
    picture, damage : names
    lr : ``[H, W, 3]`` uint8
    hr : the original, ``[4 H, 4 W, 3]``
    jpeg_quality : what the file says if it is kept as the JPEG that it last was; None for what was none
    """

    picture: str
    damage: str
    lr: Bytes
    hr: Bytes
    jpeg_quality: int | None


def to_bytes(x: NDArray[np.floating]) -> Bytes:
    """Round and clip."""
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def gaussian(lr: Bytes, random: np.random.Generator, *, sigma: float) -> Bytes:
    """Add noise of ``sigma`` levels, of its own in each band."""
    return to_bytes(lr + random.normal(0, sigma, lr.shape))


def poisson(lr: Bytes, random: np.random.Generator, *, sigma: float) -> Bytes:
    """Add shot noise that has ``sigma`` levels at mid-gray."""
    photons = (127.5 / sigma) ** 2 / 127.5
    return to_bytes(random.poisson(lr * photons) / photons)


def camera(lr: Bytes, random: np.random.Generator, *, sigma: float) -> Bytes:
    """Add noise as a camera leaves it: correlated in place and colour, stronger in the light, ``sigma`` levels in all."""
    common = random.normal(0, 1, (*lr.shape[:2], 1)) * 0.7
    noise = gaussian_filter(common + random.normal(0, 0.7, lr.shape), (0.55, 0.55, 0))
    noise *= np.sqrt(0.5 + lr / 255) / noise.std()
    return to_bytes(lr + sigma * noise)


def jpeg(lr: Bytes, _: np.random.Generator, *, quality: int, offset: tuple[int, int] = (0, 0)) -> Bytes:
    """Save as JPEG (4:2:0) and read again, with the grid of blocks beginning at minus ``offset`` (down, right)."""
    down, right = offset
    wide = np.pad(lr, ((down, 0), (right, 0), (0, 0)), "edge")
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))[down:, right:]


def blur(lr: Bytes, _: np.random.Generator, *, sigma: float) -> Bytes:
    """Blur by a Gaussian."""
    return to_bytes(gaussian_filter(lr.astype(np.float64), (sigma, sigma, 0), mode="nearest"))


def both(lr: Bytes, random: np.random.Generator, *, first: Damage, second: Damage) -> Bytes:
    """One damage after the other."""
    return second(first(lr, random), random)


def _damages() -> dict[str, tuple[Damage, int | None]]:
    found: dict[str, tuple[Damage, int | None]] = {"clean": (lambda lr, _: lr, None)}
    for sigma in (2, 5, 10, 15, 20):
        for kind in (gaussian, poisson, camera):
            found[f"{kind.__name__} {sigma}"] = partial(kind, sigma=sigma), None
    for quality in (30, 50, 70, 80, 90, 95):
        found[f"jpeg {quality}"] = partial(jpeg, quality=quality), quality
    for first, second in ((30, 90), (50, 80), (70, 95), (85, 85)):
        earlier = partial(jpeg, quality=first, offset=(3, 5))
        found[f"jpeg {first}, {second}"] = (
            partial(both, first=earlier, second=partial(jpeg, quality=second)),
            second,
        )
    for sigma, quality in ((5, 80), (10, 60), (15, 85)):
        name = f"gaussian {sigma}, jpeg {quality}"
        steps = partial(both, first=partial(gaussian, sigma=sigma), second=partial(jpeg, quality=quality))
        found[name] = steps, quality
    for sigma in (0.5, 0.8, 1.2):
        found[f"blur {sigma}"] = partial(blur, sigma=sigma), None
    return found


DAMAGES = _damages()
"""The damage by its name, and the quality that a JPEG file of it would show."""


def samples(folder: Path) -> Iterator[Sample]:
    """Yield each picture of a folder with each damage; the same folder gives the same samples."""
    for number, file in enumerate(list_pictures(folder)):
        hr = read_rgb8(file)
        hr = np.ascontiguousarray(hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE])
        lr = downscale(hr, SCALE)
        for place, (name, (damage, quality)) in enumerate(DAMAGES.items()):
            random = np.random.default_rng([number, place])
            yield Sample(file.name, name, np.ascontiguousarray(damage(lr, random)), hr, quality)
