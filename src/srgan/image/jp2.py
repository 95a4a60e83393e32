"""What a JPEG 2000 file says beside its pixels, which Pillow passes over, and pixels of more than 8 bits.

(ISO/IEC 15444-1, annexes A and I; GeoJP2 1.0.3.)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image import boxes, pillow, tiff
from srgan.image.file_metadata import FileMetadata
from srgan.image.opened import DamagedError, Opened, damage
from srgan.image.pixels import full_range

_SIZES = b"\xff\x4f\xff\x51"
"""Where the coded picture begins: its start and the marker of its sizes."""
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"
_GEOTIFF = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
_MOST_BOX = 64 << 20


@dataclass(frozen=True)
class Said:
    """What the boxes say."""

    metadata: FileMetadata
    icc: bytes | None
    depth: int
    """Bits of the first channel; 0 if unknown."""


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open a JPEG 2000 file; nothing is decoded yet."""
    opened = pillow.open_file(file, page, kind="JPEG 2000")
    said = read(file)
    metadata, icc = said.metadata, said.icc or opened.icc
    if said.depth <= 8:
        return replace(opened, metadata=metadata, icc=icc)
    if find_spec("imagecodecs") is not None:
        return replace(opened, metadata=metadata, icc=icc, depth=said.depth, decode=lambda: _decoded(file, said))
    if opened.bands > 2:
        note = f"all but 8 of its {said.depth} bits a channel: pip install 'srgan[formats]' reads all"
        metadata = replace(metadata, notes=(note,))
    return replace(opened, metadata=metadata, icc=icc)


def read(file: BinaryIO) -> Said:
    """Look through an open file."""
    icc = exif = xmp = resolution = None
    reference: tuple[Any, ...] = ()
    depth = 0
    for kind, body in _boxes(file):
        if kind == b"jp2c":
            depth = _depth(body)
        elif kind == b"colr" and body[:1] == b"\2":
            icc = icc or body[3:]
        elif kind in (b"resc", b"resd") and len(body) >= 10:
            above, below, across_above, across_below, power, across_power = struct.unpack_from(">4H2b", body)
            if min(above, below, across_above, across_below) > 0 and max(abs(power), abs(across_power)) < 10:
                down = above / below * 10.0**power / 1000
                resolution = resolution or (across_above / across_below * 10.0**across_power / 1000, down)
        elif kind == b"uuid" and body[:16] == _XMP:
            xmp = body[16:]
        elif kind == b"uuid" and body[:16] == _EXIF:
            exif = body[16:].removeprefix(b"Exif\0\0")
        elif kind == b"uuid" and body[:16] == _GEOTIFF:
            reference = tiff.read(io.BytesIO(body[16:])).reference
    return Said(FileMetadata(exif, xmp, resolution=resolution, reference=reference), icc, depth)


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes, those inside of header boxes too; of pixels, their beginning."""
    file.seek(0)
    head = file.read(64)
    if head.startswith(_SIZES):
        yield b"jp2c", head
        return
    with suppress(boxes.BoxError):  # what lies before the damage counts
        for box in boxes.of_file(file, into=(b"jp2h", b"res ")):
            file.seek(box.body)
            yield box.kind, file.read(64 if box.kind == b"jp2c" else min(box.end - box.body, _MOST_BOX))


def _depth(code: bytes) -> int:
    return (code[42] & 0x7F) + 1 if code.startswith(_SIZES) and len(code) > 42 else 0


def _decoded(file: BinaryIO, said: Said) -> NDArray[Any]:
    """Return [H, W, C] uint16 of full range, of samples of 9 to 16 bits."""
    library: Any = import_module("imagecodecs")
    file.seek(0)
    data = file.read()
    if said.icc is not None:  # the library would convert to sRGB
        data = data[max(data.find(_SIZES), 0) :]
    with damage():
        try:
            values = np.asarray(library.jpeg2k_decode(data))
        except library.Jpeg2kError as error:
            raise DamagedError(str(error)) from None
    return full_range(values if values.ndim == 3 else values[:, :, None], said.depth)
