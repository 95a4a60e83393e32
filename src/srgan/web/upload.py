"""A request's body becomes a file; what is too large or too slow is refused while it comes in."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from srgan.image.formats import RAW_SUFFIXES
from srgan.web.problems import ProblemError
from srgan.web.settings import ServerSettings

FIELD = "image"
"""Name of the form field that holds the picture; where there is none of that name, the only file is taken."""

_NO_PICTURE = "send the picture as the body, or as the form field 'image'"


class GoneError(Exception):
    """The client went away."""


async def receive(request: Request, folder: Path, settings: ServerSettings) -> tuple[Path, str]:
    """Write the picture of a request into a folder; return the file, and the name that the client gives it or an empty string.

    Raises
    ------
    ProblemError
        400 for a body without a picture, 408 for one that stalls, 413 for one that is too large
    GoneError
        if the client goes away meanwhile
    """
    source = folder / "picture"
    name = await _received(request, source, settings)
    if (suffix := Path(name).suffix.lower()) in RAW_SUFFIXES:
        source = source.rename(source.with_suffix(suffix))  # it tells these files from TIFF
    return source, name


async def _received(request: Request, target: Path, settings: ServerSettings) -> str:
    try:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > settings.max_bytes:
            raise _too_large(settings)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return await _multipart(request, target, settings)
        if kind == "application/x-www-form-urlencoded":
            raise ProblemError(400, f"a form of that kind holds no file: {_NO_PICTURE}")
        with target.open("wb") as file:
            async for piece in _pieces(request, settings):
                file.write(piece)
        if not target.stat().st_size:
            raise ProblemError(400, f"the body is empty: {_NO_PICTURE}")
        return ""
    except ClientDisconnect:
        raise GoneError from None


async def _pieces(request: Request, settings: ServerSettings) -> AsyncGenerator[bytes, None]:
    """Yield the body piece by piece, for as long as it is neither too large nor too slow."""
    total = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(settings.stall):
                piece = await anext(stream, None)
        except TimeoutError:
            raise ProblemError(
                408, f"no data came for {settings.stall:g} seconds: send the picture again", {"Connection": "close"}
            ) from None
        if piece is None:
            return
        total += len(piece)
        if total > settings.max_bytes:
            raise _too_large(settings)
        yield piece


async def _multipart(request: Request, target: Path, settings: ServerSettings) -> str:
    parser = MultiPartParser(request.headers, _pieces(request, settings), max_files=4, max_fields=20)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        reason = getattr(error, "message", "it is not well formed")
        raise ProblemError(400, f"the form cannot be read ({reason.rstrip('.')}): {_NO_PICTURE}") from None
    try:
        files = [value for key, value in form.multi_items() if isinstance(value, UploadFile) and key == FIELD]
        files = files or [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise ProblemError(400, f"the form holds {len(files)} pictures, not one: {_NO_PICTURE}")
        with target.open("wb") as file:
            await asyncio.to_thread(shutil.copyfileobj, files[0].file, file)
        if not target.stat().st_size:
            raise ProblemError(400, f"the picture is empty (0 bytes): {_NO_PICTURE}")
        return files[0].filename or ""
    finally:
        await form.close()


def _too_large(settings: ServerSettings) -> ProblemError:
    limit = f"{settings.max_bytes / 1e6:,.1f}".removesuffix(".0")
    return ProblemError(413, f"the body is larger than {limit} MB, the limit here: send a smaller file", _CLOSE)


_CLOSE = {"Connection": "close"}
