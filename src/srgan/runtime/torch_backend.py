"""Networks on what PyTorch knows: CUDA, ROCm, Intel's XPU, Apple's MPS.

Some things make it faster than the same layers as a module: activations stay in ``channels_last``, which is what tensor cores
take; pictures go to the device and come back as bytes, converted there; and for sizes that come again (small ones, whose
launches cost as much as their work) CUDA replays a recorded graph; on NVIDIA's cards bias, PReLU and addition are one pass
(:mod:`.cuda_kernels`). What lies before the first convolution and after the last one is computed in fp32, so that fp16 rounds
feature maps alone, never the picture.

PyTorch's own device ``cpu`` goes through the same code. It is for tests only.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from srgan.errors import DeviceError
from srgan.runtime import cuda_kernels
from srgan.runtime.backend import MAX_TILE, MEMORY_SHARE, Device, DevicePrecision, Inside
from srgan.runtime.layers import Layer, Program, program_of

GRAPH_PIXELS = 1 << 18
"""Tiles up to so many pixels are replayed from a recorded graph; larger ones take longer than it takes to launch them."""

GRAPHS_KEPT = 8
"""Recorded graphs, those of the sizes that were used last."""

OVERHEAD = 1.3
"""What the library takes beyond the live tensors: workspaces of convolutions, blocks that do not fit."""

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

_lock = threading.Lock()
"""One for all networks: recording a graph bears no other work beside it."""


class TorchBackend:
    """PyTorch, as a :class:`srgan.runtime.backend.Backend`."""

    def devices(self) -> list[Device]:
        """Return CUDA's (or ROCm's) devices, then Intel's, then Apple's."""
        found = []
        if torch.cuda.is_available():
            for index in range(torch.cuda.device_count()):
                facts = torch.cuda.get_device_properties(index)
                found.append(_device(f"cuda:{index}", facts.name, facts.total_memory))
        if hasattr(torch, "xpu") and torch.xpu.is_available():
            for index in range(torch.xpu.device_count()):
                card = torch.xpu.get_device_properties(index)
                found.append(_device(f"xpu:{index}", card.name, card.total_memory))
        if torch.backends.mps.is_available():
            found.append(_device("mps", "Apple GPU", torch.mps.recommended_max_memory()))
        return found

    def open(self, graph: Any, name: str, device: Device, precision: DevicePrecision) -> TorchNetwork:
        """Open a network; see :meth:`srgan.runtime.backend.Backend.open`."""
        program = program_of(graph, name)
        with _errors(device):
            return TorchNetwork(program, device, precision)


def _device(name: str, title: str, memory: int) -> Device:
    return Device(name, title, "torch", int(memory), precisions=("fp16", "fp32", "bf16"))


TEST_DEVICE = Device(
    "torch:cpu", "PyTorch on the processor", "torch", software=True, precisions=("fp32", "bf16", "fp16")
)
"""The code for devices on the processor: listed nowhere, and for tests."""


class TorchNetwork:
    """A network on one of PyTorch's devices, as a :class:`srgan.runtime.backend.DeviceNetwork`."""

    def __init__(self, program: Program, device: Device, precision: DevicePrecision) -> None:
        self.device = device
        self.precision: DevicePrecision = precision
        self._place = torch.device("cpu" if device == TEST_DEVICE else device.name)
        self._module = _Runner(program, self._place, _DTYPES[precision])
        value_bytes = 4 if precision == "fp32" else 2
        self._bytes_per_pixel = int(program.peak_values * value_bytes * OVERHEAD)
        self._recorded: OrderedDict[tuple[Any, ...], _Recorded | None] = OrderedDict()
        self._pool: Any = None
        self._copies = torch.cuda.Stream(self._place) if self._place.type == "cuda" else None  # type: ignore[no-untyped-call]

    @property
    def max_pixels(self) -> int:
        """Pixels of a tile, by the memory that is free now."""
        free = _free_bytes(self._place)
        return MAX_TILE if free is None else min(int(free * MEMORY_SHARE) // self._bytes_per_pixel, MAX_TILE)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enlarge float32 [N, C, h, w]; see :meth:`srgan.runtime.backend.DeviceNetwork.__call__`."""
        with _lock, _errors(self.device), self._exact():
            given = torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self._place)
            result: NDArray[np.float32] = self._module(given).float().cpu().numpy()
        return result

    def start(self, window: NDArray[np.uint8], inside: Inside) -> Callable[[], NDArray[np.uint8] | None]:
        """Begin to enlarge bytes; see :meth:`srgan.runtime.backend.DeviceNetwork.start`."""
        with _lock, _errors(self.device), self._exact():
            given = torch.from_numpy(np.ascontiguousarray(window))
            if self._copies is None:
                made, sound = self._enlarge(given.to(self._place), inside)
                return lambda: self._wait(None, made, sound)
            given = given.pin_memory().to(self._place, non_blocking=True)
            made, sound = self._replayed(given, inside)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copies.wait_stream(torch.cuda.current_stream(self._place))
            with torch.cuda.stream(self._copies):
                # The next tile is computed meanwhile; the memory here belongs to both streams.
                host = torch.empty(made.shape, dtype=made.dtype, pin_memory=True)
                host.copy_(made, non_blocking=True)
                flag = torch.empty(sound.shape, dtype=sound.dtype, pin_memory=True)
                flag.copy_(sound, non_blocking=True)
                made.record_stream(self._copies)
                sound.record_stream(self._copies)
                done.record(self._copies)
        return lambda: self._wait(done, host, flag)

    def _wait(self, done: Any, made: Tensor, sound: Tensor) -> NDArray[np.uint8] | None:
        with _errors(self.device):
            if done is not None:
                done.synchronize()
            result: NDArray[np.uint8] = made.cpu().numpy()
            return result if bool(sound) else None

    def _enlarge(self, given: Tensor, inside: Inside) -> tuple[Tensor, Tensor]:
        """Return the bytes of a part of the enlarged window, and whether all values are numbers."""
        picture = given.permute(2, 0, 1)[None].float().mul_(1 / 255)
        if picture.shape[1] == 1:
            picture = picture.expand(-1, 3, -1, -1)
        result = self._module(picture)[0, :, *inside].float()
        sound = torch.isfinite(result.sum())
        if given.shape[2] == 1:
            result = result.mean(0, keepdim=True)
        made = (result * 255).round_().clamp_(0, 255).to(torch.uint8)
        return made.permute(1, 2, 0).contiguous(), sound

    def _replayed(self, given: Tensor, inside: Inside) -> tuple[Tensor, Tensor]:
        """Do the same on CUDA: from a recorded graph where the size comes again."""
        if given.shape[0] * given.shape[1] > GRAPH_PIXELS:
            return self._enlarge(given, inside)
        key = (*given.shape, *((part.start, part.stop) for part in inside))
        if key not in self._recorded:
            self._recorded[key] = None  # a size that is seen once is not worth it
            if len(self._recorded) > GRAPHS_KEPT:
                self._recorded.popitem(last=False)
            return self._enlarge(given, inside)
        self._recorded.move_to_end(key)
        recorded = self._recorded[key]
        if recorded is None:
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            recorded = self._recorded[key] = _Recorded(lambda x: self._enlarge(x, inside), given, self._pool)
        return recorded(given)

    @contextmanager
    def _exact(self) -> Iterator[None]:
        """Compute without keeping gradients, and fp32 as fp32: by itself the library rounds it to TF32's 10 bits."""
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield


class _Recorded:
    """A CUDA graph of one size: its launches are recorded once and replayed together."""

    def __init__(self, work: Callable[[Tensor], tuple[Tensor, Tensor]], like: Tensor, pool: Any) -> None:
        self._given = like.clone()
        aside = torch.cuda.Stream(like.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(like.device))
        with torch.cuda.stream(aside), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            for _ in range(2):  # the first run tries what is fastest at this size
                work(self._given)
        torch.cuda.current_stream(like.device).wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False),
            torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"),
        ):
            self._made, self._sound = work(self._given)

    def __call__(self, given: Tensor) -> tuple[Tensor, Tensor]:
        self._given.copy_(given)
        self._graph.replay()
        return self._made.clone(), self._sound.clone()  # the next replay writes over them


class _Runner(torch.nn.Module):
    """A program's layers, run in order; weights lie on the device in the precision that computes."""

    def __init__(self, program: Program, place: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self._program = program
        self._last_use = program.last_use()
        self._steps = _steps(program, place, dtype, joined=place.type == "cuda" and torch.version.hip is None)

    def forward(self, batch: Tensor) -> Tensor:
        """Map float32 ``[N, C, H, W]`` to ``[N, D, s*H, s*W]``."""
        tensors = {0: batch.contiguous(memory_format=torch.channels_last)}
        for step in self._steps:
            given = [tensors[number] for number in step.inputs]
            for number in set(step.inputs):
                if self._last_use[number] <= step.last:
                    del tensors[number]
            tensors[step.output] = step.work(*given)
            del given
        return tensors[self._program.output]


@dataclass(frozen=True)
class _Step:
    """What is done at once: one layer, or a convolution and what follows it; ``last`` is the number of its last layer."""

    inputs: tuple[int, ...]
    output: int
    last: int
    work: Callable[..., Tensor]


def _steps(program: Program, place: torch.device, dtype: torch.dtype, *, joined: bool) -> list[_Step]:
    """Return a program's steps; ``joined`` does at once what :mod:`.cuda_kernels` can."""
    dtypes = _dtypes(program, dtype)
    uses = Counter(number for layer in program.layers for number in layer.inputs)
    found: list[_Step] = []
    at = 0
    while at < len(program.layers):
        step = None
        if joined:
            try:
                step = _joined(program, at, place, dtype, dtypes, uses)
            except Exception:  # a compiler has many ways to fail, and nothing is lost but time
                joined = False
        if step is None:
            layer = program.layers[at]
            step = _Step(layer.inputs, layer.output, at, _operation(layer, place, dtype, dtypes))
        found.append(step)
        at = step.last + 1
    return found


def _joined(
    program: Program,
    at: int,
    place: torch.device,
    dtype: torch.dtype,
    dtypes: dict[int, torch.dtype],
    uses: Counter[int],
) -> _Step | None:
    """Return a convolution and what follows it as one step; None where there is nothing to join.

    ``uses`` is how often each tensor is taken.
    """
    layer = program.layers[at]
    if layer.kind != "conv" or "bias" not in layer.weights or dtypes[layer.output] != dtype:
        return None
    channels = len(layer.weights["bias"])
    if not cuda_kernels.fits(channels, dtype):
        return None
    last, output, slope, block, other = at, layer.output, None, 1, None

    def follower() -> Layer | None:
        following = program.layers[last + 1] if last + 1 < len(program.layers) else None
        alone = uses[output] == 1 and output != program.output  # nobody else asks for it
        return following if following is not None and alone and output in following.inputs else None

    following = follower()
    if following is not None and following.kind == "prelu":
        slope = np.broadcast_to(following.weights["slope"], channels)
        last, output = last + 1, following.output
        following = follower()
        if following is not None and following.kind == "shuffle" and following.settings["channels_first"]:
            block = (
                following.settings["block"] if cuda_kernels.fits(channels, dtype, following.settings["block"]) else 1
            )
            if block > 1:
                last, output = last + 1, following.output
    elif following is not None and following.kind == "add" and len(following.inputs) == 2:
        (other,) = (number for number in following.inputs if number != output)
        if dtypes[other] == dtype and program.tensors[other] == program.tensors[output]:
            last, output = last + 1, following.output
        else:
            other = None
    order = cuda_kernels.shuffled_order(channels, block)
    weights = {"weight": layer.weights["weight"][order.numpy()]}
    conv = _operation(replace(layer, weights=weights), place, dtype, dtypes)

    def on_card(values: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values[order.numpy()].astype(np.float32)).to(place)

    finish = cuda_kernels.Finish(
        on_card(layer.weights["bias"]), None if slope is None else on_card(slope), other is not None, block, dtype
    )
    if other is None:
        return _Step(layer.inputs, output, last, lambda x: finish(conv(x)))
    return _Step((*layer.inputs, other), output, last, lambda x, y: finish(conv(x), y))


def _dtypes(program: Program, dtype: torch.dtype) -> dict[int, torch.dtype]:
    """Return what each tensor is in: fp32 before the first and after the last convolution of each way through the network."""
    leads_on: set[int] = set()  # tensors from which another convolution is reached
    for layer in reversed(program.layers):
        if layer.kind == "conv" or layer.output in leads_on:
            leads_on.update(layer.inputs)
    found = {0: torch.float32}
    for layer in program.layers:
        before = [found[number] for number in layer.inputs]
        if layer.kind == "conv":
            found[layer.output] = dtype if layer.output in leads_on else torch.float32
        else:
            found[layer.output] = torch.float32 if torch.float32 in before else dtype
    return found


def _operation(
    layer: Layer, place: torch.device, dtype: torch.dtype, dtypes: dict[int, torch.dtype]
) -> Callable[..., Tensor]:
    """Return the function of a layer's tensors."""
    settings = layer.settings
    made = dtypes[layer.output]
    weights = {key: torch.from_numpy(value.copy()).to(place) for key, value in layer.weights.items()}
    if layer.kind == "conv":
        weight = weights["weight"].to(dtype).contiguous(memory_format=torch.channels_last)
        bias = weights["bias"].to(dtype) if "bias" in weights else None
        pad, dilation, groups = settings["pad"], settings["dilation"], settings["groups"]
        return lambda x: F.conv2d(x.to(dtype), weight, bias, 1, pad, dilation, groups).to(made)
    if layer.kind == "prelu":
        slope = weights["slope"].to(made)
        return lambda x: F.prelu(x, slope)
    if layer.kind in ("add", "sub", "mul", "div", "maximum", "minimum"):
        operator = getattr(torch, layer.kind)
        if len(layer.inputs) == 2:
            return lambda x, y: operator(x, y)
        constant = weights["constant"].to(made).view(1, -1, 1, 1)
        return (lambda x: operator(constant, x)) if settings["first"] else (lambda x: operator(x, constant))
    if layer.kind == "clamp":
        return lambda x: x.clamp(settings["low"], settings["high"])
    if layer.kind == "concat":
        return lambda *x: torch.cat([part.to(made) for part in x], 1)
    if layer.kind == "shuffle":
        block = settings["block"]
        if settings["channels_first"]:
            return lambda x: F.pixel_shuffle(x, block)
        return lambda x: F.pixel_shuffle(_channels_first(x, block), block)
    return {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[layer.kind]


def _channels_first(x: Tensor, block: int) -> Tensor:
    """Bring ONNX's DCR order of channels, ``[block, block, C]``, into ``[C, block, block]``."""
    count, channels, height, width = x.shape
    return x.view(count, block * block, -1, height, width).transpose(1, 2).reshape(count, channels, height, width)


def _free_bytes(place: torch.device) -> int | None:
    """Return the bytes that are free on a device, with those that the library keeps for later; None where nobody says."""
    if place.type in ("cuda", "xpu"):
        library: Any = getattr(torch, place.type)
        free, _ = library.mem_get_info(place)
        return int(free + library.memory_reserved(place) - library.memory_allocated(place))
    if place.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return None


def _empty_cache(place: torch.device) -> None:
    if place.type != "cpu":
        getattr(torch, place.type).empty_cache()


@contextmanager
def _errors(device: Device) -> Iterator[None]:
    """Turn the library's errors into MemoryError and DeviceError."""
    try:
        yield
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        if isinstance(error, torch.OutOfMemoryError) or "out of memory" in reason.lower():
            if device != TEST_DEVICE:
                _empty_cache(torch.device(device.name))
            raise MemoryError(f"{device.name} has not the memory for this tile") from None
        raise DeviceError(f"{device.name} ({device.title}) failed ({reason})") from None
