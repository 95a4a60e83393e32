"""Requests that come while the queue is full are refused before anything else is made of them.

That is when a server has the most to do, and each of many clients that try again would otherwise cost it all that a
picture's request costs: its parameters checked, and the stack of calls that leads to its route.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from srgan.web.access import guard
from srgan.web.problems import ProblemError, answer
from srgan.web.queue import FullError, WorkQueue
from srgan.web.settings import ServerSettings


def full(error: FullError) -> ProblemError:
    """Return the answer to a request for which there is no place."""
    return ProblemError(
        503,
        f"the queue is full: try again in {error.seconds} s",
        {"Retry-After": str(error.seconds), "Connection": "close"},
    )


class Refusing:
    """ASGI middleware that answers 503 on one path, to those who may use it, while the queue is full."""

    def __init__(self, app: ASGIApp, queue: WorkQueue, settings: ServerSettings, path: str) -> None:
        self._app = app
        self._queue = queue
        self._guard = guard(settings)
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        asked = scope["type"] == "http" and scope["path"] == self._path and scope["method"] == "POST"
        if asked and self._queue.is_full and await self._may(Request(scope)):
            problem = full(FullError(self._queue.retry_after()))
            scope["route"] = self  # by whose path it is counted
            await answer(problem.status, problem.detail, problem.headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    @property
    def path(self) -> str:
        """The path that is answered."""
        return self._path

    async def _may(self, request: Request) -> bool:
        try:
            await self._guard(request)
        except ProblemError:
            return False  # the route says why
        return True
