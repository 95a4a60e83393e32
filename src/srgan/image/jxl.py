"""JPEG XL through pillow-jxl-plugin (libjxl). The size is read here: the library tells it only once it has decoded.

(ISO/IEC 18181-1, headers; 18181-2, boxes.)
"""

from __future__ import annotations

import struct
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image.file_metadata import FileMetadata
from srgan.image.opened import DamagedError, Opened, damage

_BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_MOST_BOXES = 10_000
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open a JPEG XL file; of an animation, the first frame."""
    del page
    file.seek(0)
    data = file.read()
    code, boxes = _codestream(data)
    width, height = _size(code)

    def decode() -> NDArray[Any]:
        library: Any = import_module("pillow_jxl")
        with damage():
            is_jpeg, info, raw, _, _ = library.Decoder(num_threads=-1)(data)
        if is_jpeg:  # a JPEG file, packed without loss, comes out as that
            return _of_jpeg(bytes(raw))
        kind = np.uint16 if "16" in info.mode else np.float32 if info.mode.startswith("F") else np.uint8
        values = np.frombuffer(raw, kind).reshape(info.height, info.width, -1)
        if (info.width, info.height) != (width, height) or values.shape[2] > 4:
            raise DamagedError("its pixels are not what its header says")
        if values.dtype == np.float32:
            values = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 65535).astype(np.uint16)
        return values

    exif = boxes.get(b"Exif")
    exif = exif[4 + int.from_bytes(exif[:4], "big") :] if exif and exif[:2] not in (b"II", b"MM") else exif
    notes = tuple(
        words
        for name, words in (
            (b"jumb", "Content Credentials (C2PA)"),
            (b"jhgm", "the gain map for bright displays (HDR)"),
        )
        if name in boxes
    )
    metadata = FileMetadata(exif or None, boxes.get(b"xml "), notes=notes)
    return Opened(width, height, 3, 8, decode, metadata=metadata, icc=None)


def _codestream(data: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the beginning of the coded picture, and the other boxes of the file."""
    if data.startswith(b"\xff\x0a"):
        return data[:64], {}
    if not data.startswith(_BOXES):
        raise DamagedError("it does not begin like JPEG XL")
    found: dict[bytes, bytes] = {}
    code = b""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            break
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            size = struct.unpack_from(">Q", data, start)[0]
            start += 8
        end = at + size if size else len(data)
        if end <= at or end > len(data):
            break
        if kind == b"jxlc":
            code = code or data[start : start + 64]
        elif kind == b"jxlp" and len(code) < 64:
            code += data[start + 4 : min(end, start + 68)]
        else:
            found.setdefault(kind, data[start:end])
        at = end
    if not code:
        raise DamagedError("it has no picture")
    return code, found


class _Bits:
    """Bits from the lowest of each byte on."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise DamagedError("its header is cut short")
        self._left -= count
        value = self._value & (1 << count) - 1
        self._value >>= count
        return value


def _size(code: bytes) -> tuple[int, int]:
    """Return width and height as they are shown."""
    if not code.startswith(b"\xff\x0a"):
        raise DamagedError("its picture does not begin like one")
    bits = _Bits(code[2:])
    small = bits.take(1)
    height = _length(bits, small)
    ratio = bits.take(3)
    width = _length(bits, small) if ratio == 0 else height * _RATIOS[ratio][0] // _RATIOS[ratio][1]
    turned = False
    if not bits.take(1) and bits.take(1):  # not all defaults, and extra fields
        turned = bits.take(3) >= 4
    return (height, width) if turned else (width, height)


def _length(bits: _Bits, small: int) -> int:
    return 8 * (bits.take(5) + 1) if small else bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


def _of_jpeg(data: bytes) -> NDArray[Any]:
    from srgan.image import vips

    try:
        image = vips.load_bytes("JPEG", data)
        return vips.to_array(vips.to_rgb_or_gray(image.autorot()), 8)
    except (vips.Error, vips.UnsupportedError) as error:
        raise DamagedError(vips.tidy(error)) from None


def encode(pixels: NDArray[Any], out: BinaryIO, quality: int, exif: bytes | None, xmp: bytes | None) -> None:
    """Write ``[H, W, C]`` uint8, or gray of 16 bits, to an open file; at quality 100 without loss."""
    library: Any = import_module("pillow_jxl")
    height, width, channels = pixels.shape
    encoder = library.Encoder(
        mode="I;16" if pixels.dtype == np.uint16 else _MODES[channels],
        lossless=quality == 100,
        quality=quality,
        decoding_speed=0,
        effort=5,
        use_container=True,
        use_original_profile=False,
        num_threads=-1,
    )
    head = b"\0\0\0\0"  # how far into the box the data begins
    about = None if exif is None else head + exif.removeprefix(b"Exif\0\0")
    data = encoder(
        np.ascontiguousarray(pixels).tobytes(),
        width,
        height,
        jpeg_encode=False,
        exif=about,
        jumb=None,
        xmp=xmp,
        compress=False,
    )
    out.write(data)
    out.flush()
