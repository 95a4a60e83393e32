"""A blend of a GAN and its faithful network, written as a network of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from srgan.errors import ModelError
from srgan.files import atomic_path
from srgan.models.catalogue import resolve
from srgan.models.export import set_card
from srgan.models.metadata import ModelInfo, read_info
from srgan.runtime.blend import check_fidelity, mix, partner


def export_blend(
    model: str | Path, fidelity: float, out: Path, *, name: str | None = None, overwrite: bool = False
) -> ModelInfo:
    """Write the blend of ``srgan upscale --fidelity`` (:mod:`srgan.runtime.blend`) to a file; return what it says of itself.

    Parameters
    ----------
    model : the GAN: name of a shipped network or a file
    fidelity : share of the faithful network in the weights, 0 to 1
    out : ``.onnx`` file to write; its weights have the GAN's type
    name : of the blend; default: the output's name
    overwrite : replace ``out``

    Raises
    ------
    UsageError, ModelError
        when there is no partner, or one of the two is damaged or their shapes differ; then nothing is written
    """
    check_fidelity(fidelity)
    info = read_info(resolve(model))
    faithful = partner(info)
    blend, other = _load(info), _load(faithful)
    others = {weights.name: numpy_helper.to_array(weights) for weights in other.graph.initializer}
    for weights in blend.graph.initializer:
        value = numpy_helper.to_array(weights)
        its_partner = others.pop(weights.name, None)
        if its_partner is None or its_partner.shape != value.shape:
            raise _unlike(info, faithful)
        if np.issubdtype(value.dtype, np.floating):
            mixed = mix(value, its_partner, fidelity)
            weights.CopyFrom(numpy_helper.from_array(mixed.astype(value.dtype), weights.name))
    if others:
        raise _unlike(info, faithful)
    measured = ("evaluation", "halfway")  # of the other network
    card = {key: value for key, value in info.card.items() if key not in measured}
    card["blended"] = {"with": faithful.name, "share": fidelity}
    set_card(blend, name=name or out.stem, scale=info.scale, card=card, radius=info.radius)
    with atomic_path(out, overwrite=overwrite, error=ModelError) as partial:
        partial.write_bytes(blend.SerializeToString())
    return read_info(out)


def _load(info: ModelInfo) -> onnx.ModelProto:
    try:
        return onnx.load(str(info.path), load_external_data=False)
    except Exception as error:  # the parser raises its own kinds
        raise ModelError(f"'{info.path}' is not an ONNX file, or damaged: get it again") from error


def _unlike(info: ModelInfo, faithful: ModelInfo) -> ModelError:
    return ModelError(f"{info.path} and {faithful.path} are networks of different shapes, which cannot be blended")
