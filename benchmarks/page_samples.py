"""The crops beside the networks on the page: ``python benchmarks/page_samples.py``, from the checkout's folder.

Each is 112 x 112 pixels, shown at 56: to the left what comes in, enlarged by bicubic, to the right what the network makes of it.
Networks for clean pictures are shown on a clean one, those that repair on a damaged one, and "auto" on one of each.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from srgan import Upscaler
from srgan.models.catalogue import AUTO, CATALOGUE, CLEAN, COMPRESSED

OUT = Path("src/srgan/web/static/samples")
SIDE = 28  # pixels of the input
CLEAN_CROP = ("examples/colosseum.jpg", 58, 42)
DAMAGED_CROP = ("examples/degraded/night.jpg", 58, 42)


def pair(name: str, where: tuple[str, int, int]) -> tuple[Image.Image, Image.Image]:
    """Return a crop of a picture, enlarged by bicubic and by a network."""
    path, left, top = where
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    box = (left * 4, top * 4, (left + SIDE) * 4, (top + SIDE) * 4)
    made = Image.fromarray(Upscaler(name, precision="fp32")(pixels)).crop(box)
    small = Image.fromarray(pixels[top : top + SIDE, left : left + SIDE])
    return small.resize(made.size, Image.Resampling.BICUBIC), made


def halves(left: Image.Image, right: Image.Image) -> Image.Image:
    """Return the left half of one beside the right half of the other, with a line between them."""
    out = right.copy()
    middle = out.width // 2
    out.paste(left.crop((0, 0, middle, out.height)), (0, 0))
    out.paste((255, 255, 255), (middle - 1, 0, middle + 1, out.height))
    return out


def main() -> None:
    """Write one file a network, and one for auto."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, entry in CATALOGUE.items():
        if not entry.aside:
            where = DAMAGED_CROP if entry.title.startswith("Repair") else CLEAN_CROP
            halves(*pair(name, where)).save(OUT / f"{name}.webp", quality=88, method=6)
    clean, damaged = pair(CLEAN, CLEAN_CROP)[1], pair(COMPRESSED, DAMAGED_CROP)[1]
    auto = halves(damaged, clean)
    auto.save(OUT / f"{AUTO}.webp", quality=88, method=6)


if __name__ == "__main__":
    main()
