"""What browsers are shown of pictures that they cannot show: TIFF, HEIC, raw files."""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from pathlib import Path

from fastapi import Request, Response

from srgan import image
from srgan.errors import SrganError
from srgan.image import Picture
from srgan.web import limits
from srgan.web.problems import CLIENT_CLOSED, ProblemError, explained
from srgan.web.settings import Settings
from srgan.web.upload import GoneError, receive

MOST_PIXELS = 50_000_000
"""A result of more pixels gets no preview, as all of it would be in memory a second time."""

QUALITY = 90


class Previews:
    """Answers requests for a picture as JPEG: one at a time, as each is in memory as a whole."""

    def __init__(self, settings: Settings, waiting: int = 4) -> None:
        self._settings = settings
        self._one = asyncio.Semaphore(1)
        self._inside = 0
        self._most = 1 + waiting

    async def __call__(self, request: Request) -> Response:
        """Return the picture of the request's body as a JPEG of the same size.

        Raises
        ------
        ProblemError
            as for :class:`srgan.web.upscaling.Upscaling`; 503 if too many wait
        """
        if self._inside >= self._most:
            raise ProblemError(503, "too many previews wait: try again in 5 s", {"Retry-After": "5"})
        self._inside += 1
        folder = Path(tempfile.mkdtemp(prefix="srgan-"))
        try:
            source, name = await receive(request, folder, self._settings)
            with explained(name):
                async with asyncio.timeout(self._settings.deadline), self._one:
                    header = await asyncio.to_thread(limits.check, source, self._settings)
                    limit = self._settings.max_pixels
                    await asyncio.to_thread(render, source, folder / "preview.jpg", max_pixels=limit)
            body = await asyncio.to_thread((folder / "preview.jpg").read_bytes)
            size = {"x-srgan-size": f"{header.width}x{header.height}", "cache-control": "no-store"}
            return Response(body, media_type="image/jpeg", headers=size)
        except TimeoutError:
            raise ProblemError(504, "the preview was not done in time: try again later") from None
        except GoneError:
            return Response(status_code=CLIENT_CLOSED)
        finally:
            self._inside -= 1
            await asyncio.to_thread(functools.partial(shutil.rmtree, folder, ignore_errors=True))


def render(source: Path, target: Path, *, max_pixels: int) -> None:
    """Write a picture as JPEG in 8 bits, upright, with its colour profile; transparency is white.

    Raises
    ------
    SrganError
        as :func:`srgan.image.read` and :func:`srgan.image.write`
    """
    picture = image.read(source, max_pixels=max_pixels)
    image.write(Picture(picture.pixels, icc=picture.icc, colour=picture.colour), target, quality=QUALITY)


def beside(result: Path) -> Path | None:
    """Return a JPEG of a result, written beside it; None where it is too large for one, or JPEG cannot hold it."""
    target = result.with_name("preview.jpg")
    try:
        header = image.probe(result)
        if header.width * header.height > MOST_PIXELS:
            return None
        render(result, target, max_pixels=MOST_PIXELS)
    except SrganError:  # the result itself is there
        return None
    return target
