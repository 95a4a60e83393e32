"""The process that ncnn runs in: a driver that crashes takes this process along, and not the one that has the pictures.

A request is a line of JSON on stdin, an answer one on stdout, in the same order; pixels lie in files. It imports nothing of this
package, as it is started as a file.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import numpy as np

SOFTWARE = 3
"""ncnn's number for a device that is a program on the processor."""

_NO_MEMORY = -100


def devices(ncnn: Any) -> list[dict[str, Any]]:
    """Return what Vulkan shows."""
    found = []
    for index in range(ncnn.get_gpu_count()):
        info = ncnn.get_gpu_info(index)
        memory = int(ncnn.get_gpu_device(index).get_heap_budget()) << 20
        found.append({"title": info.device_name(), "memory": memory, "software": info.type() == SOFTWARE})
    return found


def opened(ncnn: Any, request: dict[str, Any]) -> Any:
    """Return a network on a device."""
    if not 0 <= request["index"] < ncnn.get_gpu_count():  # ncnn would take another device, or the processor
        raise RuntimeError(f"there is no Vulkan device {request['index']} any more")
    net = ncnn.Net()
    net.opt.use_vulkan_compute = True
    # Feature maps are stored in fp16 and summed up in fp32: sums in fp16 are five times as far off.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = request["fp16"]
    net.opt.use_fp16_arithmetic = False
    net.set_vulkan_device(request["index"])
    if net.load_param(request["param"]) or net.load_model(request["bin"]):
        raise RuntimeError("the network cannot be read")
    return net


def computed(ncnn: Any, net: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Enlarge what lies in a file into another one."""
    shape = request["shape"]
    if request["bytes"]:
        window = np.fromfile(request["given"], np.uint8).reshape(shape)
        colours = np.broadcast_to(window, (*window.shape[:2], 3)) if window.shape[2] == 1 else window
        values = np.ascontiguousarray((colours * np.float32(1 / 255)).transpose(2, 0, 1))
    else:
        values = np.fromfile(request["given"], np.float32).reshape(shape)
    extractor = net.create_extractor()
    # A Mat made of an array keeps no hold of it: its copy has memory of its own.
    extractor.input("input", ncnn.Mat(values).clone())
    failed, made = extractor.extract("output")
    if failed == _NO_MEMORY:
        return {"memory": True}
    if failed:
        raise RuntimeError(f"ncnn's error {failed}")
    result = np.array(made)
    sound = bool(np.isfinite(result.sum()))
    if request["bytes"]:
        top, bottom, left, right = request["inside"]
        result = result[:, top:bottom, left:right]
        if shape[2] == 1:
            result = result.mean(axis=0, keepdims=True)
        with np.errstate(invalid="ignore"):
            result = np.clip(np.rint(result * np.float32(255)), 0, 255).astype(np.uint8)
        result = np.ascontiguousarray(result.transpose(1, 2, 0))
    result.tofile(request["made"])
    return {"shape": result.shape, "sound": sound}


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    import ncnn

    ncnn.create_gpu_instance()
    net: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "devices":
                answer: dict[str, Any] = {"devices": devices(ncnn)}
            elif request["do"] == "open":
                net = opened(ncnn, request)
                answer = {"free": int(ncnn.get_gpu_device(request["index"]).get_heap_budget()) << 20}
            else:
                answer = computed(ncnn, net, request)
        except MemoryError:
            answer = {"memory": True}
        except Exception as error:  # whatever it is, the other process is told
            answer = {"error": str(error) or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # drivers that end badly do so here, where it is nobody's concern


if __name__ == "__main__":
    main()
