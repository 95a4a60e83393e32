"""Tiny networks and pictures of other bands than RGB's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyvips
from numpy.typing import NDArray


def save_network(path: Path, bands: int) -> Path:
    """Write a network x2 of random weights whose results spread over the range."""
    import torch

    from srgan.models.export import build_onnx, save_onnx, set_card
    from srgan.networks.generator import Generator, GeneratorConfig

    torch.manual_seed(0)
    config = GeneratorConfig(features=4, blocks=2, scale=2, bands=bands, norm="none", output="linear")
    weights = Generator(config).state_dict()
    weights["tail.weight"] *= 10
    model = build_onnx({key: value.numpy() for key, value in weights.items()}, config)
    set_card(model, name="many-x2", scale=2, card={"recipe": {"generator": {"bands": bands}}})
    save_onnx(model, path)
    return path


def random(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def save(path: Path, pixels: NDArray[Any], **options: Any) -> NDArray[Any]:
    """Write a TIFF with libvips."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(pixels).write_to_file(str(path), **options)
    return pixels


def plain(network: Path, pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return what ONNX Runtime makes of the whole picture, neither clipped nor rounded."""
    full = np.iinfo(pixels.dtype).max
    x = (pixels / full).astype(np.float32).transpose(2, 0, 1)[None]
    (y,) = onnxruntime.InferenceSession(network).run(None, {"input": x})
    values: NDArray[np.float32] = y[0].transpose(1, 2, 0) * np.float32(full)
    return values


def wanted(network: Path, pixels: NDArray[Any]) -> NDArray[Any]:
    """The same in the picture's depth."""
    values: NDArray[Any] = np.rint(np.clip(plain(network, pixels), 0, np.iinfo(pixels.dtype).max)).astype(pixels.dtype)
    return values


def levels(dtype: Any) -> int:
    """Return by how many levels two runtimes may differ."""
    return 1 if dtype == np.uint8 else 12
