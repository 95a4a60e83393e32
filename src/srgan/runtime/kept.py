"""Memory between layers, which a compiled graph keeps for its next call: given back once it lies idle.

OpenVINO keeps what the largest picture so far has taken. Of a network that is computed in one piece this is 2 KB a pixel:
500 MB after a picture of 512 x 512, up to the whole budget after a large one, for as long as the process lives. Giving it
back after each picture would cost 7 to 13 % of the time, as all pages come from the system anew (0.7 ms a megabyte). So it
goes back when nothing of its size has been computed for so long that taking it again costs less than two per cent of that
time. Pictures of one size, or of similar sizes, always find it there.

Each open network may take all the memory that there is for the work, but they take turns: what others keep goes before a call
that would bring the sum above that.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

SECONDS_A_BYTE = 0.05e-6
"""How long memory lies unused before it is idle: 50 seconds for a gigabyte."""

LEAST = 16 << 20
"""Bytes that may be kept for ever."""

MOST = 1_000_000_000
"""Bytes that all graphs of the process may keep together, unless one takes more: an upscaler's default memory."""

_lock = threading.Lock()
_all: weakref.WeakSet[Kept] = weakref.WeakSet()


class Kept:
    """What one compiled graph keeps.

    Parameters
    ----------
    give_back : makes the graph give its memory back, unless it is at work, and calls :meth:`given_back`; a method of whoever
        owns this object
    """

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = weakref.WeakMethod(give_back)
        self._bytes = 0
        self._since = 0.0
        with _lock:
            _all.add(self)

    def make_room(self, size: int) -> None:
        """Let other graphs, those unused for longest first, give back what they keep where a call of this one needs the room."""
        make_room(size, self)

    def used(self, size: int) -> None:
        """Note that a call that has taken ``size`` bytes is over, and let all graphs give back what is idle."""
        with _lock:
            if 2 * size >= self._bytes:
                self._since = time.monotonic()
                self._bytes = max(self._bytes, size)
        give_back_idle()

    def given_back(self) -> int:
        """Note that the graph keeps nothing now, and return how many bytes it has kept."""
        size, self._bytes = self._bytes, 0
        return size

    def _is_idle(self) -> bool:
        return self._bytes > LEAST and time.monotonic() - self._since > self._bytes * SECONDS_A_BYTE


def make_room(size: int, beside: Kept | None = None) -> None:
    """Do so for whatever else takes ``size`` bytes, such as an encoder."""
    with _lock:
        others = sorted((kept for kept in _all if kept is not beside and kept._bytes > LEAST), key=_since)
        total = size + sum(kept._bytes for kept in others)
        going = []
        while others and total > MOST:
            going.append(others.pop(0))
            total -= going[-1]._bytes
    _give_back(going)


def give_back_idle() -> None:
    """Let all graphs of this process give back what is idle: for those who wait, as each call of a graph does it too."""
    with _lock:
        idle = [kept for kept in _all if kept._is_idle()]
    _give_back(idle)


def _give_back(those: list[Kept]) -> None:
    for kept in those:
        if (give_back := kept._give_back()) is not None:
            give_back()


def _since(kept: Kept) -> float:
    return kept._since
