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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or a cluster by what it uses."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
        if item.path.name == "test_cluster.py":
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.slow)
