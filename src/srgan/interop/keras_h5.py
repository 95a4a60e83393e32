"""srgan-keras: the generator's weights as Keras 2 writes them (HDF5).

Keras numbers its layers on through a process (``conv2d_1`` ... or ``conv2d_38`` ...), so that names tell nothing: layers are
matched by their order within their type. The generator of x4 has 37 convolutions, 33 BatchNorms (epsilon 1e-3, Keras' default)
and 19 PReLUs (one slope a channel, ``shared_axes=[1, 2]``).

Layouts: a Keras kernel is ``[K, K, I, O]``. ``tf.depth_to_space`` takes channel ``(2i + j) * F + c`` to sub-pixel (i, j)
of channel c, PixelShuffle takes ``4c + 2i + j`` there: kernels and biases of the sub-pixel convolutions are permuted. The
PReLUs after them act on shuffled channels and stay. Pictures are RGB in [-1, 1] on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import MissingExtraError, ModelError
from srgan.interop.imported import Array, ImportedNetwork, from_generator
from srgan.models.export import fold_batch_norm
from srgan.networks.generator import GeneratorConfig
from srgan.networks.safe_pickle import MAX_WEIGHTS

try:
    import h5py
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("converting Keras weights", "convert") from error

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file."""

EPSILON = 1e-3
"""Of Keras' BatchNormalization; no weight file holds it."""

_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


@dataclass
class _Layers:
    """The layers with weights, by type, in the network's order; each is (name, its arrays by Keras' names)."""

    convolutions: list[tuple[str, dict[str, Array]]] = field(default_factory=list)
    norms: list[tuple[str, dict[str, Array]]] = field(default_factory=list)
    activations: list[tuple[str, dict[str, Array]]] = field(default_factory=list)

    def __str__(self) -> str:
        counts = (len(self.convolutions), len(self.norms), len(self.activations))
        return "{} convolutions, {} BatchNorms and {} PReLUs".format(*counts)


def read_keras(path: Path) -> ImportedNetwork:
    """Read ``save_weights`` or ``save`` output of srgan-keras' generator, of any power-of-two scale and number of blocks.

    Raises
    ------
    ModelError
        when the file is damaged, holds no Keras weights, or those of another network
    """
    layers = _read(path)
    # Every block has two norms, and one closes the trunk; every PReLU is the head's, a block's or a sub-pixel layer's.
    blocks = (len(layers.norms) - 1) // 2
    levels = len(layers.activations) - 1 - blocks
    if (
        blocks < 1
        or levels < 1
        or len(layers.norms) != 2 * blocks + 1
        or len(layers.convolutions) != 2 * blocks + levels + 3
    ):
        raise ModelError(
            f"'{path}' holds {layers}, where the generator for x4 has 37, 33 and 19: give Generator_SRGAN.h5, "
            "not a discriminator or another network"
        )
    found = _Mapped(path, layers)
    found.convolution("head")
    found.activation("head_act")
    for n in range(blocks):
        found.convolution(f"body.{n}.conv1", norm=True)
        found.activation(f"body.{n}.act")
        found.convolution(f"body.{n}.conv2", norm=True)
    found.convolution("body_conv", norm=True)
    for n in range(levels):
        found.convolution(f"upsample.{n}.conv", shuffled=True)
        found.activation(f"upsample.{n}.act")
    found.convolution("tail")
    features = int(found.weights["head.weight"].shape[0])
    config = GeneratorConfig(scale=2**levels, features=features, blocks=blocks, norm="none", output="tanh")
    return from_generator("srgan-keras generator", found.weights, config, names=found.names)


class _Mapped:
    """Takes the layers in the network's order and keeps them under our names.

    Attributes
    ----------
    weights : by our keys, in torch's layout, BatchNorms folded
    names : of the Keras layer that each came from
    """

    def __init__(self, path: Path, layers: _Layers) -> None:
        self._path = path
        self._convolutions, self._norms = iter(layers.convolutions), iter(layers.norms)
        self._activations = iter(layers.activations)
        self.weights: dict[str, Array] = {}
        self.names: dict[str, str] = {}

    def convolution(self, key: str, *, norm: bool = False, shuffled: bool = False) -> None:
        """Take a convolution, with the BatchNorm behind it, or for the shuffle behind it."""
        name, arrays = next(self._convolutions)
        kernel = np.ascontiguousarray(arrays["kernel"].transpose(3, 2, 0, 1))
        bias = arrays.get("bias", np.zeros(kernel.shape[0], np.float32))
        if bias.shape != kernel.shape[:1]:
            raise ModelError(
                f"'{self._path}' has {bias.shape} biases for {kernel.shape[0]} channels in {name}: it is damaged"
            )
        if norm:
            norm_name, values = next(self._norms)
            if values["gamma"].shape != kernel.shape[:1]:
                raise ModelError(
                    f"'{self._path}' has {norm_name} of another width than {name} before it: it is another network"
                )
            kernel, bias = fold_batch_norm(
                kernel, bias, {ours: values[theirs] for ours, theirs in _NORM.items()}, EPSILON
            )
        if shuffled:
            if kernel.shape[0] % 4:
                raise ModelError(
                    f"'{self._path}' has {kernel.shape[0]} channels in {name}, no multiple of 4: it is another network"
                )
            kernel, bias = to_pixel_shuffle(kernel), to_pixel_shuffle(bias)
        self.weights[f"{key}.weight"], self.weights[f"{key}.bias"] = kernel, bias
        self.names[f"{key}.weight"] = name

    def activation(self, key: str) -> None:
        """Take a PReLU."""
        name, arrays = next(self._activations)
        slope = arrays["alpha"]
        if slope.size != slope.shape[-1]:
            raise ModelError(
                f"'{self._path}' has a slope for every pixel in {name}: only PReLU with shared_axes=[1, 2] fits any size"
            )
        self.weights[f"{key}.weight"], self.names[f"{key}.weight"] = slope.reshape(-1), name


def to_pixel_shuffle(values: Array) -> Array:
    """Reorder output channels from ``depth_to_space`` (block 2) to PixelShuffle's order: ``(2i+j)*F + c`` -> ``4c + 2i + j``."""
    rest = values.shape[1:]
    return np.ascontiguousarray(values.reshape(4, -1, *rest).swapaxes(0, 1).reshape(-1, *rest))


def _read(path: Path) -> _Layers:
    try:
        with h5py.File(path, "r") as file:
            group = _follow(path, file, "model_weights") if "model_weights" in file else file
            if "layer_names" not in group.attrs and "layer_names0" not in group.attrs:
                raise ModelError(
                    f"'{path}' is an HDF5 file without Keras' list of layers: give what save_weights('FILE.h5') of Keras 2 wrote"
                )
            layers, room = _Layers(), MAX_WEIGHTS
            for layer in _names(group, "layer_names"):
                arrays: dict[str, Array] = {}
                inside = _follow(path, group, layer)
                for name in _names(inside, "weight_names"):
                    dataset = _dataset(path, inside, name)
                    room -= int(np.prod(dataset.shape, dtype=np.float64))
                    if room < 0:
                        raise ModelError(
                            f"'{path}' claims more than {MAX_WEIGHTS >> 20} million weights: it is damaged"
                        )
                    arrays[name.rsplit("/", 1)[-1].split(":")[0]] = np.asarray(dataset[()], dtype=np.float32)
                _sort_in(path, layers, layer, arrays)
            return layers
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise ModelError(f"'{path}' is a damaged or cut HDF5 file ({reason}): get it again") from error


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names; Keras splits lists of more than 64 KB over ``NAME0``, ``NAME1``, ..."""
    values: list[Any] = []
    if attribute in group.attrs:
        values = list(group.attrs[attribute])
    else:
        while f"{attribute}{len(values)}" in group.attrs:
            values.append(group.attrs[f"{attribute}{len(values)}"])
        values = [name for chunk in values for name in chunk]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _follow(path: Path, group: Any, name: str) -> Any:
    """Return what lies under a name in this very file: links to other files are not followed."""
    for part in name.split("/"):
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ModelError(
                f"'{path}' lacks {name}, or refers to another file for it: give a file that holds its weights"
            )
        group = group[part]
    return group


def _dataset(path: Path, group: Any, name: str) -> Any:
    dataset = _follow(path, group, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external or dataset.dtype.kind != "f":
        raise ModelError(f"'{path}' holds no plain numbers for {name}: it is damaged or no file of weights")
    return dataset


def _sort_in(path: Path, layers: _Layers, name: str, arrays: dict[str, Array]) -> None:
    if not arrays:
        return
    keys = set(arrays)
    if keys in ({"kernel", "bias"}, {"kernel"}) and arrays["kernel"].ndim == 4:
        layers.convolutions.append((name, arrays))
    elif keys == set(_NORM.values()) and all(value.ndim == 1 for value in arrays.values()):
        layers.norms.append((name, arrays))
    elif keys == {"alpha"} and arrays["alpha"].ndim >= 1:
        layers.activations.append((name, arrays))
    else:
        shapes = ", ".join(f"{key} {_shape(value)}" for key, value in arrays.items())
        raise ModelError(
            f"'{path}' has the layer {name} ({shapes}), which the generator lacks: give Generator_SRGAN.h5"
        )


def _shape(value: NDArray[Any]) -> str:
    return "x".join(map(str, value.shape)) or "number"
