"""How often ``--model auto`` takes the better network, and the thresholds with which it does so most often.

    python benchmarks/auto.py PATH/val --vgg-weights vgg16_features.safetensors --cache distances.json [--fit]

Photographs are reduced as the benchmarks are, and damaged (:mod:`auto_pictures`): noise of three kinds, JPEG once and twice on
shifted grids, blur, noise before JPEG. The choice looks at the whole picture, the networks enlarge its middle (photo-x4 blended
with its partner by the noise that was seen), and the one whose result has the smaller feature distance
(:func:`srgan.evaluation.metrics.vgg_distance`) is the right one. What was last a JPEG counts twice, as that file and kept as PNG.
``--fit`` looks for the thresholds, and prints the line for
:mod:`srgan.models.catalogue`. The distances are kept in the cache by the networks' content: after a change of the choice alone
nothing is computed again.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from auto_pictures import SCALE, Sample, samples
from judging import add_weights_option, judging_features
from srgan import Upscaler
from srgan.engine.appearance import Appearance, look
from srgan.engine.choice import severity
from srgan.evaluation.metrics import vgg_distance
from srgan.jobs.journal import content_of
from srgan.models.catalogue import CLEAN, COMPRESSED, NOISY, THRESHOLDS, Thresholds, resolve

GRID = {
    "noise": np.arange(2.5, 8.01, 0.25),
    "even_noise": np.arange(3, 6.01, 0.25),
    "blocks": (0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3),
    "sharpness": (0.4, 0.44, 0.47, 0.49, 0.51, 0.53),
}


class Case(NamedTuple):
    """A picture as a file: what was seen, and the feature distances of the results of CLEAN and COMPRESSED."""

    damage: str
    seen: Appearance
    jpeg_quality: int | None
    clean: float
    cleaned: float

    def chosen(self, thresholds: Thresholds) -> float:
        """Return the distance of the choice; where results are mixed, of the one that has the larger share."""
        return self.cleaned if severity(self.seen, self.jpeg_quality, thresholds) >= 1 else self.clean

    def loss(self, thresholds: Thresholds) -> float:
        """Return how many times as far it is as the better one."""
        return self.chosen(thresholds) / min(self.clean, self.cleaned)


class Distances:
    """Feature distances of the middles of results; kept in a file."""

    def __init__(self, cache: Path, weights: Path | None, side: int) -> None:
        self._file = cache
        self._known: dict[str, float] = json.loads(cache.read_text()) if cache.exists() else {}
        self._features = judging_features(weights)
        self._side = side
        self._networks = {name: Upscaler(name, precision="fp32") for name in (CLEAN, COMPRESSED, NOISY)}
        self._content = {name: content_of(resolve(name))[:16] for name in self._networks}

    def __call__(self, name: str, sample: Sample) -> float:
        """Return how far the result of a network is from the original."""
        network = self._networks[name]
        key = f"{self._content[name]} {sample.picture} {sample.damage} {self._side}"
        if key not in self._known:
            top, left = ((side - self._side) // 2 for side in sample.lr.shape[:2])
            lr, hr = (
                np.ascontiguousarray(x[top * f : (top + self._side) * f, left * f : (left + self._side) * f])
                for x, f in ((sample.lr, 1), (sample.hr, SCALE))
            )
            self._known[key] = vgg_distance(network(lr), hr, self._features)
            self._file.write_text(json.dumps(self._known))
        return self._known[key]


def cases(folder: Path, distances: Distances, every: int) -> Iterator[Case]:
    """Yield the cases of a folder; of every so many damages of a picture one, and always what is clean."""
    pictures: dict[str, int] = {}
    for number, sample in enumerate(samples(folder)):
        first = pictures.setdefault(sample.picture, number)
        if sample.damage != "clean" and (len(pictures) - 1 + number - first) % every:
            continue
        seen = look(sample.lr)
        far = distances(CLEAN, sample), distances(THRESHOLDS.cleaner_of(seen.noise), sample)
        for quality in dict.fromkeys((None, sample.jpeg_quality)):
            yield Case(sample.damage, seen, quality, *far)


def fitted(found: list[Case]) -> Thresholds:
    """Return the thresholds with the smallest loss: a choice that is worse by a third counts as much as 30 lost ties."""
    best: list[tuple[float, ...]] = []
    least = np.inf
    for values in itertools.product(*GRID.values()):
        thresholds = dataclasses.replace(
            THRESHOLDS, **{name: float(value) for name, value in zip(GRID, values, strict=True)}
        )
        losses = np.array([case.loss(thresholds) - 1 for case in found])
        cost = (losses > 0).mean() + 3 * losses.mean() + 30 * (losses > 1 / 3).mean()
        if cost < least - 1e-9:
            best, least = [], cost
        if cost < least + 1e-9:
            best.append(values)
    middle = np.median(best, axis=0).round(3)  # of all that are equally good
    return dataclasses.replace(THRESHOLDS, **{name: float(value) for name, value in zip(GRID, middle, strict=True)})


def main() -> None:
    """Print the table, and with ``--fit`` the thresholds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures that no network was trained on")
    parser.add_argument(
        "--cache", type=Path, required=True, help="JSON file with the distances, made if it is not there"
    )
    parser.add_argument("--side", type=int, default=48, help="LR pixels a side that are enlarged; default: 48")
    parser.add_argument("--every", type=int, default=1, help="take one of so many damages of each picture")
    parser.add_argument("--fit", action="store_true", help="look for thresholds, and judge those")
    add_weights_option(parser)
    options = parser.parse_args()

    found = list(cases(options.folder, Distances(options.cache, options.vgg_weights, options.side), options.every))
    thresholds = fitted(found) if options.fit else THRESHOLDS
    print("| damage | cases | srgan-x4 | photo-x4 | auto | right | worst |\n" + "|---" * 7 + "|")
    groups = {name: [case for case in found if case.damage == name] for name in dict.fromkeys(x.damage for x in found)}
    for name, group in [*groups.items(), ("all", found)]:
        losses = np.array([case.loss(thresholds) for case in group])
        means = [np.mean(x) for x in zip(*((c.clean, c.cleaned, c.chosen(thresholds)) for c in group), strict=True)]
        cells = " | ".join(f"{mean:.3f}" for mean in means)
        print(f"| {name} | {len(group)} | {cells} | {(losses <= 1).mean():.0%} | {losses.max():.2f} |")
    if options.fit:
        # The least known number of the file itself is not fitted: the pixels of such files are judged as those of others.
        print(f"THRESHOLDS = {thresholds}")


if __name__ == "__main__":
    main()
