"""Networks on pictures as people have them: noisy, compressed, blurred, and all that together.

    python benchmarks/photo.py PATH/val --vgg-weights vgg16_features.safetensors --model srgan-x4 --model photo-x4 --model auto

The pictures of the folder must not be among those trained on. ``--part`` chooses one of four parts, all by default; ``auto``
chooses by the pixels of what each case gives it, as for a PNG:

- ``axes``: one kind of fault in three strengths each: noise, noise of cameras, JPEG once and twice, blur; and none
- ``mixtures``: faults that come together
- ``chains``: twelve random chains by the code and ranges that the first photo-x4 was trained with
- ``flat``: noise that is left on flat pictures, in levels, and the width of edges, in pixels

A cell has the mean feature distance to the original (:func:`srgan.evaluation.metrics.vgg_distance`: smaller is nearer) and the
PSNR of luma in dB; the nearest is in bold, and the last line counts. What each case is stands in photo_cases.py.

``--noisy FOLDER`` prints by how much the PSNR of luma is above bicubic's on a whole folder, Set14 say, with noise on its LR.
``--sheet FILE`` draws a crop of each case of axes and mixtures (of each chain with ``--part chains``), as LR, by each network,
and the original, to be judged by eye.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from judging import Network, add_weights_option, judge, judging_features
from photo_cases import AXES, MIXTURES, SCALE, chains, clean, edge, edge_width, flat, noisy, pairs, residual_noise
from srgan.engine.choice import ModelChooser
from srgan.evaluation.benchmark import Bicubic
from srgan.evaluation.crops import most_detailed
from srgan.evaluation.metrics import psnr_y
from srgan.networks.vgg import VGGFeatures

PARTS = ("axes", "mixtures", "chains", "flat")
WHOLE = 1 << 20
"""More than any picture's side, and than the pictures of a folder."""

WINDOW = 160
"""Side of a sheet's crops, pixels."""

Rows = list[np.ndarray]


def main() -> None:
    """Print the tables, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures that no network was trained on")
    parser.add_argument("--model", dest="models", action="append", required=True)
    parser.add_argument("--part", dest="parts", action="append", choices=PARTS, help="repeatable; default: all")
    parser.add_argument("--case", dest="cases", action="append", help="of axes and mixtures only this; repeatable")
    parser.add_argument("--pictures", type=int, default=10, help="at most so many of the folder (axes, mixtures)")
    parser.add_argument("--side", type=int, default=320, help="pixels of the middle that is taken (axes, mixtures)")
    parser.add_argument("--noisy", type=Path, help="pictures, whole ones, for the PSNR over bicubic's with noise")
    add_weights_option(parser)
    parser.add_argument("--sheet", type=Path, help="draw crops: LR, bicubic, the models, the original")
    options = parser.parse_args()

    parts = options.parts or PARTS
    names = ["bicubic", *(Path(name).stem for name in options.models)]
    networks: list[Network] = [Bicubic(SCALE), *(ModelChooser(name, precision="fp32") for name in options.models)]
    rows: Rows = []
    if options.noisy:
        noisy_table(names, networks, options.noisy)
    if "flat" in parts:
        flat_table(names, networks)
    if set(parts) != {"flat"}:
        features = judging_features(options.vgg_weights)
    for part, cases in (("axes", AXES), ("mixtures", MIXTURES)):
        if part in parts:
            print(heading(part, names))
            distances = []
            for number, (name, degradation) in enumerate(cases.items()):
                if options.cases and name not in options.cases:
                    continue
                found = pairs(options.folder, degradation, options.side, options.pictures)
                drawn, row = case_row(name, networks, found, features, number)
                rows.append(drawn)
                distances.append(row)
            print(counts(names, np.array(distances)))
    if "chains" in parts:
        rows += chains_table(names, networks, options.folder, features, drawn=parts == ["chains"])
    if options.sheet and rows:
        half = (len(rows) + 1) // 2
        blank = np.full_like(rows[0], 255)
        columns = [np.concatenate(part) for part in (rows[:half], [*rows[half:], *[blank] * (len(rows) % 2)])]
        Image.fromarray(np.concatenate(columns, axis=1)).save(options.sheet, quality=90)


def heading(first: str, names: Sequence[str]) -> str:
    """Return the first two lines of a table."""
    return f"\n| {first} | {' | '.join(names)} |\n|---|{'---|' * len(names)}"


def case_row(
    name: str,
    networks: Sequence[Network],
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    features: VGGFeatures,
    number: int,
) -> tuple[np.ndarray, list[float]]:
    """Print one case's line; return one picture's crops for the sheet, and the distances."""
    verdicts, results = judge(networks, found, SCALE, features)
    distances = [one.distance for one in verdicts]
    least = min(distances)
    cells = [
        f"**{one.distance:.4f}**, {one.psnr:.2f}" if one.distance == least else f"{one.distance:.4f}, {one.psnr:.2f}"
        for one in verdicts
    ]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)
    shown = number % len(found)
    return crops(*found[shown], results[shown]), distances


def counts(names: Sequence[str], distances: np.ndarray) -> str:
    """Return the last line of a table: of each, in how many cases it is nearest, and nearer than bicubic; how far at worst.

    Parameters
    ----------
    distances : [cases, networks]; the first is bicubic
    """
    nearest = np.bincount(distances.argmin(axis=1), minlength=len(names))
    nearer = (distances < distances[:, :1]).sum(axis=0)
    worst = (distances / distances.min(axis=1, keepdims=True)).max(axis=0)
    cells = [f"{first}, {second}, {third:.2f}" for first, second, third in zip(nearest, nearer, worst, strict=True)]
    return f"| nearest, nearer than bicubic (of {len(distances)}), worst over the nearest | {' | '.join(cells)} |"


def noisy_table(names: Sequence[str], networks: Sequence[Network], folder: Path) -> None:
    """Print the PSNR of luma of bicubic on whole pictures with noise, and what each network has above it."""
    print(heading("PSNR of luma", names))
    for levels in (0, 5, 10, 20):
        found = pairs(folder, lambda hr, number, levels=levels: noisy(clean(hr, 0), levels, number), WHOLE, WHOLE)
        scores = [np.mean([psnr_y(network(lr), hr, SCALE) for lr, hr in found]) for network in networks]
        cells = [f"{scores[0]:.2f}", *(f"{score - scores[0]:+.2f}" for score in scores[1:])]
        print(f"| noise of {levels} levels, {len(found)} pictures | {' | '.join(cells)} |", flush=True)


def chains_table(
    names: Sequence[str], networks: Sequence[Network], folder: Path, features: VGGFeatures, *, drawn: bool
) -> Rows:
    """Print a line a network over the twelve chains; return the crops of each if they are ``drawn``."""
    found = chains(folder)
    verdicts, results = judge(networks, found, SCALE, features)
    print(f"{heading('chains', ['feature distance', 'PSNR, dB', f'nearest of all in, of {len(found)}'])}")
    for name, one in zip(names, verdicts, strict=True):
        print(f"| {name} | {one.distance:.4f} | {one.psnr:.2f} | {one.nearest} |", flush=True)
    return [crops(*pair, outputs) for pair, outputs in zip(found, results, strict=True)] if drawn else []


def flat_table(names: Sequence[str], networks: Sequence[Network]) -> None:
    """Print what is left of noise on flat pictures, and the width of an edge without and with noise."""
    print(heading("flat", names))
    for levels in (0, 5, 10, 15, 20):
        left = [np.mean([residual_noise(network(lr)) for lr in flat(levels)]) for network in networks]
        print(f"| noise left of {levels} levels | {' | '.join(f'{one:.2f}' for one in left)} |", flush=True)
    for levels in (0, 10):
        widths = [edge_width(network(edge(levels))) for network in networks]
        print(f"| edge width, noise of {levels} levels | {' | '.join(f'{one:.2f}' for one in widths)} |", flush=True)


def crops(lr: np.ndarray, hr: np.ndarray, outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Return the most detailed window of LR (each pixel a square), of each result and of HR, side by side."""
    top, left = most_detailed(hr, WINDOW)
    squares = lr.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    return np.concatenate([x[top : top + WINDOW, left : left + WINDOW] for x in (squares, *outputs, hr)], axis=1)


if __name__ == "__main__":
    main()
