"""Formats that Pillow reads safely and nobody asks to be written: PSD (flattened), TGA, DDS, icons, JPEG 2000.

Each is opened by its own plugin, so that no other reader of Pillow's can be reached by a file.
"""

from __future__ import annotations

import importlib
import struct
import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image import tga
from srgan.image.file_metadata import FileMetadata
from srgan.image.opened import DamagedError, Opened, damage

PLUGINS = {
    "PSD": ("PsdImagePlugin", "PsdImageFile"),
    "TGA": ("TgaImagePlugin", "TgaImageFile"),
    "DDS": ("DdsImagePlugin", "DdsImageFile"),
    "ICO": ("IcoImagePlugin", "IcoImageFile"),
    "JPEG 2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
}

_BANDS = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1}
_DEEP = ("I;16", "I;16B", "I;16L")
_EXIF, _XMP = 0x0422, 0x0424
_CUBE, _VOLUME = 0x200, 0x200000


def open_file(file: BinaryIO, page: int = 0, *, kind: str) -> Opened:
    """Open a file of one of :data:`PLUGINS`; nothing is decoded yet."""
    from PIL import Image

    del page
    module, name = PLUGINS[kind]
    file.seek(0)
    with damage(), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked before decoding
        picture = getattr(importlib.import_module(f"PIL.{module}"), name)(file)
    width, height = picture.size
    if min(width, height) < 1:
        raise DamagedError("its header says that it has no pixels")
    mode = _mode(picture)
    notes = []
    layers = len(getattr(picture, "layers", ()) or ())
    if kind == "PSD" and layers > 1:
        notes.append(f"{layers} layers: the picture is what they show together")
    if kind == "ICO" and len(sizes := picture.info.get("sizes", ())) > 1:
        notes.append("a smaller icon" if len(sizes) == 2 else f"{len(sizes) - 1} smaller icons")
    if kind == "DDS":
        notes += _beside_the_texture(file)
    about = {number: data for number, _, data in getattr(picture, "resources", ()) or ()}
    dpi = picture.info.get("dpi")
    resolution = (dpi[0] / 25.4, dpi[1] / 25.4) if dpi and min(dpi) > 0 else None
    metadata = FileMetadata(about.get(_EXIF), about.get(_XMP), resolution=resolution, notes=tuple(notes))
    if kind == "TGA":
        metadata = tga.read(file)

    def decode() -> NDArray[Any]:
        with damage():
            picture.load()
            pixels = np.asarray(picture if picture.mode == mode else picture.convert(mode))
        if pixels.dtype == bool:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        values: NDArray[Any] = pixels.astype(np.uint16) if pixels.dtype.itemsize == 2 else pixels
        return values if values.ndim == 3 else values[:, :, None]

    icc = picture.info.get("icc_profile") if picture.mode not in ("CMYK", "LAB") else None
    return Opened(width, height, _BANDS[mode], 16 if mode == "I;16" else 8, decode, icc=icc, metadata=metadata)


def _beside_the_texture(file: BinaryIO) -> list[str]:
    """Return words for what a DDS file has beside its first picture (Microsoft's DDS_HEADER)."""
    file.seek(0)
    head = file.read(128).ljust(128, b"\0")
    levels, more = struct.unpack_from("<I", head, 28)[0], struct.unpack_from("<I", head, 112)[0]
    words = [f"{levels - 1} smaller {'copy' if levels == 2 else 'copies'} of it (mipmaps)"] if levels > 1 else []
    if more & _CUBE:
        words.append("the other faces of its cube")
    if more & _VOLUME:
        words.append("the further slices of its volume")
    return words


def _mode(picture: Any) -> str:
    """Return the mode of Pillow's in which the pixels are taken."""
    if picture.mode in _DEEP:
        return "I;16"
    if picture.mode in ("1", "L", "LA", "RGB", "RGBA"):
        return "L" if picture.mode == "1" else str(picture.mode)
    return "RGBA" if picture.mode in ("PA", "La", "RGBa") or "transparency" in picture.info else "RGB"
