"""How a training stops between two steps, on all processes after the same one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from srgan.errors import TrainingError
from srgan.training.batches import Batch
from srgan.training.processes import Processes

_CONTINUE, _FAIL, _STOP = range(3)


def until_stopped(stop: threading.Event, source: Iterator[Batch], processes: Processes) -> Iterator[Batch]:
    """Yield batches until any process is asked to stop: they all end after the same step.

    A stop may also end the processes that prepare batches; where they end without one, that is a failure of all.
    """
    failure: TrainingError | None = None
    while True:
        try:
            batch = next(source, None)
        except TrainingError as error:
            batch, failure = None, error
        wish = _STOP if stop.is_set() else _FAIL if failure else _CONTINUE
        answer = processes.highest(wish)
        if answer == _FAIL:
            reasons = [reason for reason in processes.gather(str(failure or "")) if reason]
            raise failure or TrainingError(reasons[0])
        if answer == _STOP or batch is None:
            return
        yield batch


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event that the loop looks at between steps; a second Ctrl-C stops at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals belong to the main thread
        return

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    previous: dict[int, Any] = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
