"""``.pth`` files, read without running what is in them.

A ``.pth`` is a pickle, and a pickle is a program. torch's ``weights_only`` interpreter knows tensors and plain containers and
refuses every other name. Up to torch 2.5 it could be tricked (CVE-2025-32434), so that older versions are refused here.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srgan.errors import ModelError, UsageError

MAX_BYTES = 2 << 30
"""Largest file, packed and unpacked; the largest network that spandrel knows has a fourth of it."""

MAX_WEIGHTS = MAX_BYTES // 4
"""Most numbers in a state dict. Tensors may claim more than their file holds, by strides of zero."""

_NESTED = (
    "params_ema",
    "ema_state_dict",
    "params",
    "state_dict",
    "model_state_dict",
    "model",
    "generator",
    "net_g",
    "G",
)
"""Names under which training scripts keep the generator's weights; an averaged set is preferred."""

_SAFE_SINCE = (2, 6)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a ``.pth`` or ``.safetensors`` file by name, on the CPU, in float32.

    ``module.`` and ``_orig_mod.``, which DataParallel and torch.compile put before names, are removed, and weights nested
    under a name such as ``params_ema`` or ``state_dict`` are found.

    Raises
    ------
    ModelError
        when the file is too large, damaged, or holds more than tensors and plain values
    UsageError
        when the installed torch cannot read pickles safely
    """
    state = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    state = _unwrap(state)
    found = {_plain_name(str(key)): value for key, value in state.items() if isinstance(value, Tensor)}
    if not found:
        raise ModelError(f"'{path}' holds no weights by name: give a file with a state dict")
    if sum(value.numel() for value in found.values()) > MAX_WEIGHTS:
        raise ModelError(
            f"'{path}' claims more than {MAX_WEIGHTS >> 20} million weights: it is damaged or no such network"
        )
    return {key: value.float() if value.is_floating_point() else value for key, value in found.items()}


def to_arrays(state: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return tensors as numpy arrays."""
    return {key: np.asarray(value.detach().cpu().numpy()) for key, value in state.items()}


def check_size(path: Path) -> None:
    """Refuse files that are missing, empty or too large for weights.

    Raises
    ------
    UsageError
        if the file does not exist
    ModelError
        when it is empty, too large or cannot be read
    """
    if not path.is_file():
        raise UsageError(f"there is no file '{path}': check the path")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"cannot read '{path}': {error.strerror or error}") from error
    if not size:
        raise ModelError(f"'{path}' is empty: get it again")
    if size > MAX_BYTES:
        raise ModelError(
            f"'{path}' has {size >> 20} MiB, more than the weights of any known network: give weights alone"
        )


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged or cut short ({_first(error)}): get it again") from error


def _unpacked_size(path: Path) -> int:
    """Return the bytes that an archive says it unpacks to; 0 for a file that is no archive."""
    try:
        if not zipfile.is_zipfile(path):  # raises BadZipFile itself for one that spans several disks
            return 0
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ModelError(f"'{path}' is damaged or cut short ({_first(error)}): get it again") from None


def _pickled(path: Path) -> Any:
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < _SAFE_SINCE:
        raise UsageError(
            f"torch {torch.__version__} can be made to run code by a .pth file: run pip install 'torch>=2.6', or convert a "
            ".safetensors file"
        )
    size = _unpacked_size(path)
    if size > MAX_BYTES:
        raise ModelError(f"'{path}' unpacks to {size >> 20} MiB, more than any known network: it is no file of weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        name = re.search(r"(?:GLOBAL|global|class|type) [`']?([\w.]+\.[\w.]+)", str(error))
        if name:
            raise ModelError(
                f"'{path}' asks to run {name[1]}, which reading weights never needs, and was not run: take a file from a source "
                "that you trust, with a state dict alone"
            ) from None
        raise ModelError(
            f"'{path}' is damaged or holds more than weights: give a file with a state dict alone"
        ) from None
    except (
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        MemoryError,
    ) as error:
        raise ModelError(f"'{path}' is no file of weights, or damaged ({_first(error)}): get it again") from None


def _unwrap(state: Any) -> Mapping[Any, Any]:
    for _ in range(3):
        if not isinstance(state, Mapping):
            return {}
        inner = next((state[name] for name in _NESTED if isinstance(state.get(name), Mapping)), None)
        if inner is None or not inner:
            return state
        state = inner
    return state if isinstance(state, Mapping) else {}


def _plain_name(key: str) -> str:
    while key.startswith(("module.", "_orig_mod.")):
        key = key.split(".", 1)[1]
    return key


def _first(error: BaseException) -> str:
    """Return the first sentence of what a library said, in at most 100 characters."""
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text[:100]
