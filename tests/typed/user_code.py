"""What users write, for the type checker alone: ``mypy`` (strict) goes through it; nothing runs it.

A line with ``type: ignore`` must be an error: mypy is told to warn of those that are not needed.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

import srgan


def calls(path: Path, array: NDArray[np.uint16], image: Image) -> None:
    assert_type(srgan.upscale("photo.jpg"), srgan.ResultPath)
    assert_type(srgan.upscale(path, "large.png", overwrite=True, quality=90, scale=2), srgan.ResultPath)
    assert_type(srgan.upscale(array, model="srresnet-x4", fit=(1920, 1080), memory=10**9), NDArray[np.uint16])
    assert_type(srgan.upscale(image, denoise=0.5, fidelity=0.3, precision="fp32", progress=True), Image)
    written: Path = srgan.upscale(path)
    print(written.with_suffix(".png"))


def wrong(path: Path, array: NDArray[np.uint8]) -> None:
    srgan.upscale(path, scale="2")  # type: ignore[call-overload]
    srgan.upscale(path, precision="fp8")  # type: ignore[call-overload]
    srgan.upscale(path, sacle=2)  # type: ignore[call-overload]
    srgan.upscale(array, overwrite=True)  # type: ignore[call-overload]
    srgan.upscale([[1]])  # type: ignore[call-overload]
    srgan.Upscaler("srgan-x4", scale="2")  # type: ignore[arg-type]
    srgan.Upscaler("srgan-x4")(array, "out.png")  # type: ignore[call-overload]


def many(paths: list[Path], arrays: list[NDArray[np.float32]], images: list[Image]) -> None:
    upscaler = srgan.Upscaler("srgan-x4", width=1920, tta=True, threads=2)
    stop = threading.Event()

    def tell(done: int, total: int) -> None:
        print(f"{100 * done // total} %")

    assert_type([upscaler(path, progress=tell, cancel=stop) for path in paths], list[srgan.ResultPath])
    assert_type([upscaler(array) for array in arrays], list[NDArray[np.float32]])
    assert_type([upscaler(image) for image in images], list[Image])
    assert_type(srgan.compare(paths[0], arrays[0]), srgan.Comparison)
    try:
        upscaler("photo.jpg")
    except srgan.OutputExistsError as error:
        assert_type(error.exit_code, int)
