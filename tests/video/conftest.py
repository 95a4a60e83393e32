"""What most tests of clips begin with."""

import pytest

from support import tiny_models


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    """A network that repeats each pixel, twice to a side."""
    from srgan import Upscaler

    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=2), threads=1)
