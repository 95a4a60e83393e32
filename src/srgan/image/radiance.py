"""Radiance pictures (RGBE, .hdr) through imagecodecs; the header is read here, so that sizes are known first.

(Radiance file formats, "Picture File Format".)
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from srgan.image.colour import Primaries
from srgan.image.file_metadata import FileMetadata
from srgan.image.light import to_values
from srgan.image.opened import DamagedError, Decoded, Opened, damage

_MOST_HEADER = 1 << 16
_SIZE = re.compile(rb"([-+])([XY]) (\d{1,7}) ([-+])([XY]) (\d{1,7})$")


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open a Radiance picture, turned as its header says."""
    del page
    file.seek(0)
    lines, start = _header(file.read(_MOST_HEADER))
    said = dict(line.split(b"=", 1) for line in lines if b"=" in line)
    if said.get(b"FORMAT", b"32-bit_rle_rgbe").strip() != b"32-bit_rle_rgbe":
        raise DamagedError("its colours are XYZ: convert it to RGB")
    found = _SIZE.match(lines[-1])
    if found is None or {found[2], found[5]} != {b"X", b"Y"}:
        raise DamagedError("its header has no size")
    rows, columns = int(found[3]), int(found[6])
    upright = found[2] == b"Y"
    width, height = (columns, rows) if upright else (rows, columns)
    if min(width, height) < 1:
        raise DamagedError("its header says that it has no pixels")

    def decode() -> Decoded:
        library: Any = import_module("imagecodecs")
        file.seek(start)
        body = file.read()
        head = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (rows, columns)
        with damage():
            try:
                light = np.asarray(library.rgbe_decode(head + body))
            except library.RgbeError as error:
                raise DamagedError(str(error)) from None
        light = light[::-1] if found[1] == (b"+" if upright else b"-") else light
        light = light[:, ::-1] if found[4] == (b"-" if upright else b"+") else light
        light = light if upright else light.transpose(1, 0, 2)
        return to_values(light, alpha=False, chromaticities=_primaries(said.get(b"PRIMARIES")))

    return Opened(width, height, 3, 32, decode, metadata=FileMetadata())


def _header(head: bytes) -> tuple[list[bytes], int]:
    """Return the lines of the header, the last of them the one with the size, and where the pixels begin."""
    end = head.find(b"\n\n")
    stop = head.find(b"\n", end + 2)
    if end < 0 or stop < 0:
        raise DamagedError("its header is cut short")
    return [*head[:end].split(b"\n"), head[end + 2 : stop]], stop + 1


def _primaries(text: bytes | None) -> Primaries | None:
    try:
        red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = map(float, (text or b"").split())
    except ValueError:
        return None
    return (white_x, white_y), (red_x, red_y), (green_x, green_y), (blue_x, blue_y)
