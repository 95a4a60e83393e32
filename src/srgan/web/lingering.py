"""Closing a connection whose client is still sending, so that it can read the answer.

A request may be answered before its body has come: the queue is full, the picture is too large. Closing the connection then
throws away what has not been read, and the system tells the client so with a reset, upon which its system throws away the
answer as well. So what still comes is read and dropped for a while, after the answer and the end of it have been sent (nginx
calls this a lingering close; RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

PAUSE = 5.0
"""Seconds without a byte after which a client is taken to have stopped sending."""

MOST = 30.0
"""Seconds that are read and dropped at most."""


class LingeringTransport:
    """A transport whose :meth:`close` waits for the client to end, where ``is_sending`` says that it has not.

    Parameters
    ----------
    transport : of the connection
    is_sending : whether the client has more to send
    begins : called when the waiting begins: what comes from then on belongs to :meth:`dropped`
    """

    def __init__(
        self, transport: asyncio.Transport, is_sending: Callable[[], bool], begins: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._is_sending = is_sending
        self._begins = begins
        self._end: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def lingers(self) -> bool:
        """Whether what comes is read and dropped."""
        return self._end is not None

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Close now, or when the client has ended; a second call closes now."""
        if self.is_closing() or not self._is_sending() or not self._transport.can_write_eof():
            self._finish()
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has gone, and the system has said so to nobody yet
            self._finish()
            return
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(MOST, self._finish)
        self._begins()
        self._transport.resume_reading()
        self.dropped()

    def dropped(self) -> None:
        """Note that something came."""
        if self._pause is not None:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(PAUSE, self._finish)

    def abort(self) -> None:
        """Close at once."""
        self.forget()
        self._transport.abort()

    def forget(self) -> None:
        """Wait no longer: the connection is lost."""
        for timer in (self._end, self._pause):
            if timer is not None:
                timer.cancel()

    def _finish(self) -> None:
        self.forget()
        self._transport.close()
