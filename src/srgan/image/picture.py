"""A picture in memory, with everything that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.image.change import Origin
from srgan.image.colour import Colour
from srgan.image.parts import Part
from srgan.image.pixels import Rows, has_alpha
from srgan.image.text import Text
from srgan.image.tiff_entries import Entry


@dataclass(frozen=True)
class Header:
    """What a file says about its picture before it is decoded."""

    width: int
    """Pixels, as the picture is seen: with the orientation of its EXIF data applied."""
    height: int
    bands: int
    """Channels in the file: 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha or CMYK; a palette counts as its colours."""
    depth: int
    """Bits a sample: 1 to 16, or 32 for floats."""
    format: str
    """A key of :data:`srgan.image.FORMATS`, found from the content and not from the name."""
    pages: int = 1
    """Pages of a TIFF, frames of an animated GIF, WebP or PNG. Only the first one is read unless asked otherwise."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture: its pixels, upright, and what else belongs to it, as a file brought it.

    ``Picture(pixels)`` is enough where there is nothing but pixels.
    """

    pixels: NDArray[Any]
    """[height, width, channels], uint8 or uint16, full range. 1 channel: gray; 2: gray, alpha; 3: RGB; 4: RGB, alpha.
    Alpha is straight: colours are not multiplied with it. Values are those of the profile :attr:`icc`, sRGB if None.
    From :func:`srgan.image.read_rows` they are :class:`srgan.image.pixels.Rows`, to be used once from top to bottom."""
    icc: bytes | None = None
    """ICC profile of the values."""
    exif: bytes | None = None
    """EXIF data as it was read, with the old orientation, size and resolution; ``write`` corrects them."""
    xmp: bytes | None = None
    """In one piece, without JPEG's cut at 64 kB."""
    iptc: bytes | None = None
    """Photoshop's blocks as in a JPEG file, with the IPTC caption among them."""
    resolution: tuple[float, float] | None = None
    """Pixels a millimetre, horizontally and vertically, or None if the file does not say."""
    aspect: tuple[float, float] | None = None
    """Pixels a unit that the file does not name, or None: the ratio says how pixels are shaped, to ImageJ more than that."""
    colour: Colour | None = None
    """What the values mean, where the file says it by numbers and not by a profile."""
    texts: tuple[Text, ...] = ()
    """Texts and comments, in the file's order."""
    reference: tuple[Entry, ...] = ()
    """GeoTIFF's tags, little-endian: where on the earth the old pixels are."""
    parts: tuple[Part, ...] = ()
    """What follows the picture in a JPEG file: a gain map, a video."""
    format: str | None = None
    """The format that it was read from, a key of :data:`srgan.image.FORMATS`."""
    depth: int = 0
    """Bits a sample in the file that it was read from, 0 if unknown."""
    pages: int = 1
    """How many pages or frames that file has; this is one of them."""
    jpeg_quality: int | None = None
    """The quality, 1 to 100, that a JPEG file was saved with (:mod:`srgan.image.jpeg`); None for others."""
    origin: Origin | None = None
    """Size and orientation in the file that it was read from; whatever counts pixels is corrected by that."""
    history: str | None = None
    """Name of the network that enlarged it, for a line of history in the written file's XMP; None writes none."""
    notes: tuple[str, ...] = ()
    """What of the file is not in this picture, in a few words each."""
    multiband: bool = False
    """Whether the channels are bands of any number, as satellites and microscopes make them: none of them is alpha, and together
    they are no colours (:class:`srgan.image.BandReader`)."""

    def __post_init__(self) -> None:
        pixels = self.pixels
        is_array = isinstance(pixels, np.ndarray | Rows) and len(pixels.shape) == 3
        if not (is_array and (self.multiband or pixels.shape[2] in (1, 2, 3, 4))):
            raise UsageError(
                f"pixels are height x width x 1 to 4 channels, not {getattr(pixels, 'shape', type(pixels))}"
            )
        if pixels.dtype not in (np.uint8, np.uint16):
            raise UsageError(f"pixels are uint8 or uint16, not {pixels.dtype}: convert them")
        if 0 in pixels.shape:
            raise UsageError(f"the picture is empty: its shape is {pixels.shape}")

    @property
    def width(self) -> int:
        """Pixels horizontally."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels vertically."""
        return int(self.pixels.shape[0])

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return has_alpha(self.pixels.shape[2]) and not self.multiband

    def with_pixels(self, pixels: NDArray[Any], scale: float = 1.0) -> Picture:
        """Return a picture with other pixels and the same metadata.

        Parameters
        ----------
        pixels : [H, W, C], uint8 or uint16. A change between gray and colour drops a profile that would not fit
        scale : pixels of the new picture for each old one: the resolution grows by it, so the print size stays
        """
        resolution = self.resolution and (self.resolution[0] * scale, self.resolution[1] * scale)
        same_kind = (pixels.shape[-1] > 2) == (self.pixels.shape[2] > 2)
        icc = self.icc if same_kind else None
        origin = self.origin or Origin(self.width, self.height)
        return replace(self, pixels=pixels, resolution=resolution, icc=icc, origin=origin)


def to_rgb8(picture: Picture) -> NDArray[np.uint8]:
    """Return the pixels as [H, W, 3] uint8: gray repeated, 16 bit rounded to 8, alpha left out.

    What lies under transparency shows as it is stored.
    """
    pixels = picture.pixels
    colours = pixels[:, :, :-1] if picture.has_alpha else pixels
    eight = to_8_bit(colours)
    return np.ascontiguousarray(np.broadcast_to(eight, (*eight.shape[:2], 3)))


def to_8_bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the values as uint8; uint16 is divided by 257 and rounded, so that 65535 becomes 255."""
    if pixels.dtype == np.uint8:
        return pixels
    out = np.empty(pixels.shape, np.uint8)
    for row, values in enumerate(pixels):  # by rows: a whole picture in 32 bit would be large
        out[row] = (values.astype(np.uint32) + 128) // 257
    return out
