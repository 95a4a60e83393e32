"""What a training computes on: how many processes, which kind of device, and in which precision."""

from __future__ import annotations

import logging
from typing import Any

import torch
from lightning_fabric import Fabric

from srgan.errors import UsageError
from srgan.training.processes import started_by_torchrun
from srgan.training.recipe import Recipe


def process_counts(devices: int, nodes: int) -> tuple[int, int]:
    """Return processes a machine and machines: as asked for, or what torchrun has decided where it has started this.

    Raises
    ------
    UsageError
        when torchrun has started others than were asked for
    """
    given = started_by_torchrun()
    if given is None:
        return devices, nodes
    for option, wanted, there in (("--devices", devices, given[0]), ("--nodes", nodes, given[1])):
        if wanted not in (1, there):
            raise UsageError(f"torchrun has started {there} where {option} says {wanted}: leave {option} out")
    return given


def check_batches(recipe: Recipe, processes: int) -> None:
    """Raise UsageError where a stage's batch cannot be shared out evenly."""
    for name, stage in recipe.stages.items():
        if stage.batch % (processes * stage.accumulate):
            times = " times accumulate" if stage.accumulate > 1 else ""
            raise UsageError(f"stages.{name}.batch ({stage.batch}) must be a multiple of the number of devices{times}")


def make_fabric(recipe: Recipe, accelerator: str, devices: int, nodes: int) -> Fabric:
    """Return Fabric for these devices, not launched yet.

    Raises
    ------
    UsageError
        when there is no such device
    """
    # It reports each process as it comes up, and more, on stderr.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    try:
        return Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=fabric_precision(recipe, accelerator),
        )
    except Exception as error:  # Fabric has many ways to say that there is no such device
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(f"cannot train on --device {accelerator} here ({reason}): take another one") from error


def fabric_precision(recipe: Recipe, accelerator: str) -> Any:
    """Return Fabric's name for the recipe's precision; "auto" takes bf16 where the machine is fast at it."""
    wanted = recipe.run.precision
    if wanted == "auto":
        on_gpu = accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
        if on_gpu:
            wanted = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        else:
            wanted = "bf16" if _cpu_has_bf16() and accelerator in ("auto", "cpu") else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[wanted]


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX512_BF16 or AMX); emulated it is slower than fp32."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        test = getattr(torch.cpu, name, None)
        if test is not None and test():
            return True
    return False
