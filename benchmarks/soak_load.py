"""The loads of ``soak.py``, each for a number of seconds in a process of its own: ``soak_load.py LOAD SECONDS FOLDER SEED``.

The first line of stdout is ``pid N``: the process to be watched, once it is ready. The last ones say what was done.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests")]

import soak_mixture  # noqa: E402
from support import tiny_models, tiny_runs  # noqa: E402

if TYPE_CHECKING:
    from support.server import Server

CLIENTS = 32
CLIENTS_NICE = 10
"""Levels of priority by which the clients come after the server that they ask."""

SHORT = 300.0
"""Below so many seconds the largest pictures are left out, and trainings are short: one of them would take all the time."""


def largest(seconds: float) -> int:
    """Return the most pixels of a picture."""
    return soak_mixture.LARGEST if seconds >= SHORT else 250_000


def card(stage: str) -> dict[str, object]:
    """Return a network's card that makes a pair of a GAN and its faithful partner."""
    stages = {"srresnet": {"adversarial": {"weight": 0.0}}, "srgan": {"adversarial": {"weight": 0.05}}}
    return {"stage": stage, "init": None, "recipe": {"stages": stages}}


def networks(folder: Path) -> list[Path]:
    """Write a GAN, its partner, and a third network."""
    pair = [
        tiny_models.residual(folder / f"{stage}-x2.onnx", scale=2, seed=seed, name=f"{stage}-x2", card=card(stage))
        for seed, stage in enumerate(("srgan", "srresnet"))
    ]
    return [*pair, tiny_models.nearest(folder / "nearest.onnx", scale=2, name="nearest-x2")]


# --- The server ------------------------------------------------------------------------------------------------------


HEALTH = """
import http.server, signal, subprocess, sys, time, urllib.request

def idle():
    class Quiet(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()

def took(url):
    began = time.perf_counter()
    assert urllib.request.urlopen(url + "/healthz", timeout=60).status == 200
    return time.perf_counter() - began

if len(sys.argv) == 2:
    idle()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
url, seconds, code = sys.argv[1:]
end = time.monotonic() + float(seconds)
with subprocess.Popen([sys.executable, "-c", code, "idle"], stdout=subprocess.PIPE, text=True) as beside:
    other = f"http://127.0.0.1:{int(beside.stdout.readline())}"
    try:
        while time.monotonic() < end:
            print(took(url), took(other), flush=True)
            time.sleep(0.5)
    finally:
        beside.terminate()
"""
"""Asks in a process of its own, as among 32 threads it would measure how these wait for each other; and asks, each time, an
idle server of a few lines as well, whose time is that of the machine."""


def server(seconds: float, place: Path, seed: int) -> None:
    """32 clients, some of them slow, some of whom leave; beside them a health check each half second."""
    from support.server import serving

    models = [option for path in networks(place) for option in ("--model", path)]
    # Clients are other machines elsewhere. Linux shares its cores out among sessions before it does among threads: so the
    # server and the health check have a session each here, and that of the clients comes after them.
    before = ["setsid"] if shutil.which("setsid") else []
    options = "--max-megapixels", "25", "--queue", "8", "--precision", "fp32", "--deadline", "120"
    with serving(*models, *options, before=before) as running:
        ask_all(running, ready(seconds, running.process.pid), largest(seconds), seed)


def ask_all(running: Server, end: float, most: int, seed: int) -> None:
    """Let the clients ask until ``end`` for pictures of at most so many pixels, and say what was answered."""
    import httpx

    statuses: Counter[str] = Counter()
    wrong: list[str] = []

    def ask(draw: random.Random, http: httpx.Client) -> None:
        suffix, data, sound = soak_mixture.picture(draw, most)
        query: dict[str, str | float] = {"model": draw.choice(["srgan-x2", "srresnet-x2", "nearest-x2"])}
        if query["model"] == "srgan-x2" and draw.random() < 0.5:
            query["fidelity"] = round(draw.random(), 2)
        if draw.random() < 0.2:
            query["format"] = draw.choice(["png", "jpeg", "webp", "tiff"])
        if draw.random() < 0.1:
            query["scale"] = round(draw.uniform(1.1, 3), 2)
        manner = draw.random()
        if manner < 0.1:
            leave(draw, running.url, data)
            statuses["left"] += 1
            return
        if manner < 0.15:
            answer = http.post("/v1/upscale", params=query, content=dribbled(draw, data[:20_000]))
        elif manner < 0.4:
            answer = http.post("/v1/upscale", params=query, files={"image": (f"a.{suffix}", data)})
        else:
            answer = http.post("/v1/upscale", params=query, content=data)
        statuses[str(answer.status_code)] += 1
        if answer.status_code >= 500 and answer.status_code not in (503, 504):
            wrong.append(f"{answer.status_code} for {suffix}, sound: {sound}: {answer.text[:200]}")
        if answer.status_code == 503:
            time.sleep(draw.uniform(0.05, 0.5))

    def client(number: int) -> None:
        draw = random.Random(1000 * seed + number)
        with httpx.Client(base_url=running.url, timeout=300, verify=False) as http:
            while time.monotonic() < end:
                try:
                    ask(draw, http)
                except httpx.HTTPError as error:
                    statuses[f"{type(error).__name__} ({error})"] += 1

    asked = [sys.executable, "-c", HEALTH, running.url, str(end - time.monotonic()), HEALTH]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True, start_new_session=True) as checking:
        os.nice(CLIENTS_NICE)
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(CLIENTS_NICE), encoding="ascii")
        try:
            together([lambda number=number: client(number) for number in range(CLIENTS)])
            times, _ = checking.communicate()
        except BaseException:
            checking.terminate()
            raise
    health, beside = (
        sorted(column) for column in zip(*(map(float, line.split()) for line in times.splitlines()), strict=True)
    )
    if checking.returncode:
        raise SystemExit(f"/healthz was not answered: exit code {checking.returncode}")
    code = running.stop()
    answered = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    print(f"answers: {answered}")
    for name, answers in (("/healthz", health), ("an idle server beside it", beside)):
        print(
            f"{name} {len(answers)} times: median {1000 * answers[len(answers) // 2]:.0f} ms, "
            f"99 of 100 within {1000 * answers[len(answers) * 99 // 100]:.0f} ms, slowest {1000 * answers[-1]:.0f} ms, "
            f"{sum(answer > 0.1 for answer in answers)} above 100 ms"
        )
    if code or wrong or "Traceback" in running.errors:
        raise SystemExit(f"exit code {code}; {len(wrong)} answers wrong: {wrong[:3]}; log: {running.errors[-2000:]!r}")


def leave(draw: random.Random, url: str, data: bytes) -> None:
    """Send a part of a request, or all of it, and go."""
    address = urlsplit(url)
    head = f"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    sent = (head + data)[: draw.choice([0, 20, len(head), len(head) + len(data) // 2, len(head) + len(data)])]
    with contextlib.suppress(OSError), socket.create_connection((address.hostname, address.port), timeout=60) as link:
        link.sendall(sent)
        time.sleep(draw.uniform(0, 0.5))


def dribbled(draw: random.Random, data: bytes):
    """Yield a body in ten pieces with pauses."""
    step = max(len(data) // 10, 1)
    for start in range(0, len(data), step):
        time.sleep(draw.uniform(0, 0.3))
        yield data[start : start + step]


def ready(seconds: float, pid: int = 0) -> float:
    """Say which process is to be watched, this one or another, and return when to end."""
    print("pid", pid or os.getpid(), flush=True)
    return time.monotonic() + seconds


# --- The others ------------------------------------------------------------------------------------------------------


def folder(seconds: float, place: Path, seed: int) -> None:
    """Folder jobs in one process, one after the other, each of 40 pictures of the mixture; their results are removed."""
    model = networks(place)[0]
    draw = random.Random(seed)
    jobs = pictures = failed = 0
    end = ready(seconds)
    while time.monotonic() < end:
        source, out = place / f"in{jobs}", place / f"out{jobs}"
        source.mkdir()
        for number in range(40):
            suffix, data, _ = soak_mixture.picture(draw, largest(seconds))
            (source / f"{number}.{suffix}").write_bytes(data)
        options = ["--fidelity", str(round(draw.random(), 2))] if draw.random() < 0.3 else []
        done = tiny_runs.call(
            "upscale", source, "-o", out, "--model", model, "--report", place / "report.html", *options
        )
        if done.code not in (0, 1) or "Traceback" in done.err:
            raise SystemExit(f"exit code {done.code}: {done.err[-2000:]}")
        jobs, pictures = jobs + 1, pictures + 40
        failed += len([line for line in done.err.splitlines() if "cannot" in line])
        for remains in (source, out):
            for path in sorted(remains.rglob("*"), reverse=True):
                path.unlink() if not path.is_dir() else path.rmdir()
            remains.rmdir()
    print(f"{jobs} jobs, {pictures} pictures, {failed} lines of failures")


def threads(seconds: float, place: Path, seed: int) -> None:
    """One Upscaler in eight threads, with a new size each time, some of them given up half way."""
    from srgan import Upscaler

    upscaler = Upscaler(networks(place)[0], memory=200_000_000, precision="fp32")
    end = ready(seconds)
    counts: Counter[str] = Counter()

    class GivenUpError(Exception):
        pass

    def give_up(*_: int) -> None:
        raise GivenUpError

    def work(number: int) -> None:
        draw = random.Random(1000 * seed + number)
        while time.monotonic() < end:
            height, width = soak_mixture.size(draw, 1_000_000)
            array = soak_mixture.pixels(draw, height, width, draw.choice([1, 2, 3, 4]))
            if draw.random() < 0.2:
                array = array.astype(np.uint16) * np.uint16(257)
            if draw.random() < 0.1:
                with contextlib.suppress(GivenUpError):
                    upscaler(array, progress=give_up)
                counts["given up"] += 1
            else:
                assert upscaler(array).shape[:2] == (2 * height, 2 * width)
                counts["enlarged"] += 1

    together([lambda number=number: work(number) for number in range(8)])
    print(f"{counts['enlarged']} pictures, {counts['given up']} given up")


def openings(seconds: float, place: Path, seed: int) -> None:
    """Networks opened, used and dropped, blends among them."""
    from srgan import Upscaler

    draw = random.Random(seed)
    files = networks(place)
    count = 0
    end = ready(seconds)
    while time.monotonic() < end:
        path = draw.choice(files)
        blend = {"fidelity": round(draw.random(), 2)} if path == files[0] and draw.random() < 0.3 else {}
        upscaler = Upscaler(path, precision=draw.choice(["fp32", "auto"]), **blend)
        upscaler(np.zeros((draw.randint(1, 40), draw.randint(1, 40), 3), np.uint8))
        count += 1
    print(f"{count} openings")


def clip(seconds: float, place: Path, seed: int) -> None:
    """Clips whose frames are black but for one in a hundred, 3,000 frames each (300 in a short time)."""
    from srgan import Upscaler
    from srgan.video.run import upscale_clip
    from support import clips

    upscaler = Upscaler(networks(place)[0], precision="fp32")
    count = 3000 if seconds >= SHORT else 300
    black = np.zeros((48, 64, 3), np.uint8)
    draw = random.Random(seed)
    frames = 0
    end = ready(seconds)
    while time.monotonic() < end:
        many = [black if draw.random() < 0.99 else clips.picture(draw.randrange(50)) for _ in range(count)]
        source = clips.make(place / "in.mp4", range(0, 3000 * count, 3000), frames=many)
        upscale_clip(source, place / "out.mp4", upscaler, overwrite=True)
        frames += count
    print(f"{frames} frames")


def train(seconds: float, place: Path, _: int) -> None:
    """Trainings in one process, one after the other, both stages of a tiny recipe with validation and checkpoints."""
    tiny_runs.save_photos(place / "photos")
    tiny_runs.save_vgg(place / "vgg.safetensors")
    recipe = place / "tiny.toml"
    steps = 1000 if seconds >= SHORT else 20
    os.environ["OMP_NUM_THREADS"] = "1"  # the layers are too small for more
    text = tiny_runs.RECIPE.replace("steps = 60", f"steps = {steps}").replace("steps = 40", f"steps = {steps}")
    recipe.write_text(text.replace("checkpoint_every = 4\n", "checkpoint_every = 200\n"))
    done = 0
    end = ready(seconds)
    while time.monotonic() < end:
        out = place / f"run{done}"
        said = tiny_runs.call(
            "train", place / "photos", "--recipe", recipe, "--out", out, "--vgg-weights", place / "vgg.safetensors"
        )
        if said.code:
            raise SystemExit(f"exit code {said.code}: {said.err[-2000:]}")
        done += 2 * steps
    print(f"{done} steps")


def together(works: list[Callable[[], None]]) -> None:
    """Run each in a thread; the first error ends the process."""
    errors: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in running:
        thread.start()
    for thread in running:
        while thread.is_alive() and not errors:
            thread.join(0.2)
    if errors:
        raise errors[0]


if __name__ == "__main__":
    faulthandler.enable()  # a crash inside a library leaves where it was, not silence
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what it has begun ends as well
    name, seconds, where, number = sys.argv[1:]
    loads = {load.__name__: load for load in (server, folder, threads, openings, clip, train)}
    loads[name](float(seconds), Path(where), int(number))
