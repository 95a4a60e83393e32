"""Networks on any graphics card by Vulkan, with ncnn: 11 MB, and no driver but the system's own.

ncnn runs in a process of its own (:mod:`srgan.runtime.ncnn_child`), as an allocation that fails can end it. Tiles are planned
from the heap that Vulkan offers, with a wide margin.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DeviceError
from srgan.runtime import ncnn_child
from srgan.runtime.backend import MAX_TILE, Device, DevicePrecision, Inside
from srgan.runtime.layers import program_of
from srgan.runtime.ncnn_graph import files_of

OVERHEAD = 3.6
"""What ncnn takes beyond the live tensors: about 29 KB a pixel of the x4 generator in fp32, whose tensors are 8 KB."""

MEMORY_SHARE = 0.5
"""Of the heap, what the tiles are planned for: others draw on the screen, and a failure may end the process."""


class NcnnBackend:
    """ncnn with Vulkan, as a :class:`srgan.runtime.backend.Backend`."""

    def devices(self) -> list[Device]:
        """Return Vulkan's devices; none where the library or the driver fails."""
        try:
            answer = _Child().ask({"do": "devices"})()
        except DeviceError:
            return []
        return [
            Device(
                f"vulkan:{index}",
                entry["title"],
                "ncnn",
                entry["memory"],
                software=entry["software"] or "swiftshader" in entry["title"].lower(),
                precisions=("fp16", "fp32"),
            )
            for index, entry in enumerate(answer["devices"])
        ]

    def open(self, graph: Any, name: str, device: Device, precision: DevicePrecision) -> NcnnNetwork:
        """Open a network; see :meth:`srgan.runtime.backend.Backend.open`."""
        program = program_of(graph, name)
        value_bytes = 2 if precision == "fp16" else 4
        bytes_per_pixel = int(program.peak_values * value_bytes * OVERHEAD)
        return NcnnNetwork(files_of(program), device, precision, bytes_per_pixel)


class NcnnNetwork:
    """A network on one of them, as a :class:`srgan.runtime.backend.DeviceNetwork`."""

    def __init__(
        self, files: tuple[str, bytes], device: Device, precision: DevicePrecision, bytes_per_pixel: int
    ) -> None:
        self.device = device
        self.precision: DevicePrecision = precision
        self._files = files
        self._lock = threading.Lock()
        self._restarts = 1
        self._child, free = self._started()
        self.max_pixels = min(int(free * MEMORY_SHARE) // bytes_per_pixel, MAX_TILE)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enlarge float32 [N, C, h, w]; see :meth:`srgan.runtime.backend.DeviceNetwork.__call__`."""
        return np.stack([self._run(picture, None)()[0] for picture in batch])

    def start(self, window: NDArray[np.uint8], inside: Inside) -> Callable[[], NDArray[np.uint8] | None]:
        """Begin to enlarge bytes; see :meth:`srgan.runtime.backend.Overlapping.start`."""
        finish = self._run(window, inside)

        def wait() -> NDArray[np.uint8] | None:
            made, sound = finish()
            return made if sound else None

        return wait

    def _run(self, values: NDArray[Any], inside: Inside | None) -> Callable[[], tuple[NDArray[Any], bool]]:
        with self._lock:
            child = self._child
        given = child.file("given")
        np.ascontiguousarray(values).tofile(given)
        made = child.file("made")
        bounds = None if inside is None else [side for part in inside for side in (part.start, part.stop)]
        request = {"do": "run", "shape": values.shape, "bytes": inside is not None, "inside": bounds}
        finish = self._asked(child, {**request, "given": str(given), "made": str(made)})

        def wait() -> tuple[NDArray[Any], bool]:
            try:
                answer = finish()
                kind: Any = np.float32 if inside is None else np.uint8
                return np.fromfile(made, kind).reshape(answer["shape"]), answer["sound"]
            finally:
                for path in (given, made):
                    path.unlink(missing_ok=True)

        return wait

    def _asked(self, child: _Child, request: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        """Ask the process; where it has died, once, it may have been for want of memory: there is another one for less."""

        def answered(what: Callable[[], Any]) -> Any:
            try:
                return what()
            except _DiedError as error:
                with self._lock:
                    if child is self._child:
                        if not self._restarts:
                            raise DeviceError(f"{self.device.name} ({self.device.title}) failed ({error})") from None
                        self._restarts -= 1
                        self._child, _ = self._started()
                raise MemoryError(f"{self.device.name} has not the memory for this tile") from None
            except DeviceError as error:
                raise DeviceError(f"{self.device.name} ({self.device.title}) failed ({error})") from None

        wait = answered(lambda: child.ask(request))
        return lambda: answered(wait)

    def _started(self) -> tuple[_Child, int]:
        child = _Child()
        param, weights = child.file("param"), child.file("bin")
        param.write_text(self._files[0])
        weights.write_bytes(self._files[1])
        index = int(self.device.name.partition(":")[2])
        request = {
            "do": "open",
            "index": index,
            "fp16": self.precision == "fp16",
            "param": str(param),
            "bin": str(weights),
        }
        try:
            answer = child.ask(request)()
        except DeviceError as error:
            raise DeviceError(f"{self.device.name} ({self.device.title}) cannot be opened ({error})") from None
        param.unlink()
        weights.unlink()
        return child, answer["free"]


class _DiedError(DeviceError):
    """The process has ended."""


class _Child:
    """The process, and the files that pixels lie in. It ends with this object, or with this process if that ends first."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="srgan-", ignore_cleanup_errors=True)
        command = [sys.executable, "-P", ncnn_child.__file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._asking, self._reading = threading.Lock(), threading.Lock()
        self._asked = self._read = self._files = 0
        self._answers: dict[int, dict[str, Any]] = {}
        weakref.finalize(self, _end, self._process, self._folder)

    def file(self, kind: str) -> Path:
        """Return the name of a new file."""
        with self._asking:
            self._files += 1
            return Path(self._folder.name, f"{self._files}.{kind}")

    def ask(self, request: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        """Send a request; return what waits for the answer, in whichever order."""
        assert self._process.stdin is not None
        with self._asking:
            number = self._asked
            self._asked += 1
            try:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                raise self._died() from None
        return lambda: self._answer(number)

    def _answer(self, number: int) -> dict[str, Any]:
        assert self._process.stdout is not None
        with self._reading:
            while self._read <= number:
                line = self._process.stdout.readline()
                if not line:
                    raise self._died()
                self._answers[self._read] = json.loads(line)
                self._read += 1
            answer = self._answers.pop(number)
        if answer.get("memory"):
            raise MemoryError("the device has not the memory for this tile")
        if "error" in answer:
            raise DeviceError(answer["error"])
        return answer

    def _died(self) -> _DiedError:
        code = self._process.wait()
        return _DiedError(f"the process that drives it ended with {code}")


def _end(process: subprocess.Popen[str], folder: tempfile.TemporaryDirectory[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    folder.cleanup()
