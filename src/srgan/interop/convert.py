"""A foreign file -> ONNX with srgan's metadata, or a plain state dict: recognise, build, check, write.

Nothing is written that has not been checked: the file is opened by srgan's own runtime and must give, on pictures of several
sizes, what the torch network gives.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from srgan._version import __version__
from srgan.errors import ModelError, UsageError
from srgan.files import atomic_path, file_sha256
from srgan.interop.imported import ImportedNetwork
from srgan.interop.own import pack_state_dict, read_exported, read_own
from srgan.interop.torch_pth import recognise
from srgan.models.catalogue import CATALOGUE, resolve
from srgan.models.export import set_card
from srgan.models.receptive_field import receptive_radius
from srgan.networks.safe_pickle import check_size, load_tensors
from srgan.runtime.network import open_network

TOLERANCE = 1e-4
"""Largest difference of the file's fp32 output from the torch network's, in a range of [0, 1]."""

HALF_TOLERANCE = 2e-2
"""The same for weights stored in fp16: 11 bits of mantissa through some forty layers."""

_SIZES = ((24, 32), (19, 27), (33, 16))
"""Height and width of the pictures that the check runs; others than the exporter has seen."""

_LARGEST_EXACT = 64
"""Radius up to which tiles with the exact halo are affordable. Beyond it, what is declared is the halo that changes nothing
visible, which is measured."""


@dataclass(frozen=True)
class Converted:
    """What was written: the file, where the weights come from, and the largest difference found by the check (0 to 1)."""

    path: Path
    origin: str
    scale: int
    difference: float


def read_foreign(path: Path) -> ImportedNetwork:
    """Recognise a file by its content and return its network.

    Raises
    ------
    UsageError
        if the file does not exist
    ModelError
        when it is damaged, unsafe or unknown
    """
    check_size(path)
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        from srgan.interop.keras_h5 import read_keras

        return read_keras(path)
    if path.suffix in (".h5", ".hdf5", ".keras"):
        raise ModelError(
            f"'{path}' is not an HDF5 file, or damaged: give what save_weights('FILE.h5') of Keras 2 wrote"
        )
    if path.suffix == ".onnx":
        raise UsageError(f"'{path}' is ONNX already: use it with srgan upscale --model, if srgan exported it")
    if path.suffix == ".safetensors":
        own = read_own(path)
        if own is not None:
            return own
    state = load_tensors(path)
    found = recognise(state)
    if found is None:
        from srgan.interop.community import read_community

        found = read_community(str(path), state)
    return found


def convert(
    path: Path, out: Path, *, name: str | None = None, half: bool = False, overwrite: bool = False
) -> Converted:
    """Convert a file of weights to an ONNX network for ``srgan upscale --model``.

    Parameters
    ----------
    path : file of weights
    out : ``.onnx`` file to write
    name : of the network; default: the output's name
    half : store weights in fp16: half the file, and about a level of 255 of difference
    overwrite : replace ``out``

    Raises
    ------
    SrganError
        and its kinds, when the file cannot be read or recognised, or the result differs from the torch network; nothing is
        written in that case
    """
    found = read_foreign(path)
    model = found.build(half)
    card: dict[str, Any] = {
        "srgan": __version__,
        "origin": found.origin,
        "converted": time.strftime("%Y-%m-%d"),
        "file": path.name,
        "sha256": file_sha256(path),
        "weights": "fp16" if half else "fp32",
    }
    exact = receptive_radius(model)
    radius = exact
    if exact is None or exact > _LARGEST_EXACT:
        radius = _visible_radius(found)
        card["halo"] = f"{radius} pixels by measurement; the whole receptive field is {exact or 'unbounded'}"
    set_card(model, name=name or out.stem, scale=found.scale, card=card, radius=radius)
    with atomic_path(out, overwrite=overwrite, error=ModelError) as partial:
        partial.write_bytes(model.SerializeToString())
        difference = _check(found, partial, HALF_TOLERANCE if half else TOLERANCE)
    return Converted(out, found.origin, found.scale, difference)


def is_network(path: Path) -> bool:
    """Return whether this names a network that runs already: a shipped one, or an ONNX file."""
    return str(path) in CATALOGUE or path.suffix.lower() == ".onnx"


def convert_to_state_dict(path: Path, out: Path, *, overwrite: bool = False) -> Converted:
    """Write the weights as a plain state dict of :class:`srgan.networks.generator.Generator` in a safetensors file.

    ``path`` may also be a network of ours: a shipped one's name, or its ONNX file.

    Parameters and errors as for :func:`convert`; networks of another shape than our generator's raise ModelError.
    """
    found = read_exported(resolve(path)) if is_network(path) else read_foreign(path)
    data = pack_state_dict(found)
    with atomic_path(out, overwrite=overwrite, error=ModelError) as partial:
        partial.write_bytes(data)
    return Converted(out, found.origin, found.scale, 0.0)


def _picture(height: int, width: int) -> NDArray[np.float32]:
    """Return ``[1, 3, H, W]``: gradients, edges and noise that reach both ends of the range."""
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x / width, y / height, (x // 5 + y // 7) % 2], axis=0)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, smooth.shape)
    return np.clip(smooth + noise, 0, 1).astype(np.float32)[None]


def _run(found: ImportedNetwork, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        result: NDArray[np.float32] = found.reference(torch.from_numpy(batch)).numpy()
    return result


def _check(found: ImportedNetwork, file: Path, tolerance: float) -> float:
    """Return the largest difference between the file in our runtime and the torch network.

    Values are compared after clipping to [0, 1], as pictures are.
    """
    try:
        network = open_network(file, precision="fp32")
    except ModelError as error:
        raise ModelError(
            f"{found.origin} does not run as an ONNX file: this kind of network is not supported"
        ) from error
    worst = 0.0
    for height, width in _SIZES:
        batch = _picture(height, width)
        wanted = np.clip(_run(found, batch), 0, 1)
        try:
            got = network(batch)
        except (RuntimeError, MemoryError) as error:
            raise ModelError(
                f"{found.origin} does not run on pictures of {width} x {height} pixels: it is made for fixed sizes"
            ) from error
        if got.shape != wanted.shape or not np.isfinite(got).all():
            raise ModelError(f"{found.origin} gives other sizes or no numbers as an ONNX file: it cannot be converted")
        worst = max(worst, float(np.abs(np.clip(got, 0, 1) - wanted).max()))
    if worst > tolerance:
        raise ModelError(
            f"{found.origin} gives other values as an ONNX file (up to {worst:.2g} of 1): this kind of network is not supported"
        )
    return worst


def _visible_radius(found: ImportedNetwork) -> int:
    """Return the smallest halo of 8, 16, 32, 64 pixels with which a cut-out differs by less than half a level of 255."""
    core = 32
    side = core + 2 * _LARGEST_EXACT
    whole = np.clip(_run(found, _picture(side, side)), 0, 1)
    s = found.scale
    at = slice(_LARGEST_EXACT * s, (_LARGEST_EXACT + core) * s)
    wanted = whole[:, :, at, at]
    for halo in (8, 16, 32):
        cut = slice(_LARGEST_EXACT - halo, _LARGEST_EXACT + core + halo)
        part = np.clip(_run(found, _picture(side, side)[:, :, cut, cut]), 0, 1)
        inner = slice(halo * s, (halo + core) * s)
        if float(np.abs(part[:, :, inner, inner] - wanted).max()) < 0.5 / 255:
            return halo
    return _LARGEST_EXACT
