"""The process that drives ncnn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan.errors import DeviceError
from srgan.models.metadata import read_info
from srgan.runtime import ncnn_child
from srgan.runtime.backend import Device
from srgan.runtime.graph import read_graph
from srgan.runtime.layers import program_of
from srgan.runtime.ncnn_backend import NcnnNetwork
from srgan.runtime.ncnn_graph import files_of
from support import tiny_models

CRASHES = """
import json, os, sys, numpy as np
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "open":
        answer = {"free": 1 << 30}
    elif request["shape"][1] > 8:
        os.kill(os.getpid(), 11)
    elif request["shape"][1] == 7:
        answer = {"error": "the driver was reset"}
    elif request["shape"][1] == 6:
        answer = {"memory": True}
    else:
        np.zeros((3, 4, 4), np.float32).tofile(request["made"])
        answer = {"shape": [3, 4, 4], "sound": True}
    print(json.dumps(answer), flush=True)
"""


def test_a_crash_stays_in_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is taken for want of memory, and there is another process; the second one is a lost device."""
    script = tmp_path / "child.py"
    script.write_text(CRASHES)
    monkeypatch.setattr(ncnn_child, "__file__", str(script))
    info = read_info(tiny_models.shallow(tmp_path / "net.onnx"))
    network = NcnnNetwork(
        files_of(program_of(read_graph(info), info.name)), Device("vulkan:0", "Card", "ncnn"), "fp32", 9
    )

    def run(height: int) -> Any:
        return network(np.zeros((1, 3, height, 2), np.float32))

    with pytest.raises(MemoryError):
        run(6)
    with pytest.raises(MemoryError):
        run(16)
    assert run(2).shape == (1, 3, 4, 4)
    with pytest.raises(DeviceError, match=r"vulkan:0 \(Card\) failed \(the driver was reset\)"):
        run(7)
    with pytest.raises(DeviceError, match=r"vulkan:0 \(Card\) failed \(the process that drives it ended with -11\)"):
        run(16)
