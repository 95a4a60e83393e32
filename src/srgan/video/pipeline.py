"""Decoding, the network and encoding at once: the next frames are decoded and the last ones encoded while one is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

DEPTH = 2
"""Frames that wait before the network, and as many behind it."""


@contextmanager
def thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a thread of its own to a block; what it has not begun when the block ends is dropped."""
    pool = ThreadPoolExecutor(1, name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def ahead(items: Iterator[T], pool: ThreadPoolExecutor, depth: int = DEPTH) -> Iterator[T]:
    """Yield the items of an iterator whose next ones are made on a thread meanwhile; its errors are raised here."""
    end: Any = object()
    waiting: deque[Future[T]] = deque(pool.submit(next, items, end) for _ in range(depth))
    while (item := waiting.popleft().result()) is not end:
        waiting.append(pool.submit(next, items, end))
        yield item


class Behind:
    """Calls that are made on a thread, in order; their errors are raised by the calls that follow, or by :meth:`finish`.

    Parameters
    ----------
    pool : the thread
    done : is told, where the calls come from, that one more of them is over
    depth : calls that may wait; another one waits for the first of them
    """

    def __init__(self, pool: ThreadPoolExecutor, done: Callable[[], None], depth: int = DEPTH) -> None:
        self._pool = pool
        self._done = done
        self._depth = depth
        self._waiting: deque[Future[None]] = deque()

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function later."""
        while len(self._waiting) >= self._depth or (self._waiting and self._waiting[0].done()):
            self._next()
        self._waiting.append(self._pool.submit(function, *arguments))

    def finish(self) -> None:
        """Wait for all calls."""
        while self._waiting:
            self._next()

    def _next(self) -> None:
        self._waiting.popleft().result()
        self._done()
