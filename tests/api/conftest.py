"""A network for pictures given from Python."""

from pathlib import Path

import pytest

import srgan
from support import tiny_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of one that repeats each pixel, four times to a side."""
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx")


@pytest.fixture(scope="module")
def upscaler(model: Path) -> srgan.Upscaler:
    """It, open."""
    return srgan.Upscaler(model)
