"""A generator's weights -> an ONNX file that runs fast everywhere, by algebra that leaves the result unchanged.

A fast generator is exported as it stands. For the residual one three identities are used, none of which retrains or approximates
anything:

1. *BatchNorm folds.* In evaluation ``BN(Wx) = g (Wx - m) / sqrt(v + eps) + b`` is a convolution with scaled weights and a bias.
2. *PReLU commutes with PixelShuffle.* The slope belongs to a channel, and a shuffle by 2 takes four channels to one: the same
   slope four times before it does the same.
3. *A convolution after a shuffle equals one before it.* The last convolution (9x9, F -> C at full size) becomes a 5x5 one,
   4F -> 4C, at half the size, followed by one shuffle of C pictures. Its weights are the old ones, each in its place, and
   zeros. It has as many multiplications as the 9x9 one would have at 10x10, but runs on four times fewer, four times thicker
   pixels, which every runtime does far better, and no F-channel picture of the full size ever exists in memory.

The file's input is ``input [N, C, H, W]`` float32 in [0, 1], RGB; its output ``output [N, C, s*H, s*W]``, not clipped. Weights
are stored in fp16 and cast to fp32 when loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from srgan.errors import MissingExtraError, ModelError
from srgan.files import atomic_path
from srgan.models.metadata import FORMAT
from srgan.models.receptive_field import receptive_radius
from srgan.networks.subpixel import SLOPE, moved_index

if TYPE_CHECKING:
    from srgan.networks.generator import GeneratorConfig

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("exporting a network", "train") from error

_OPSET = 17
_BN_EPSILON = 1e-5  # torch's BatchNorm2d default
Array = NDArray[np.float32]


class _Graph:
    """Collects nodes and weights; each method appends one layer and returns the name of its output."""

    def __init__(self, half: bool) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.half = half

    def constant(self, name: str, value: NDArray[Any]) -> str:
        # Beyond fp16's range (65504) a weight stays fp32: infinity is no approximation.
        if not self.half or np.abs(value).max(initial=0) > np.finfo(np.float16).max:
            self.weights.append(numpy_helper.from_array(value.astype(np.float32), name))
            return name
        self.weights.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.fp16"))
        return self.node("Cast", f"{name}.fp16", to=TensorProto.FLOAT, output=name)

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def conv(self, x: str, name: str, weight: Array, bias: Array | None) -> str:
        inputs = [x, self.constant(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", bias))
        size = weight.shape[2]
        return self.node("Conv", *inputs, kernel_shape=[size, size], pads=[size // 2] * 4)

    def prelu(self, x: str, name: str, slope: Array) -> str:
        return self.node("PRelu", x, self.constant(f"{name}.weight", slope.reshape(-1, 1, 1)))


def fold_batch_norm(
    weight: Array, bias: Array | None, norm: Mapping[str, Array], epsilon: float = _BN_EPSILON
) -> tuple[Array, Array]:
    """Fold a BatchNorm into the convolution before it (identity 1); return the convolution's new weight and bias.

    Parameters
    ----------
    weight, bias : of the convolution, ``[O, I, K, K]`` and ``[O]``
    norm : ``weight``, ``bias``, ``running_mean`` and ``running_var``, ``[O]`` each
    epsilon : added to the variance
    """
    factor = norm["weight"] / np.sqrt(norm["running_var"].astype(np.float64) + epsilon)
    shift = norm["bias"] + ((0 if bias is None else bias) - norm["running_mean"]) * factor
    return (weight * factor[:, None, None, None]).astype(np.float32), shift.astype(np.float32)


def _folded(weights: Mapping[str, Array], conv: str, norm: str) -> tuple[Array, Array | None]:
    """Return weight and bias of convolution ``conv``, with the BatchNorm ``norm`` after it folded in where there is one."""
    weight, bias = weights[f"{conv}.weight"], weights.get(f"{conv}.bias")
    if f"{norm}.weight" not in weights:
        return weight, bias
    parts = ("weight", "bias", "running_mean", "running_var")
    return fold_batch_norm(weight, bias, {part: weights[f"{norm}.{part}"] for part in parts})


def before_shuffle(weight: Array) -> Array:
    """Return the convolution that does before ``PixelShuffle(2)`` what ``weight`` does after it (identity 3).

    ``[O, I, K, K]`` -> ``[4*O, 4*I, L, L]``, K odd; 9 -> 5. See :mod:`srgan.networks.subpixel`.
    """
    out, into, size, _ = weight.shape
    return np.append(weight.ravel(), np.float32(0))[moved_index(out, into, size)]


def after_shuffle(moved: Array, size: int = 9) -> Array:
    """Undo :func:`before_shuffle`: gather the ``[O, I, K, K]`` kernel back from its copies."""
    out, into = moved.shape[0] // 4, moved.shape[1] // 4
    weight = np.empty(out * into * size * size + 1, dtype=moved.dtype)
    weight[moved_index(out, into, size)] = moved
    return weight[:-1].reshape(out, into, size, size)


def build_onnx(weights: Mapping[str, Array], config: GeneratorConfig, *, half: bool = True) -> Any:
    """Return the generator as an ``onnx.ModelProto``.

    Parameters
    ----------
    weights : state dict of the generator of ``config``'s kind, as numpy arrays
    config : its shape
    half : store weights in fp16 (half the file; the runtime computes in what it is told to)
    """
    w = {key: np.asarray(value, dtype=np.float32) for key, value in weights.items() if "num_batches" not in key}
    g = _Graph(half)
    # The network works on [-1, 1]: x*2 - 1 cannot fold into the first convolution, whose zero padding stands for mid-gray.
    two, one = g.constant("two", np.array(2.0)), g.constant("one", np.array(1.0))
    x = g.node("Sub", g.node("Mul", "input", two), one)
    x, factor = (
        (_fast(g, w, config, x, two), config.scale) if config.kind == "fast" else (_residual(g, w, config, x), 2)
    )
    x = g.node("Mul", g.node("Add", x, one), g.constant("half", np.array(0.5)))
    g.node("DepthToSpace", x, blocksize=factor, mode="CRD", output="output")
    return _model(g, config.bands)


def _residual(g: _Graph, w: Mapping[str, Array], config: GeneratorConfig, x: str) -> str:
    """Add the layers of :class:`srgan.networks.generator.Generator` up to its last shuffle, which is by 2."""
    x = g.prelu(g.conv(x, "head", w["head.weight"], w["head.bias"]), "head_act", w["head_act.weight"])
    skip = x
    for n in range(config.blocks):
        block = f"body.{n}"
        y = g.conv(x, f"{block}.conv1", *_folded(w, f"{block}.conv1", f"{block}.norm1"))
        y = g.prelu(y, f"{block}.act", w[f"{block}.act.weight"])
        y = g.conv(y, f"{block}.conv2", *_folded(w, f"{block}.conv2", f"{block}.norm2"))
        x = g.node("Add", x, y)
    x = g.node("Add", skip, g.conv(x, "body_conv", *_folded(w, "body_conv", "body_norm")))
    levels = config.scale.bit_length() - 1
    for n in range(levels):
        block = f"upsample.{n}"
        x = g.conv(x, f"{block}.conv", w[f"{block}.conv.weight"], w[f"{block}.conv.bias"])
        # Identity 2 at every level; at the last one it is what lets the tail move.
        x = g.prelu(x, f"{block}.act", np.repeat(w[f"{block}.act.weight"], 4))
        if n < levels - 1:
            x = g.node("DepthToSpace", x, blocksize=2, mode="CRD")
    x = g.conv(x, "tail", before_shuffle(w["tail.weight"]), np.repeat(w["tail.bias"], 4))
    return g.node("Tanh", x) if config.output == "tanh" else x


def _fast(g: _Graph, w: Mapping[str, Array], config: GeneratorConfig, x: str, two: str) -> str:
    """Add the layers of :class:`srgan.networks.fast.FastGenerator` up to its shuffle, which is by the scale."""

    def conv(x: str, name: str) -> str:
        return g.conv(x, name, w[f"{name}.weight"], w.get(f"{name}.bias"))

    first = y = conv(x, "head")
    outputs = []
    for n in range(config.blocks):
        z = g.node("LeakyRelu", conv(y, f"body.{n}.conv1"), alpha=SLOPE)
        z = conv(g.node("LeakyRelu", conv(z, f"body.{n}.conv2"), alpha=SLOPE), f"body.{n}.conv3")
        y = g.node("Mul", g.node("Add", y, z), g.node("Mul", g.node("Sigmoid", z), two))
        outputs.append(y)
    near_ends = (outputs[0], outputs[max(len(outputs) - 2, 0)])
    y = conv(g.node("Concat", first, conv(y, "body_conv"), *near_ends, axis=1), "mix")
    return g.node("Add", conv(y, "tail"), conv(x, "direct"))


def _model(g: _Graph, bands: int) -> Any:
    shape: list[Any] = ["batch", bands]
    graph = helper.make_graph(
        g.nodes,
        "srgan",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [*shape, "height", "width"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [*shape, "out_height", "out_width"])],
        g.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="srgan")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def set_card(model: Any, *, name: str, scale: int, card: Mapping[str, Any], radius: int | None = None) -> None:
    """Put what srgan needs to know about a network into the file's metadata, replacing what was there.

    Parameters
    ----------
    model : an ``onnx.ModelProto``, changed in place
    name : of the network
    scale : its enlargement
    card : ready for JSON
    radius : halo of tiles in input pixels; by default the radius of the receptive field
    """
    facts = {
        "srgan.format": FORMAT,
        "srgan.name": name,
        "srgan.scale": str(scale),
        "srgan.radius": str(receptive_radius(model) if radius is None else radius),
        "srgan.card": json.dumps(card),
    }
    del model.metadata_props[:]
    for key, value in facts.items():
        model.metadata_props.add(key=key, value=value)


def save_onnx(model: Any, path: Path) -> None:
    """Write a model to ``path`` in one step, replacing a file that is there.

    Raises
    ------
    ModelError
        when it cannot be written
    """
    with atomic_path(path, overwrite=True, error=ModelError) as partial:
        partial.write_bytes(model.SerializeToString())


def exported_shape(path: Path, scale: int) -> GeneratorConfig:
    """Return the shape of the generator in a file that :func:`save_onnx` wrote, as :func:`load_weights` wants it.

    Raises
    ------
    ModelError
        when the file is no ONNX, or its network is not of that shape
    """
    from srgan.networks.generator import GeneratorConfig

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # the parser raises its own kinds
        raise ModelError(f"'{path}' is not an ONNX file, or damaged: give a network exported by srgan") from error
    sizes = {entry.name.removesuffix(".fp16"): tuple(entry.dims) for entry in graph.initializer}
    blocks = {name.split(".")[1] for name in sizes if name.startswith("body.") and name.endswith(".conv1.weight")}
    head = sizes.get("head.weight", ())
    if len(head) != 4 or not blocks:
        raise ModelError(f"'{path}' is not of our generator's shape: only its ONNX form is there")
    output: Literal["tanh", "linear"] = "tanh" if any(node.op_type == "Tanh" for node in graph.node) else "linear"
    return GeneratorConfig(scale, head[1], head[0], len(blocks), norm="none", output=output)


def load_weights(path: Path, config: GeneratorConfig) -> dict[str, Array]:
    """Return the weights of an exported file as the state dict of a generator without normalisation.

    BatchNorm cannot be unfolded, so a network that was trained with it comes back with ``norm="none"``; the function is the
    same. Weights have the file's fp16 precision.

    Parameters
    ----------
    path : a file that :func:`save_onnx` wrote
    config : shape of the generator that is to take the weights; its ``norm`` must be ``"none"``

    Raises
    ------
    ModelError
        when the file is not ours or its network has another shape
    """
    from srgan.networks.make import make_generator

    if config.norm != "none":
        raise ModelError(
            f"'{path}' has its BatchNorm folded into its convolutions, which cannot be undone: "
            "to start from it, the recipe needs generator.norm = 'none'"
        )
    try:
        model = onnx.load(str(path), load_external_data=False)
        stored = {
            entry.name.removesuffix(".fp16"): numpy_helper.to_array(entry).astype(np.float32)
            for entry in model.graph.initializer
        }
    except Exception as error:  # the parser raises its own kinds
        raise ModelError(f"'{path}' is not an ONNX file, or damaged: give a network exported by srgan") from error
    wanted = {key: tuple(value.shape) for key, value in make_generator(config).state_dict().items()}
    found: dict[str, Array] = {}
    for key, shape in wanted.items():
        value = stored.get(key)
        if value is None:
            raise ModelError(f"'{path}' has no {key}: it is not a generator of the recipe's shape")
        if config.kind == "fast":
            pass  # each weight is stored as it is
        elif key == "tail.weight":
            if value.shape == moved_index(shape[0], shape[1], shape[2]).shape:
                value = after_shuffle(value, shape[2])
        elif key == "tail.bias" or (key.startswith("upsample.") and key.endswith(".act.weight")):
            value = value.reshape(-1)[::4].copy()
        elif key.endswith("act.weight"):
            value = value.reshape(-1)
        if value.shape != shape:
            raise ModelError(f"'{path}' has {value.shape} for {key} where the recipe's generator has {shape}")
        found[key] = value
    extra = {key for key in stored if key not in found} - {"one", "two", "half"}
    if extra:
        raise ModelError(f"'{path}' has more weights than the recipe's generator ({', '.join(sorted(extra)[:3])} ...)")
    return found
