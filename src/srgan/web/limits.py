"""Whether a picture is accepted: decided from its header, before a pixel is decoded."""

from __future__ import annotations

from pathlib import Path

from srgan.engine.sizes import Size
from srgan.image import BandReader, Header
from srgan.web.problems import ProblemError
from srgan.web.settings import ServerSettings

_READER = BandReader()


def check(path: Path, settings: ServerSettings, reader: BandReader = _READER) -> Header:
    """Return the header of a picture that may be decoded, as the ``reader`` of a network's pictures sees it.

    Raises
    ------
    ImageReadError
        if it does not begin like a picture
    ProblemError
        413 for too many pixels, 422 for an animation or several pages
    """
    header = reader.probe(path)
    pixels = header.width * header.height
    if pixels > settings.max_pixels:
        raise ProblemError(
            413,
            f"the picture has {header.width} x {header.height} pixels, {_millions(pixels)}, and the limit here is "
            f"{_millions(settings.max_pixels)}: make it smaller, or cut it into parts",
        )
    if header.pages > 1:
        raise ProblemError(
            422, f"the file has {header.pages} frames or pages, and single pictures are enlarged here: send one of them"
        )
    return header


def check_result(size: Size, settings: ServerSettings) -> None:
    """Raise ProblemError (413) for a result of ``size`` (height, width) that is too large."""
    height, width = size
    if height * width > settings.max_result_pixels:
        raise ProblemError(
            413,
            f"the result would have {width} x {height} pixels, {_millions(height * width)}, and the limit here is "
            f"{_millions(settings.max_result_pixels)}: ask for a smaller one",
        )


def _millions(pixels: int) -> str:
    return f"{pixels / 1e6:,.{0 if pixels >= 10_000_000 else 2}f} million"
