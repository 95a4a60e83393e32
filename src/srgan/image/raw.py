"""Cameras' raw files through rawpy (LibRaw): developed with the camera's white balance, to sRGB of 16 bits."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any, BinaryIO

from numpy.typing import NDArray

from srgan.image import jpeg_segments, tiff
from srgan.image.file_metadata import FileMetadata
from srgan.image.opened import DamagedError, Opened

_TURNED = (5, 6)
"""LibRaw's "flip" for a quarter turn to either side."""


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open a raw file; nothing is developed before ``decode`` is called."""
    rawpy: Any = import_module("rawpy")
    del page
    file.seek(0)
    shot = rawpy.RawPy()
    try:
        shot.open_buffer(io.BytesIO(file.read()))
        sizes = shot.sizes
    except rawpy.LibRawError as error:
        raise DamagedError(_said(error)) from None
    width, height = sizes.iwidth or sizes.width, sizes.iheight or sizes.height
    if sizes.flip in _TURNED:
        width, height = height, width
    if min(width, height) < 1:
        raise DamagedError("its header says that it has no pixels")

    def decode() -> NDArray[Any]:
        try:
            pixels: NDArray[Any] = shot.postprocess(use_camera_wb=True, output_bps=16, gamma=(2.4, 12.92))
        except (rawpy.LibRawError, ValueError) as error:
            raise DamagedError(_said(error)) from None
        return pixels

    return Opened(width, height, 3, 16, decode, metadata=_metadata(file, shot))


def _metadata(file: BinaryIO, shot: Any) -> FileMetadata:
    """Return EXIF data: from the directory of the file, where it is a kind of TIFF, else from the preview."""
    rawpy: Any = import_module("rawpy")
    notes = ("the unprocessed values of the sensor",)
    said = tiff.read(file)
    if said.exif is not None:
        return FileMetadata(said.exif, said.xmp, notes=notes)
    try:
        preview = shot.extract_thumb()
    except (rawpy.LibRawError, ValueError):
        return FileMetadata(notes=notes)
    if preview.format != rawpy.ThumbFormat.JPEG:
        return FileMetadata(notes=notes)
    inside = jpeg_segments.read_bytes(bytes(preview.data))
    return FileMetadata(inside.exif, inside.xmp, notes=notes)


def _said(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return " ".join((text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)).split()) or "damaged"
