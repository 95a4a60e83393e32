"""What is seen in a network's graph, and OpenVINO as it is loaded: once, quietly, and in one line where it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from srgan.runtime.network import open_network
from support import tiny_models
from support.limits import error_unprivileged

GONE = """
import os, signal, sys
from srgan.runtime.network import open_network
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
networks = [open_network(sys.argv[1], precision="fp32", threads=1) for _ in range(3)]
while networks:
    networks.pop(0)  # in the order in which they came
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_ctrl_c_after_networks_have_gone(tmp_path: Path) -> None:
    network = tiny_models.residual(tmp_path / "net.onnx")
    done = subprocess.run(
        [sys.executable, "-c", GONE, str(network)], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_the_generator_is_cut_before_it_grows(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx", scale=4, blocks=3), precision="fp32")
    assert network.body is not None
    assert (network.body.radius, network.body.scale) == (8, 1)
    assert (network.tail.radius, network.tail.scale) == (3, 4)
    assert network.body.bytes_per_pixel * 2 < network.tail.bytes_per_pixel


def test_the_graph_is_believed_more_than_a_radius_too_small_in_the_file(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "a.onnx", radius=2)
    assert open_network(file, precision="fp32").radius == 9


def test_running_sends_nothing_and_prints_nothing(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    code = f"""
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith(("socket.", "urllib.")) else None)
import numpy as np
from srgan.runtime.network import open_network
open_network({str(file)!r})(np.zeros((1, 3, 8, 8), np.float32))
assert not seen, seen
assert not [name for name in sys.modules if "telemetry" in name or name == "http.client"]
import openvino
assert callable(openvino.convert_model)  # still there for a program that wants it
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def own_openvino(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of OpenVINO that Python finds first in the processes to come.

    Not one of symbolic links: OpenVINO 2025.0 follows them to where its libraries are whole.
    """
    import openvino

    def copy(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy(source, target)

    folder = tmp_path / "packages" / "openvino"
    shutil.copytree(Path(openvino.__file__).parent, folder, copy_function=copy)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent), prepend=os.pathsep)
    return folder


LOAD = "from srgan.runtime.network import open_network; open_network(sys.argv[1])"


@pytest.mark.parametrize(
    ("part", "damaged"),
    [
        ("_pyopenvino", True),
        ("libopenvino.", False),
        ("libopenvino_onnx_frontend", False),
        ("libopenvino_intel_cpu_plugin", False),
        ("libopenvino_intel_cpu_plugin", True),
    ],
)
def test_an_openvino_that_is_there_in_part_is_one_line(
    tmp_path: Path, own_openvino: Path, part: str, damaged: bool
) -> None:
    (library,) = (path for path in own_openvino.rglob(f"{part}*") if ".so" in path.name)
    library.unlink()
    if damaged:
        library.write_bytes(b"half")
    error = error_unprivileged(LOAD, tiny_models.residual(tmp_path / "net.onnx"))
    assert error.startswith("SrganError: cannot load OpenVINO, which runs the networks (")
    assert error.endswith("or install it again with pip install --force-reinstall openvino")
    assert "\n" not in error


LOAD_AGAIN = """
import os
from srgan.runtime.network import open_network
open_network(sys.argv[1])
os.chmod(sys.argv[2], 0)
open_network(sys.argv[1])
"""


def test_an_openvino_that_may_no_longer_be_read_is_one_line(tmp_path: Path, own_openvino: Path) -> None:
    """As in a program that changes its user after its start; OpenVINO would end the process."""
    file = tiny_models.residual(tmp_path / "net.onnx")
    error = error_unprivileged(LOAD_AGAIN, file, own_openvino / "libs")
    (own_openvino / "libs").chmod(0o755)
    assert error.startswith("SrganError: cannot load OpenVINO, which runs the networks ([Errno 13] Permission denied")
