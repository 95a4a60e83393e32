"""What this machine can compute on, and what it is called by.

::

    cpu                  the processor, by OpenVINO: the base install, and what all others are compared with
    gpu, gpu:0, gpu:1    graphics cards, the same card counted once however many libraries see it
    cuda:0, vulkan:1 …   one of them by a library of one's own choice

Libraries are imported when a list is asked for, not before: PyTorch alone takes a second.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from srgan.errors import SrganError, UsageError, option
from srgan.runtime.backend import Backend, Device
from srgan.runtime.graph import computes_bf16, openvino_core

CPU = "cpu"
AUTO = "auto"


def _torch() -> Backend:
    from srgan.runtime.torch_backend import TorchBackend

    return TorchBackend()


def _ncnn() -> Backend:
    from srgan.runtime.ncnn_backend import NcnnBackend

    return NcnnBackend()


def _openvino() -> Backend:
    from srgan.runtime.openvino_backend import OpenvinoBackend

    return OpenvinoBackend()


BACKENDS: Mapping[str, tuple[str, Callable[[], Backend]]] = {
    "torch": ("torch", _torch),
    "ncnn": ("ncnn", _ncnn),
    "openvino": ("openvino", _openvino),
}
"""Module that must be installed, and what makes the backend; where several see one card, the first of them has it."""

_BROKEN = (ImportError, OSError, RuntimeError, AttributeError, ValueError, SrganError)
"""What the import of a library raises that is damaged, or does not fit its neighbours or the driver."""

TORCH_CPU = "torch:cpu"
"""PyTorch's code for devices, run on the processor: for tests, and in no list."""


def backend_of(device: Device) -> Backend:
    """Return the backend that a device belongs to."""
    return BACKENDS[device.backend][1]()


@dataclass(frozen=True)
class Library:
    """What a library knows: its devices; or none, and the line that says what is wrong with the library."""

    devices: tuple[Device, ...] = ()
    broken: str = ""


@cache
def library(backend: str) -> Library:
    """Ask a library, one of :data:`BACKENDS`, once a process. One that is damaged has no devices; the others may have."""
    module, make = BACKENDS[backend]
    if find_spec(module) is None:
        return Library()
    try:
        return Library(tuple(make().devices()))
    except _BROKEN as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Library(broken=f"{module} is installed but cannot be used ({lines[-1]}): install it again")


def found() -> tuple[Device, ...]:
    """Return all devices besides the processor, of all libraries that are installed, in the order of preference."""
    return tuple(device for backend in BACKENDS for device in library(backend).devices)


def broken() -> list[str]:
    """Return a line for each library that is installed and cannot be used."""
    return [library(backend).broken for backend in BACKENDS if library(backend).broken]


def cards() -> Iterator[Device]:
    """Yield the graphics cards: each card once, and no software that looks like one. A library is asked when it is its turn."""
    seen: Counter[str] = Counter()
    for backend in BACKENDS:
        here: Counter[str] = Counter()
        for device in library(backend).devices:
            if device.software or not _is_gpu(device):
                continue
            here[device.title] += 1
            if here[device.title] > seen[device.title]:  # the library before has not seen so many of this title
                yield device
        seen |= here


def numbered() -> dict[str, Device]:
    """Return the graphics cards by ``gpu:0``, ``gpu:1`` …."""
    return {f"gpu:{number}": device for number, device in enumerate(cards())}


def _is_gpu(device: Device) -> bool:
    return not device.name.startswith("npu")


def named(wanted: str) -> list[Device | None]:
    """Return the devices that a text names, with commas between them; None is the processor.

    Raises
    ------
    UsageError
        if one is not there, or named twice; the message says what there is
    """
    names = [name.strip().lower() for name in wanted.split(",")]
    devices = [_one(name, wanted) for name in names]
    if len(set(devices)) < len(devices):
        raise UsageError(f"{option('device', wanted)} names a device twice: name each once")
    if len(devices) > 1 and None in devices:
        raise UsageError(
            f"{option('device', wanted)}: the processor does not share its work with others: name it alone"
        )
    return devices


def _one(name: str, wanted: str) -> Device | None:
    if name == CPU:
        return None
    if name == TORCH_CPU and find_spec("torch") is not None:
        from srgan.runtime.torch_backend import TEST_DEVICE

        return TEST_DEVICE
    if name == AUTO and wanted.strip().lower() != AUTO:
        raise UsageError(f"{option('device', wanted)}: auto stands alone")
    if name == "gpu" and (first := next(cards(), None)) is not None:
        return first
    if name.startswith("gpu:"):
        found_here: Iterator[tuple[str, Device]] = iter(numbered().items())
    else:
        found_here = ((device.name, device) for backend in BACKENDS for device in library(backend).devices)
    for called, device in found_here:
        if name == called:
            return device
    raise UsageError("; ".join([f"there is no device {name!r}: {_what_there_is()}", *broken()]))


def _what_there_is() -> str:
    aliases = {device.name: called for called, device in numbered().items()}
    there = [f"{aliases.get(device.name, device.name)} ({device.title})" for device in found()]
    if not there:
        return "there is cpu, and no GPU that an installed library knows (pip install 'srgan[gpu]' brings one)"
    return f"there are cpu, {', '.join(there)}"


def may_have_gpu() -> bool:
    """Return whether it is worth looking for a graphics card: by what costs nothing, without importing a library."""
    return any(True for _ in traces())


def traces() -> Iterator[str]:
    """Yield the traces of graphics cards and their drivers that lie on this machine."""
    if sys.platform == "darwin":
        yield "metal"
    elif sys.platform == "win32":
        system = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32")
        for library in ("nvcuda.dll", "vulkan-1.dll", "ze_loader.dll"):
            path = os.path.join(system, library)
            if os.path.exists(path):
                yield f"{library} {os.stat(path).st_mtime_ns}"
    else:
        for node in ("/dev/nvidiactl", "/dev/kfd", "/dev/dri/renderD128", "/dev/dxg", "/dev/accel/accel0"):
            if os.path.exists(node):
                yield node
        for version in ("/proc/driver/nvidia/version", "/sys/module/amdgpu/version", "/sys/module/xe/srcversion"):
            try:
                with open(version, encoding="utf-8", errors="replace") as file:
                    yield file.readline().strip()
            except OSError:
                continue


def advice() -> str:
    """Return what who expected a graphics card can do."""
    if not may_have_gpu():
        return "this machine shows none, or no driver for it"
    if any(find_spec(module) is not None for backend, (module, _) in BACKENDS.items() if backend != "openvino"):
        return "the libraries that are installed find none: look at its driver"
    return (
        "pip install 'srgan[gpu]' brings what computes on most, by Vulkan; 'srgan[train]' brings PyTorch for NVIDIA's"
    )


def processor() -> tuple[str, int, str]:
    """Return the processor's title, the machine's bytes of memory (0 if not known), and what it computes in."""
    core = openvino_core()
    able = "bf16, fp32, int8" if computes_bf16() else "fp32, int8"
    memory = 0
    with suppress(ValueError, OSError, AttributeError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return core.get_property("CPU", "FULL_DEVICE_NAME"), memory, able
