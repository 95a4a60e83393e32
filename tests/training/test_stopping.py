"""A training ends between two steps, on all processes after the same one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from srgan.errors import TrainingError
from srgan.training.stopping import stop_requests, until_stopped


class Others:
    """Other processes, and what the highest of them wishes: 0 to go on, 1 to fail, 2 to stop."""

    def __init__(self, *wishes: int) -> None:
        self.wishes = iter(wishes)

    def highest(self, own: int) -> int:
        return max(own, next(self.wishes, 0))

    def gather(self, text: str) -> list[str]:
        return [text, "" if text else "a worker died elsewhere"]


def taken(source: Iterator[Any], *wishes: int, stop: threading.Event | None = None) -> list[Any]:
    return list(until_stopped(stop or threading.Event(), source, Others(*wishes)))  # type: ignore[arg-type]


def test_it_ends_with_the_batches_and_when_anybody_is_asked_to_stop() -> None:
    assert taken(iter("abc")) == ["a", "b", "c"]
    assert taken(iter("abc"), 0, 2) == ["a"]
    stop = threading.Event()
    stop.set()
    assert taken(iter("abc"), stop=stop) == []


def test_a_failure_is_everybodys_and_says_its_reason_once() -> None:
    def failing() -> Iterator[str]:
        yield "a"
        raise TrainingError("the worker is gone")

    with pytest.raises(TrainingError, match="the worker is gone"):
        taken(failing())
    with pytest.raises(TrainingError, match="a worker died elsewhere"):
        taken(iter("abc"), 0, 1)
    assert taken(failing(), 0, 2) == ["a"], "a stop ends the workers too"


def test_signals_ask_and_a_second_ctrl_c_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_requests() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(10)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
