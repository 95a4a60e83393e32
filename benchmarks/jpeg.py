"""Networks on photographs saved as JPEG of many qualities: where ``--model auto`` changes from one to the other.

    python benchmarks/jpeg.py PATH/val --vgg-weights vgg16_features.safetensors

The middle of each picture of the folder is reduced as the benchmarks are, saved as JPEG (4:2:0), read again and enlarged; the
pictures must not be among those trained on. For each quality the table has the mean feature distance of each network's results to
the originals (:func:`srgan.evaluation.metrics.vgg_distance`: smaller is nearer), the PSNR of luma, and of how many pictures it
was the nearest one.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from judging import add_weights_option, judge, judging_features
from srgan import Upscaler
from srgan.image import list_pictures, read_rgb8
from srgan.models.catalogue import CLEAN, COMPRESSED
from srgan.resize.imresize import downscale

SCALE, SIDE = 4, 320
QUALITIES = (None, 97, 95, 93, 90, 85, 75, 60, 45, 30)


def middle(hr: np.ndarray) -> np.ndarray:
    """Return the middle SIDE x SIDE pixels."""
    top, left = ((side - SIDE) // 2 // SCALE * SCALE for side in hr.shape[:2])
    return np.ascontiguousarray(hr[top : top + SIDE, left : left + SIDE])


def saved(lr: np.ndarray, quality: int | None) -> np.ndarray:
    """Return the picture as it comes out of a JPEG file of this quality; without one, as it is."""
    if quality is None:
        return lr
    file = io.BytesIO()
    Image.fromarray(lr).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures that no network was trained on, 320 x 320 or larger")
    parser.add_argument("--model", dest="models", action="append", help=f"default: {CLEAN} and {COMPRESSED}")
    add_weights_option(parser)
    options = parser.parse_args()

    names = options.models or [CLEAN, COMPRESSED]
    features = judging_features(options.vgg_weights)
    networks = [Upscaler(name, precision="fp32") for name in names]
    pictures = [middle(read_rgb8(file)) for file in list_pictures(options.folder)]
    print("| quality |", " | ".join(f"{name}: distance, dB, nearest" for name in names), "|")
    print("|---" * (len(names) + 1) + "|")
    for quality in QUALITIES:
        pairs = [(saved(downscale(hr, SCALE), quality), hr) for hr in pictures]
        verdicts, _ = judge(networks, pairs, SCALE, features)
        cells = [f"{verdict.distance:.3f}, {verdict.psnr:.2f}, {verdict.nearest}" for verdict in verdicts]
        print(f"| {quality or 'no JPEG'} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
