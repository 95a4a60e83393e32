"""What browsers are shown of pictures that they cannot show: TIFF, HEIC, raw files."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from fastapi import Request, Response

from srgan import image
from srgan.errors import SrganError
from srgan.image import Picture
from srgan.web import limits
from srgan.web.problems import CLIENT_CLOSED, ProblemError, explained
from srgan.web.served_models import ServedModel
from srgan.web.settings import ServerSettings
from srgan.web.upload import GoneError, receive

MOST_PIXELS = 50_000_000
"""A result of more pixels gets no preview, as all of it would be in memory a second time."""

QUALITY = 90


class Previews:
    """Answers requests for a picture as JPEG: one at a time, as each is in memory as a whole."""

    def __init__(self, models: Mapping[str, ServedModel], settings: ServerSettings, waiting: int = 4) -> None:
        self._models = models
        self._settings = settings
        # One thread, and not a thread for each request with a lock around it: a picture that takes too long is given up by its
        # request, but not by its thread, and no other one begins beside it.
        self._worker = ThreadPoolExecutor(1, "srgan-preview")
        self._free = threading.Semaphore(1 + waiting)

    async def __call__(self, request: Request) -> Response:
        """Return the picture of the request's body as a JPEG of the same size.

        Raises
        ------
        ProblemError
            as for :class:`srgan.web.upscaling.Upscaling`; 503 if too many wait
        """
        if not self._free.acquire(blocking=False):
            raise ProblemError(503, "too many previews wait: try again in 5 s", {"Retry-After": "5"})
        folder = Path(tempfile.mkdtemp(prefix="srgan-"))
        work: Future[str] | None = None
        try:
            source, name = await receive(request, folder, self._settings)
            with explained(name):
                work = self._worker.submit(self._rendered, source, folder / "preview.jpg")
                async with asyncio.timeout(self._settings.deadline):
                    size = await asyncio.wrap_future(work)
            body = await asyncio.to_thread((folder / "preview.jpg").read_bytes)
            headers = {"x-srgan-size": size, "cache-control": "no-store"}
            return Response(body, media_type="image/jpeg", headers=headers)
        except TimeoutError:
            raise ProblemError(504, "the preview was not done in time: try again later") from None
        except GoneError:
            return Response(status_code=CLIENT_CLOSED)
        finally:
            if work is None:
                self._end(folder)
            else:
                work.add_done_callback(lambda _: self._end(folder))  # now, or when its thread is through

    def _rendered(self, source: Path, target: Path) -> str:
        """Write the preview, and return the picture's size as the answer's header says it."""
        bands = image.bands_of(source, tuple({model.chooser.channels for model in self._models.values()}))
        header = limits.check(source, self._settings, image.BandReader(bands))
        render(source, target, bands, max_pixels=self._settings.max_pixels)
        return f"{header.width}x{header.height}"

    def _end(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._free.release()


def render(source: Path, target: Path, bands: int = 3, *, max_pixels: int) -> None:
    """Write a picture as JPEG in 8 bits, upright, with its colour profile; transparency is white.

    Parameters
    ----------
    bands : of the network that the picture is for; of other bands than colours the first three are shown

    Raises
    ------
    SrganError
        as :func:`srgan.image.read_shown` and :func:`srgan.image.write`
    """
    picture = image.read_shown(source, bands, max_pixels=max_pixels)
    image.write(Picture(picture.pixels, icc=picture.icc, colour=picture.colour), target, quality=QUALITY)


def beside(result: Path, bands: int = 3) -> Path | None:
    """Return a JPEG of a result, written beside it; None where it is too large for one, or JPEG cannot hold it."""
    target = result.with_name("preview.jpg")
    try:
        render(result, target, bands, max_pixels=MOST_PIXELS)
    except SrganError:  # the result itself is there
        return None
    return target
