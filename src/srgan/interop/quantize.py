"""A network -> its int8 form, by post-training quantisation with NNCF.

Each convolution's weights get one scale a channel, and its input one scale and zero point, found by watching crops of
photographs go through the network. What is left in fp32, and why:

- *The first convolution.* It sees the picture itself; an 8-bit grid there costs 0.24 dB of the 0.5 that quantising
  everything does on Set5 (srresnet-x4), for 1 % of the work.
- *Sums and PReLUs.* The residual blocks' sums are the memory that runs through the whole network, and each rounding of it
  stays: 0.05 dB, for no time at all on AVX2.

- *The convolution that reads tensors side by side*, of the fast networks, and the one that goes there alone. One scale for parts
  of different magnitudes costs 0.27 dB, nearly all that quantising such a network does.

All other convolutions together cost 0.01 dB. The result is measured against fp32 on crops that did not take part, and not
written where it loses more than :data:`MAX_LOSS`.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataError, MissingExtraError, ModelError, SrganError, UsageError
from srgan.evaluation.metrics import psnr_y
from srgan.files import atomic_path
from srgan.image import list_pictures, read_rgb8
from srgan.models.catalogue import resolve
from srgan.models.int8 import CARD_KEY, digest_of, file_beside, is_int8
from srgan.models.metadata import ModelInfo, read_info
from srgan.resize.imresize import downscale
from srgan.runtime.network import Network, open_network

MAX_LOSS = 0.1
"""Most decibels that int8 may lose against fp32, by the mean over the crops that it is measured on."""

CROP = 64
"""Side of the crops in LR pixels: larger than the receptive field's reach of 40, with some left for the middle."""

CALIBRATED_ON, MEASURED_ON = 200, 50
"""How many crops, each of another picture as long as there are enough."""

_FLOATING = ("Add", "Sub", "Mul", "Div", "PRelu", "Relu", "LeakyRelu", "Tanh", "Sigmoid", "Clip")
"""Operations that stay in fp32."""


@dataclass(frozen=True)
class Quantised:
    """What was written, and what it loses: mean PSNR in dB on crops that it was not calibrated on."""

    path: Path
    fp32: float
    int8: float
    crops: int


def quantise(
    model: str | Path, pictures: Path, out: Path | None = None, *, seed: int = 0, overwrite: bool = False
) -> Quantised:
    """Write the int8 form of a network.

    Parameters
    ----------
    model : name of a shipped network or path of a model file that ``srgan train`` or ``srgan convert`` wrote
    pictures : folder of photographs like those that the network will see enlarged, at least two
    out : by default ``NAME.int8.onnx`` beside the model, where ``precision="int8"`` finds it
    seed : which crops are taken; the same crops give the same file

    Raises
    ------
    MissingExtraError
        without NNCF
    DataError, UsageError
        if there are no pictures, or too small ones; or the network is an int8 form already
    OutputExistsError, ModelError
        if the result is there already, cannot be made, or loses more than :data:`MAX_LOSS`: nothing is written then
    """
    info = read_info(resolve(model))
    if is_int8(info):
        raise UsageError(f"{info.path} is the int8 form of a network: name the network itself")
    if info.bands != 3:
        raise UsageError(f"{info.name} is for pictures of {info.bands} bands, and int8 forms are for RGB")
    out = out or file_beside(info.path)
    with atomic_path(out, overwrite=overwrite, error=ModelError) as partial:
        crops = _crops(pictures, info.scale, np.random.default_rng(seed))
        measured = crops[: min(MEASURED_ON, max(len(crops) // 4, 1))]
        watched = crops[len(measured) :]
        quantised = _quantised(info, [_batch(small) for _, small in watched])
        _keep_facts(quantised, info, {"of": digest_of(info.path), "crops": len(watched), "nncf": _version()})
        partial.write_bytes(quantised.SerializeToString())
        fp32 = _psnr(open_network(info.path, precision="fp32"), measured)
        int8 = _psnr(open_network(partial, precision="int8"), measured)
        if not fp32 - int8 <= MAX_LOSS:
            raise ModelError(
                f"int8 would cost {info.name} {fp32 - int8:.2f} dB ({fp32:.2f} -> {int8:.2f}) on {len(measured)} crops of "
                f"{str(pictures)!r}, and {MAX_LOSS} are allowed: use fp32"
            )
    return Quantised(out, fp32, int8, len(measured))


Crop = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""[H, W, 3] as photographed, and the same reduced."""


def _crops(folder: Path, scale: int, random: np.random.Generator) -> list[Crop]:
    """Take crops of pictures in random order, one of each and again until there are enough, and reduce them."""
    files = list_pictures(folder)
    side = CROP * scale
    wanted = CALIBRATED_ON + MEASURED_ON
    crops: list[Crop] = []
    usable: set[Path] = set()
    for number in range(-(-wanted // max(len(files), 1))):
        for at in random.permutation(len(files)):
            if len(crops) == wanted:
                break
            if number and files[at] not in usable:
                continue
            picture = read_rgb8(files[at])
            height, width = picture.shape[:2]
            if min(height, width) >= side:
                top, left = random.integers(height - side + 1), random.integers(width - side + 1)
                crop = picture[top : top + side, left : left + side]
                crops.append((crop, downscale(crop, scale)))
                usable.add(files[at])
    if len(usable) < 2:
        raise DataError(
            f"{str(folder)!r} has {len(usable)} pictures of {side} pixels or more a side, and two are the least: "
            "name a folder of larger photographs"
        )
    return crops


def _batch(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[H, W, 3] uint8 -> [1, 3, H, W] in [0, 1]."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def _psnr(network: Network, crops: Sequence[Crop]) -> float:
    """Return the mean PSNR on luma over crops, their borders left out, in dB."""
    scores = []
    for large, small in crops:
        values = network(_batch(small))[0].transpose(1, 2, 0)
        result = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        scores.append(psnr_y(result, large, network.scale))
    return float(np.mean(scores))


def _quantised(info: ModelInfo, batches: list[NDArray[np.float32]]) -> Any:
    """Return the quantised network as an ``onnx.ModelProto``."""
    with _nncf() as nncf:
        import onnx

        try:
            model = _plain(onnx.load(str(info.path)))
            name = model.graph.input[0].name
            ignored = nncf.IgnoredScope(
                types=list(_FLOATING),
                names=[*_first_convolutions(model), *_around_concatenations(model)],
                validate=False,
            )
            return nncf.quantize(
                model,
                nncf.Dataset(batches, lambda batch: {name: batch}),
                preset=nncf.QuantizationPreset.MIXED,  # activations have signs, and more on the one side than the other
                subset_size=len(batches),
                ignored_scope=ignored,
            )
        except SrganError:
            raise
        except Exception as error:  # NNCF and ONNX Runtime raise whatever they like
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"{info.path} cannot be quantised ({said[:200]}): use fp32") from error


@contextmanager
def _nncf() -> Iterator[Any]:
    """Give NNCF, which otherwise sends usage figures to its makers and prints what it does."""
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # NNCF imports it, and it misses a GPU
    before = os.environ.get("NNCF_CI")
    os.environ["NNCF_CI"] = "1"  # its one switch for not sending, read when it is imported
    try:
        with redirect_stdout(io.StringIO()):
            try:
                import nncf
                import onnxruntime  # noqa: F401 - NNCF runs the network by it
            except ImportError as error:
                raise MissingExtraError("srgan convert --int8", "int8") from error
            nncf.set_log_level("ERROR")
            yield nncf
    finally:
        if before is None:
            del os.environ["NNCF_CI"]
        else:
            os.environ["NNCF_CI"] = before


def _version() -> str:
    from importlib.metadata import version

    return version("nncf")


def _plain(model: Any) -> Any:
    """Store the weights as fp32 where they are cast from fp16, as NNCF looks for them right at the convolutions.

    Nodes get names, by which they can be left out.
    """
    from onnx import numpy_helper

    weights = {entry.name: entry for entry in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in weights:
            values = numpy_helper.to_array(weights[node.input[0]]).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            continue
        node.name = node.output[0]
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for entry in [entry for entry in model.graph.initializer if entry.name not in used]:
        model.graph.initializer.remove(entry)
    return model


def _first_convolutions(model: Any) -> list[str]:
    """Return the names of the convolutions that see the picture with no other one before them."""
    seen = {model.graph.input[0].name}
    found = []
    for node in model.graph.node:
        if not seen & set(node.input):
            continue
        if node.op_type == "Conv":
            found.append(node.name)
        else:
            seen |= set(node.output)
    return found


def _around_concatenations(model: Any) -> list[str]:
    """Return the names of the convolutions that read a concatenation, and of those that nothing else reads."""
    nodes = model.graph.node
    joined = [node for node in nodes if node.op_type == "Concat"]
    outputs = {name for node in joined for name in node.output}
    inputs = {name for node in joined for name in node.input}
    read_elsewhere = {name for node in nodes if node.op_type != "Concat" for name in node.input}
    return [
        node.name
        for node in nodes
        if node.op_type == "Conv" and (node.input[0] in outputs or node.output[0] in inputs - read_elsewhere)
    ]


def _keep_facts(quantised: Any, info: ModelInfo, about: dict[str, Any]) -> None:
    """Let the file say of itself what the network's says, and how it was made."""
    import json

    import onnx

    facts = {entry.key: entry.value for entry in onnx.load(str(info.path), load_external_data=False).metadata_props}
    facts["srgan.card"] = json.dumps({**info.card, CARD_KEY: about})
    del quantised.metadata_props[:]
    for key, value in facts.items():
        quantised.metadata_props.add(key=key, value=value)
