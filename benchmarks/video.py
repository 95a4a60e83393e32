"""How fast a clip is enlarged from file to file, and how much of that is the network.

    python benchmarks/video.py PHOTO                       # 480x270 -> 1920x1080 by the network for clips, 16 frames
    python benchmarks/video.py PHOTO --model NAME|FILE --frames 48 --threads 2

The clip pans over the photograph, so that no frame is like the one before. Printed are frames a second of the wall clock, which
mean something on an idle machine only; CPU seconds a frame (of all threads) from file to file, and of the network alone on
the same frames; and the network's share of both: of the time, how long a frame was being computed; of the CPU seconds, the ratio.
Opening the network and its first frame are not counted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from srgan import Upscaler
from srgan.image import read_rgb8
from srgan.models.catalogue import CLIPS
from srgan.video.run import upscale_clip
from srgan.video.work import ClipListener
from upscaling import processor

WIDTH, HEIGHT, STEP = 480, 270, 2
"""Of the clip, in pixels, and how far it pans from frame to frame."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path, help="at least 480 x 270 pixels; a larger one is panned over")
    parser.add_argument("--model", default=CLIPS)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16", "int8"))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    print(f"{processor()}; {options.threads} threads; load {os.getloadavg()[0]:.1f} at the start")
    upscaler = Timed(options.model, precision=options.precision, threads=options.threads)
    frames = panned(read_rgb8(options.photo), options.frames)
    upscaler(frames[0])
    upscaler.seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "clip.mp4", Path(folder) / "large.mp4"
        write(source, frames)
        began, cpu = time.perf_counter(), time.process_time()
        done = upscale_clip(source, target, upscaler, listener=ClipListener())
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        size = target.stat().st_size
    computing = upscaler.seconds
    alone = time.process_time()
    for frame in frames:
        upscaler(frame)
    alone = time.process_time() - alone
    count = len(frames)
    print(
        f"{options.model}: {count} frames {done.before} -> {done.after}, {size / 1e6:.1f} MB; {done.computed} computed"
    )
    print(
        f"wall clock: {count / wall:.2f} frames a second; a frame was being computed {100 * computing / wall:.0f} % of it"
    )
    print(
        f"CPU s a frame: {cpu / count:.2f} from file to file, {alone / count:.2f} the network ({100 * alone / cpu:.0f} %)"
    )


class Timed(Upscaler):
    """An upscaler that adds up how long it computes."""

    seconds = 0.0

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Enlarge a picture."""
        began = time.perf_counter()
        try:
            return super().__call__(*given, **named)
        finally:
            self.seconds += time.perf_counter() - began

    def sized(self, target: Any) -> Timed:
        """Return this one: clips of this benchmark have the network's own size."""
        assert self.size_of(HEIGHT, WIDTH) == super().sized(target).size_of(HEIGHT, WIDTH)
        return self


def panned(photo: Any, count: int) -> list[Any]:
    """Return frames that pan over a photograph to the right, and down where it ends."""
    height, width = (side - frame for side, frame in zip(photo.shape, (HEIGHT, WIDTH), strict=False))
    if min(height, width) < 0:
        raise SystemExit(f"the photograph is smaller than {WIDTH} x {HEIGHT}")
    places = [divmod(STEP * number, width + 1) for number in range(count)]
    corners = [(STEP * row % (height + 1), left) for row, left in places]
    return [np.ascontiguousarray(photo[top : top + HEIGHT, left : left + WIDTH]) for top, left in corners]


def write(path: Path, frames: list[Any]) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


if __name__ == "__main__":
    main()
