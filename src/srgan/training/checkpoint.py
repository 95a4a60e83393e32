"""Checkpoints: everything that resuming needs, in one safetensors file, written atomically so that a crash cannot lose a run.

A file holds every tensor (``generator/...``, ``average/...``, ``discriminator/...``, moments of the optimizers, states of the
random generators) and, as JSON in its metadata, everything else. It is written beside its place, flushed to the disk, then
renamed; checksums over the tensors and over the rest tell a damaged one from a good one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from srgan.errors import CheckpointError

_NAME = re.compile(r"(\d+)-(.+)-(\d{8})\.safetensors")


@dataclass
class Checkpoint:
    """The state of a run between two steps.

    Attributes
    ----------
    stage : name of the current stage
    order : its place among the stages, from 0
    step : steps of it that are done
    parts : state dicts by part, as :meth:`srgan.training.stages.Trainer.state` gives them
    facts : numbers and strings to keep: seconds trained, best PSNR, ...
    """

    stage: str
    order: int
    step: int
    parts: dict[str, dict[str, Any]]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """File name; names sort in the order of time."""
        return f"{self.order}-{self.stage}-{self.step:08d}.safetensors"


def save_checkpoint(checkpoint: Checkpoint, folder: Path, *, keep: int, best: bool = False) -> Path:
    """Write a checkpoint and remove all but the ``keep`` newest; ``best`` writes it as ``best.safetensors`` as well.

    Files of later steps are removed as well: a run that writes an earlier one has found them damaged and gone back.

    Raises
    ------
    CheckpointError
        when it cannot be written (disk full); earlier checkpoints are untouched
    """
    tensors: dict[str, Tensor] = {}
    plain = {part: _flatten(state, part, tensors) for part, state in checkpoint.parts.items()}
    facts = {
        "stage": checkpoint.stage,
        "order": checkpoint.order,
        "step": checkpoint.step,
        "facts": checkpoint.facts,
        "parts": plain,
        "digest": _digest(tensors),
    }
    state = json.dumps(facts)
    data = save(tensors, metadata={"format": "srgan-checkpoint-1", "state": state, "digest": _text_digest(state)})
    target = folder / checkpoint.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if best:  # first: a run killed between the two takes this step, and this decision, again
            _write(folder / "best.safetensors", data)
        _write(target, data)
    except OSError as error:
        raise CheckpointError(
            f"cannot write checkpoint '{target}' ({error.strerror}): free some space and use --resume"
        ) from error
    files = _files(folder)
    newer = files.index(target)
    for other in [*files[:newer], *files[newer + keep :]]:
        other.unlink(missing_ok=True)
    return target


def load_checkpoint(folder: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """Return the newest intact checkpoint in ``folder``, or None if the run has not written any yet.

    Each damaged one is named through ``warn``; the best one is the last resort.

    Raises
    ------
    CheckpointError
        when all of them are damaged
    """
    for unfinished in folder.glob("*.part"):  # of a run that was killed while it wrote
        unfinished.unlink(missing_ok=True)
    files = [*_files(folder), *folder.glob("best.safetensors")]
    for file in files:
        try:
            return read_checkpoint(file)
        except CheckpointError as error:
            warn(f"{error}; using the one before it")
    if files:
        raise CheckpointError(f"every checkpoint in '{folder}' is damaged: start again in another --out")
    return None


def read_checkpoint(file: Path) -> Checkpoint:
    """Read one file.

    Raises
    ------
    CheckpointError
        when it is damaged or not a checkpoint
    """
    try:
        with safe_open(str(file), framework="pt") as source:
            metadata = source.metadata() or {}
            tensors = {key: source.get_tensor(key) for key in source.keys()}  # noqa: SIM118 - it is no dict
        if metadata.get("format") != "srgan-checkpoint-1":
            raise CheckpointError(f"'{file}' is not a checkpoint of srgan")
        state = metadata["state"]
        facts = json.loads(state)
        # Files of the first days have no digest of the state.
        if facts["digest"] != _digest(tensors) or metadata.get("digest", _text_digest(state)) != _text_digest(state):
            raise CheckpointError(f"checkpoint '{file}' is damaged (its checksum differs)")
        parts = {part: _unflatten(plain, tensors) for part, plain in facts["parts"].items()}
        return Checkpoint(facts["stage"], facts["order"], facts["step"], parts, facts["facts"])
    except CheckpointError:
        raise
    except Exception as error:  # a flipped bit can make anything of the header
        reason = " ".join(str(error).split())
        raise CheckpointError(f"checkpoint '{file}' is damaged ({reason})") from error


def _write(target: Path, data: bytes) -> None:
    partial = target.with_suffix(".part")
    try:
        with partial.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    if os.name == "posix":  # the rename itself must reach the disk, too
        handle = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _files(folder: Path) -> list[Path]:
    """Return the numbered checkpoints, newest first."""
    found = [(match, file) for file in folder.glob("*.safetensors") if (match := _NAME.fullmatch(file.name))]
    return [file for _, file in sorted(found, key=lambda pair: (int(pair[0][1]), int(pair[0][3])), reverse=True)]


def _flatten(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Replace tensors in nested dicts and lists by references ``{"tensor": path}`` and collect them in ``tensors``."""
    if isinstance(value, Tensor):
        # safetensors stores dense tensors in C order; channels_last ones come back as such through load_state_dict.
        tensors[path] = value.detach().cpu().contiguous()
        return {"tensor": path}
    if isinstance(value, dict):
        items = [[key, _flatten(item, f"{path}/{key}", tensors)] for key, item in value.items()]
        return {"dict": items}  # a list of pairs keeps integer keys, which JSON objects would turn into strings
    if isinstance(value, list | tuple):
        return {"list": [_flatten(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]}
    return {"plain": value}


def _unflatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    (kind, content), *_ = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unflatten(item, tensors) for key, item in content}
    if kind == "list":
        return [_unflatten(item, tensors) for item in content]
    return content


def _text_digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for key in sorted(tensors):
        value = tensors[key]
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        if value.numel():
            digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
