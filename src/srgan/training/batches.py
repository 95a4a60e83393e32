"""Batches of crops, prepared by worker processes; if one dies, the training does not hang."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from multiprocessing.context import SpawnContext
from multiprocessing.sharedctypes import RawValue
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.data import DataLoader

from srgan.errors import TrainingError
from srgan.training.data import CropDataset


class Batch(NamedTuple):
    """One step's crops: ``lr [N, C, h, w]`` and ``hr [N, C, s*h, s*w]``, uint8, or uint16 of full range.

    ``plain`` is HR before it was sharpened, for discriminators that are to see that.
    """

    lr: Tensor
    hr: Tensor
    plain: Tensor | None = None


def batches(
    dataset: CropDataset,
    *,
    first_step: int,
    steps: int,
    batch: int,
    workers: int,
    rank: int = 0,
    devices: int = 1,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Yield the batches of steps ``first_step`` to ``steps - 1``.

    Parameters
    ----------
    dataset : source of the crops
    first_step, steps : the part of the stage still to do
    batch : crops a step over all devices; each device takes its share
    workers : processes that prepare batches; 0 prepares them here
    rank, devices : which share of how many this process takes
    pinned : pin batches in memory, so that a GPU can fetch them while it computes

    Raises
    ------
    TrainingError
        when a worker process dies
    """
    share = batch // devices
    numbers: Any = [  # a list of ranges serves as a sampler: torch's types ask for lists of lists
        range(step * batch + rank * share, step * batch + (rank + 1) * share) for step in range(first_step, steps)
    ]
    loader = DataLoader(
        dataset,
        batch_sampler=numbers,
        num_workers=workers,
        pin_memory=pinned,
        multiprocessing_context=_LoaderContext() if workers else None,
        worker_init_fn=_leave_interrupts_to_the_training,
    )
    try:
        for crops in _started(loader):
            yield Batch(*crops)
    except (RuntimeError, OSError, EOFError) as error:  # the last two: it was just sending a batch
        if not workers or "in DataLoader worker process" in str(error):  # which a living one has met, and sent
            raise
        raise TrainingError(
            "a process that prepares batches died (out of memory?): resume with --resume --set data.workers=0"
        ) from error


class _Flag:
    """An event without a lock, as far as torch's loader uses one: the training sets it, its processes look.

    ``multiprocessing.Event`` takes a lock even to look: a process killed in that moment never gives it back, and the training
    would wait for it without end.
    """

    def __init__(self) -> None:
        self._value = RawValue("b", 0)

    def is_set(self) -> bool:
        return bool(self._value.value)

    def set(self) -> None:
        self._value.value = 1


class _LoaderContext(SpawnContext):
    """Fresh processes, which share no lock with the training that a killed one could keep."""

    def Event(self) -> Any:  # noqa: N802
        return _Flag()


def _started(loader: DataLoader[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """Start the worker processes, and let the fetching of a batch alone find out that one has died.

    Torch would also raise that from a signal's handler, in whatever line the program is just at: a step, a checkpoint.
    """
    # Where there is no such signal, or no handler can be set, torch sets none either.
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        return iter(loader)
    before = signal.getsignal(signal.SIGCHLD)
    try:
        return iter(loader)
    finally:
        signal.signal(signal.SIGCHLD, before)


def _leave_interrupts_to_the_training(worker: int) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes: the training still needs its next batches to stop in order."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
