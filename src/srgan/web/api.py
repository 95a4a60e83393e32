"""The HTTP API: pictures in, larger pictures out."""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.types import Receive, Scope, Send

from srgan import image
from srgan._version import __version__
from srgan.engine.sizes import MAX_SCALE, MAX_SIDE, Target
from srgan.errors import ImageReadError, ImageTooLargeError, SrganError, UsageError
from srgan.image.formats import RAW_SUFFIXES
from srgan.web import intake, limits, naming
from srgan.web.access import guard
from srgan.web.metrics import Metrics
from srgan.web.offers import Offer
from srgan.web.problems import CLIENT_CLOSED, ProblemError, documented
from srgan.web.queue import FullError, Place, State, StoppedError, WorkQueue
from srgan.web.settings import Settings
from srgan.web.work import enlarge

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WebP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "PNM": "image/x-portable-anymap",
}
_SUFFIXES = {name: entry.suffixes[0] for name, entry in image.FORMATS.items()} | {"PNM": ".pnm"}


class FormatOption(StrEnum):
    """Formats of results."""

    jpeg = "jpeg"
    jpg = "jpg"
    png = "png"
    webp = "webp"
    avif = "avif"
    tiff = "tiff"
    tif = "tif"
    gif = "gif"
    bmp = "bmp"
    pnm = "pnm"


class Wish(BaseModel):
    """What a client may ask for, as query parameters."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field("", description="Name of a network, see /v1/models. Default: the first one.")
    scale: float | None = Field(
        None, gt=1, le=MAX_SCALE, allow_inf_nan=False, description="Enlargement. Default: the network's own."
    )
    width: int | None = Field(None, ge=1, le=MAX_SIDE, description="Instead of scale: pixels across of the result.")
    fidelity: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="Blend a GAN (0) with its faithful partner (1)."
    )
    format: FormatOption | None = Field(None, description="Format of the result. Default: the input's.")
    quality: int | None = Field(None, ge=1, le=100, description="For formats that lose.")
    ticket: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{8,64}$",
        description="A name that you make up for this request, to ask /v1/progress/TICKET how far it is.",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Wish:
        if self.scale is not None and self.width is not None:
            raise ValueError("scale and width each say how large the result is: give one of them")
        return self


class ModelEntry(BaseModel):
    """A network that this server offers."""

    name: str
    scale: int = Field(description="Its own enlargement.")
    when: str = Field(description="When to take it.")
    fidelity: bool = Field(description="Whether it takes a fidelity.")


class Limits(BaseModel):
    """What this server accepts."""

    max_bytes: int
    max_pixels: int
    max_result_pixels: int
    deadline: float = Field(description="Seconds.")


class ModelList(BaseModel):
    """The networks, the default one first, and the server's limits."""

    version: str
    models: list[ModelEntry]
    limits: Limits


class Progress(BaseModel):
    """How far a picture is."""

    state: State
    ahead: int = Field(description="Pictures that are computed before this one.")
    done: float = Field(ge=0, le=1, description="Share that is computed.")


class Health(BaseModel):
    """That the server lives."""

    status: Literal["ok"] = "ok"


class FileStream(StreamingResponse):
    """Sends a file, and calls ``after`` when it is sent or nobody listens any more."""

    def __init__(self, path: Path, after: Callable[[], None], media_type: str, headers: dict[str, str]) -> None:
        headers = headers | {"content-length": str(path.stat().st_size)}
        super().__init__(_chunks(path), media_type=media_type, headers=headers)
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._after()


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 1 << 18):
            yield chunk


def router(offers: Mapping[str, Offer], settings: Settings, queue: WorkQueue, metrics: Metrics) -> APIRouter:
    """Return the API's routes."""
    api = APIRouter()
    guarded = [Depends(guard(settings))]
    default = next(iter(offers))
    tickets: dict[str, Place] = {}

    @api.post(
        "/v1/upscale",
        tags=["Pictures"],
        summary="Enlarge a picture",
        dependencies=guarded,
        response_class=Response,  # of no one media type: errors are JSON, pictures of many kinds
        responses={200: _PICTURE, **documented(400, 401, 403, 408, 409, 413, 422, 503, 504)},
        openapi_extra={"requestBody": _BODY},
    )
    async def upscale(request: Request, wish: Annotated[Wish, Query()]) -> Response:
        """Send a picture as the body, or as the field `image` of a form; the answer is the larger picture.

        Format, depth, alpha, profile, EXIF, XMP and resolution are those of the input. A client that closes the
        connection stops the work.
        """
        offer = offers.get(wish.model or default)
        if offer is None:
            raise ProblemError(422, f"there is no model {wish.model!r} here: choose one of {', '.join(offers)}")
        if wish.fidelity is not None and offer.blended is None:
            able = ", ".join(other.name for other in offers.values() if other.blended is not None)
            advice = f"choose {able}, or leave it out" if able else "leave it out"
            raise ProblemError(422, f"fidelity blends a GAN with another network, and {offer.name} has none: {advice}")
        if wish.ticket in tickets:
            raise ProblemError(409, "this ticket is in use: make up another one")
        try:
            with queue.place() as place:
                if wish.ticket is not None:
                    tickets[wish.ticket] = place
                try:
                    async with asyncio.timeout(settings.deadline):
                        return await _serve(request, wish, offer, place)
                finally:
                    tickets.pop(wish.ticket or "", None)
        except FullError as error:
            raise ProblemError(
                503,
                f"the queue is full: try again in {error.seconds} s",
                {"Retry-After": str(error.seconds), "Connection": "close"},
            ) from None
        except TimeoutError:
            raise ProblemError(
                504,
                f"the picture was not done within {settings.deadline:g} s, the limit here: send a smaller one, or try later",
                {"Connection": "close"},
            ) from None
        except intake.GoneError:
            return Response(status_code=CLIENT_CLOSED)

    async def _serve(request: Request, wish: Wish, offer: Offer, place: Place) -> Response:
        folder = Path(tempfile.mkdtemp(prefix="srgan-"))
        remove = functools.partial(shutil.rmtree, folder, ignore_errors=True)
        work: Future[str] | None = None
        try:
            source = folder / "picture"
            name = await intake.receive(request, source, settings)
            if (suffix := Path(name).suffix.lower()) in RAW_SUFFIXES:
                source = source.rename(source.with_suffix(suffix))  # it tells these files from TIFF
            size = Target(wish.scale, wish.width)
            with _explained(name):
                header = await asyncio.to_thread(limits.check, source, settings)
                kind = _format(wish, header.format)
                after = size.of(header.height, header.width, offer.scale)
                limits.check_result(after, settings)
                if max(after) > kind.max_side:
                    raise ProblemError(
                        422,
                        f"{kind.name} holds {kind.max_side} pixels a side, and the result would have "
                        f"{after[1]} x {after[0]}: ask for png or tiff",
                    )
                target = folder / f"result{_SUFFIXES[kind.name]}"
                started = asyncio.get_running_loop().time()
                options: dict[str, Any] = {"quality": wish.quality, "fidelity": wish.fidelity}
                work = queue.submit(place, lambda told: enlarge(source, target, offer, size, settings, told, **options))
                network = await _finished(work, request)
            seconds = asyncio.get_running_loop().time() - started
            queue.took(seconds)
            metrics.pixels.inc(header.width * header.height)
            result = f"{naming.stem(name)}_{size.label(offer.scale)}{target.suffix}"
            return FileStream(
                target,
                remove,
                MEDIA_TYPES[kind.name],
                {
                    "content-disposition": naming.attachment(result),
                    "cache-control": "no-store",
                    "x-content-type-options": "nosniff",
                    "x-srgan-model": quote(network),
                    "x-srgan-size": f"{after[1]}x{after[0]}",
                },
            )
        except BaseException:
            # The worker thread may still be in the folder; it ends at its next tile, as nobody waits any more.
            if work is None:
                remove()
            else:
                place.stop()
                work.add_done_callback(lambda _: remove())
            raise

    @api.get(
        "/v1/models",
        tags=["Pictures"],
        summary="The networks and the limits",
        dependencies=guarded,
        responses=documented(401, 403),
    )
    def models() -> ModelList:
        """List what `model` may be, the default first."""
        return ModelList(
            version=__version__,
            models=[
                ModelEntry(name=o.name, scale=o.scale, when=o.when, fidelity=o.blended is not None)
                for o in offers.values()
            ],
            limits=Limits(
                max_bytes=settings.max_bytes,
                max_pixels=settings.max_pixels,
                max_result_pixels=settings.max_result_pixels,
                deadline=settings.deadline,
            ),
        )

    @api.get(
        "/v1/progress/{ticket}",
        tags=["Pictures"],
        summary="How far a picture is",
        dependencies=guarded,
        responses=documented(401, 403, 404, 422),
    )
    async def progress(ticket: str) -> Progress:
        """Ask for the ticket that you gave with a picture, as long as its request lasts."""
        place = tickets.get(ticket)
        if place is None:
            raise ProblemError(404, "there is no such ticket: its picture is done, or was never sent")
        return Progress(
            state=place.state,
            ahead=queue.ahead_of(place),
            done=min(place.done / place.total, 1) if place.total else 0,
        )

    @api.get("/healthz", tags=["Server"], summary="Whether the server lives")
    async def healthz() -> Health:
        """Answer at once, however long the queue is."""
        return Health()

    @api.get(
        "/metrics",
        tags=["Server"],
        summary="Figures for Prometheus",
        dependencies=guarded,
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format"},
            **documented(401, 403),
        },
    )
    def figures() -> Response:
        """Count requests by status, seconds, pixels, the queue, and what the process takes."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return api


async def _finished(work: Future[str], request: Request) -> str:
    """Wait for the work, as long as the client waits too, and return what it returns.

    Raises
    ------
    GoneError
        if it does not
    """
    future = asyncio.wrap_future(work)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be nobody's business any more
    gone: asyncio.Future[Any] = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait([future, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if not future.done() or future.cancelled():
        raise intake.GoneError
    try:
        return future.result()
    except StoppedError:
        raise intake.GoneError from None


async def _gone(request: Request) -> None:
    """Return when the client has closed the connection; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _explained:  # noqa: N801 - used like a function
    """Turns the package's errors into answers that name the picture as the client does."""

    def __init__(self, name: str) -> None:
        self._shown = repr(Path(name).name) if name else "the picture"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, SrganError):
            return
        status = 500
        if isinstance(error, ImageTooLargeError):
            status = 413
        elif isinstance(error, ImageReadError | UsageError):
            status = 422
        detail = str(error) if error.subject is None else error.line(self._shown)
        raise ProblemError(status, detail) from None


def _format(wish: Wish, given: str) -> image.Format:
    if wish.format is None:
        return image.FORMATS[given]
    return next(f for f in image.FORMATS.values() if f".{wish.format}" in f.suffixes)


_BINARY = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "description": "The picture: JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or PNM. Its bytes decide, not its declared type.",
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {intake.FIELD: _BINARY}, "required": [intake.FIELD]}
        },
        "application/octet-stream": {"schema": _BINARY},
    },
}
_PICTURE: dict[str, Any] = {
    "description": "The larger picture",
    "content": {kind: {"schema": _BINARY} for kind in MEDIA_TYPES.values()},
    "headers": {
        "X-Srgan-Model": {
            "description": "The network that did it; for auto the one chosen",
            "schema": {"type": "string"},
        },
        "X-Srgan-Size": {"description": "Width x height of the result", "schema": {"type": "string"}},
    },
}
