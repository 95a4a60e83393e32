"""A torch module as an ONNX graph that keeps srgan's contract: names, dynamic sizes, and fp16 storage on request.

torch's exporter by tracing (``dynamo=False``) is used: it needs no further package, and convolutional networks, which are
what these files hold, leave it as the plain operations that the runtime knows.
"""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from srgan.errors import ModelError

_OPSET = 17


def export_module(network: nn.Module, origin: str, *, half: bool) -> Any:
    """Return ``network`` as an ``onnx.ModelProto``: ``input [N, 3, H, W]`` in [0, 1] -> ``output [N, 3, s*H, s*W]``.

    Parameters
    ----------
    network : in evaluation mode
    origin : what to call it in errors
    half : store weights in fp16, cast when loaded

    Raises
    ------
    ModelError
        when it uses operations that ONNX lacks
    """
    target = io.BytesIO()
    axes = {0: "batch", 2: "height", 3: "width"}
    out_axes = {0: "batch", 2: "out_height", 3: "out_width"}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            torch.onnx.export(
                network,
                (torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0)),),
                target,  # type: ignore[arg-type]  # a file object is taken as well
                input_names=["input"],
                output_names=["output"],
                dynamic_axes={"input": axes, "output": out_axes},
                opset_version=_OPSET,
                dynamo=False,
            )
    except Exception as error:  # the exporter raises kinds of many modules
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{origin} cannot be written as ONNX ({reason}): this kind of network is not supported"
        ) from error
    model = onnx.load_from_string(target.getvalue())
    model.producer_name = "srgan"
    channels = model.graph.output[0].type.tensor_type.shape.dim[1]
    channels.Clear()
    channels.dim_value = 3
    if half:
        _halve(model)
    onnx.checker.check_model(model)
    return model


def _halve(model: Any) -> None:
    """Store the weights in fp16 and cast them to fp32 when loaded; small constants (scales, limits) stay as they are."""
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.fp16"))
        casts.append(helper.make_node("Cast", [f"{name}.fp16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
