"""Errors over HTTP: a status and one sentence that says what happened and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from srgan.errors import ImageReadError, ImageTooLargeError, SrganError, UsageError, is_lack_of_memory

_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

CLIENT_CLOSED = 499
"""What the metrics count for a client that did not wait for its answer; nobody receives it."""

_MEANING = {
    400: "The body holds no picture",
    401: "The bearer token is missing or wrong",
    403: "A page of another site sent this request",
    404: "There is no such thing",
    408: "The body came too slowly",
    409: "The ticket is in use",
    413: "The body, the picture or the result is larger than this server allows",
    421: "The request calls the server by a name that is not its own",
    422: "The picture cannot be read, or a parameter is out of range",
    503: "The queue is full: try again after the seconds in Retry-After",
    504: "The deadline of this server passed before the picture was done",
}


class Problem(BaseModel):
    """What every error answers."""

    detail: str = Field(description="One sentence: what happened and what to do.")


class ProblemError(Exception):
    """Ends a request with a status and a sentence."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's ``responses`` for these statuses."""
    entries: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": _MEANING[status]} for status in statuses
    }
    if 503 in entries:
        header = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
        entries[503]["headers"] = {"Retry-After": header}
    if 401 in entries:
        entries[401]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return entries


def install(app: FastAPI) -> None:
    """Make every error of the app a :class:`Problem`.

    The handlers are coroutines, short as they are: a plain function would be called on another thread, and the event loop
    would wait for the threads that compute to hand over Python's lock, twice for each request that is refused.
    """
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _short)
    app.add_exception_handler(MemoryError, _short)
    app.add_exception_handler(RuntimeError, _short)  # "can't start new thread"
    app.add_exception_handler(500, _fault)


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return the error as a response."""
    return JSONResponse({"detail": detail}, status, headers)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn the package's errors into answers that name the picture as the client does."""
    try:
        yield
    except SrganError as error:
        status = 500
        if is_shortage(error):  # what may be otherwise in a minute
            raise short_of("disk space or memory") from None
        if isinstance(error, ImageTooLargeError):
            status = 413
        elif isinstance(error, ImageReadError | UsageError):
            status = 422
        shown = repr(Path(name).name) if name else "the picture"
        raise ProblemError(status, str(error) if error.subject is None else error.line(shown)) from None


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return answer(error.status, error.detail, error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(422, "; ".join(_sentence(entry) for entry in error.errors()) + ": see /docs")


def _sentence(entry: dict[str, Any]) -> str:
    """Return one of pydantic's complaints in this package's manner."""
    kind, name, said = entry["type"], entry["loc"][-1], str(entry["msg"])
    if kind == "value_error":  # our own words
        return said.removeprefix("Value error, ")
    return f"there is no parameter {name!r}" if kind == "extra_forbidden" else f"{name}: {said[:1].lower()}{said[1:]}"


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    said = {404: "there is nothing here", 405: "this method is not allowed here"}.get(error.status_code, error.detail)
    return answer(error.status_code, f"{said}: see /docs", headers)


def is_shortage(error: BaseException) -> bool:
    """Whether an error, or one that it came from, says that the machine is short of something: it may not be in a minute."""
    found: BaseException | None = error
    while found is not None:
        if is_lack_of_memory(found) or (isinstance(found, OSError) and found.errno in _SHORTAGES):
            return True
        before = found.__cause__ or found.__context__
        if isinstance(found, ImageReadError) and not isinstance(before, OSError | MemoryError):
            return False  # what a decoder says: a damaged file may ask for all memory that there is
        found = before
    return False


def short_of(what: str) -> ProblemError:
    """Return the error of a server that is short of something."""
    headers = {"Retry-After": "10", "Connection": "close"}
    return ProblemError(503, f"the server is short of {what}: try again in 10 s", headers)


async def _short(request: Request, error: Exception) -> Response:
    """Answer what may be otherwise in a minute: no descriptor, no room on the disk that holds the pictures."""
    if not is_shortage(error):
        raise error
    return await _problem(request, short_of("files, disk space or memory"))


async def _fault(_: Request, error: Exception) -> Response:
    del error  # uvicorn logs it; a client learns nothing about the inside
    return answer(500, "the server made a mistake: its log says more")
