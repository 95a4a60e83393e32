"""Fixtures for all tests: where the shared pictures lie."""

import os
from pathlib import Path

import pytest

from support.extras import (  # noqa: F401 - hooks
    pytest_pycollect_makemodule,
    pytest_runtest_call,
    pytest_runtest_setup,
)

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


SLOW = (
    "cli/test_convert.py",
    "cli/test_data.py",
    "cli/test_evaluate.py",
    "cli/test_folder.py",
    "cli/test_pipe.py",
    "cli/test_train.py",
    "cli/test_upscale_sizes.py",
    "cli/test_video.py",
    "data/drawing",
    "data/test_distill.py",
    "engine/test_memory.py",
    "fuzz",
    "interop",
    "jobs/test_cluster.py",
    "networks",
    "runtime/test_ncnn_",
    "runtime/test_openvino_part.py",
    "runtime/test_primitives.py",
    "test_soak.py",
    "training",
    "video",
    "web",
)
"""Files and rooms that train, start processes, or repeat a lot."""

EXTRAS = {"web": "web", "video": "video", "jobs/test_cluster.py": "cluster"}
"""What files and rooms need that start it in processes of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow or needs an extra by where it stands, and what needs a browser or a cluster by what it uses."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        for start, extra in EXTRAS.items():
            if place.startswith(start):
                item.add_marker(pytest.mark.extra(extra))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if item.path.name == "test_cluster.py":
            item.add_marker(pytest.mark.cluster)
