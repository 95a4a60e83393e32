"""VGG feature networks (Simonyan and Zisserman 2014, arXiv:1409.1556), for the content loss.

Layers carry the names of the VGG paper (``conv5_4`` is the fourth convolution after the fourth pooling); keys of the
weights are torchvision's (``features.0.weight`` ...), as are the input normalisation and the published weight files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from srgan.errors import ModelError, UsageError
from srgan.networks.safe_pickle import check_size, load_tensors

# torchvision.models.vgg, configurations "D" and "E": convolutions a stage and their width.
_STAGES = {
    "vgg16": ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    "vgg19": ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}
# torchvision's ImageNet weights; the eight digits are the first of the file's SHA-256 and are checked on download.
_URLS = {
    "vgg16": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "vgg19": "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def layer_index(network: str, layer: str) -> int:
    """Return the place of convolution ``layer`` (``"conv5_4"``) in torchvision's ``features``.

    Raises
    ------
    UsageError
        for a network or a layer that does not exist
    """
    if network not in _STAGES:
        raise UsageError(f"unknown feature network {network!r}: take one of {', '.join(_STAGES)}")
    stages = _STAGES[network]
    match = re.fullmatch(r"conv([1-5])_([1-4])", layer)
    if not match or int(match[2]) > stages[int(match[1]) - 1][0]:
        raise UsageError(
            f"{network} has no layer {layer!r}: layers are conv<stage>_<n>, for instance conv{5}_{stages[4][0]}"
        )
    stage, n = int(match[1]) - 1, int(match[2]) - 1
    return sum(2 * count + 1 for count, _ in stages[:stage]) + 2 * n


class VGGFeatures(nn.Module):
    """Activations of chosen VGG convolutions, **before** their ReLU, frozen.

    Parameters
    ----------
    network : ``"vgg16"`` or ``"vgg19"``
    layers : names of the convolutions to return; nothing behind the deepest one is built

    Raises
    ------
    UsageError
        for a network or a layer that does not exist
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: str, layers: Iterable[str]) -> None:
        super().__init__()
        self.network = network
        self.taps = {layer_index(network, layer): layer for layer in layers}
        if not self.taps:
            raise UsageError("a feature network needs at least one layer")
        modules: list[nn.Module] = []
        previous = 3
        for count, width in _STAGES[network]:
            for _ in range(count):
                modules += [nn.Conv2d(previous, width, 3, padding=1), nn.ReLU()]
                previous = width
            modules.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*modules[: max(self.taps) + 1])
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> VGGFeatures:
        """Stay in evaluation mode whatever ``mode`` asks: these weights are a perceptual metric."""
        del mode
        return super().train(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the activations.

        Parameters
        ----------
        x : ``[N, 3, H, W]`` RGB, or ``[N, 1, H, W]`` gray (repeated to three bands), floating point, [0, 1]

        Returns
        -------
        dict[str, Tensor]
            layer name -> ``[N, F, H / 2**(stage - 1), W / 2**(stage - 1)]``, unbounded, before the ReLU
        """
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        x = (x - self.mean) / self.std
        found: dict[str, Tensor] = {}
        for index, module in enumerate(self.features):
            x = module(x)
            if index in self.taps:
                found[self.taps[index]] = x
        return found


def load_vgg(network: str, layers: Iterable[str], weights: str | Path | None = None) -> VGGFeatures:
    """Build a feature network with ImageNet weights.

    Parameters
    ----------
    network : ``"vgg16"`` or ``"vgg19"``
    layers : convolutions to return, for instance ``["conv5_4"]``
    weights : a ``.safetensors`` or ``.pth`` file with torchvision's keys (further keys, such as the classifier's, are left
        aside; no code in it is run); None takes torchvision's own file from the torch hub's cache, or downloads it there and
        checks its SHA-256

    Raises
    ------
    ModelError
        when the file cannot be read, holds more than weights, lacks a key or has another shape, or the download fails
    UsageError
        for a network or a layer that does not exist
    """
    model = VGGFeatures(network, layers)
    state = _read_weights(network, weights)
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in state]
    if missing:
        raise ModelError(
            f"the {network} weights lack {', '.join(missing[:4])}: are they of another network? "
            "give a file with torchvision's keys"
        )
    for key, value in wanted.items():
        if state[key].shape != value.shape:
            raise ModelError(
                f"the {network} weights have {tuple(state[key].shape)} for {key} where {tuple(value.shape)} is needed: "
                f"are they of another network?"
            )
    model.load_state_dict({key: state[key].float() for key in wanted})
    return model


def _read_weights(network: str, weights: str | Path | None) -> dict[str, Tensor]:
    if weights is None:
        url = _URLS[network]
        try:
            return cast(
                "dict[str, Tensor]", torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True)
            )
        except Exception as error:
            raise ModelError(
                f"cannot download the {network} weights ({error}): fetch {url} on a machine with a network, "
                "and name that file with --vgg-weights"
            ) from error
    path = Path(weights)
    if path.suffix in (".pth", ".pt") and path.is_file():
        check_size(path)
        return load_tensors(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(weights))
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"cannot read the VGG weights '{weights}' ({error}): give a .safetensors or .pth file"
        ) from error
