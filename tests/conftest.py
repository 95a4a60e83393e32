"""Fixtures for all tests: where the shared pictures lie."""

import os
from pathlib import Path

import pytest

os.environ["SRGAN_CACHE"] = ""  # tests compile what they test, and leave nothing in the home of who runs them


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the benchmarks, training pictures and VGG weights: beside the checkout, or at $SRGAN_SHARED."""
    folder = Path(os.environ.get("SRGAN_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not folder.is_dir():
        pytest.skip(f"needs the shared data in '{folder}' (or at $SRGAN_SHARED)")
    return folder


@pytest.fixture(scope="session")
def bench(shared: Path) -> Path:
    """Folder with Set5 and Set14."""
    return shared / "data" / "bench"
