"""The part of upscaling.py that measures a graphics card: ours beside torch eager, RRDBNet-23 and Compact, on the same card.

    python benchmarks/upscaling.py --device gpu [--quick]

array    a picture of 1920 x 1080, x4, array to array: medians of runs that take turns, how many times as fast as torch eager in
         fp32, and what share of the card's peak our multiplications are
levels   how far the device's results are from the processor's
folder   1,000 photographs of 480 x 320, file to file, and how long of it the card was busy (nvidia-smi's figure)
sizes    memory after 20 and after 100 sizes

``--device torch:cpu --quick`` goes the same way without a card: it shows that the script works, and its times mean nothing.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

MODEL = "srresnet-x4"
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "RTX 4090": 330e12}
"""Dense fp16 operations a second that the makers name, by a part of the card's title; two for each multiplication."""


def measure(options: argparse.Namespace) -> None:
    """Print all tables."""
    from srgan.runtime import devices
    from upscaling import table

    (device,) = devices.named(options.device)
    assert device is not None, "the processor is measured by the other parts"
    print(f"{device.name}: {device.title}, {device.memory / 1e9:.0f} GB")
    small = options.quick
    for part in options.gpu_parts or ("array", "levels", "folder", "sizes"):
        try:
            {"array": array, "levels": levels, "folder": folder, "sizes": sizes}[part](device, small, table)
        except Exception as error:  # a part that fails leaves the time for the others
            print(f"{part} failed: {type(error).__name__}: {error}")


# --- Array to array --------------------------------------------------------------------------------------------------


def array(device: Any, small: bool, table: Any) -> None:
    height, width = (48, 64) if small else (1080, 1920)
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    picture = np.repeat(np.repeat(picture[::4, ::4], 4, 0), 4, 1)[
        :height, :width
    ].copy()  # no flat parts, no noise alone
    times: dict[str, list[float]] = {}
    ways: dict[str, Callable[[], Any]] = {}
    for name, make in _ways(device).items():
        try:
            enlarge = make()
            ways[name] = lambda enlarge=enlarge: enlarge(picture)
            for _ in range(1 if small else 2):
                ways[name]()
            times[name] = []
        except (MemoryError, RuntimeError) as error:
            ways.pop(name, None)
            print(f"left out: {name}: {str(error).splitlines()[0]}")
    for _ in range(2 if small else 5):
        for name, work in ways.items():
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    base = statistics.median(times["torch eager, fp32 (TF32, torch's default)"])
    peak = next((value for part, value in PEAKS.items() if part in device.title), 0)
    rows = []
    for name, taken in times.items():
        middle = statistics.median(taken)
        done = 2 * _multiplications() * height * width / middle
        share = f"{100 * done / peak:.1f} %" if peak and name.startswith("srgan") else ""
        rows.append(
            (name, f"{1000 * middle:.1f}", f"{height * width / middle / 1e6:.2f}", f"{base / middle:.2f}", share)
        )
    heads = ("way", "ms", "input megapixels a second", "times torch eager fp32", "of the card's fp16 peak")
    table(f"{width} x {height}, x4, array to array", heads, rows)
    alone(device, small, table, peak)


def alone(device: Any, small: bool, table: Any, peak: float) -> None:
    """Print what the device does by itself: no bytes converted, none copied."""
    import torch

    from srgan.runtime.network import open_network

    rows = []
    for side in (32,) if small else (256, 512, 1024):
        for precision in ("fp16", "fp32"):
            part: Any = open_network(MODEL, precision=precision, device=device).tail
            place = torch.device("cpu" if device.name == "torch:cpu" else device.name)
            batch = torch.rand(1, 3, side, side, device=place)
            runner = part.opened._module
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
                for _ in range(3):
                    runner(batch)
                _wait(place)
                started = time.perf_counter()
                count = 2 if small else 10
                for _ in range(count):
                    runner(batch)
                _wait(place)
            seconds = (time.perf_counter() - started) / count
            share = f"{100 * 2 * _multiplications() * side**2 / seconds / peak:.1f} %" if peak else ""
            rows.append((f"{side} x {side}, {precision}", f"{1000 * seconds:.2f}", share))
    table("The network alone, cudnn's fastest kernels", ("tile", "ms", "of the card's fp16 peak"), rows)


def _wait(place: Any) -> None:
    import torch

    if place.type != "cpu":
        getattr(torch, place.type).synchronize()


@functools.cache
def _multiplications() -> int:
    from srgan.models.catalogue import resolve
    from srgan.models.metadata import read_info
    from srgan.runtime.graph import read_graph
    from srgan.runtime.layers import program_of

    info = read_info(resolve(MODEL))
    return program_of(read_graph(info), info.name).multiplications


def _ways(device: Any) -> dict[str, Callable[[], Callable[[Any], Any]]]:
    import torch

    def ours(precision: str) -> Callable[[], Any]:
        def make() -> Any:
            from srgan import Upscaler

            return Upscaler(MODEL, device=device.name, precision=precision, memory=8 * 10**9)

        return make

    def eager(build: Callable[[], Any], dtype: Any, tf32: bool = True) -> Callable[[], Any]:
        def make() -> Any:
            place = torch.device("cpu" if device.name == "torch:cpu" else device.name)
            network = build().eval().to(place, dtype)

            def enlarge(picture: Any) -> Any:
                # As kind as it can be to the others: bytes cross the bus, and the card converts them.
                with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=tf32):
                    batch = torch.from_numpy(picture).to(place).permute(2, 0, 1)[None].to(dtype) / 255
                    halves = [part.tensor_split(2, 3) for part in batch.tensor_split(2, 2)]
                    # In quarters without overlap: what is above 2**31 values goes through no library's convolution.
                    large = torch.cat([torch.cat([network(part) for part in row], 3) for row in halves], 2)[0]
                    large = large.clamp(0, 1) * 255
                    return large.round().byte().permute(1, 2, 0).contiguous().cpu().numpy()

            return enlarge

        return make

    return {
        "torch eager, fp32 (TF32, torch's default)": eager(_plain, torch.float32),
        "torch eager, fp32 without TF32": eager(_plain, torch.float32, tf32=False),
        "torch eager, fp16": eager(_plain, torch.float16),
        "srgan, fp16": ours("fp16"),
        "srgan, fp32": ours("fp32"),
        "for comparison: Compact, torch eager, fp32": eager(compact, torch.float32),
        "for comparison: Compact, torch eager, fp16": eager(compact, torch.float16),
        "for comparison: RRDBNet-23, torch eager, fp32": eager(rrdbnet, torch.float32),
        "for comparison: RRDBNet-23, torch eager, fp16": eager(rrdbnet, torch.float16),
    }


def _plain() -> Any:
    """Return the same network as the paper draws it, its last convolution at full size; its weights do not matter here."""
    from torch import nn

    from srgan.networks.generator import Generator, GeneratorConfig

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = Generator(GeneratorConfig(norm="none", output="linear"))

        def forward(self, x: Any) -> Any:
            return self.network.reference(x)

    return Plain()


def rrdbnet(blocks: int = 23, features: int = 64, growth: int = 32) -> Any:
    """Return Real-ESRGAN's large network (Wang et al. 2018, arXiv:1809.00219), x4, with random weights."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    def conv(before: int, after: int) -> Any:
        return nn.Conv2d(before, after, 3, padding=1)

    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(conv(features + n * growth, growth if n < 4 else features) for n in range(5))

        def forward(self, x: Any) -> Any:
            seen = [x]
            for layer in self.convs[:4]:
                seen.append(F.leaky_relu(layer(torch.cat(seen, 1)), 0.2))
            return x + 0.2 * self.convs[4](torch.cat(seen, 1))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.Sequential(Dense(), Dense(), Dense())

        def forward(self, x: Any) -> Any:
            return x + 0.2 * self.parts(x)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.last = conv(3, features), conv(features, 3)
            self.body = nn.Sequential(*(Block() for _ in range(blocks)))
            self.after = conv(features, features)
            self.up = nn.ModuleList(conv(features, features) for _ in range(2))
            self.high = conv(features, features)

        def forward(self, x: Any) -> Any:
            x = self.head(x)
            x = x + self.after(self.body(x))
            for layer in self.up:
                x = F.leaky_relu(layer(F.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
            return self.last(F.leaky_relu(self.high(x), 0.2))

    return Network()


def compact(convolutions: int = 32, features: int = 64) -> Any:
    """Return Real-ESRGAN's small network (SRVGGNetCompact, realesr-general-x4v3), x4, with random weights."""
    import torch.nn.functional as F
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers: list[Any] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
            for _ in range(convolutions):
                layers += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
            self.layers = nn.Sequential(*layers, nn.Conv2d(features, 48, 3, padding=1))

        def forward(self, x: Any) -> Any:
            return F.pixel_shuffle(self.layers(x), 4) + F.interpolate(x, scale_factor=4, mode="nearest")

    return Network()


# --- Levels, folder, sizes -------------------------------------------------------------------------------------------


def levels(device: Any, small: bool, table: Any) -> None:
    from srgan import Upscaler, image
    from srgan.runtime import devices

    side = 40 if small else 192
    rows = []
    cards = [device, *(other for other in devices.found() if other.backend == "ncnn" and not small)]
    exact = Upscaler("srgan-x4", device="cpu", precision="fp32")
    opened = {
        (card.name, precision): Upscaler("srgan-x4", device=card.name, precision=precision)  # type: ignore[arg-type]
        for card in cards
        for precision in ("fp32", "fp16")
    }
    for file in sorted(EXAMPLES.glob("*.jpg")) + sorted(EXAMPLES.glob("*.png")):
        picture = image.read(file).pixels[:side, :side, :3]
        right = exact(picture).astype(int)
        for (card, precision), upscaler in opened.items():
            off = abs(upscaler(picture) - right)
            within = f"{100 * (off <= 1).mean():.3f} %"
            rows.append((file.stem, card, precision, within, str(off.max())))
    heads = ("photograph", "device", "precision", "within one level (bar: 99.5 %)", "most (bar: 3)")
    table("From the processor's result, srgan-x4", heads, rows)


def folder(device: Any, small: bool, table: Any) -> None:
    from srgan import image
    from srgan.engine.choice import ModelChooser
    from srgan.jobs.plan import plan
    from srgan.jobs.run import run_pictures

    count, (height, width) = (6, (24, 32)) if small else (1000, (320, 480))
    source = image.read(EXAMPLES / "colosseum.jpg").pixels
    source = np.tile(source, (-(-2 * height // source.shape[0]), -(-2 * width // source.shape[1]), 1))
    rows = []
    for model in ("srresnet-x4", "auto"):
        with tempfile.TemporaryDirectory() as place:
            random = np.random.default_rng(0)
            for number in range(count):
                top, left = (
                    int(random.integers(0, side - want + 1))
                    for side, want in zip(source.shape[:2], (height, width), strict=True)
                )
                crop = source[top : top + height, left : left + width]
                image.write(image.Picture(crop.copy()), Path(place, f"{number:04}.jpg"), quality=95)
            chooser = ModelChooser(model, device=device.name)
            found = plan([place], str(Path(place, "out")), scale=chooser.label)
            Path(place, "out").mkdir()
            run_pictures(found.pictures[:3], chooser)  # what is only done once
            with busy() as seen:
                started = time.perf_counter()
                report = run_pictures(found.pictures[3:], chooser)
                seconds = time.perf_counter() - started
            shown = f"{statistics.mean(seen):.0f} %" if seen else "unknown"
            rate = len(report.written) / seconds
            rows.append(
                (model, str(len(report.written)), str(len(report.failed)), f"{seconds:.1f}", f"{rate:.1f}", shown)
            )
    heads = ("model", "written", "failed", "s", "pictures a second", "card busy (bar: 80 %)")
    table(f"{count} photographs of {width} x {height}, file to file", heads, rows)


@contextmanager
def busy() -> Iterator[list[float]]:
    """Collect how busy the card is, in per cent, ten times a second."""
    seen: list[float] = []
    if shutil.which("nvidia-smi") is None:
        yield seen
        return
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100", "-i", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().isdigit():
                seen.append(float(line))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        process.terminate()
        reader.join()


def sizes(device: Any, small: bool, table: Any) -> None:
    import torch

    from srgan import Upscaler

    upscaler = Upscaler(MODEL, device=device.name, precision="fp16" if device.name != "torch:cpu" else "fp32")
    random, rows = np.random.default_rng(0), []
    most = 24 if small else 512
    for number in range(1, (6 if small else 100) + 1):
        upscaler(random.integers(0, 256, (*random.integers(8, most, 2), 3), np.uint8))
        if number in (5, 20, 50, 100):
            status = Path("/proc/self/status").read_text()
            here = int(status.split("VmRSS:")[1].split()[0]) / 1000
            there = torch.cuda.memory_reserved() / 1e6 if torch.cuda.is_available() else 0
            rows.append((str(number), f"{here:.0f}", f"{there:.0f}"))
    table(f"One Upscaler, sizes up to {most} (bar: flat)", ("sizes", "MB here", "MB on the card"), rows)
