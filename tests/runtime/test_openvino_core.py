"""Ctrl-C is answered, however many networks have come and gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support import tiny_models

GONE = """
import os, signal, sys
from srgan.runtime.network import open_network
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
