"""One upload from the request to the answer: received, checked, queued, enlarged, sent."""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from srgan import image
from srgan.engine.sizes import Target
from srgan.image import Header
from srgan.jobs.job import Job
from srgan.jobs.reports import Done
from srgan.web import limits, naming, preview
from srgan.web.metrics import Metrics
from srgan.web.problems import CLIENT_CLOSED, ProblemError, explained
from srgan.web.queue import FullError, Place, StoppedError, WorkQueue
from srgan.web.refusing import full
from srgan.web.schema import UpscaleParams
from srgan.web.served_models import ServedModel
from srgan.web.settings import ServerSettings
from srgan.web.upload import GoneError, receive
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


class FileStream(StreamingResponse):
    """Sends files one after the other, and calls ``after`` when they are sent or nobody listens any more."""

    def __init__(self, paths: list[Path], after: Callable[[], None], media_type: str, headers: dict[str, str]) -> None:
        headers = headers | {"content-length": str(sum(path.stat().st_size for path in paths))}
        super().__init__(_chunks(paths), media_type=media_type, headers=headers)
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            # On another thread: each call to the system lets go of Python's lock, and has to wait for it anew.
            await asyncio.shield(asyncio.to_thread(self._after))


async def _chunks(paths: list[Path]) -> AsyncIterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, 1 << 18):
                yield chunk


@dataclass(frozen=True)
class _Upload:
    """A picture that was received and accepted."""

    job: Job
    name: str
    """What the client calls it; may be empty."""
    header: Header
    format: image.Format
    """Of the result."""
    size: Target
    after: tuple[int, int]
    """Height and width of the result."""


class Upscaling:
    """Answers requests for larger pictures."""

    def __init__(
        self, models: Mapping[str, ServedModel], settings: ServerSettings, queue: WorkQueue, metrics: Metrics
    ) -> None:
        self._models = models
        self._settings = settings
        self._queue = queue
        self._metrics = metrics
        self.tickets: dict[str, Place] = {}
        """The places of the requests that gave a ticket, as long as they last."""

    async def __call__(self, request: Request, params: UpscaleParams) -> Response:
        """Return the larger picture.

        Raises
        ------
        ProblemError
            for all that is wrong with the request or its picture, and where the server has no place or time for it
        """
        model = self._model(params)
        try:
            with self._queue.place() as place, self._ticket(params.ticket, place):
                async with asyncio.timeout(self._settings.deadline):
                    return await self._answer(request, params, model, place)
        except FullError as error:
            raise full(error) from None
        except TimeoutError:
            raise ProblemError(
                504,
                f"the picture was not done within {self._settings.deadline:g} s, the limit here: send a smaller one, "
                "or try later",
                {"Connection": "close"},
            ) from None
        except GoneError:
            return Response(status_code=CLIENT_CLOSED)

    def _model(self, params: UpscaleParams) -> ServedModel:
        """Return the network that is asked for."""
        models = self._models
        model = models.get(params.model or next(iter(models)))
        if model is None:
            raise ProblemError(422, f"there is no model {params.model!r} here: choose one of {', '.join(models)}")
        if params.fidelity is not None and model.blended is None:
            able = ", ".join(other.name for other in models.values() if other.blended is not None)
            advice = f"choose {able}, or leave it out" if able else "leave it out"
            raise ProblemError(422, f"fidelity blends a GAN with another network, and {model.name} has none: {advice}")
        if params.denoise is not None and not model.cleans:
            able = ", ".join(other.name for other in models.values() if other.cleans)
            advice = f"choose {able}, or leave it out" if able else "leave it out"
            raise ProblemError(422, f"denoise mixes two shipped networks, and {model.name} is another one: {advice}")
        if params.ticket in self.tickets:
            raise ProblemError(409, "this ticket is in use: make up another one")
        return model

    @contextmanager
    def _ticket(self, ticket: str | None, place: Place) -> Iterator[None]:
        """Let the place be found by its ticket for the block."""
        if ticket is not None:
            self.tickets[ticket] = place
        try:
            yield
        finally:
            self.tickets.pop(ticket or "", None)

    async def _answer(self, request: Request, params: UpscaleParams, model: ServedModel, place: Place) -> Response:
        folder = Path(tempfile.mkdtemp(prefix="srgan-"))
        remove = functools.partial(shutil.rmtree, folder, ignore_errors=True)
        work: Future[Done] | None = None
        try:
            source, name = await receive(request, folder, self._settings)
            with explained(name):
                upload = await self._accepted(params, model, source, name)
                chooser = functools.partial(model.sized, upload.size, params.fidelity, params.denoise)
                limit = self._settings.max_pixels
                pixels = upload.header.width * upload.header.height
                work = self._queue.submit(
                    place,
                    lambda told: enlarge(upload.job, chooser, told, quality=params.quality, max_pixels=limit),
                    pixels,
                )
                done = await _finished(work, request)
                shown = None
                if params.preview:
                    shown = await asyncio.to_thread(preview.beside, upload.job.target, model.chooser.channels)
            self._metrics.pixels.inc(pixels)
            return self._sent(upload, model, done, remove, shown)
        except BaseException:
            # The worker thread may still be in the folder; it ends at its next tile, as nobody waits any more.
            if work is None:
                remove()
            else:
                place.stop()
                work.add_done_callback(lambda _: remove())
            raise

    async def _accepted(self, params: UpscaleParams, model: ServedModel, source: Path, name: str) -> _Upload:
        """Return what becomes of a picture, if its header and the size of its result are within the limits."""
        channels = model.chooser.channels
        header = await asyncio.to_thread(limits.check, source, self._settings, image.BandReader(channels))
        kind = _format(params, header.format if channels == 3 else "TIFF")
        image.check_bands(f"result{_SUFFIXES[kind.name]}", channels)
        size = params.target
        after = size.of(header.height, header.width, model.scale)
        limits.check_result(after, self._settings)
        if max(after) > kind.max_side:
            raise ProblemError(
                422,
                f"{kind.name} holds {kind.max_side} pixels a side, and the result would have {after[1]} x {after[0]}: "
                "ask for png or tiff",
            )
        job = Job(source, source.with_name(f"result{_SUFFIXES[kind.name]}"))
        return _Upload(job, name, header, kind, size, after)

    def _sent(
        self, upload: _Upload, model: ServedModel, done: Done, after: Callable[[], None], shown: Path | None = None
    ) -> Response:
        target = upload.job.target
        name = f"{naming.stem(upload.name)}_{upload.size.label(model.scale)}{target.suffix}"
        headers = {
            "content-disposition": naming.attachment(name),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "x-srgan-model": quote(done.network),
            "x-srgan-seen": quote(done.seen),
            "x-srgan-size": f"{upload.after[1]}x{upload.after[0]}",
        }
        if shown is not None:
            headers["x-srgan-preview"] = str(shown.stat().st_size)
        files = [target] if shown is None else [target, shown]
        return FileStream(files, after, MEDIA_TYPES[upload.format.name], headers)


async def _finished(work: Future[Done], request: Request) -> Done:
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
        raise GoneError
    try:
        return future.result()
    except StoppedError:
        raise GoneError from None


async def _gone(request: Request) -> None:
    """Return when the client has closed the connection; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _format(params: UpscaleParams, given: str) -> image.Format:
    if params.format is None:
        return image.FORMATS[given if given in MEDIA_TYPES else "PNG"]
    return next(f for f in image.FORMATS.values() if f".{params.format}" in f.suffixes)
