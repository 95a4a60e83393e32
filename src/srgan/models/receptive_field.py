"""The receptive field of an ONNX graph: how far around a pixel its output depends on the input.

The runtime walks the compiled graph for the same figure (:func:`srgan.runtime.graph.walk`), together with the memory that
each tensor takes: there is no ``onnx`` in the base install.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper, numpy_helper

_POINTWISE = {
    *(
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Neg",
        "Sqrt",
        "Pow",
        "Erf",
        "Concat",
        "Split",
        "Identity",
        "Cast",
        "BatchNormalization",
    ),
    *("Relu", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "Clip", "HardSigmoid", "HardSwish"),
}


def receptive_radius(model: Any) -> int | None:
    """Return how many input pixels around a pixel its output depends on, or None when an operation mixes whole pictures.

    Follows every path from the input. A convolution of size K adds (K-1)/2 pixels of the grid it stands on; a shuffle by r makes
    the grid r times finer, a stride r times coarser; enlarging reaches two pixels, as bicubic does. The sum is rounded up to
    whole input pixels.

    Parameters
    ----------
    model : an ``onnx.ModelProto``
    """
    constants = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    # Radius in input pixels, and positions for each input pixel.
    reach: dict[str, tuple[float, float]] = {model.graph.input[0].name: (0.0, 1.0)}
    for node in model.graph.node:
        attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = (
                numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.array(0)
            )
            continue
        if node.op_type == "Cast" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
            continue
        sources = [reach[name] for name in node.input if name in reach]
        if not sources or node.op_type == "Shape":
            continue  # arithmetic on weights or on shapes
        radius, grid = max(source[0] for source in sources), max(source[1] for source in sources)
        step = _step(node, attributes, constants, grid)
        if step is None:
            return None
        for name in node.output:
            reach[name] = (radius + step[0], step[1])
    return int(np.ceil(reach[model.graph.output[0].name][0]))


def _step(node: Any, attributes: dict[str, Any], constants: dict[str, Any], grid: float) -> tuple[float, float] | None:
    """Return what an operation adds to the radius, and the grid after it; None for one that is unknown."""
    if node.op_type == "Conv":
        size = constants[node.input[1]].shape[2] if node.input[1] in constants else attributes["kernel_shape"][0]
        further = (size - 1) / 2 * max(attributes.get("dilations", [1])) / grid
        return further, grid / max(attributes.get("strides", [1]))
    if node.op_type == "DepthToSpace":
        return 0, grid * attributes["blocksize"]
    if node.op_type == "SpaceToDepth":
        return attributes["blocksize"] / grid, grid / attributes["blocksize"]
    if node.op_type in ("Resize", "Upsample"):
        sizes = [constants[name] for name in node.input[1:] if name in constants and constants[name].size == 4]
        return (2 / grid, grid * float(sizes[0][-1])) if sizes else None
    return (0, grid) if node.op_type in _POINTWISE else None
