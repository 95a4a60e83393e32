"""What a model file says about itself, read without any runtime.

A network of srgan is an ONNX file: one input ``input`` [N, 3, H, W], one output ``output`` [N, 3, scale*H, scale*W],
both float32 RGB nominally in [0, 1] (or of as many bands as its recipe says), and these ``metadata_props``:

============== ==================================================================================
``srgan.format`` version of this contract, ``"1"``
``srgan.name``   for instance ``"srgan-x4"``
``srgan.scale``  enlargement, a power of two
``srgan.radius`` radius of the receptive field in input pixels
``srgan.card``   JSON: recipe, data, steps and figures of the training
============== ==================================================================================

An ONNX file is one protocol-buffer message (`ModelProto
<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>`_). Its top-level fields are walked here by hand: that takes
microseconds, where importing a runtime to ask it takes a tenth of a second, and it tells apart a file that is
damaged, a file that is no ONNX, and an ONNX file of someone else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srgan.errors import ModelError

FORMAT = "1"
"""The version of the contract above that this package reads and writes."""

MAX_MODEL_BYTES = 2 << 30
"""Protocol buffers end at 2 GiB; a larger file is certainly something else and is not read into memory."""

# Field numbers and wire types of ModelProto and StringStringEntryProto in onnx.proto.
_IR_VERSION, _GRAPH, _METADATA = 1, 7, 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Where messages of onnx.proto hold others that can hold tensors, by the numbers of their fields.
_INSIDE = {
    "model": {_GRAPH: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

_ADVICE = "pass a name from 'srgan models' or a file that 'srgan train' exported"


@dataclass(frozen=True)
class ModelInfo:
    """A model file's own words about itself.

    ``scale`` is the enlargement and ``radius`` the receptive field's radius in input pixels; ``card`` is the decoded
    JSON of the model card (empty if the file has none).
    """

    path: Path
    name: str
    scale: int
    radius: int
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def bands(self) -> int:
        """How many bands the pictures have that it is for, as its recipe says; 3, RGB, where there is none."""
        try:
            bands = self.card["recipe"]["generator"]["bands"]
        except (KeyError, TypeError):  # networks from elsewhere have no recipe
            return 3
        return bands if isinstance(bands, int) else 3


class _NotOnnxError(ValueError):
    """The bytes are no protocol-buffer message."""


def read_info(path: Path) -> ModelInfo:
    """Read and check the metadata of a model file.

    Raises
    ------
    ModelError
        if the file cannot be read, is not ONNX, is damaged, or does not keep the contract of this module.
    """
    data = _read(path)
    try:
        properties = _properties(data)
    except _NotOnnxError as error:
        raise ModelError(f"{path} is not a network for srgan ({error}): {_ADVICE}") from None
    if _has_external_data(data):
        raise ModelError(f"{path} keeps weights in other files, which are not read: export it as one file")
    version = properties.get("srgan.format")
    if version is None:
        raise ModelError(f"{path} is an ONNX file without srgan's metadata: {_ADVICE}")
    if version != FORMAT:
        raise ModelError(f"{path} has model format {version!r}, this srgan reads {FORMAT!r}: update srgan")
    scale = _whole_number(path, properties, "srgan.scale", 1, 64)
    if scale & (scale - 1):
        raise ModelError(f"{path} is damaged (srgan.scale {scale} is no power of two): export it again")
    return ModelInfo(
        path=path,
        name=properties.get("srgan.name") or path.stem,
        scale=scale,
        radius=_whole_number(path, properties, "srgan.radius", 0, 10_000),
        card=_card(path, properties),
    )


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ModelError(f"{path} is not a network for srgan ({size >> 20} MiB is too large): {_ADVICE}")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from None
    if not data:
        raise ModelError(f"{path} is empty: {_ADVICE}")
    return data


def _card(path: Path, properties: dict[str, str]) -> dict[str, Any]:
    try:
        card = json.loads(properties.get("srgan.card") or "{}")
    except (ValueError, RecursionError):  # lists in lists, ten thousand deep
        raise ModelError(f"{path} is damaged (its model card is not JSON): export it again") from None
    if not isinstance(card, dict):
        raise ModelError(f"{path} is damaged (its model card is not a JSON object): export it again")
    return card


def _whole_number(path: Path, properties: dict[str, str], key: str, low: int, high: int) -> int:
    text = properties.get(key, "")
    if not (text.isascii() and text.isdigit() and len(text) < 8 and low <= int(text) <= high):
        raise ModelError(f"{path} is damaged ({key} is {text[:20]!r}): export it again")
    return int(text)


def _properties(data: bytes) -> dict[str, str]:
    """Return ``metadata_props`` of a serialised ModelProto."""
    seen = set()
    properties = {}
    for number, value in _fields(memoryview(data)):
        seen.add(number)
        if number == _METADATA and isinstance(value, memoryview):
            entry = {key: bytes(text) for key, text in _fields(value) if isinstance(text, memoryview)}
            try:
                properties[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
            except UnicodeDecodeError:
                raise _NotOnnxError("its metadata is no text") from None
    if not {_IR_VERSION, _GRAPH} <= seen:
        raise _NotOnnxError("it is no ONNX file")
    return properties


def _has_external_data(data: bytes) -> bool:
    """Return whether a tensor anywhere in a model names a file for its values: it could be any file of this machine."""
    left = [("model", memoryview(data))]
    while left:
        kind, message = left.pop()
        try:
            for number, value in _fields(message):
                if kind == "tensor":
                    if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
                        return True
                elif number in _INSIDE[kind] and isinstance(value, memoryview):
                    left.append((_INSIDE[kind][number], value))
        except _NotOnnxError:  # damaged further in: the runtime does not read it
            continue
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of one message, each length checked against what is there."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise _NotOnnxError("it is no ONNX file")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise _NotOnnxError("it is no ONNX file")
        if length > len(data) - at:
            raise _NotOnnxError("it is no ONNX file, or one that was cut short")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return (value, position behind it) of the base-128 number at ``at``; at most ten bytes, as the format has it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _NotOnnxError("it is no ONNX file, or one that was cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _NotOnnxError("it is no ONNX file")
