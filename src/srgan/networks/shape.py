"""The shape of a generator as its state dict tells it, for programs that get tensors and no metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from srgan.networks.generator import GeneratorConfig

OUTPUT_KEY = "output."
"""A key of this beginning says how the last layer ends, where that is not what :func:`implied_output` has."""


def implied_output(norm: str) -> str:
    """Return how a generator of that normalisation ends unless its file says otherwise: the paper's tanh goes with BatchNorm."""
    return "tanh" if norm == "batch" else "linear"


def marked(state: Mapping[str, Tensor], config: GeneratorConfig) -> dict[str, Tensor]:
    """Return the state dict, with a key that says how the network ends where :func:`shape_of` would be wrong about it."""
    if config.output == implied_output(config.norm):
        return dict(state)
    return {**state, f"{OUTPUT_KEY}{config.output}": torch.ones(1)}


def shape_of(state: Mapping[str, Tensor]) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Return the shape of a generator, told by its state dict, and the weights without what only says something of them."""
    features, bands = state["head.weight"].shape[:2]
    norm = "batch" if "body_norm.weight" in state else "none"
    output = implied_output(norm)
    weights = {}
    for key, value in state.items():
        if key.startswith(OUTPUT_KEY):
            output = key.removeprefix(OUTPUT_KEY)
        else:
            weights[key] = value
    count = {
        part: len({key.split(".")[1] for key in weights if key.startswith(f"{part}.")}) for part in ("body", "upsample")
    }
    shape: dict[str, Any] = {"norm": norm, "output": output}
    config = GeneratorConfig(2 ** count["upsample"], bands, features, count["body"], **shape)
    return config, weights
