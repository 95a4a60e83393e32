"""Netpbm pictures (PBM, PGM, PPM): a header of text and then the numbers. In numpy, because Pillow squeezes 16 bits into 8.

The format is that of the Netpbm manual pages pbm(5), pgm(5), ppm(5). Only the first picture of a file is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MAX_HEADER = 1 << 16


class PnmError(ValueError):
    """The bytes are no whole Netpbm picture."""


@dataclass(frozen=True)
class PnmHeader:
    """``kind`` is the digit of the magic number, 1 to 6; ``maximum`` the value of full intensity; ``start`` of the data."""

    kind: int
    width: int
    height: int
    maximum: int
    start: int
    comments: tuple[bytes, ...] = ()

    @property
    def bands(self) -> int:
        """3 for PPM, else 1."""
        return 3 if self.kind in (3, 6) else 1


def read_header(file: BinaryIO) -> PnmHeader:
    """Read the header at the beginning of the file.

    Raises
    ------
    PnmError
        when it is no header of a Netpbm picture
    """
    head = file.read(_MAX_HEADER)
    kind = head[1] - ord("0") if len(head) > 2 and head[:1] == b"P" else 0
    if not 1 <= kind <= 6:
        raise PnmError("it does not begin like a Netpbm picture")
    numbers: list[int] = []
    comments: list[bytes] = []
    at = 2
    for _ in range(2 if kind in (1, 4) else 3):
        number, at = _number(head, at, comments)
        numbers.append(number)
    width, height = numbers[:2]
    maximum = numbers[2] if len(numbers) > 2 else 1
    if not width or not height:
        raise PnmError("its header says that it has no pixels")
    if not 1 <= maximum <= 65535:
        raise PnmError(f"its header says {maximum} is the largest value, which must be from 1 to 65535")
    return PnmHeader(kind, width, height, maximum, at + 1, tuple(comments))  # exactly one white space ends the header


def _number(head: bytes, at: int, comments: list[bytes]) -> tuple[int, int]:
    while at < len(head) and (head[at : at + 1].isspace() or head[at : at + 1] == b"#"):
        if head[at : at + 1] == b"#":
            end = head.find(b"\n", at)
            end = len(head) if end < 0 else end
            comments.append(head[at + 1 : end].strip())
            at = end
        else:
            at += 1
    end = at
    while end < len(head) and head[end : end + 1].isdigit():
        end += 1
    if end == at or end - at > 9:
        raise PnmError("its header is damaged or cut short")
    return int(head[at:end]), end


def read_pixels(file: BinaryIO, header: PnmHeader) -> NDArray[Any]:
    """Read the picture: ``[H, W, C]`` uint8, or uint16 for a maximum above 255; full range whatever the maximum.

    Raises
    ------
    PnmError
        when numbers are missing or too large
    """
    file.seek(header.start)
    count = header.width * header.height * header.bands
    shape = header.height, header.width, header.bands
    values: NDArray[Any]
    if header.kind == 4:
        row = -(-header.width // 8)
        bits = _exactly(file, row * header.height).reshape(header.height, row)
        return (1 - np.unpackbits(bits, axis=1)[:, : header.width, None]) * np.uint8(255)
    if header.kind <= 3:
        values = _text(file.read(), count, single_digits=header.kind == 1)
        if header.kind == 1:
            values = 1 - values  # in PBM 1 is black
    elif header.maximum > 255:
        values = _exactly(file, 2 * count).view(">u2").astype(np.uint16)
    else:
        values = _exactly(file, count)
    if int(values.max()) > header.maximum:
        raise PnmError(f"it has values above {header.maximum}, its largest by the header")
    full = 65535 if header.maximum > 255 else 255
    if header.maximum != full:
        values = (values.astype(np.uint32) * full + header.maximum // 2) // header.maximum
    return values.astype(np.uint16 if full > 255 else np.uint8, copy=False).reshape(shape)


def has_more(file: BinaryIO, header: PnmHeader) -> bool:
    """Return whether another picture follows the first one in a binary file."""
    if header.kind <= 3:
        return False
    row = (
        -(-header.width // 8) if header.kind == 4 else header.width * header.bands * (2 if header.maximum > 255 else 1)
    )
    file.seek(header.start + row * header.height)
    following = file.read(64).lstrip()
    return following[:1] == b"P" and following[1:2] in (b"4", b"5", b"6", b"7")


def _exactly(file: BinaryIO, size: int) -> NDArray[np.uint8]:
    data = file.read(size)
    if len(data) < size:
        raise PnmError(f"it is cut short: {len(data)} of {size} bytes of pixels are there")
    return np.frombuffer(data, np.uint8)


def _text(data: bytes, count: int, *, single_digits: bool) -> NDArray[np.uint32]:
    lines = [line.split(b"#", 1)[0] for line in data.splitlines()]
    words = b" ".join(lines).split()
    if single_digits:  # PBM's digits need no space between them
        words = [bytes([digit]) for digit in b"".join(words)]
    if len(words) < count:
        raise PnmError(f"it is cut short: {len(words)} of {count} values are there")
    try:
        return np.array([int(word) for word in words[:count]], np.uint32)
    except (ValueError, OverflowError):
        raise PnmError("it has something that is no number among its values") from None


def to_bytes(pixels: NDArray[Any]) -> bytes:
    """Return ``[H, W, 1 or 3]`` uint8 or uint16 as a binary PGM or PPM file."""
    height, width, bands = pixels.shape
    deep = pixels.dtype != np.uint8
    head = header_bytes(width, height, bands, deep=deep)
    return head + np.ascontiguousarray(pixels, ">u2" if deep else np.uint8).tobytes()


def header_bytes(width: int, height: int, bands: int, *, deep: bool) -> bytes:
    """Return the header of a binary PGM or PPM file of 8 or, ``deep``, 16 bits."""
    return f"P{5 if bands == 1 else 6}\n{width} {height}\n{65535 if deep else 255}\n".encode()
