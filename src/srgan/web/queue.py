"""A bounded queue in front of one worker thread.

One picture is computed at a time, since the network takes all cores. Whoever comes while the queue is full is told so
at once, before sending a body: waiting would only move the queue into the network's buffers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

Result = TypeVar("Result")
State = Literal["receiving", "waiting", "computing", "done"]


class FullError(Exception):
    """The queue has no place; ``seconds`` is when there may be one."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the queue is full for about {seconds} s")
        self.seconds = seconds


class StoppedError(Exception):
    """Nobody waits for this picture any more."""


@dataclass(eq=False)
class Place:
    """One request's place in the queue, and how far its picture is."""

    state: State = "receiving"
    done: int = 0
    """Input pixels that are computed, of :attr:`total`."""
    total: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def progress(self, done: int, total: int) -> None:
        """Note how far the work is; the engine's callback.

        Raises
        ------
        StoppedError
            if nobody waits any more: it ends the computation between two tiles
        """
        if self._stopped.is_set():
            raise StoppedError
        self.done, self.total = done, total

    def stop(self) -> None:
        """Make the work end at the next tile, or not begin."""
        self._stopped.set()


class WorkQueue:
    """Hands out ``1 + waiting`` places, and computes for one of them at a time."""

    def __init__(self, waiting: int) -> None:
        self.capacity = 1 + waiting
        self._worker = ThreadPoolExecutor(1, "srgan-compute")
        self._places: list[Place] = []  # all access is from the event loop's thread
        self._seconds = 1.0

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Give a place for as long as the block lasts; what is still computed for it afterwards is stopped.

        Raises
        ------
        FullError
            if all places are taken
        """
        if len(self._places) >= self.capacity:
            raise FullError(self.retry_after())
        place = Place()
        self._places.append(place)
        try:
            yield place
        finally:
            place.stop()
            self._places.remove(place)

    def submit(self, place: Place, work: Callable[[Callable[[int, int], None]], Result]) -> Future[Result]:
        """Compute on the worker thread; ``work`` is given the place's progress callback and returns what the future shall.

        The future raises what ``work`` raises.
        """
        place.state = "waiting"
        # In the order of coming to compute, which is not that of the slower or faster bodies before it.
        self._places.remove(place)
        self._places.append(place)

        def run() -> Result:
            place.progress(0, 0)
            place.state = "computing"
            try:
                return work(place.progress)
            finally:
                place.state = "done"

        return self._worker.submit(run)

    def ahead_of(self, place: Place) -> int:
        """Return how many pictures are computed before this one."""
        if place.state != "waiting":
            return 0
        before = self._places[: self._places.index(place)]
        return sum(other.state in ("waiting", "computing") for other in before)

    def count(self, state: State) -> int:
        """Return how many places are in a state."""
        return sum(place.state == state for place in self._places)

    def took(self, seconds: float) -> None:
        """Note how long a picture took, for :meth:`retry_after`."""
        self._seconds += 0.2 * (seconds - self._seconds)

    def retry_after(self) -> int:
        """Return the seconds until a place is likely to be free: half the queue at the pace of the last pictures."""
        return min(max(round(self._seconds * self.capacity / 2), 1), 120)

    def close(self) -> None:
        """Stop everything and wait for the worker thread to notice."""
        for place in self._places:
            place.stop()
        self._worker.shutdown(cancel_futures=True)
