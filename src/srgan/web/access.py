"""Who may use the API: the bearer token, and pages of other sites."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from fastapi import Request

from srgan.web.problems import ProblemError
from srgan.web.settings import Settings


def guard(settings: Settings) -> Callable[[Request], None]:
    """Return the check that every route of the API depends on.

    It raises ProblemError: 401 where the token is missing or wrong, 403 for a request that a browser sends on behalf of
    a page of another site. CORS keeps such a page from reading the answer, but not from making this machine work.
    """
    expected = None if settings.token is None else settings.token.encode()

    def check(request: Request) -> None:
        if request.headers.get("sec-fetch-site") == "cross-site" and not _is_allowed(request, settings):
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


def _is_allowed(request: Request, settings: Settings) -> bool:
    return "*" in settings.origins or request.headers.get("origin") in settings.origins
