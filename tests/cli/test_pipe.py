"""A picture from stdin, a result to stdout."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import tiny_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx")


def encoded(kind: str) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def upscale(*arguments: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "srgan", "upscale", *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, timeout=300, check=False)


def test_from_stdin_to_stdout_in_the_inputs_format(model: Path) -> None:
    done = upscale("-", "-o", "-", "-m", model, data=encoded("PNG"))
    assert done.returncode == 0, done.stderr
    result = Image.open(io.BytesIO(done.stdout))
    assert (result.format, result.size) == ("PNG", (18, 12))
    expected = np.asarray(Image.open(io.BytesIO(encoded("PNG")))).repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(np.asarray(result), expected)
    assert done.stderr.decode().startswith("srgan: stdout  9x6 -> 18x12")


def test_from_stdin_to_a_file_and_from_a_file_to_stdout_in_another_format(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    done = upscale("-", "-o", target, "-q", "-m", model, data=encoded("JPEG"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = upscale(target, "-o", "-", "--format", "webp", "-q", "-m", model)
    assert Image.open(io.BytesIO(done.stdout)).format == "WEBP"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_what_is_wrong_is_one_line_and_nothing_goes_to_stdout(model: Path) -> None:
    done = upscale("-", "-o", "-", "-m", model, data=b"no picture")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"srgan: cannot read 'stdin': it is not a picture")
    done = upscale("-", "-o", "-", "-m", model)
    assert (done.returncode, done.stderr[:31]) == (1, b"srgan: nothing came from stdin:")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-",), b"pass -o FILE, or -o - for stdout"),
        (("-", "a.png", "-o", "-"), b"name nothing beside it"),
        (("-", "-o", "-", "--suffix", "_y"), b"--suffix is not for stdin and stdout"),
        (("-", "-o", "-", "--format", "xyz"), b"cannot write the format 'xyz'"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], says: bytes, model: Path) -> None:
    done = upscale(*arguments, "-m", model, data=encoded("PNG"))
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr
