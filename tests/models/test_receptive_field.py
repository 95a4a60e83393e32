"""The receptive field of graphs, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from srgan.models.receptive_field import receptive_radius
from support.tiny_models import Layers


def radius(build: Callable[[Layers], str], path: Path) -> int | None:
    layers = Layers()
    last = build(layers)
    return receptive_radius(onnx.load(layers.save(path, last, scale=1, radius=0)))


def conv(layers: Layers, x: str, size: int = 3) -> str:
    return layers.conv(x, np.zeros((3, 3, size, size)))


def up(layers: Layers, x: str) -> str:
    return layers.shuffle(layers.conv(x, np.zeros((12, 3, 3, 3))))


CASES: list[tuple[Callable[[Layers], str], int | None]] = [
    (lambda n: conv(n, conv(n, "input", 9), 3), 4 + 1),
    (lambda n: n.node("Add", conv(n, conv(n, "input")), "input"), 2),  # the longest path counts
    (lambda n: conv(n, up(n, "input"), 9), 1 + 2),  # after the shuffle four pixels are two
    (lambda n: conv(n, up(n, "input")), 2),  # half a pixel is rounded up
    (lambda n: n.node("GlobalAveragePool", conv(n, "input")), None),  # all of the picture
]


@pytest.mark.parametrize(("build", "expected"), CASES)
def test_radius(build: Callable[[Layers], str], expected: int | None, tmp_path: Path) -> None:
    assert radius(build, tmp_path / "a.onnx") == expected
