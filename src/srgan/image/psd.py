"""Photoshop's documents (PSD, and PSB for large ones) of 8 and 16 bits: the picture that their layers show together.

(Adobe Photoshop file formats specification, 2019.) Kinds that are read here are gray, RGB and CMYK; Pillow reads the others.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image import iptc, vips
from srgan.image.file_metadata import FileMetadata
from srgan.image.opened import DamagedError, Decoded, Opened, damage

_GRAY, _RGB, _CMYK = 1, 3, 4
_COLOURS = {_GRAY: 1, _RGB: 3, _CMYK: 4}
_RESOLUTION, _CAPTION, _PROFILE, _VERSION, _EXIF, _XMP = 0x03ED, 0x0404, 0x040F, 0x0421, 0x0422, 0x0424
_KEPT = (_CAPTION, 0x0408, 0x040A, 0x040B, 0x0BB7)
"""Blocks that go into other formats: the caption, guides, the mark of copyright and its address, the clipping path's name."""
_LEAST = 1 / 25.4
"""Pixels a millimetre: ImageMagick writes a 65,536th of a pixel an inch where it knows of no resolution."""
_RAW, _PACKED = 0, 1


@dataclass(frozen=True)
class _Head:
    large: bool
    channels: int
    height: int
    width: int
    depth: int
    mode: int


def open_file(file: BinaryIO, page: int = 0) -> Opened | None:
    """Open a document; None for a kind that is not read here."""
    del page
    file.seek(0)
    with damage():
        _, version, channels, height, width, depth, mode = struct.unpack(">4sH6xH2I2H", file.read(26))
        head = _Head(version == 2, channels, height, width, depth, mode)
        if mode not in _COLOURS or depth not in (8, 16):
            if version == 2:
                raise DamagedError("it is a large document of another kind than gray, RGB or CMYK of 8 or 16 bits")
            return None
        if min(width, height) < 1 or channels < _COLOURS[mode]:
            raise DamagedError("its header says that it has no pixels")
        file.seek(struct.unpack(">I", file.read(4))[0], os.SEEK_CUR)
        blocks = file.read(struct.unpack(">I", file.read(4))[0])
        found = list(iptc.parsed(blocks, 0))
        resources = {block.number: block.data for block in found}
        kind, size = (">Q", 8) if head.large else (">I", 4)
        length = struct.unpack(kind, file.read(size))[0]
        start = file.tell() + length
        layers = 0
        if length > size + 2:
            file.seek(size, os.SEEK_CUR)
            layers = struct.unpack(">h", file.read(2))[0]
    more = channels - _COLOURS[mode]
    # Of what is beyond the colours, the first one is transparency if the number of layers is negative. Programs without
    # layers mean the same.
    alpha = more > 0 and mode != _CMYK and (layers < 0 or (layers == 0 and more == 1))
    bands = (1 if mode == _GRAY else 3) + alpha
    notes = _notes(resources, abs(layers), more - alpha)
    icc = resources.get(_PROFILE) or None

    def decode() -> Decoded:
        with damage():
            file.seek(start)
            planes = _planes(file, head, _COLOURS[mode] + alpha)
        pixels = np.stack(planes, axis=2)
        if mode == _CMYK:
            return Decoded(_from_inks(pixels, icc), notes=("its inks (CMYK): the colours become sRGB",))
        return Decoded(_without_white(pixels) if alpha and layers < 0 else pixels, icc)

    return Opened(width, height, bands, depth, decode, metadata=_metadata(found, resources, notes))


def _notes(resources: dict[int, bytes], layers: int, selections: int) -> tuple[str, ...]:
    notes = []
    if layers > 1:
        notes.append(f"{layers} layers: the picture is what they show together")
    if selections > 0:
        notes.append(f"{selections} saved selection{'s' if selections > 1 else ''}, or spot colours")
    if resources.get(_VERSION, b"\0\0\0\1\1")[4:5] == b"\0":
        notes.append("what its layers show: it was saved without 'maximise compatibility', and may be empty")
    return tuple(notes)


def _metadata(found: list[iptc.Block], resources: dict[int, bytes], notes: tuple[str, ...]) -> FileMetadata:
    resolution = None
    if len(said := resources.get(_RESOLUTION, b"")) >= 16:
        across, down = (
            struct.unpack_from(">I", said, at)[0] / 65536 / 25.4 for at in (0, 8)
        )  # always in pixels an inch
        resolution = (across, down) if min(across, down) >= _LEAST else None
    blocks = b"".join(iptc.packed(block) for block in found if block.number in _KEPT or block.number in iptc.PATHS)
    return FileMetadata(
        exif=resources.get(_EXIF) or None,
        xmp=resources.get(_XMP) or None,
        photoshop=iptc.HEAD + blocks if blocks else None,
        resolution=resolution,
        notes=notes,
    )


def _planes(file: BinaryIO, head: _Head, wanted: int) -> list[NDArray[Any]]:
    """Return so many of the channels, [height, width] each."""
    kind = struct.unpack(">H", file.read(2))[0]
    dtype = np.dtype(f">u{head.depth // 8}")
    row = head.width * dtype.itemsize
    if kind == _RAW:
        data = [_exactly(file, row * head.height) for _ in range(wanted)]
    elif kind == _PACKED:
        counts = np.frombuffer(
            _exactly(file, head.channels * head.height * (4 if head.large else 2)), ">u4" if head.large else ">u2"
        )
        data = [
            b"".join(_unpacked(_exactly(file, int(count)), row) for count in counts[at : at + head.height])
            for at in range(0, wanted * head.height, head.height)
        ]
    else:
        raise DamagedError(f"its picture is packed in the unknown way {kind}")
    native = np.uint16 if head.depth == 16 else np.uint8
    return [np.frombuffer(plane, dtype).reshape(head.height, head.width).astype(native) for plane in data]


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise DamagedError("it is cut short")
    return data


def _unpacked(data: bytes, size: int) -> bytes:
    """Return a row of PackBits."""
    out = bytearray()
    at, end = 0, len(data)
    while at < end and len(out) < size:
        count = data[at]
        if count < 128:
            out += data[at + 1 : at + 2 + count]
            at += 2 + count
        elif count > 128:
            out += data[at + 1 : at + 2] * (257 - count)
            at += 2
        else:
            at += 1
    if len(out) != size:
        raise DamagedError("a row of it has another length than its header says")
    return bytes(out)


def _without_white(pixels: NDArray[Any]) -> NDArray[Any]:
    """Take the white out that Photoshop lays half transparent colours on."""
    full = np.iinfo(pixels.dtype).max
    out = pixels.copy()
    for row, values in enumerate(pixels):  # by rows: a whole picture in floats would be large
        alpha = values[:, -1:].astype(np.float64)
        colours = full - (full - values[:, :-1].astype(np.float64)) * full / np.maximum(alpha, 1)
        out[row, :, :-1] = np.where(alpha > 0, np.rint(np.clip(colours, 0, full)), values[:, :-1])
    return out


def _from_inks(pixels: NDArray[Any], icc: bytes | None) -> NDArray[Any]:
    """Return sRGB of inks, through their profile if there is one; a document holds them inverted."""
    inks = np.ascontiguousarray(np.iinfo(pixels.dtype).max - pixels)
    image = vips.from_array(inks).copy(interpretation="cmyk")
    try:
        return vips.to_array(vips.to_rgb_or_gray(vips.with_blob(image, "icc-profile-data", icc)), 8 * inks.itemsize)
    except (vips.Error, vips.UnsupportedError) as error:
        raise DamagedError(vips.tidy(error)) from None
