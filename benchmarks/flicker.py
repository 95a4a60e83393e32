"""How much a network's frames flicker: detail that moves or changes where the scene does not.

    python benchmarks/flicker.py PHOTOS                      # srgan-x4, srresnet-x4 and the network for clips, beside bicubic
    python benchmarks/flicker.py PHOTOS --model NAME|FILE    # repeatable

pan     a camera pans over each photograph by 1 to 3 pixels of the result a frame, which is less than one of the input.
        Each frame is reduced and enlarged; the frame before, shifted by the pan, should be the same picture. Printed is
        the mean difference of the two in levels of 255 (the warped error). The originals themselves differ by 0.
noise   a camera stands still, and each frame has new noise of 5 levels. Printed is the standard deviation of the enlarged
        frames over time, in levels. Bicubic enlargement has a little less than the noise itself.

Pictures are the middles of photographs, reduced as MATLAB's imresize does; figures are means over them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from srgan import Upscaler
from srgan.image import list_pictures, read_rgb8
from srgan.models.catalogue import CLIPS
from srgan.resize.imresize import downscale, upscale

SCALE = 4
SIDE = (320, 480)
"""Of the frames, in pixels of the result."""
STEPS = ((1, 2), (3, 1), (2, 3), (1, 1), (3, 2), (2, 1), (1, 3))
"""Pan from frame to frame: down and right, in pixels of the result."""
NOISE, FRAMES = 5.0, 6

Enlarge = Callable[[Any], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", action="append", dest="models")
    parser.add_argument("--count", type=int, default=6, help="photographs, the first ones that are large enough")
    options = parser.parse_args()
    scenes = list(middles(options.photos, options.count))
    ways: dict[str, Enlarge] = {"bicubic": bicubic}
    for model in options.models or ["srgan-x4", "srresnet-x4", CLIPS]:
        ways[model] = Upscaler(model, precision="fp32")
    print(f"{len(scenes)} photographs\n\n| network | pan, levels | noise, levels |\n| --- | --- | --- |")
    for name, enlarge in ways.items():
        moving = np.mean([warped_error(scene, enlarge) for scene in scenes])
        still = np.mean([noise_over_time(scene, enlarge, seed) for seed, scene in enumerate(scenes)])
        print(f"| {name} | {moving:.2f} | {still:.2f} |", flush=True)


def middles(folder: Path, count: int) -> Iterator[Any]:
    """Yield the middles of photographs, with room for the pan."""
    height, width = (side + sum(step[axis] for step in STEPS) for axis, side in enumerate(SIDE))
    found = 0
    for file in list_pictures(folder):
        picture = read_rgb8(file)
        top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
        if min(top, left) >= 0 and found < count:
            found += 1
            yield picture[top : top + height, left : left + width]


def bicubic(lr: Any) -> Any:
    return upscale(lr, SCALE)


def warped_error(scene: Any, enlarge: Enlarge) -> float:
    """Return the mean difference of a frame and the one before, shifted by the pan, without a border of 8 pixels."""
    errors, before = [], None
    top = left = 0
    for down, right in ((0, 0), *STEPS):
        top, left = top + down, left + right
        hr = scene[top : top + SIDE[0], left : left + SIDE[1]]
        frame = enlarge(downscale(np.ascontiguousarray(hr), SCALE)).astype(np.float64)
        if before is not None:
            difference = frame[: SIDE[0] - down, : SIDE[1] - right] - before[down:, right:]
            errors.append(np.abs(difference[8:-8, 8:-8]).mean())
        before = frame
    return float(np.mean(errors))


def noise_over_time(scene: Any, enlarge: Enlarge, seed: int) -> float:
    """Return the standard deviation over frames of one place with new noise each."""
    random = np.random.default_rng(seed)
    lr = downscale(np.ascontiguousarray(scene[: SIDE[0], : SIDE[1]]), SCALE)
    noisy = (lr + random.normal(0, NOISE, lr.shape) for _ in range(FRAMES))
    frames = [enlarge(np.clip(np.rint(one), 0, 255).astype(np.uint8)) for one in noisy]
    return float(np.std(np.stack(frames).astype(np.float64), axis=0, ddof=1).mean())


if __name__ == "__main__":
    main()
