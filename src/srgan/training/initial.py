"""What ``--init`` starts a training from: an exported network of the recipe's shape, or of another enlargement."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from srgan.models.catalogue import resolve
from srgan.models.export import load_weights
from srgan.models.metadata import read_info
from srgan.networks.generator import GeneratorConfig
from srgan.networks.make import make_generator

_TRUNK = ("head.", "head_act.", "body.", "body_conv.", "mix.")
"""What works at LR size in both kinds of generator, whatever the enlargement."""


class Initial(NamedTuple):
    """Weights to start from, and a line for the user where they are not simply a network's."""

    weights: dict[str, Tensor]
    note: str = ""


def initial_weights(name_or_path: str, config: GeneratorConfig) -> Initial:
    """Return the weights of an exported network for a generator of ``config``'s shape.

    From a network of another enlargement the trunk is taken, and what comes after it is new; but a fast generator of a smaller
    enlargement starts from the mean over the sub-pixels that become one, which is the larger result reduced by a box.

    Raises
    ------
    UnknownModelError, ModelError
        when there is no such network, or it has another shape
    """
    path = resolve(name_or_path)
    scale = read_info(path).scale
    arrays = load_weights(path, replace(config, scale=scale))
    found = {key: torch.from_numpy(value.copy()) for key, value in arrays.items()}
    if scale == config.scale:
        return Initial(found)
    weights = {key: value.clone() for key, value in make_generator(config).state_dict().items()}
    weights |= {key: value for key, value in found.items() if key.startswith(_TRUNK)}
    if config.kind == "fast" and scale % config.scale == 0:
        ends = ("tail.weight", "tail.bias", "direct.weight")
        weights |= {key: _merged(found[key], config.bands, scale, config.scale) for key in ends}
        return Initial(weights, f"starting from {name_or_path}, an x{scale}, reduced to x{config.scale}")
    return Initial(weights, f"starting from the trunk of {name_or_path}, an x{scale}; the layers after it are new")


def _merged(values: Tensor, bands: int, scale: int, smaller: int) -> Tensor:
    """Take the mean over the output channels, in PixelShuffle's order, that fall on one sub-pixel of a smaller shuffle."""
    times = scale // smaller
    parts = values.reshape(bands, smaller, times, smaller, times, *values.shape[1:])
    return parts.mean(dim=(2, 4)).reshape(bands * smaller**2, *values.shape[1:])
