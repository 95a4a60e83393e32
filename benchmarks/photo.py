"""Networks on pictures as people have them: blurred, noisy, JPEG-compressed, by twelve fixed random chains.

    python benchmarks/photo.py PATH/val --vgg-weights vgg16_features.safetensors --model srgan-x4 --model photo-x4

Chain number n is drawn from the seed n, by the code and ranges that the first photo-x4 was trained with, and reduces the middle
of a picture of the folder, in the order of their names; the pictures must not be among those trained on. The table has the mean
feature distance to the original (:func:`srgan.evaluation.metrics.vgg_distance`: smaller is nearer) and the PSNR
of luma; ``--sheet FILE`` draws a crop of each beside the original, to be judged by eye.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from judging import add_weights_option, judge, judging_features
from old_photo_chain import photo
from srgan import Upscaler
from srgan.evaluation.benchmark import Bicubic
from srgan.evaluation.crops import most_detailed
from srgan.image import list_pictures, read_rgb8

CHAINS, SCALE, SIDE = 12, 4, 480


def pairs(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return LR and HR of each chain, [H, W, 3] uint8."""
    files = list_pictures(folder)
    found = []
    for number in range(CHAINS):
        hr = read_rgb8(files[number % len(files)])
        top, left = (max(side - SIDE, 0) // 2 for side in hr.shape[:2])
        hr = hr[top : top + SIDE, left : left + SIDE]
        hr = np.ascontiguousarray(hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE])
        found.append((photo(hr, SCALE, np.random.default_rng(number)), hr))
    return found


def main() -> None:
    """Print the table, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures that no network was trained on")
    parser.add_argument("--model", dest="models", action="append", required=True)
    add_weights_option(parser)
    parser.add_argument("--sheet", type=Path, help="draw crops: bicubic, the models, the original")
    options = parser.parse_args()

    features = judging_features(options.vgg_weights)
    names = ["bicubic", *options.models]
    networks = [Bicubic(SCALE), *(Upscaler(name, precision="fp32") for name in options.models)]
    degraded = pairs(options.folder)
    verdicts, results = judge(networks, degraded, SCALE, features)
    print("| model | feature distance | PSNR, dB | nearest of all in |\n|---|---|---|---|")
    for name, verdict in zip(names, verdicts, strict=True):
        print(f"| {name} | {verdict.distance:.4f} | {verdict.psnr:.2f} | {verdict.nearest} of {CHAINS} |")
    if options.sheet:
        rows = []
        for (_, hr), outputs in zip(degraded, results, strict=True):
            top, left = most_detailed(hr, 128)
            rows.append(np.concatenate([x[top : top + 128, left : left + 128] for x in (*outputs, hr)], axis=1))
        half = CHAINS // 2
        sheet = Image.fromarray(np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1))
        sheet.resize((sheet.width * 3 // 2, sheet.height * 3 // 2), Image.Resampling.NEAREST).save(options.sheet)


if __name__ == "__main__":
    main()
