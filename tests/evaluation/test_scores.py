"""The means of scores, and JSON that has no infinity."""

from __future__ import annotations

import json
import math

import pytest

from srgan.evaluation.scores import BenchmarkReport, ImageScore, SetScore


def test_means_are_those_of_the_pictures() -> None:
    scores = SetScore("Set", (ImageScore("a", 30.0, 0.8, 0.2), ImageScore("b", 33.0, 0.9, 0.4)))
    assert (scores.psnr_y, scores.ssim_y) == pytest.approx((31.5, 0.85))
    assert scores.vgg_distance == pytest.approx(0.3)


def test_equal_pictures_are_null_in_json() -> None:
    same = SetScore("Set", (ImageScore("a", math.inf, 1.0),))
    text = BenchmarkReport("net", 4, (same,)).to_json()
    (entry,) = json.loads(text)["sets"]
    assert entry["images"] == [{"name": "a", "psnr_y": None, "ssim_y": 1.0}]
    assert entry["mean"] == {"psnr_y": None, "ssim_y": 1.0}
    assert "vgg_distance" not in text
    assert text.endswith("}\n")
