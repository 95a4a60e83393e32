"""The int8 form of a network: a second file beside it, that :mod:`srgan.interop.quantize` makes.

It is the same network with most convolutions in 8-bit integers: half the time on processors with AVX2, at a small loss.
``srresnet-x4.onnx`` has it in ``srresnet-x4.int8.onnx``. The file says in its card which network it was made from, by the
SHA-256 of that one's file: after another training, an old int8 form would silently give the old network's pictures.
"""

from __future__ import annotations

from pathlib import Path

from srgan.errors import ModelError, UsageError, option
from srgan.files import file_sha256
from srgan.models.metadata import ModelInfo, read_info

CARD_KEY = "int8"
"""What an int8 form has in its card beyond the network's: a table with ``of``, the digest, and how it was made."""


def file_beside(path: Path) -> Path:
    """Return where the int8 form of a network's file lies, whether or not it is there."""
    return path.with_suffix(".int8.onnx")


def digest_of(path: Path) -> str:
    """Return what an int8 form knows its network by; ModelError if the file cannot be read."""
    try:
        return file_sha256(path)
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from None


def is_int8(info: ModelInfo) -> bool:
    """Return whether a file is itself an int8 form."""
    return isinstance(info.card.get(CARD_KEY), dict)


def find(info: ModelInfo) -> ModelInfo:
    """Return the int8 form of a network; a file that is one is its own.

    Raises
    ------
    UsageError
        if there is none
    ModelError
        if it is damaged, or was made from another network than this
    """
    if is_int8(info):
        return info
    file = file_beside(info.path)
    if not file.is_file():
        raise UsageError(
            f"{info.name} has no int8 form ({file} is missing): make it with "
            f"'srgan convert {info.path} --int8 FOLDER_OF_PHOTOS', or use {option('precision', 'auto')}"
        )
    found = read_info(file)
    if not is_int8(found) or found.card[CARD_KEY].get("of") != digest_of(info.path):
        raise ModelError(
            f"{file} was made from another network than {info.path.name}: make it again with "
            f"'srgan convert {info.path} --int8 FOLDER_OF_PHOTOS --overwrite'"
        )
    return found
