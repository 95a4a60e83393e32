"""The public names, the tree of errors, and what importing and asking for help loads: no torch, no runtime."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import srgan
from srgan import errors
from support import tiny_models

HEAVY = [
    "torch",
    "lightning_fabric",
    "openvino",
    "onnx",
    "onnxruntime",
    "pyvips",
    "numpy",
    "PIL",
    "matplotlib",
    "skimage",
    "scipy",
    "h5py",
    "fastapi",
    "rich",
]

ERRORS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and kind.__module__ == "srgan.errors"
}


def test_each_public_name_is_there_and_the_list_is_in_order() -> None:
    assert srgan.__all__ == sorted(srgan.__all__)
    assert len(set(srgan.__all__)) == len(srgan.__all__)
    for name in srgan.__all__:
        assert getattr(srgan, name) is not None
    assert dir(srgan) == srgan.__all__
    exec("from srgan import *", namespace := {})
    assert set(srgan.__all__) <= set(namespace)


def test_the_list_has_all_errors_and_what_the_package_is_for() -> None:
    face = {"Comparison", "ResultPath", "Upscaler", "compare", "upscale"}
    assert set(srgan.__all__) == {*ERRORS, *face, "__version__"}


def test_names_that_it_has_not() -> None:
    with pytest.raises(AttributeError, match="module 'srgan' has no attribute 'upscaled'"):
        _ = srgan.upscaled
    with pytest.raises(ImportError):
        exec("from srgan import Upscalers")


def test_the_version_is_the_installed_ones() -> None:
    assert srgan.__version__ == importlib.metadata.version("srgan")


def test_the_tree_of_errors_is_as_drawn() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)  ", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        above = [*above[:depth], match[2]]
        drawn[match[2]] = above[depth - 1] if depth else "Exception"
    assert drawn == {name: kind.__mro__[1].__name__ for name, kind in ERRORS.items()}


def test_exit_codes() -> None:
    for kind in ERRORS.values():
        expected = 2 if issubclass(kind, errors.UsageError) else 130 if kind is errors.TrainingInterrupted else 1
        assert kind.exit_code == expected
    missing = errors.MissingExtraError("srgan train", "train")
    assert str(missing) == "srgan train needs libraries that are not installed: run pip install 'srgan[train]'"


REPORT = f"""
import sys
try:
    {{code}}
except SystemExit as stop:
    assert not stop.code, stop.code
print("LOADED", *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


def loaded(code: str) -> list[str]:
    """Run code in a fresh process and return which of the heavy modules it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(code=code)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("LOADED"), done.stderr
    return done.stderr.split()[1:]


def command(*arguments: str) -> str:
    return f"sys.argv = {['srgan', *arguments]!r}; from srgan.cli import main; main()"


@pytest.mark.parametrize(
    "code",
    [
        "import srgan; srgan.SrganError; srgan.__version__",
        command("--help"),
        command("upscale", "--help"),
        command("train", "--help"),
        command("models"),
        command("--version"),
    ],
)
def test_help_and_import_load_nothing_heavy(code: str) -> None:
    assert loaded(code) == []


def test_upscaling_loads_what_it_needs_and_no_torch(tmp_path: Path) -> None:
    from PIL import Image

    model = tiny_models.nearest(tmp_path / "net.onnx")
    Image.new("RGB", (4, 3), "red").save(tmp_path / "a.png")
    found = loaded(command("upscale", str(tmp_path / "a.png"), "--model", str(model)))
    assert {"openvino", "pyvips", "numpy"} <= set(found)
    assert not {"torch", "lightning_fabric", "onnx", "onnxruntime", "matplotlib", "skimage", "scipy"} & set(found)
    with Image.open(tmp_path / "a_x2.png") as large:
        assert large.size == (8, 6)
