"""How near networks come to originals, for the benchmarks that compare them."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srgan.evaluation.metrics import VGG_DISTANCE_LAYERS, psnr_y, vgg_distance
from srgan.networks.vgg import VGGFeatures, load_vgg

Network = Callable[[np.ndarray], np.ndarray]


class Verdict(NamedTuple):
    """Of one network over all pictures: mean feature distance, mean PSNR of luma in dB, and of how many it was the nearest."""

    distance: float
    psnr: float
    nearest: int


def add_weights_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--vgg-weights``."""
    parser.add_argument("--vgg-weights", type=Path, help="VGG16's weights; without it torchvision's own")


def judging_features(weights: Path | None) -> VGGFeatures:
    """Load what the feature distance is measured in."""
    return load_vgg("vgg16", VGG_DISTANCE_LAYERS, weights)


class _Once:
    """Features that are computed once for each picture that comes again."""

    def __init__(self, features: VGGFeatures) -> None:
        self.features, self.mean = features, features.mean
        self.known: dict[bytes, Any] = {}

    def __call__(self, x: Any) -> Any:
        key = hashlib.sha256(x.cpu().numpy().tobytes()).digest()
        if key not in self.known:
            self.known[key] = self.features(x)
        return self.known[key]


def judge(
    networks: Sequence[Network], pairs: Sequence[tuple[np.ndarray, np.ndarray]], scale: int, features: VGGFeatures
) -> tuple[list[Verdict], list[list[np.ndarray]]]:
    """Enlarge the LR of each (LR, HR) by each network; return a verdict a network, and the results of each pair."""
    scores = np.zeros((len(networks), len(pairs), 2))
    results = [[network(lr) for network in networks] for lr, _ in pairs]
    for number, ((_, hr), outputs) in enumerate(zip(pairs, results, strict=True)):
        once: Any = _Once(features)  # of the original, which is compared with each result
        for place, sr in enumerate(outputs):
            scores[place, number] = vgg_distance(sr, hr, once), psnr_y(sr, hr, scale)
    nearest = np.bincount(scores[:, :, 0].argmin(axis=0), minlength=len(networks))
    verdicts = [Verdict(float(d), float(p), int(n)) for (d, p), n in zip(scores.mean(axis=1), nearest, strict=True)]
    return verdicts, results
