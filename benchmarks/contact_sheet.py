"""Crops of several pictures as several models show them, side by side, to be judged by eye.

    python benchmarks/contact_sheet.py sheet.png --set PATH/Set14 --model bicubic --model srresnet-x4 --model srgan-x4

Rows are crops, columns the models, the original last. Each pixel of a crop is a square of ``--zoom`` pixels, without
interpolation, so that what is seen is what the model made. ``--crop NAME:LEFT,TOP`` chooses pictures and places (pixels of the
original); without it, each picture's most detailed window is shown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from srgan import Upscaler
from srgan.data.pairs import Pair, find_pairs
from srgan.evaluation.benchmark import Bicubic
from srgan.evaluation.crops import most_detailed
from srgan.image import read_rgb8
from srgan.resize.imresize import downscale

GAP, TITLE = 8, 28


def load(pair: Pair, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Return LR and HR, [H, W, 3] uint8."""
    hr = read_rgb8(pair.hr)
    hr = np.ascontiguousarray(hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale])
    return (downscale(hr, scale) if pair.lr is None else read_rgb8(pair.lr)), hr


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--set", dest="sets", action="append", type=Path, required=True)
    parser.add_argument("--model", dest="models", action="append", required=True)
    parser.add_argument("--crop", dest="crops", action="append", default=[], metavar="NAME:LEFT,TOP")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--zoom", type=int, default=2)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--columns", type=int, default=1, help="crops beside each other")
    options = parser.parse_args()

    networks = [Bicubic(4) if name == "bicubic" else Upscaler(name, precision="fp32") for name in options.models]
    scale = networks[-1].scale
    wanted = dict(crop.split(":") for crop in options.crops)
    side, rows = options.side, []
    for pair in (pair for folder in options.sets for pair in find_pairs(folder, scale)):
        if wanted and pair.hr.stem not in wanted:
            continue
        lr, hr = load(pair, scale)
        if pair.hr.stem in wanted:
            left, top = map(int, wanted[pair.hr.stem].split(","))
        else:
            top, left = most_detailed(hr, side)
        window = (slice(top, top + side), slice(left, left + side))
        panels = [network(lr)[window] for network in networks] + [hr[window]]
        rows.append([np.kron(panel, np.ones((options.zoom, options.zoom, 1), np.uint8)) for panel in panels])
        if len(rows) == options.rows:
            break

    panel = side * options.zoom
    block = len(rows[0]) * (panel + GAP)
    columns = options.columns
    lines = -(-len(rows) // columns)
    sheet = Image.new("RGB", (columns * block + (columns - 1) * GAP, TITLE + lines * (panel + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for column in range(columns):
        for number, name in enumerate([*(Path(model).stem for model in options.models), "original"]):
            draw.text((column * (block + GAP) + number * (panel + GAP) + 4, 6), name, fill="black", font_size=15)
    for place, row in enumerate(rows):
        x0, y0 = place // lines * (block + GAP), TITLE + place % lines * (panel + GAP)
        for number, pixels in enumerate(row):
            sheet.paste(Image.fromarray(pixels), (x0 + number * (panel + GAP), y0))
    sheet.save(options.target)
    print(f"{options.target}: {len(rows)} crops, {', '.join(options.models)}")


if __name__ == "__main__":
    main()
