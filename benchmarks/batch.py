"""How a folder job grows: many small pictures, and one picture of growing size.

    python benchmarks/batch.py many 100 1000 10000      # pictures/s and peak memory, beside the network alone
    python benchmarks/batch.py many 10000 --size 96x64  # smaller ones, where the growth is what counts
    python benchmarks/batch.py large 1 10 100 400       # megapixels of output: seconds and peak memory
    python benchmarks/batch.py kills 50                 # kill -9 at random moments: tests/cli/test_folder.py

Each line is a process of its own, so that its peak memory is its own. On a machine that does other things too, look at
CPU seconds (which those lengthen a little) instead of seconds. Pictures are noise with some structure, made
here, JPEG of 480x320 or ``--size`` for ``many`` and PNG for ``large``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from srgan.models.catalogue import CLEAN


def picture(width: int, height: int, seed: int) -> Image.Image:
    """Return a picture with edges, slopes and some noise, [height, width] RGB."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (max(height // 40, 2), max(width // 40, 2), 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = random.integers(-8, 9, (min(height, 512), min(width, 512), 3), np.int16)
    tiles = -(-height // grain.shape[0]), -(-width // grain.shape[1]), 1
    return Image.fromarray((smooth + np.tile(grain, tiles)[:height, :width]).clip(0, 255).astype(np.uint8))


def measure(paths: list[str], options: list[str]) -> tuple[float, float, float]:
    """Run ``srgan upscale`` and return seconds from start to end, CPU seconds, and peak megabytes of the process."""
    command = [sys.executable, "-m", "srgan", "upscale", *paths, "--quiet", *options]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    unit = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss is in bytes there, in kilobytes on Linux
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def network_alone(size: tuple[int, int], model: str, threads: int | None, seconds: float = 20.0) -> tuple[float, float]:
    """Return the pictures of a size that the network makes in a second, and CPU seconds a picture.

    From memory to memory, for so many seconds.
    """
    from srgan import Upscaler

    upscaler = Upscaler(model, threads=threads)
    pixels = np.asarray(picture(*size, seed=0))
    upscaler(pixels)
    began, began_cpu, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds:
        upscaler(pixels)
        count += 1
    return count / (time.perf_counter() - began), (time.process_time() - began_cpu) / count


def many(counts: list[int], size: tuple[int, int], model: str, threads: int | None) -> None:
    options = ["--model", model, *([] if threads is None else ["--threads", str(threads)])]
    alone, cpu_alone = network_alone(size, model, threads)
    print(f"the network alone: {alone:.3f} pictures/s of {size[0]}x{size[1]}, {cpu_alone:.2f} CPU s a picture")
    print("| pictures | seconds | pictures/s | of the network's | CPU s a picture | peak MB |")
    print("|---|---|---|---|---|---|")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            photos = Path(folder, "photos")
            photos.mkdir()
            different = [picture(*size, seed=seed) for seed in range(min(count, 16))]
            for number in range(count):
                different[number % 16].save(photos / f"{number:06}.jpg", quality=90)
            seconds, cpu, peak = measure([str(photos), "-o", str(Path(folder, "out"))], options)
        rate = count / seconds
        share = f"{rate:.3f} | {rate / alone:.0%} | {cpu / count:.2f}"
        print(f"| {count:,} | {seconds:.1f} | {share} | {peak:.0f} |", flush=True)


def large(megapixels: list[float], model: str, threads: int | None) -> None:
    options = ["--model", model, *([] if threads is None else ["--threads", str(threads)])]
    print("| output megapixels | input | seconds | CPU s | CPU s/megapixel | peak MB |")
    print("|---|---|---|---|---|---|")
    for size in megapixels:
        height = round((size * 1e6 / 16 * 2 / 3) ** 0.5)
        width = round(height * 1.5)
        with tempfile.TemporaryDirectory() as folder:
            photo = Path(folder, "photo.png")
            picture(width, height, seed=0).save(photo)
            seconds, cpu, peak = measure([str(photo), "-o", str(Path(folder, "out.png"))], options)
        made = width * height * 16 / 1e6
        print(
            f"| {made:.1f} | {width}x{height} | {seconds:.1f} | {cpu:.1f} | {cpu / made:.3f} | {peak:.0f} |", flush=True
        )


def kills(count: int) -> None:
    test = Path(__file__).parents[1] / "tests" / "cli" / "test_folder.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test), "-k", "killed"]
    sys.exit(subprocess.call(command, env={**os.environ, "SRGAN_KILLS": str(count)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["many", "large", "kills"])
    parser.add_argument("numbers", type=float, nargs="+")
    parser.add_argument("--size", default="480x320", help="width and height of the many")
    parser.add_argument("--model", default=CLEAN)
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    if asked.what == "many":
        width, height = map(int, asked.size.split("x"))
        many([int(number) for number in asked.numbers], (width, height), asked.model, asked.threads)
    elif asked.what == "large":
        large(asked.numbers, asked.model, asked.threads)
    else:
        kills(int(asked.numbers[0]))


if __name__ == "__main__":
    main()
