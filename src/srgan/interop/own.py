"""Our own weights: checkpoints of a run, and plain state dicts.

A plain state dict is a safetensors file with the generator's keys (``head.weight``, ``body.0.conv1.weight``, ...) and its shape
as JSON in the metadata; any program that reads safetensors can take it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from srgan.errors import ModelError
from srgan.interop.imported import ImportedNetwork, from_generator
from srgan.models.export import exported_shape, load_weights
from srgan.models.metadata import read_info
from srgan.networks.generator import GeneratorConfig
from srgan.networks.safe_pickle import to_arrays
from srgan.networks.shape import OUTPUT_KEY, marked
from srgan.training.checkpoint import read_checkpoint
from srgan.training.recipe import load_recipe

FORMAT = "srgan-generator-1"
_CHECKPOINT = "srgan-checkpoint"


def read_own(path: Path) -> ImportedNetwork | None:
    """Return the network of one of our safetensors files, or None when the file is somebody else's.

    Of a checkpoint the averaged weights are taken, which are what a stage hands on and is measured by; its shape is in the
    run's ``recipe.toml``, two folders up.

    Raises
    ------
    ModelError, CheckpointError, RecipeError
        when it is damaged, or a checkpoint without its run
    """
    try:
        with safe_open(str(path), framework="pt") as source:
            metadata: Mapping[str, str] = source.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"'{path}' is damaged or cut short ({str(error)[:100]}): get it again") from error
    kind = metadata.get("format", "")
    if kind.startswith(_CHECKPOINT):
        return _checkpoint(path)
    if kind == FORMAT:
        return _state_dict(path, metadata)
    return None


def _checkpoint(path: Path) -> ImportedNetwork:
    checkpoint = read_checkpoint(path)
    recipe = path.resolve().parent.parent / "recipe.toml"
    if not recipe.is_file():
        raise ModelError(
            f"'{path}' is a checkpoint without its run: leave it in RUN/checkpoints, beside RUN/recipe.toml"
        )
    config = GeneratorConfig(**vars(load_recipe(recipe).generator))
    weights = {key: value.float() for key, value in checkpoint.parts["average"].items()}
    return _found(f"srgan, stage {checkpoint.stage} after {checkpoint.step} steps", weights, config)


def _state_dict(path: Path, metadata: Mapping[str, str]) -> ImportedNetwork:
    try:
        config = GeneratorConfig(**json.loads(metadata["generator"]))
        problems = config.problems()
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"'{path}' says nothing valid about its shape ({error}): write it again") from error
    if problems:
        raise ModelError(f"'{path}' has an impossible shape ({problems[0]}): write it again")
    weights = {key: value for key, value in load_file(str(path)).items() if not key.startswith(OUTPUT_KEY)}
    return _found("srgan state dict", weights, config)


def read_exported(path: Path) -> ImportedNetwork:
    """Return the network of an ONNX file that srgan exported, for programs that take weights.

    BatchNorm comes back folded, and weights have the file's precision.

    Raises
    ------
    ModelError
        when the file is not ours, or its network is not of our generator's shape
    """
    info = read_info(path)
    config = exported_shape(path, info.scale)
    weights = {key: torch.from_numpy(value) for key, value in load_weights(path, config).items()}
    return _found(f"{info.name}, exported by srgan", weights, config)


def _found(origin: str, weights: Mapping[str, Tensor], config: GeneratorConfig) -> ImportedNetwork:
    return from_generator(origin, to_arrays(weights), config)


def pack_state_dict(found: ImportedNetwork) -> bytes:
    """Return a plain state dict of the network as the content of a safetensors file.

    Raises
    ------
    ModelError
        when the network is not of our generator's shape
    """
    if found.state is None or found.config is None:
        raise ModelError(f"{found.origin} is not of our generator's shape: only ONNX can be written from it")
    tensors = {key: value.contiguous() for key, value in marked(found.state, found.config).items()}
    shape: dict[str, Any] = dataclasses.asdict(found.config)
    return save(tensors, metadata={"format": FORMAT, "generator": json.dumps(shape)})
