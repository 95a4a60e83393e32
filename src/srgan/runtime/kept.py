"""Memory between layers, which a compiled graph keeps for its next call: given back once it lies idle.

OpenVINO keeps what the largest picture so far has taken. Of a network that is computed in one piece this is 2 KB a pixel:
500 MB after a picture of 512 x 512, up to the whole budget after a large one, for as long as the process lives. Giving it
back after each picture would cost 7 to 13 % of the time, as all pages come from the system anew (0.7 ms a megabyte). So it
goes back when the graphs of this process have computed smaller things for so long that taking it again costs less than one
per cent of that. Pictures of one size, or of similar sizes, always find it there.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

SECONDS_A_BYTE = 0.1e-6
"""How long smaller things are computed before memory is idle: 100 seconds of work for a gigabyte."""

LEAST = 16 << 20
"""Bytes that may be kept for ever."""

_lock = threading.Lock()
_worked = 0.0  # seconds that graphs of this process have computed
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

    def used(self, size: int, seconds: float) -> None:
        """Note a call that has taken ``size`` bytes and so many seconds, and let all graphs give back what is idle."""
        global _worked
        with _lock:
            _worked += seconds
            if 2 * size >= self._bytes:
                self._since = _worked
                self._bytes = max(self._bytes, size)
            idle = [kept for kept in _all if kept._is_idle()]
        for kept in idle:
            if (give_back := kept._give_back()) is not None:
                give_back()

    def given_back(self) -> int:
        """Note that the graph keeps nothing now, and return how many bytes it has kept."""
        size, self._bytes = self._bytes, 0
        return size

    def _is_idle(self) -> bool:
        return self._bytes > LEAST and _worked - self._since > self._bytes * SECONDS_A_BYTE
