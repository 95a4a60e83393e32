"""Makes examples/degraded/: photographs as people have them, of originals that may be shipped and that no network has seen.

    python benchmarks/degraded_examples.py ORIGINALS examples/degraded

ORIGINALS has the three photographs of examples/README.md at their full size. Each is reduced by four, as the examples are, and
then goes the way that its name says, through real encoders; the last one leaves the file as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from photo_cases import blurred, camera_noise, clean, jpeg, jpeg_twice, middle, noisy, shared
from srgan.training.degradation.noise import film_grain, smeared
from srgan.training.degradation.sharpness import with_haloes

SIDE = 960
COLOSSEUM, SPICES, INDRI = "budgie_roman-colosseum", "budgie_the-spices-of-life", "umate_hans-jurgen-mager-indri"


def night(hr: np.ndarray) -> np.ndarray:
    """Much noise, and a denoiser that has taken a part of it."""
    x = camera_noise(clean(hr, 0), 11, 7).astype(np.float32) / 255
    return np.rint(smeared(x, 11, 1.0) * 255).astype(np.uint8)


def print_of_a_film(hr: np.ndarray) -> np.ndarray:
    """Grain, soft, paler than it was, sharpened by the scanner."""
    x = blurred(hr, 0.7).astype(np.float32) / 255
    x = with_haloes(film_grain(0.12 + 0.74 * x, 8, np.random.default_rng(3)), 0.6, 1.2)
    return np.rint(x * 255).astype(np.uint8)


# Name of the file: original, what happens to it, JPEG quality of the file or None for PNG.
EXAMPLES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], int | None]] = {
    "noisy.png": (INDRI, lambda hr: noisy(clean(hr, 0), 10, 1), None),
    "night.jpg": (COLOSSEUM, night, 80),
    "old-camera.jpg": (SPICES, lambda hr: noisy(blurred(hr, 0.4), 9, 2), 60),
    "messenger.jpg": (INDRI, lambda hr: shared(camera_noise(clean(hr, 0), 5, 4), 0.6, 55), 75),
    "screenshot.png": (COLOSSEUM, lambda hr: shared(jpeg(clean(hr, 0), 50), 0.75, 70), None),
    "saved-twice.jpg": (SPICES, lambda hr: jpeg_twice(clean(hr, 0), 40), 90),
    "film-print.jpg": (COLOSSEUM, print_of_a_film, 88),
}


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("originals", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    for name, (original, degrade, quality) in EXAMPLES.items():
        hr = middle(options.originals / f"{original}.png", SIDE)
        how = {} if quality is None else {"quality": quality, "subsampling": 2}
        Image.fromarray(degrade(hr)).save(options.target / name, **how)


if __name__ == "__main__":
    main()
