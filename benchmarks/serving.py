"""How ``srgan serve`` bears load: ``python benchmarks/serving.py [--clients 32] [--seconds 60] [--model NAME]``.

Starts a server on loopback and lets clients send one picture after the other for a minute of warming up and then for
the measured time. A client that is told that the queue is full waits as long as the server says. Prints statuses,
throughput, latencies of the answered pictures, and how much memory the server's process took meanwhile. Needs
``pip install 'srgan[web]' httpx``.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

import srgan
import srgan.image


@dataclass
class Tally:
    """What the clients saw in one stretch of time."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)


def picture(side: int) -> bytes:
    """Return a JPEG file of ``side`` pixels square with soft structure, as photographs have."""
    coarse = np.random.default_rng(0).integers(0, 256, (side // 8 + 1, side // 8 + 1, 3), dtype=np.uint8)
    pixels = np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1)[:side, :side])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.jpg"
        srgan.image.write(srgan.image.Picture(pixels), path)
        return path.read_bytes()


async def client(url: str, body: bytes, tallies: list[Tally]) -> None:
    """Send the picture again and again; each answer counts for the stretch in which it ends."""
    async with httpx.AsyncClient(base_url=url, timeout=None) as http:
        while True:
            began = time.perf_counter()
            answer = await http.post("/v1/upscale", content=body)
            tally = tallies[-1]
            tally.statuses[answer.status_code] += 1
            if answer.status_code == 503:
                await asyncio.sleep(float(answer.headers["retry-after"]))
            else:
                tally.seconds.append(time.perf_counter() - began)


async def drive(
    url: str, clients: int, warm_up: float, seconds: float, body: bytes
) -> tuple[Tally, float, list[float]]:
    """Return the measured stretch, its seconds, and resident megabytes: at first, warmed up, then each 5 s."""
    tallies = [Tally()]
    async with httpx.AsyncClient(base_url=url, timeout=None) as http:

        async def resident() -> float:
            text = (await http.get("/metrics")).text
            found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
            return float(found[1]) / 1e6 if found else float("nan")

        memory = [await resident()]
        tasks = [asyncio.create_task(client(url, body, tallies)) for _ in range(clients)]
        await asyncio.sleep(warm_up)
        memory.append(await resident())
        tallies.append(Tally())
        end = tallies[-1].began + seconds
        while (left := end - time.perf_counter()) > 0:
            await asyncio.sleep(min(5.0, left))
            memory.append(await resident())
        took = time.perf_counter() - tallies[-1].began
        for task in tasks:
            task.cancel()
        finished = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [result for result in finished if not isinstance(result, asyncio.CancelledError)]
    if failed:
        raise SystemExit(f"{len(failed)} clients failed, the first with {failed[0]!r}")
    return tallies[-1], took, memory


def main() -> None:
    """Start the server, drive it, print the figures; exit 1 after a 5xx that is not the queue's, or memory that grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--side", type=int, default=64, help="pixels of the square picture that is sent")
    parser.add_argument("--model", help="a shipped network, or a .onnx file")
    parser.add_argument("--queue", type=int, default=16, help="requests that may wait")
    arguments = parser.parse_args()

    command = [sys.executable, "-m", "srgan", "serve", "--port", "0", "--queue", str(arguments.queue)]
    command += ["--model", arguments.model] if arguments.model else []
    body = picture(arguments.side)
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        if found is None:
            raise SystemExit("the server did not start")
        start = time.perf_counter() - began
        try:
            tally, took, memory = asyncio.run(
                drive(found[0], arguments.clients, arguments.warm_up, arguments.seconds, body)
            )
        finally:
            server.terminate()
            code = server.wait(700)

    side, answered = arguments.side, tally.statuses[200]
    growth = max(memory[1:]) - memory[1]
    rate = answered / took
    print(f"srgan {srgan.__version__}, {arguments.clients} clients, {side} x {side} pixels x4, {took:.0f} s")
    print(f"start to first connection  {start:.1f} s")
    print(f"answers by status          {dict(sorted(tally.statuses.items()))}")
    print(f"pictures                   {rate:.2f} a second, {rate * side**2 / 1e3:.1f} thousand pixels a second")
    if tally.seconds:
        p50, p95, p99 = np.percentile(tally.seconds, [50, 95, 99])
        print(f"latency                    p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s")
    print(f"resident memory            {memory[0]:.0f} MB, warmed up {memory[1]:.0f} MB, then at most +{growth:.0f} MB")
    print(f"exit code after SIGTERM    {code}")
    faults = sum(count for status, count in tally.statuses.items() if status >= 500 and status != 503)
    if faults or growth > 50 or code or not answered:
        sys.exit("not as it should be: a 5xx besides the queue's, memory that grew by more than 50 MB, or no answer")


if __name__ == "__main__":
    main()
