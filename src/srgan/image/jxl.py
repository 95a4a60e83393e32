"""JPEG XL through two libraries around libjxl: imagecodecs for pixels, pillow-jxl-plugin for profiles and packed JPEG files.

Sizes are read here, as the libraries tell them only once they have decoded.

(ISO/IEC 18181-1, headers; 18181-2, boxes.)
"""

from __future__ import annotations

import re
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srgan.image import vips
from srgan.image.boxes import BoxError, of_bytes
from srgan.image.file_metadata import FileMetadata
from srgan.image.opened import DamagedError, Decoded, Opened, damage
from srgan.image.pixels import full_range

_BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_DEPTHS, _FLOAT_DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1)), ((0, 32), (0, 16), (0, 24), (6, 1))
_METADATA = {b"Exif": "EXIF data", b"xml ": "XMP"}
_NOT_KEPT = {b"jumb": "Content Credentials (C2PA)", b"jhgm": "the gain map for bright displays (HDR)"}
_MOST_UNPACKED = 16 << 20
_PLAIN = re.compile(rb"sRGB|(RGB_D65_SRG|Gra_D65)_[A-Za-z]+_SRG")
"""Names of profiles of sRGB, libjxl's own among them."""


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open a JPEG XL file; of an animation, the first frame."""
    del page
    file.seek(0)
    data = file.read()
    code, boxes = _codestream(data)
    head = _header(code)

    def decode() -> Decoded:
        library: Any = import_module("pillow_jxl")
        with damage():
            is_jpeg, _, raw, icc, _ = library.Decoder(num_threads=-1)(data)
        if is_jpeg:  # a JPEG file, packed without loss, comes out as that
            return _of_jpeg(bytes(raw))
        return Decoded(_pixels(data, head), bytes(icc) if icc and not _is_plain(bytes(icc)) else None)

    exif = boxes.get(b"Exif")
    exif = exif[4 + int.from_bytes(exif[:4], "big") :] if exif and exif[:2] not in (b"II", b"MM") else exif
    notes = tuple(words for name, words in _NOT_KEPT.items() if name in boxes)
    notes += tuple(
        f"{words}, which is damaged or enormous" for name, words in _METADATA.items() if boxes.get(name) == b""
    )
    if head.animated:
        notes += ("the further frames of the animation",)
    metadata = FileMetadata(exif or None, boxes.get(b"xml ") or None, notes=notes)
    return Opened(head.width, head.height, 3, head.depth, decode, metadata=metadata)


def _pixels(data: bytes, head: _Header) -> NDArray[Any]:
    codecs: Any = import_module("imagecodecs")
    with damage():
        values = np.asarray(codecs.jpegxl_decode(data, index=0 if head.animated else None))
    if values.ndim == 2:
        values = values[:, :, None]
    if values.shape[:2] != (head.height, head.width) or values.shape[2] > 4:
        raise DamagedError("its pixels are not what its header says")
    if values.dtype.kind == "f":
        scaled: NDArray[Any] = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 65535)
        return scaled.astype(np.uint16)
    if values.dtype == np.uint8 and head.depth < 8:
        return (values.astype(np.uint16) * 255 // ((1 << head.depth) - 1)).astype(np.uint8)
    return full_range(values, head.depth) if values.dtype == np.uint16 else values


def _is_plain(icc: bytes) -> bool:
    """Return whether a profile, which libjxl makes where a file has none, is that of sRGB."""
    return _PLAIN.search(icc.replace(b"\0", b"")) is not None  # in ASCII or UTF-16


def _unpacked(data: bytes) -> bytes:
    """Return what Brotli has packed; nothing where it is damaged, or more than any program writes."""
    library: Any = import_module("imagecodecs")
    try:
        return bytes(library.brotli_decode(data, out=_MOST_UNPACKED))
    except library.BrotliError:
        return b""


def _codestream(data: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the beginning of the coded picture, and the other boxes of the file."""
    if data.startswith(b"\xff\x0a"):
        return data[:64], {}
    if not data.startswith(_BOXES):
        raise DamagedError("it does not begin like JPEG XL")
    found: dict[bytes, bytes] = {}
    code = b""
    with suppress(BoxError):  # what lies before the damage counts
        for box in of_bytes(data):
            if box.kind == b"jxlc":
                code = code or data[box.body : box.body + 64]
            elif box.kind == b"jxlp" and len(code) < 64:
                code += data[box.body + 4 : min(box.end, box.body + 68)]
            elif box.kind == b"brob":  # another kind, packed: what cjxl makes of metadata
                kind = data[box.body : box.body + 4]
                found.setdefault(kind, _unpacked(data[box.body + 4 : box.end]) if kind in _METADATA else b"")
            else:
                found.setdefault(box.kind, data[box.body : box.end])
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

    def number(self, *kinds: tuple[int, int]) -> int:
        """Take a number of one of four kinds: so many bits, and what is added to them."""
        count, added = kinds[self.take(2)]
        return self.take(count) + added


class _Header(NamedTuple):
    """What the beginning of the coded picture says."""

    width: int
    """As it is shown."""
    height: int
    depth: int
    """Bits a sample; 32 and less for floats."""
    animated: bool


def _header(code: bytes) -> _Header:
    """Read the headers, in the order of ISO/IEC 18181-1, annex D."""
    if not code.startswith(b"\xff\x0a"):
        raise DamagedError("its picture does not begin like one")
    bits = _Bits(code[2:])
    width, height = _size(bits)
    if bits.take(1):  # all defaults
        return _Header(width, height, 8, animated=False)
    animated = False
    if bits.take(1):  # extra fields
        if bits.take(3) >= 4:
            width, height = height, width
        if bits.take(1):
            _size(bits)
        if bits.take(1):
            _preview(bits)
        if bits.take(1):
            animated = True
            bits.number((0, 100), (0, 1000), (10, 1), (30, 1))
            bits.number((0, 1), (0, 1001), (8, 1), (10, 1))
            bits.number((0, 0), (3, 0), (16, 0), (32, 0))
            bits.take(1)
    floats = bits.take(1)
    depth = bits.number(*(_FLOAT_DEPTHS if floats else _DEPTHS))
    return _Header(width, height, depth, animated)


def _size(bits: _Bits) -> tuple[int, int]:
    """Return width and height."""
    small = bits.take(1)
    height = _length(bits, small)
    ratio = bits.take(3)
    width = _length(bits, small) if ratio == 0 else height * _RATIOS[ratio][0] // _RATIOS[ratio][1]
    return width, height


def _preview(bits: _Bits) -> None:
    eighths = bits.take(1)
    kinds = ((0, 16), (0, 32), (5, 1), (9, 33)) if eighths else ((6, 1), (8, 65), (10, 321), (12, 1345))
    bits.number(*kinds)
    if bits.take(3) == 0:
        bits.number(*kinds)


def _length(bits: _Bits, small: int) -> int:
    return 8 * (bits.take(5) + 1) if small else bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


def _of_jpeg(data: bytes) -> Decoded:
    try:
        image = vips.load_bytes("JPEG", data)
        icc = vips.blob(image, "icc-profile-data") if vips.keeps_profile(image) else None
        return Decoded(vips.to_array(vips.to_rgb_or_gray(image.autorot()), 8), icc)
    except (vips.Error, vips.UnsupportedError) as error:
        raise DamagedError(vips.tidy(error)) from None


def encode(pixels: NDArray[Any], out: BinaryIO, quality: int, exif: bytes | None, xmp: bytes | None) -> None:
    """Write ``[H, W, C]`` uint8 to an open file; at quality 100 without loss. The library writes no more bits, and no profile."""
    library: Any = import_module("pillow_jxl")
    height, width, channels = pixels.shape
    encoder = library.Encoder(
        mode=_MODES[channels],
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
