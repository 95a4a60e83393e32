"""Headers of every answer: what browsers must not do with it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DEFAULTS = {
    # An answer that is opened as a page, a picture with a script in it for example, does nothing.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",  # frame-ancestors, for browsers that do not know it
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # No page of another site shows a picture from here; those that --cors names fetch it, which this leaves alone.
    "cross-origin-resource-policy": "same-origin",
}


class SafeHeaders:
    """ASGI middleware that adds these headers where a route has none of that name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _DEFAULTS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, add)
