"""Several processes that train one network together: who they are, what they agree on, and what happens when one dies.

Each process takes its share of every batch; DistributedDataParallel averages the gradients. This module does the rest: a
stop or a failure that all must answer at the same step, waiting for one of them, and a message for a process that was lost.
What is agreed on goes over connections of its own between the processors (gloo), so that it never waits for a GPU. A
process that has ended is noticed at the next step, one that is stuck after half an hour. Alone, a process agrees with
itself at no cost.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric

_T = TypeVar("_T")

# Decoding a large folder or evaluating on it is done by one process while the others wait. A process that ends is noticed
# without any limit on time.
_PATIENCE = timedelta(days=7)
# Within and between steps no process works for long while the others wait: one that is stopped, or waits for a disk that is
# gone, ends the run. Fabric gives the averaging of gradients as long.
_STEP_PATIENCE = timedelta(minutes=30)
_GRACE = 10.0  # seconds that the other processes get to end by themselves


class Processes:
    """The processes of one run.

    Parameters
    ----------
    fabric : launched
    children : the processes that this one has started
    """

    def __init__(self, fabric: Fabric, children: Sequence[subprocess.Popen[Any]] = ()) -> None:
        self.rank, self.count = int(fabric.global_rank), int(fabric.world_size)
        self._children = tuple(children)
        self._group: Any = None
        self._patient: Any = None
        if self.count > 1:
            self._group = dist.new_group(backend="gloo", timeout=_STEP_PATIENCE)
            self._patient = dist.new_group(backend="gloo", timeout=_PATIENCE)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes have come here, for days if need be."""
        if self._patient is not None:
            dist.barrier(group=self._patient)

    def highest(self, value: int) -> int:
        """Return the highest of all processes' values; like :meth:`gather` only where all come within half an hour."""
        if self._group is None:
            return value
        shared = torch.tensor(value)
        dist.all_reduce(shared, op=dist.ReduceOp.MAX, group=self._group)
        return int(shared)

    def gather(self, value: _T) -> list[_T]:
        """Return what all processes give, by rank; anything that can be pickled."""
        if self._group is None:
            return [value]
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value, group=self._group)
        return found

    def end(self, *, failed: bool) -> str | None:
        """Wait for the processes that this one has started; after a failure end those that do not.

        Returns
        -------
        str or None
            how the first of them that did not end well has ended, before any was made to
        """
        words = None
        for rank, child in enumerate(self._children, start=1):
            try:
                code = child.wait(_GRACE if failed else None)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                continue
            # A process that lost another one ends with 1, quietly: it is not the cause.
            if code < 0 and words is None:
                words = f"process {rank + 1} of {self.count} was ended by {signal.Signals(-code).name}"
        return words


def launch(fabric: Fabric) -> Processes:
    """Start the other processes, unless torchrun or SLURM has, and connect all of them."""
    fabric.launch()
    children: list[subprocess.Popen[Any]] = []
    started = getattr(fabric.strategy.launcher, "procs", None)
    if started:
        children = list(started)
        # Fabric's own observer looks at this list every five seconds and answers the end of a process by killing all, this
        # one included, before it can say what happened. An empty list ends it.
        started.clear()
    return Processes(fabric, children)


def is_loss_of_a_process(error: BaseException) -> bool:
    """Whether an exception is how torch says that another process cannot be reached."""
    if isinstance(error, dist.DistError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("gloo" in text or "Connection closed by peer" in text)


def loss_of_a_process(error: BaseException) -> str:
    """Return what is likely to have happened to the process that cannot be reached."""
    if "timed out" in str(error).lower():
        minutes = _STEP_PATIENCE.total_seconds() / 60
        return (
            f"another process of this run has not answered for {minutes:.0f} minutes (stopped, or waiting for a disk?)"
        )
    return "another process of this run died (out of memory?)"


def started_by_torchrun() -> tuple[int, int] | None:
    """Return processes a machine and machines where torchrun has started this one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    return here, everywhere // here
