"""Pictures that nobody tuned for: any size, format and depth, with alpha and without, broken ones among them."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KINDS = (
    "jpg",
    "png",
    "png16",
    "gray",
    "alpha",
    "palette",
    "webp",
    "tif",
    "tif16",
    "gif",
    "bmp",
    "ppm",
    "pgm16",
    "avif",
)
SUFFIXES = {"png16": "png", "gray": "png", "alpha": "png", "palette": "png", "tif16": "tif", "pgm16": "pgm"}
BROKEN = 0.12
"""Share of files that are damaged in some way."""
LARGEST = 24_000_000


def size(draw: random.Random, largest: int = LARGEST) -> tuple[int, int]:
    """Return height and width: from 1 x 1, evenly on a scale of orders of magnitude, and now and then the largest."""
    if draw.random() < 0.004:
        width = round((largest * 1.5) ** 0.5)
        return largest // width, width
    if draw.random() < 0.02:
        return 1, draw.randint(1, 3000)  # a line
    side = 10 ** draw.uniform(0, 3)
    ratio = 2 ** draw.uniform(-1, 1)
    height, width = (max(round(side * ratio), 1), max(round(side / ratio), 1))
    return (height, width) if height * width <= largest else (1, 1)


def pixels(draw: random.Random, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Return a soft picture with a little noise."""
    source = np.random.default_rng(draw.getrandbits(32))
    small = source.integers(0, 256, (-(-height // 16), -(-width // 16), channels), np.uint8)
    soft = small.repeat(16, 0).repeat(16, 1)[:height, :width]
    return np.asarray(soft ^ (source.integers(0, 4, (height, width, 1), np.uint8)), np.uint8)


def encoded(draw: random.Random, kind: str, height: int, width: int) -> bytes:
    """Return a file of that kind."""
    colours = pixels(draw, height, width, 4 if kind == "alpha" else 3)
    gray = colours[..., 0]
    if kind in ("png16", "pgm16", "tif16"):
        deep = gray.astype(np.uint16) * 257
        if kind == "png16":
            return _png16(deep)
        if kind == "pgm16":
            return b"P5 %d %d 65535\n" % (width, height) + deep.astype(">u2").tobytes()
        image = Image.fromarray(deep)
    elif kind == "ppm":
        return b"P6 %d %d 255\n" % (width, height) + colours.tobytes()
    else:
        image = Image.fromarray(gray if kind in ("gray", "gif") else colours)
    if kind == "palette":
        image = image.convert("P")
    out = io.BytesIO()
    form = {"jpg": "JPEG", "tif": "TIFF", "tif16": "TIFF"}.get(kind) or SUFFIXES.get(kind, kind).upper()
    options = {"WEBP": {"method": 0}, "AVIF": {"speed": 10}, "PNG": {"compress_level": 1}}.get(form, {})
    image.save(out, form, **options)
    return out.getvalue()


def _png16(deep: NDArray[np.uint16]) -> bytes:
    """Return a PNG file of 16 bits, which Pillow writes in gray alone, as RGB."""
    rows = np.repeat(deep[..., None], 3, 2).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = deep.shape
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b"")


def broken(draw: random.Random, data: bytes) -> bytes:
    """Return a file with one fault."""
    fault = draw.randrange(4)
    if fault == 0:
        return data[: draw.randrange(len(data))]
    if fault == 1:
        return draw.randbytes(draw.randint(0, 2000))
    damaged = bytearray(data)
    for _ in range(draw.randint(1, 20)):
        damaged[draw.randrange(len(damaged) if fault == 2 else min(len(damaged), 200))] = draw.randrange(256)
    return bytes(damaged)


def picture(draw: random.Random, largest: int = LARGEST) -> tuple[str, bytes, bool]:
    """Return a suffix, a file, and whether it is sound."""
    kind = draw.choice(KINDS)
    height, width = size(draw, largest)
    if kind in ("avif", "webp", "gif", "palette") and height * width > 1_000_000:
        kind = "jpg"  # the encoder would be what is measured
    data = encoded(draw, kind, height, width)
    sound = draw.random() >= BROKEN
    return SUFFIXES.get(kind, kind), data if sound else broken(draw, data), sound
