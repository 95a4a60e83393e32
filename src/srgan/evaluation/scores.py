"""The scores of a model: of a picture, of a set, of all sets; and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import numpy as np

from srgan.evaluation.sample import Sample


@dataclass(frozen=True)
class ImageScore:
    """PSNR (dB, infinite for equal pictures) and SSIM (up to 1) of one picture, on luma.

    ``vgg_distance`` is :func:`srgan.evaluation.metrics.vgg_distance`, or None if it was not asked for.
    """

    name: str
    psnr_y: float
    ssim_y: float
    vgg_distance: float | None = None


@dataclass(frozen=True)
class SetScore:
    """The scores of a folder. ``samples`` is empty unless they were asked for."""

    name: str
    images: tuple[ImageScore, ...]
    samples: tuple[Sample, ...] = field(default=(), repr=False)

    @property
    def psnr_y(self) -> float:
        """Mean of the pictures' PSNR, dB, as in the literature (not the PSNR of the mean error)."""
        return float(np.mean([image.psnr_y for image in self.images]))

    @property
    def ssim_y(self) -> float:
        """Mean SSIM."""
        return float(np.mean([image.ssim_y for image in self.images]))

    @property
    def vgg_distance(self) -> float | None:
        """Mean distance in VGG16's features, None if it was not asked for."""
        values = [image.vgg_distance for image in self.images if image.vgg_distance is not None]
        return float(np.mean(values)) if values else None


@dataclass(frozen=True)
class BenchmarkReport:
    """All scores of one model."""

    model: str
    scale: int
    sets: tuple[SetScore, ...]

    def to_json(self) -> str:
        """Return the scores as JSON, ended by a newline.

        ``{"model", "scale", "sets": [{"name", "images": [{"name", "psnr_y", "ssim_y"}], "mean": {"psnr_y", "ssim_y"}}]}``;
        an infinite PSNR, which JSON cannot express, is null. Where it was asked for, "vgg_distance" stands beside them.
        """
        data = {
            "model": self.model,
            "scale": self.scale,
            "sets": [
                {
                    "name": entry.name,
                    "images": [{"name": image.name, **_figures(image)} for image in entry.images],
                    "mean": _figures(entry),
                }
                for entry in self.sets
            ],
        }
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _figures(score: ImageScore | SetScore) -> dict[str, float | None]:
    figures = {"psnr_y": score.psnr_y if math.isfinite(score.psnr_y) else None, "ssim_y": score.ssim_y}
    return figures if score.vgg_distance is None else {**figures, "vgg_distance": score.vgg_distance}
