"""One picture from file to file, on the worker thread."""

from __future__ import annotations

from pathlib import Path

from srgan import image
from srgan.engine.sizes import Target
from srgan.engine.tile_pass import Progress
from srgan.errors import SrganError
from srgan.web.offers import Offer
from srgan.web.settings import Settings


def enlarge(
    source: Path,
    target: Path,
    offer: Offer,
    size: Target,
    settings: Settings,
    progress: Progress,
    quality: int | None = None,
    fidelity: float | None = None,
) -> str:
    """Read a picture, enlarge it, write it with everything that belongs to it, and return the name of the network that did.

    ``fidelity`` blends a GAN with the network it was trained from. ``progress`` may raise to end the work; nothing is
    written then.

    Raises
    ------
    ImageError, UsageError
        as :func:`srgan.image.read`, :meth:`srgan.web.offers.Offer.sized` and :func:`srgan.image.write`
    """
    picture = image.read(source, max_pixels=settings.max_pixels)
    upscaler = offer.sized(size, fidelity).upscaler_for(picture)
    try:
        pixels = upscaler(picture.pixels, progress=progress)
        factor = pixels.shape[1] / picture.width
        larger = picture.with_pixels(pixels, factor)
        del picture
        progress(1, 1)  # a last chance to stop, before the file is encoded
        image.write(larger, target, quality=quality)
    except MemoryError:
        raise SrganError("the picture does not fit into this server's memory: send a smaller one") from None
    return upscaler.name
