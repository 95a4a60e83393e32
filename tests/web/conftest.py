"""A server with tiny networks, pictures for it, and a real browser."""

import os
import tempfile

import numpy as np
import pytest

import srgan.image
from srgan.image import Picture
from support import tiny_models
from support.server import CHROMIUM, CHROMIUM_FLAGS, serving


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Command line options that offer two tiny networks: one learnt nothing, one repeats pixels."""
    folder = tmp_path_factory.mktemp("models")
    return [
        "--model",
        tiny_models.residual(folder / "tiny.onnx"),
        "--model",
        tiny_models.nearest(folder / "nearest.onnx", scale=4, name="nearest-x4"),
    ]


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory):
    """A network with so many layers that a picture of a few hundred pixels a side takes seconds."""
    folder = tmp_path_factory.mktemp("slow")
    return tiny_models.residual(folder / "slow.onnx", channels=48, blocks=12, name="slow-x4")


@pytest.fixture(scope="module")
def server(models):
    with serving(*models, "--max-upload", "2MB", "--max-megapixels", "0.3") as running:
        yield running


@pytest.fixture(scope="session")
def profile():
    """An ICC profile that is not sRGB."""
    import pyvips

    return bytes(pyvips.Operation.call("profile_load", "p3"))


@pytest.fixture(scope="session")
def photo(tmp_path_factory, profile):
    """A picture of 60 x 40 pixels with a profile."""
    path = tmp_path_factory.mktemp("photos") / "Föhn & co.png"
    across, down = np.meshgrid(np.arange(60), np.arange(40))
    pixels = np.stack([across * 4, down * 6, (across + down) * 2], 2).astype(np.uint8)
    srgan.image.write(Picture(pixels, icc=profile, resolution=(4.0, 4.0)), path)
    return path


@pytest.fixture(scope="session")
def browser():
    """Chromium with an empty profile; the test is skipped where there is none."""
    import playwright.sync_api as api

    if CHROMIUM is None:
        pytest.skip("needs chromium (apt-get install chromium), or its path at $SRGAN_CHROMIUM")
    with tempfile.TemporaryDirectory() as home, api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=CHROMIUM_FLAGS, env={**os.environ, "HOME": home}
        )
        yield chromium
        chromium.close()
