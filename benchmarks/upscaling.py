"""How fast and how lean upscaling is, beside the other ways to do it, on this machine.

    python benchmarks/upscaling.py            # everything, the better part of an hour
    python benchmarks/upscaling.py --quick    # small pictures and few runs: does it work, roughly how fast
    python benchmarks/upscaling.py --part networks --part start
    python benchmarks/upscaling.py --device gpu    # a graphics card: see gpu.py

networks   the same picture by each way of peers.py, each in a process of its own; medians of runs that take turns,
           so that a busy moment hits all of them; how many times as fast as torch; the peak memory of each process;
           and, for the ways that compute the same network, by how many levels of 255 they differ from torch at most
files      a photograph from file to file: decode, network, encode; and the same with torch in the middle
start      from the start of the process to its end: the help, and a picture of 64 x 64 pixels, with the network
           compiled in this run and taken from the cache
video      a clip of 480 x 270 to 1920 x 1080 by the network for clips: frames a second, the network's share (video.py)
memory     the peak of `srgan upscale` for 1, 2.5, 10, 100 and 400 megapixels of output; the largest takes a quarter of
           an hour on two cores
sizes      pictures of many sizes: the peak of a folder of 250 small ones; how an Upscaler grows over 5,000 sizes up to
           512, by a tiny network, for which the runtime keeps as many kernels; and what one size over and over costs.
           Each beside the runtime's own bounds, 5,000 and 1,024 kernels instead of 16

Wall-clock seconds mean something on an idle machine only; CPU seconds (of all threads together) nearly anywhere. The
extras train, community and dev are needed for the others' ways.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# This process must stay small and hence imports nothing heavy: a child's peak memory begins at its parent's.
HERE = Path(__file__).resolve()
EXAMPLE = HERE.parents[1] / "examples" / "spices.jpg"
PARTS = ("networks", "files", "video", "start", "memory", "sizes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, dest="parts", help="repeatable; default: all")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, help="measured runs of each way, after one to warm up")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--way", action="append", dest="ways", help="only these ways of peers.py; repeatable")
    parser.add_argument("--device", default="cpu", help="a graphics card by its name: measures that instead (gpu.py)")
    parser.add_argument(
        "--gpu-part", action="append", dest="gpu_parts", help="array, levels, folder, sizes; repeatable"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.work, options.threads)
        return
    print(f"{processor()}; {options.threads} threads; load {os.getloadavg()[0]:.1f} at the start")
    if options.device != "cpu":
        import gpu

        gpu.measure(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts or PARTS:
            globals()[f"measure_{part}"](options, Path(folder))


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("flags"):
            kinds = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in line.split()]
            return "processor with " + (", ".join(kinds) or "none of AVX2, AVX512, AMX")
    return "processor unknown"


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    print(f"\n{title}\n")
    for row in [heads, ["-" * width for width in widths], *rows]:
        cells = (
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(f"| {' | '.join(cells)} |", flush=True)


def picture_of(height: int, width: int) -> Any:
    """Return an HWC uint8 picture of this size: an example, mirrored at its edges as often as it takes."""
    import numpy as np

    from srgan.image import read_rgb8

    example = read_rgb8(EXAMPLE)
    index = [
        np.abs((np.arange(n) + m) % (2 * m) - m) % m for n, m in ((height, len(example)), (width, example.shape[1]))
    ]
    return np.ascontiguousarray(example[index[0]][:, index[1]])


# --- The network, by each way ----------------------------------------------------------------------------------------


class Way:
    """A process that has one way open and enlarges whenever it is told: a picture of a size, ``64x64``, or a file."""

    def __init__(self, name: str, work: str, threads: int) -> None:
        self.name = name
        self.peak = 0
        command = [sys.executable, str(HERE), "--child", name, "--work", work, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.runs: list[dict[str, float]] = []

    def ask(self, word: str) -> dict[str, Any] | None:
        """Return the child's answer, or None if it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def median(self, key: str) -> float:
        """Return the median of its runs, in seconds."""
        return statistics.median(run[key] for run in self.runs)

    def failure(self) -> str:
        """Return the last line of what it said to stderr."""
        assert self.process.stderr is not None
        lines = self.process.stderr.read().strip().splitlines()
        return lines[-1] if lines else "it ended"


def child(name: str, work: str, threads: int) -> None:
    """Be one way: a line on stdin is a run, its answer a line of JSON on stdout."""
    import numpy as np

    from peers import WAYS

    enlarge = WAYS[name](threads)
    file = Path(work) if os.path.exists(work) else None
    picture = None if file else picture_of(*map(int, work.split("x")))
    result = None
    for line in sys.stdin:
        if line.strip() == "end":
            np.save(sys.stdin.readline().strip(), result)
            print(json.dumps({"peak": peak_bytes()}), flush=True)
            return
        wall, cpu = time.perf_counter(), time.process_time()
        parts = {}
        if file is None:
            result = enlarge(picture)
        else:
            result, parts = from_file_to_file(enlarge, file)
        said = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, **parts}
        print(json.dumps(said), flush=True)


def from_file_to_file(enlarge: Any, file: Path) -> tuple[Any, dict[str, float]]:
    """Decode, enlarge, encode, and say how long each took."""
    from srgan import image

    times = [time.perf_counter()]
    picture = image.read(file)
    times.append(time.perf_counter())
    large = enlarge(picture.pixels)
    times.append(time.perf_counter())
    target = file.with_name(f"large-{os.getpid()}{file.suffix}")
    image.write(picture.with_pixels(large, 4), target, overwrite=True)
    times.append(time.perf_counter())
    names = ("decode", "network", "encode")
    return large, dict(zip(names, (b - a for a, b in itertools.pairwise(times)), strict=True))


def peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def take_turns(names: Sequence[str], work: str, threads: int, runs: int, folder: Path) -> list[Way]:
    """Measure ways against each other; those that cannot be opened are said and left out. Results go to the folder."""
    ways = [Way(name, work, threads) for name in names]
    for way in list(ways):
        if way.ask("run") is None:  # the run that warms up, one after the other as all runs
            print(f"left out: {way.name}: {way.failure()}")
            ways.remove(way)
    for _ in range(runs):
        for way in ways:
            answer = way.ask("run")
            assert answer is not None, way.failure()
            way.runs.append(answer)
    for way in ways:
        said = way.ask(f"end\n{folder / f'{names.index(way.name)}.npy'}")
        assert said is not None, way.failure()
        way.peak = said["peak"]
        way.process.communicate()
    return ways


def measure_networks(options: argparse.Namespace, folder: Path) -> None:
    from peers import SAME_NETWORK, TORCH, WAYS

    sizes = ["64x64"] if options.quick else ["128x128", "256x256", "320x480"]
    runs = options.runs or (3 if options.quick else 7)
    names = options.ways or list(WAYS)
    for size in sizes:
        height, width = map(int, size.split("x"))
        ways = take_turns(names, size, options.threads, runs, folder)
        results = {way.name: folder / f"{names.index(way.name)}.npy" for way in ways if way.name in SAME_NETWORK}
        far = differences(results)
        torch = next((way.median("wall") for way in ways if way.name == TORCH), None)
        rows = [
            (
                way.name,
                f"{way.median('wall'):.3f}",
                f"{height * width / way.median('wall') / 1000:.1f}",
                f"{torch / way.median('wall'):.1f}" if torch else "",
                f"{way.median('cpu'):.3f}",
                f"{way.peak / 1e6:.0f}",
                far.get(way.name, ""),
            )
            for way in ways
        ]
        heads = "way", "wall s", "kpx/s", "times torch", "CPU s", "peak MB", "levels from torch"
        table(f"{width} x {height} pixels, x4, median of {runs}", heads, rows)


def differences(results: dict[str, Path]) -> dict[str, str]:
    """Say how far each result is from torch's: the most, and the share of values that differ at all."""
    reference = results.get("torch eager, fp32")
    if reference is None:
        return {}
    # In a process of its own, as numpy would make this one large.
    code = (
        "import sys, json, numpy as np; a = np.load(sys.argv[1]).astype(int); said = {}\n"
        "for path in sys.argv[2:]:\n"
        "    d = abs(np.load(path).astype(int) - a); said[path] = f'{d.max()} ({100 * (d > 0).mean():.3g} %)'\n"
        "print(json.dumps(said))"
    )
    command = [sys.executable, "-c", code, str(reference), *map(str, results.values())]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {name: said[str(path)] for name, path in results.items()}


# --- Files, start-up, memory -----------------------------------------------------------------------------------------


def run(*command: object, env: dict[str, str] | None = None) -> tuple[float, float, int]:
    """Run a command to its end; return wall seconds, CPU seconds and peak bytes."""
    started = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stderr is not None
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {process.stderr.read().decode()}")
    process.stderr.close()
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def medians(runs: int, *command: object) -> tuple[str, str, str]:
    taken = [run(*command) for _ in range(runs)]
    wall, cpu, peak = (statistics.median(entry[at] for entry in taken) for at in range(3))
    return f"{wall:.2f}", f"{cpu:.2f}", f"{peak / 1e6:.0f}"


def save_picture(path: Path, height: int, width: int) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(HERE.parent)!r}); from upscaling import picture_of; import srgan.image as i;"
        f"i.write(i.Picture(picture_of({height}, {width})), {str(path)!r}, overwrite=True)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def srgan(*arguments: object) -> Iterator[object]:
    yield from (sys.executable, "-m", "srgan", *arguments)


def measure_start(options: argparse.Namespace, folder: Path) -> None:
    runs = options.runs or (3 if options.quick else 9)
    save_picture(folder / "start.png", 64, 64)
    upscale = "upscale", folder / "start.png", "--overwrite", "--quiet"
    rows = [
        ("python -c pass", *medians(runs, sys.executable, "-c", "pass")),
        ("srgan --help", *medians(runs, *srgan("--help"))),
    ]
    os.environ["SRGAN_CACHE"] = ""
    rows.append(("srgan upscale, 64 x 64, no cache", *medians(runs, *srgan(*upscale))))
    rows.append(
        ("the same, --fidelity 0.5", *medians(runs, *srgan(*upscale, "--model", "srgan-x4", "--fidelity", 0.5)))
    )
    os.environ["SRGAN_CACHE"] = str(folder / "cache")
    run(*srgan(*upscale))
    rows.append(("srgan upscale, 64 x 64", *medians(runs, *srgan(*upscale))))
    del os.environ["SRGAN_CACHE"]
    table(f"From start to end of the process, median of {runs}", ("command", "wall s", "CPU s", "peak MB"), rows)


def measure_files(options: argparse.Namespace, folder: Path) -> None:
    from peers import TORCH

    height, width = (96, 128) if options.quick else (320, 480)
    runs = options.runs or (3 if options.quick else 7)
    rows = []
    for suffix in (".jpg", ".png") if options.quick else (".jpg", ".png", ".webp", ".tif"):
        file = folder / f"file{suffix}"
        save_picture(file, height, width)
        ours = [f"{way}, {kind}" for way in ("srgan", "fast") for kind in ("fp32", "bf16", "int8")]
        names = options.ways or [*ours, *([TORCH] if suffix == ".jpg" else [])]
        ways = take_turns(names, str(file), options.threads, runs, folder)
        torch = next((way.median("wall") for way in ways if way.name == TORCH), None)
        for way in ways:
            times = (f"{way.median(part):.3f}" for part in ("decode", "network", "encode", "wall", "cpu"))
            share = f"{100 * way.median('network') / way.median('wall'):.0f} %"
            faster = f"{torch / way.median('wall'):.1f}" if torch else ""
            rows.append((suffix, way.name, *times, share, faster, f"{way.peak / 1e6:.0f}"))
    heads = (
        "file",
        "way",
        "decode s",
        "network s",
        "encode s",
        "together s",
        "CPU s",
        "network's share",
        "times torch",
        "peak MB",
    )
    table(f"{width} x {height} pixels from file to file, median of {runs}", heads, rows)


def measure_video(options: argparse.Namespace, folder: Path) -> None:
    save_picture(folder / "pan.png", 360, 640)
    frames = 3 if options.quick else 48
    command = [sys.executable, HERE.with_name("video.py"), folder / "pan.png", "--frames", frames]
    done = subprocess.run(
        [*map(str, command), "--threads", str(options.threads)], check=True, stdout=subprocess.PIPE, text=True
    )
    print(f"\nA clip from file to file\n\n{done.stdout}", flush=True)


def measure_memory(options: argparse.Namespace, folder: Path) -> None:
    sizes = (
        [(64, 64), (320, 480)] if options.quick else [(250, 250), (320, 480), (790, 790), (2500, 2500), (5000, 5000)]
    )
    rows = []
    for height, width in sizes:
        save_picture(folder / "memory.jpg", height, width)
        # With a fifth of the memory it takes as long: the largest one is not done twice.
        for budget in ("1GB", "200MB") if height < 5000 else ("1GB",):
            command = srgan("upscale", folder / "memory.jpg", "--overwrite", "--quiet", "--memory", budget)
            wall, cpu, peak = run(*command)
            output = f"{width * 4} x {height * 4} ({width * height * 16 / 1e6:.1f} MP)"
            rows.append((output, budget, f"{peak / 1e6:.0f}", f"{wall:.1f}", f"{cpu:.1f}"))
    table("`srgan upscale`, JPEG to JPEG", ("output", "--memory", "peak MB", "wall s", "CPU s"), rows)


# --- Many sizes ------------------------------------------------------------------------------------------------------

AS_BEFORE = (
    "from srgan.runtime import heap, kept, primitives; primitives.KEPT = primitives.KEPT_INT8 = 5000\n"
    "heap._function = lambda name: None; kept.Kept.used = kept.Kept.make_room = lambda self, size: None\n"
)
COMMAND = "from srgan.cli import main\nmain()\n"
MANY_SIZES = """
import json, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[3])
from srgan import Upscaler
from support.tiny_models import residual
count, folder = int(sys.argv[1]), Path(sys.argv[2])
upscaler = Upscaler(residual(folder / "tiny.onnx", scale=2, blocks=1), precision="fp32")
random, at = np.random.default_rng(0), {}
for number in range(1, count + 1):
    upscaler(random.integers(0, 256, (*random.integers(1, 513, 2), 3), np.uint8))
    if number in (100, count // 2, count):
        status = Path("/proc/self/status").read_text()
        at[number] = int(status.split("VmRSS:")[1].split()[0]) * 1024
print(json.dumps(at))
"""
ONE_SIZE = """
import sys, time
import numpy as np
from srgan import Upscaler
upscaler = Upscaler(sys.argv[2], precision="fp32", threads=1)
picture = np.random.default_rng(0).integers(0, 256, (*map(int, sys.argv[1].split("x")), 3), np.uint8)
upscaler(picture)
for line in sys.stdin:
    started = time.process_time()
    for _ in range(int(line)):
        upscaler(picture)
    print(time.process_time() - started, flush=True)
"""


def python(bounded: bool, code: str, *arguments: object) -> tuple[list[object], dict[str, str]]:
    """Return the command and the environment that run Python code with our bounds or with the runtime's own."""
    environment = {**os.environ, "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}
    if bounded:
        del environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]
    return [sys.executable, "-c", code if bounded else AS_BEFORE + code, *map(str, arguments)], environment


def measure_sizes(options: argparse.Namespace, folder: Path) -> None:
    small = folder / "small"
    code = (
        f"import sys; sys.path.insert(0, {str(HERE.parent)!r}); from upscaling import picture_of; import numpy as np\n"
        "import srgan.image as i; random = np.random.default_rng(0)\n"
        f"for n in range({25 if options.quick else 250}):\n"
        f"    i.write(i.Picture(picture_of(*map(int, random.integers(20, 91, 2)))), {str(small)!r} + f'/{{n}}.png')\n"
    )
    small.mkdir()
    subprocess.run([sys.executable, "-c", code], check=True)
    rows = []
    for bounded in (True, False):
        target = folder / f"large-{bounded}"
        command, environment = python(bounded, COMMAND, "upscale", small, "-o", target, "--quiet", "--threads", "2")
        wall, cpu, peak = run(*command, env=environment)
        rows.append((word(bounded), f"{peak / 1e6:.0f}", f"{wall:.1f}", f"{cpu:.1f}"))
    title = (
        f"`srgan upscale` on a folder of {len(list(small.iterdir()))} pictures of 20 to 90 pixels (bar: under 200 MB)"
    )
    table(title, ("kernels kept", "peak MB", "wall s", "CPU s"), rows)

    count, rows = 200 if options.quick else 5000, []
    for bounded in (True, False):
        command, environment = python(bounded, MANY_SIZES, count, folder, HERE.parents[1] / "tests")
        done = subprocess.run(list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True, check=True)
        at = json.loads(done.stdout)
        first, *others = at.values()
        rows.append((word(bounded), f"{first / 1e6:.0f}", *(f"{(taken - first) / 1e6:+.1f}" for taken in others)))
    title = f"One Upscaler, {count} random sizes up to 512, a tiny network (bar: under 30 MB after the first 100)"
    table(title, ("kernels kept", "MB after 100", *(f"after {number}" for number in list(at)[1:])), rows)
    one_size(options)


def one_size(options: argparse.Namespace) -> None:
    """Let two processes take turns, one with our bounds, one with the runtime's."""
    rows = []
    few, many = ("24x24", 20), ("200x150", 1)
    for network, size, repeats in (
        ("srgan-x4", *few),
        ("srgan-x4", "96x96", 2),
        ("srgan-x4", *many),
        ("fast-psnr-x4", *few),
        ("fast-psnr-x4", *many),
    ):
        children, taken = {}, {True: [], False: []}
        for bounded in taken:
            command, environment = python(bounded, ONE_SIZE, size, network)
            pipe = subprocess.PIPE
            children[bounded] = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        for turn in range(options.runs or (3 if options.quick else 60)):
            for bounded in sorted(taken, reverse=turn % 2 == 0):
                child = children[bounded]
                child.stdin.write(f"{repeats}\n")
                child.stdin.flush()
                taken[bounded].append(float(child.stdout.readline()) / repeats)
        for child in children.values():
            child.communicate()
        ours, theirs = (statistics.median(taken[bounded]) for bounded in (True, False))
        shares = [after / before for before, after in zip(taken[True], taken[False], strict=True)]
        low, middle, high = between(shares)
        shown = f"{100 * middle:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        rows.append((network, size, f"{1000 * ours:.1f}", f"{1000 * theirs:.1f}", shown))
    heads = "network", "size", "CPU ms, ours", "CPU ms, without", "throughput, ours of that (95 % interval)"
    table("One size over and over, one thread, with the bounds and without (bar: 99 %)", heads, rows)


def between(values: list[float]) -> tuple[float, float, float]:
    """Return the median and the bounds of its 95 % interval, by ranks: of pairs, half of which are slower by chance."""
    ordered, reach = sorted(values), 0.98 * len(values) ** 0.5
    low, high = round(len(values) / 2 - reach), round(len(values) / 2 + reach)
    return ordered[max(low, 0)], statistics.median(ordered), ordered[min(high, len(values) - 1)]


def word(bounded: bool) -> str:
    return "16 (ours)" if bounded else "5,000 and 1,024 (the runtime's)"


if __name__ == "__main__":
    main()
