"""A bounded queue in front of one worker thread.

One picture is computed at a time, since the network takes all cores. Whoever comes while the queue is full is told so
at once, before sending a body: waiting would only move the queue into the network's buffers.
"""

from __future__ import annotations

import threading
import time
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
    pixels: int = 0
    """Of the picture, for how long it will take."""
    began: float = 0.0
    """When its computation began, on the monotonic clock."""
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        """Share that is computed, 0 to 1."""
        return min(self.done / self.total, 1) if self.total else 0.0

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
        self._pace: float | None = None  # seconds a pixel, of the pictures computed so far

    @property
    def is_full(self) -> bool:
        """Whether all places are taken."""
        return len(self._places) >= self.capacity

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Give a place for as long as the block lasts; what is still computed for it afterwards is stopped.

        Raises
        ------
        FullError
            if all places are taken
        """
        if self.is_full:
            raise FullError(self.retry_after())
        place = Place()
        self._places.append(place)
        try:
            yield place
        finally:
            place.stop()
            self._places.remove(place)

    def submit(
        self, place: Place, work: Callable[[Callable[[int, int], None]], Result], pixels: int = 0
    ) -> Future[Result]:
        """Compute on the worker thread; ``work`` is given the place's progress callback and returns what the future shall.

        ``pixels`` is how many the picture has. The future raises what ``work`` raises.
        """
        place.state, place.pixels = "waiting", pixels
        # In the order of coming to compute, which is not that of the slower or faster bodies before it.
        self._places.remove(place)
        self._places.append(place)

        def run() -> Result:
            place.progress(0, 0)
            place.began = time.monotonic()
            place.state = "computing"
            try:
                result = work(place.progress)
                self._paced(time.monotonic() - place.began, pixels)
                return result
            finally:
                place.state = "done"

        return self._worker.submit(run)

    def ahead_of(self, place: Place) -> int:
        """Return how many pictures are computed before this one."""
        return len(self._ahead(place))

    def left_of(self, place: Place) -> float | None:
        """Return the seconds until this picture is computed, those ahead of it included; None where nothing tells."""
        if place.state == "done":
            return 0.0
        if place.state == "receiving":
            return None
        total = 0.0
        for other in (*self._ahead(place), place):
            seconds = self._left(other)
            if seconds is None:
                return None
            total += seconds
        return total

    def _ahead(self, place: Place) -> list[Place]:
        """Return the pictures that are computed before this one."""
        if place.state != "waiting":
            return []
        before = self._places[: self._places.index(place)]
        return [other for other in before if other.state in ("waiting", "computing")]

    def _left(self, place: Place) -> float | None:
        """Return the seconds that a picture still takes, without those ahead of it."""
        passed = time.monotonic() - place.began if place.state == "computing" else 0.0
        if passed > 2 and place.share > (0.02 if passed < 10 else 0.002):  # of a large picture a little tells enough
            return passed * (1 - place.share) / place.share
        return None if self._pace is None else max(self._pace * place.pixels - passed, 0.0)

    def _paced(self, seconds: float, pixels: int) -> None:
        """Note how long pixels took."""
        pace = seconds / max(pixels, 1)
        self._pace = pace if self._pace is None else self._pace + 0.3 * (pace - self._pace)

    def count(self, state: State) -> int:
        """Return how many places are in a state."""
        return sum(place.state == state for place in self._places)

    def retry_after(self) -> int:
        """Return the seconds until a place is likely to be free, 1 to 120: half of what the queue still takes.

        A picture counts as one second where nothing tells: one that is still coming in, or the first one of all.
        """
        total = 0.0
        for place in self._places:
            if place.state != "done":
                seconds = None if place.state == "receiving" else self._left(place)
                total += 1.0 if seconds is None else seconds
        return min(max(round(total / 2), 1), 120)

    def close(self) -> None:
        """Stop everything and wait for the worker thread to notice."""
        for place in self._places:
            place.stop()
        self._worker.shutdown(cancel_futures=True)
