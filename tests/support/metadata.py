"""Pictures of noise, results as a network would give them, and the chunks of PNG files: for tests of metadata."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from srgan.image import Picture, read
from srgan.image.png import read_chunks


def noise(height: int = 32, width: int = 48, channels: int = 3, dtype: Any = np.uint8) -> Any:
    full = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, full + 1, (height, width, channels)).astype(dtype)


def smooth(channels: int = 3, dtype: Any = np.uint8) -> Any:
    """A picture that a lossy format keeps nearly."""
    y, x = np.mgrid[0:32, 0:48]
    planes = [x / 48, y / 32, (x + y) / 80, 0.5 + 0.4 * np.sin(x / 9)]
    return (np.stack(planes[:channels], axis=2) * np.iinfo(dtype).max).astype(dtype)


def larger(path: Path, factor: int = 4) -> Picture:
    """Read a picture and enlarge it as a network does."""
    found = read(path)
    return found.with_pixels(found.pixels.repeat(factor, axis=0).repeat(factor, axis=1), factor)


def chunks(path: Path) -> dict[bytes, bytes]:
    with path.open("rb") as file:
        return {chunk.kind: chunk.data for chunk in read_chunks(file)}


def add_chunks(path: Path, *added: tuple[bytes, bytes]) -> None:
    """Put chunks behind a PNG file's header."""
    data = path.read_bytes()
    new = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in added
    )
    path.write_bytes(data[:33] + new + data[33:])
