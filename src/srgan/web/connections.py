"""How many connections a server keeps, and for how long one that asks for nothing.

Each connection takes a file descriptor, and so does each picture that is received, computed or sent. When none is left
no connection is accepted any more, be it for ``/healthz``. So there is a limit below what the process may open:

- of connections in all. One more closes the one that has waited longest without asking for anything;
- of requests at a time, a little lower. One more is answered 503, but ``/healthz`` is answered.

A connection whose request is not complete within :attr:`ServerSettings.head` seconds is closed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from typing import Any, cast

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from srgan.web.lingering import LingeringTransport
from srgan.web.problems import answer

MOST_REQUESTS = 512
SPARE = 8
"""Connections beyond the requests at a time, so that there is always room for the answer 503 and for ``/healthz``."""
_OTHER_FILES = 20
"""What the computation opens (a picture, its result, a profile), and connections accepted but not yet counted."""
_FEWEST_REQUESTS = 4


def requests_at_a_time(places: int) -> int:
    """Return how many requests fit into what this process may still open; ``places`` is the capacity of the queue.

    A request takes its connection and the file that it is answered with; one in the queue another, while it is received.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_REQUESTS
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most == resource.RLIM_INFINITY:
        return MOST_REQUESTS
    left = most - _open_files() - SPARE - _OTHER_FILES
    return max(min(MOST_REQUESTS, left // 3 if left < 3 * places else (left - places) // 2), _FEWEST_REQUESTS)


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))
        except OSError:
            continue
    return 32


class Connections:
    """The connections of one server, and which of them may be closed for another one."""

    def __init__(self, requests: int, head: float) -> None:
        self.requests = requests
        self.head = head
        self.busy: set[Connection] = set()
        self._waiting: dict[
            Connection, None
        ] = {}  # in the order of coming; those without any request so far first to go
        self._said = False

    def opened(self, connection: Connection) -> None:
        """Count a connection, and close another one if there is no room for it."""
        self._waiting[connection] = None
        if len(self._waiting) + len(self.busy) <= self.requests + SPARE:
            return
        if not self._said:
            self._said = True
            print(
                f"srgan: {self.requests + SPARE} connections are open, as many as fit here: those that ask for nothing "
                "are closed for new ones",
                file=sys.stderr,
                flush=True,
            )
        silent = (other for other in self._waiting if other is not connection and not other.has_asked)
        idle = (other for other in self._waiting if other is not connection)
        victim = next(silent, None) or next(idle, connection)
        self.closed(victim)
        victim.transport.abort()

    def moved(self, connection: Connection, *, busy: bool) -> None:
        """Note that a request has come in completely, or that it is answered."""
        if busy:
            self._waiting.pop(connection, None)
            self.busy.add(connection)
        elif connection in self.busy:
            self.busy.discard(connection)
            self._waiting[connection] = None

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.busy.discard(connection)
        self._waiting.pop(connection, None)
        if len(self._waiting) + len(self.busy) < self.requests // 2:
            self._said = False  # should it happen again, it is worth another line


class Connection(H11Protocol):
    """uvicorn's connection, with a limit on their number and a deadline for the head of a request."""

    def __init__(self, *args: Any, among: Connections, **options: Any) -> None:
        super().__init__(*args, **options)
        self._among = among
        self._deadline: asyncio.TimerHandle | None = None
        self.has_asked = False
        self._application, self.app = self.app, self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._among.busy) > self._among.requests and scope["path"] != "/healthz":
            headers = {"Retry-After": "5", "Connection": "close"}
            refusal = answer(503, "the server has too many connections: try again in 5 s", headers)
            await refusal(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        self._lingering = LingeringTransport(transport, self._is_sending, self._drop)
        super().connection_made(cast(asyncio.Transport, self._lingering))
        self._among.opened(self)
        self._note()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        if self._lingering.lingers:
            self._lingering.dropped()
            return
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Wait for the next request: uvicorn closes a connection on which none begins."""
        super().on_response_complete()
        self._note(waits_for_head=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._lingering.forget()
        self._stop_deadline()
        self._among.closed(self)

    def _is_sending(self) -> bool:
        """Whether a part of the client's request is still to come, or cannot be told from what comes after it."""
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _drop(self) -> None:
        """Have no more business with this connection than to wait until its client has sent all."""
        self._stop_deadline()
        self._among.moved(self, busy=False)

    def _note(self, *, waits_for_head: bool = True) -> None:
        if self.transport.is_closing():
            return
        busy = self.cycle is not None and not self.cycle.response_complete
        self._among.moved(self, busy=busy)
        if busy:
            self.has_asked = True
            self._stop_deadline()
        elif waits_for_head and self._deadline is None:
            self._deadline = self.loop.call_later(self._among.head, self._too_late)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()

    def _should_upgrade(self) -> bool:
        return False  # there is nothing to upgrade to, and no line in the log for everyone who asks


class Complaints:
    """The event loop's handler of exceptions: that no descriptor is left is said once, in a line; that a client has gone, never.

    asyncio ends its half of a connection once all is sent, and does not expect that there is none any more.
    """

    def __init__(self) -> None:
        self._said = False

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what happened."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno == errno.ENOTCONN:
            return
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif not self._said:
            self._said = True
            print(
                f"srgan: connections have to wait: {error.strerror}: raise the limit (ulimit -n)",
                file=sys.stderr,
                flush=True,
            )
