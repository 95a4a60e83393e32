"""HEIC, as phones write it, through pillow-heif (libheif with libde265 and x265)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image import bmff
from srgan.image.file_metadata import read_boxes
from srgan.image.opened import DamagedError, Opened, damage

_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1, "L;16": 1, "LA;16": 2, "RGB;16": 3, "RGBA;16": 4}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_WRITTEN_DEPTH = 10


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open a HEIC file at its main picture, turned as the container says; other pictures, depth and gain maps are notes."""
    library: Any = import_module("pillow_heif")
    file.seek(0)
    with damage():
        whole = library.open_heif(file, convert_hdr_to_8bit=False)
        count = len(whole)
        picture = whole[page if page else whole.primary_index]
    if picture.mode not in _CHANNELS:
        raise DamagedError(f"its pixels are of the kind {picture.mode}")
    info = picture.info
    depth = int(info.get("bit_depth") or 8)
    boxes = read_boxes(file)
    notes = list(boxes.notes)
    if info.get("depth_images") and "the depth map" not in notes:
        notes.append("the depth map")
    if count > 1:
        notes.append(f"{count - 1} more {'picture' if count == 2 else 'pictures'} in the file")
    metadata = replace(boxes, exif=info.get("exif") or None, xmp=info.get("xmp") or None, notes=tuple(notes))
    width, height = picture.size
    channels = _CHANNELS[picture.mode]

    def decode() -> NDArray[Any]:
        with damage():
            values = np.asarray(picture)
        values = values.reshape(height, width, channels)
        if values.dtype == np.uint16:  # which has the samples in its upper bits
            full = (1 << depth) - 1
            values = ((values >> (16 - depth)).astype(np.uint32) * 65535 + full // 2) // full
            return values.astype(np.uint16)
        return values

    icc = info.get("icc_profile") or None
    return Opened(width, height, channels, depth, decode, icc=icc, metadata=metadata)


def encode(
    pixels: NDArray[Any],
    out: BinaryIO,
    quality: int,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    properties: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Write ``[H, W, C]``, uint8, or uint16 as 10 bits, to an open file; chroma in full resolution.

    ``properties`` are boxes of the main picture, kind and content.
    """
    library: Any = import_module("pillow_heif")
    if pixels.shape[2] == 2:
        pixels = pixels[:, :, [0, 0, 0, 1]]
    mode = _MODES[pixels.shape[2]]
    if pixels.dtype == np.uint16:
        full = (1 << _WRITTEN_DEPTH) - 1
        pixels = ((pixels.astype(np.uint32) * full + 32767) // 65535 << (16 - _WRITTEN_DEPTH)).astype(np.uint16)
        mode += ";16"
    height, width = pixels.shape[:2]
    made = library.from_bytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    options: dict[str, Any] = {"quality": -1 if quality == 100 else quality, "chroma": 444}
    if exif is not None:
        options["exif"] = exif if exif.startswith(b"Exif\0\0") else b"Exif\0\0" + exif
    if xmp is not None:
        options["xmp"] = xmp
    if icc is not None:
        made.info["icc_profile"] = icc
        made.info["icc_profile_type"] = "prof"
    if properties:
        whole = io.BytesIO()
        made.save(whole, **options)
        out.write(bmff.with_properties(whole.getvalue(), properties))
    else:
        made.save(out, **options)
    out.flush()
