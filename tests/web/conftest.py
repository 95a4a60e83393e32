"""A server in a process of its own, as ``srgan serve`` starts it, with tiny networks; and a real browser."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import srgan.image
from srgan.image import Picture

sys.path.insert(0, str(Path(__file__).parents[1]))
import tiny_models

pytest.importorskip("fastapi", reason="needs the extra web")

CHROMIUM = os.environ.get("SRGAN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Server:
    """A running ``srgan serve``: its address, its process, and what it wrote to stderr."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "srgan", "serve", "--port", "0", "--threads", "1", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stderr.read()
        self.url = found[0]
        self.errors = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.errors += line

    def stop(self):
        """Send SIGTERM and return the exit code; what was written to stderr is complete then."""
        self.process.terminate()
        code = self.process.wait(300)
        self._reader.join(60)
        return code


@contextmanager
def serving(*arguments):
    server = Server(*arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


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


def wait_for(condition, seconds=300):
    """Return the first true value of ``condition()``; AssertionError after a long time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen")


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
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium (apt-get install chromium), or its path at $SRGAN_CHROMIUM")
    with tempfile.TemporaryDirectory() as home, api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=CHROMIUM_FLAGS, env={**os.environ, "HOME": home}
        )
        yield chromium
        chromium.close()
