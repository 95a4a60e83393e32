"""Who may use the API: the bearer token, and pages of other sites."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request

from srgan.web import hosts
from srgan.web.problems import ProblemError
from srgan.web.settings import ServerSettings

_DEFAULT_PORTS = {"http": 80, "https": 443}


def guard(settings: ServerSettings) -> Callable[[Request], Awaitable[None]]:
    """Return the check that every route of the API depends on.

    It raises ProblemError: 401 where the token is missing or wrong, 403 for a request that a browser sends on behalf of
    a page of another site. CORS keeps such a page from reading the answer, but not from making this machine work.
    """
    expected = None if settings.token is None else settings.token.encode()

    async def check(request: Request) -> None:  # a plain function would be called on another thread
        if _is_foreign(request) and not _is_allowed(request, settings):
            raise ProblemError(403, "a page of another site sent this request: allow it with --cors, or open this one")
        if expected is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Compared in constant time: how long a wrong token takes says nothing about the right one.
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected)
        if scheme.lower() != "bearer" or not right:
            raise ProblemError(
                401,
                "this server asks for a token: send it as 'Authorization: Bearer TOKEN'",
                {"WWW-Authenticate": "Bearer"},
            )

    return check


def _is_foreign(request: Request) -> bool:
    """Return whether a browser sends this for a page of another origin.

    ``Sec-Fetch-Site`` says so itself. Browsers leave it out towards plain http on other machines, and old ones always;
    then ``Origin`` decides, which goes along with every POST and every request that CORS is about. What sends neither
    is no page's doing: a command, or a GET whose answer the page cannot read.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site.lower() not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and not _is_own(origin, request.headers.get("host", ""))


def _is_own(origin: str, host: str) -> bool:
    """Return whether an origin is the server's as the request calls it. The scheme is not compared: a proxy may add TLS."""
    try:
        url = urlsplit(origin)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(url.scheme)
    page, server = hosts.parse(url.netloc), hosts.parse(host)
    if default is None or page is None or server is None:
        return False
    return page.host == server.host and (page.port or default) == (server.port or default)


def _is_allowed(request: Request, settings: ServerSettings) -> bool:
    return "*" in settings.origins or request.headers.get("origin") in settings.origins
