"""Animated PNG files of 16 bits, which Pillow reads and writes with 8: frames as they are shown, and back into a file.

(PNG specification, third edition, "APNG: frame-based animation".)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image import png, vips
from srgan.image.opened import DamagedError, damage
from srgan.image.png import Chunk

_MOST_FRAMES = 100_000
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_CONTROL = struct.Struct(">4I2H2B")
_NOTHING, _BACKGROUND, _BEFORE = 0, 1, 2
"""What becomes of a frame's place before the next one is shown: it stays, is cleared, or becomes what it was."""
_OVER = 1


@dataclass(frozen=True)
class Frame:
    """One frame's part of the picture, still packed, and how long it is shown."""

    width: int
    height: int
    left: int
    top: int
    seconds: Fraction
    disposal: int
    blending: int
    data: bytes


@dataclass(frozen=True)
class Animation:
    """A file's frames, of one size and kind."""

    width: int
    height: int
    depth: int
    channels: int
    """1 to 4, as the frames are shown: with alpha where it is there, or where parts may be empty."""
    plays: int
    """How often all is shown; 0 is without end."""
    frames: Sequence[Frame]
    header: bytes
    shared: bytes
    """Chunks that all frames share: a palette, a transparent colour."""

    def pictures(self) -> Iterator[NDArray[Any]]:
        """Yield each frame as it is shown, [height, width, channels] uint16; DamagedError where one cannot be decoded."""
        canvas = np.zeros((self.height, self.width, 4), np.uint16)
        for frame in self.frames:
            place = slice(frame.top, frame.top + frame.height), slice(frame.left, frame.left + frame.width)
            before = canvas[place].copy()
            pixels = self._decoded(frame)
            canvas[place] = _over(pixels, before) if frame.blending == _OVER else pixels
            yield canvas[:, :, _SHOWN[self.channels]]
            if frame.disposal == _BACKGROUND:
                canvas[place] = 0
            elif frame.disposal == _BEFORE:
                canvas[place] = before

    def _decoded(self, frame: Frame) -> NDArray[np.uint16]:
        """Return a frame's part as [height, width, 4]: red, green, blue, alpha."""
        header = struct.pack(">II", frame.width, frame.height) + self.header[8:]
        data = png.SIGNATURE + Chunk(b"IHDR", header).to_bytes() + self.shared
        data += Chunk(b"IDAT", frame.data).to_bytes() + Chunk(b"IEND", b"").to_bytes()
        try:
            values = vips.to_array(vips.to_rgb_or_gray(vips.load_bytes("PNG", data)), self.depth)
        except (vips.Error, vips.UnsupportedError) as error:
            raise DamagedError(vips.tidy(error)) from None
        values = values if values.dtype == np.uint16 else values.astype(np.uint16) * np.uint16(257)
        out = np.full((frame.height, frame.width, 4), 65535, np.uint16)
        colours = values[:, :, :-1] if values.shape[2] in (2, 4) else values
        out[:, :, :3] = colours
        if values.shape[2] in (2, 4):
            out[:, :, 3] = values[:, :, -1]
        return out


_SHOWN = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}
"""Channels of red, green, blue, alpha that a picture of so many has; gray is in each colour."""


def _over(pixels: NDArray[np.uint16], before: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Lay pixels over others, both with straight alpha."""
    front, back = pixels.astype(np.float64) / 65535, before.astype(np.float64) / 65535
    alpha = front[:, :, 3:] + back[:, :, 3:] * (1 - front[:, :, 3:])
    colour = front[:, :, :3] * front[:, :, 3:] + back[:, :, :3] * back[:, :, 3:] * (1 - front[:, :, 3:])
    colour = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    out: NDArray[np.uint16] = np.rint(np.concatenate([colour, alpha], axis=2) * 65535).astype(np.uint16)
    return out


def open_file(file: BinaryIO) -> Animation | None:
    """Return the animation of an open PNG file; None for a still picture.

    Raises
    ------
    DamagedError
        where a frame has no data, or lies outside of the picture
    """
    with damage():
        chunks = list(png.all_chunks(file))
        header = next((chunk.data for chunk in chunks if chunk.kind == b"IHDR"), b"")
        control = next((chunk.data for chunk in chunks if chunk.kind == b"acTL"), None)
        if control is None or len(header) != 13:
            return None
        width, height, depth, kind = struct.unpack_from(">IIBB", header)
        shared = b"".join(chunk.to_bytes() for chunk in chunks if chunk.kind in (b"PLTE", b"tRNS"))
        frames = list(_frames(chunks))
        if not frames or len(frames) > _MOST_FRAMES:
            raise DamagedError("it has no frames")
        for frame in frames:
            if frame.left + frame.width > width or frame.top + frame.height > height or not frame.data:
                raise DamagedError("a frame lies outside of the picture, or is empty")
    alpha = kind in (4, 6) or b"tRNS" in shared or _has_gaps(frames, width, height)
    channels = (1 if kind in (0, 4) else 3) + alpha
    return Animation(width, height, depth, channels, struct.unpack_from(">I", control, 4)[0], frames, header, shared)


def _frames(chunks: Sequence[Chunk]) -> Iterator[Frame]:
    control: tuple[int, ...] | None = None
    parts: list[bytes] = []
    for chunk in chunks:
        if chunk.kind in (b"fcTL", b"IEND"):
            if control is not None:
                yield _frame(control, b"".join(parts))
            control = _CONTROL.unpack(chunk.data[4:]) if chunk.kind == b"fcTL" else None
            parts = []
        elif chunk.kind == b"IDAT" and control is not None:  # without control it is not a part of the animation
            parts.append(chunk.data)
        elif chunk.kind == b"fdAT":
            parts.append(chunk.data[4:])


def _frame(control: tuple[int, ...], data: bytes) -> Frame:
    width, height, left, top, above, below, disposal, blending = control
    return Frame(width, height, left, top, Fraction(above, below or 100), disposal, blending, data)


def _has_gaps(frames: Sequence[Frame], width: int, height: int) -> bool:
    first = frames[0]
    whole = (first.width, first.height) == (width, height)
    return not whole or any(frame.disposal == _BACKGROUND for frame in frames[:-1])


# --- Writing ---------------------------------------------------------------------------------------------------------


class Writer:
    """Writes frames of 16 bits into an open file, one after the other; each fills the picture."""

    def __init__(self, out: BinaryIO, total: int, plays: int, beginning: png.Beginning) -> None:
        self._out, self._total, self._plays = out, total, plays
        self._beginning = beginning
        self._sequence = 0
        self._last: tuple[Any, list[bytes]] | None = None

    def add(self, pixels: NDArray[Any], seconds: Fraction) -> None:
        """Write [H, W, C] uint16, which is shown for so long; the same array again is not packed again."""
        height, width = pixels.shape[:2]
        if self._last is None or self._last[0] is not pixels:
            self._last = pixels, list(_packed(pixels))
        parts = self._last[1]
        if self._sequence == 0:
            header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[pixels.shape[2]], 0, 0, 0)
            head = png.SIGNATURE + Chunk(b"IHDR", header).to_bytes()
            head += Chunk(b"acTL", struct.pack(">II", self._total, self._plays)).to_bytes()
            done = self._beginning(head + Chunk(b"IDAT", b"").to_bytes()) or b""
            self._out.write(done[:-12])
        time = seconds.limit_denominator(65535)
        above, below = (time.numerator, time.denominator) if time.numerator <= 65535 else (65535, 1)
        control = struct.pack(">I", self._next()) + _CONTROL.pack(width, height, 0, 0, above, below, 0, 0)
        first = self._sequence == 1
        self._out.write(Chunk(b"fcTL", control).to_bytes())
        for part in parts:
            chunk = Chunk(b"IDAT", part) if first else Chunk(b"fdAT", struct.pack(">I", self._next()) + part)
            self._out.write(chunk.to_bytes())

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence - 1

    def finish(self) -> None:
        """Complete the file."""
        self._out.write(Chunk(b"IEND", b"").to_bytes())
        self._out.flush()


def _packed(pixels: NDArray[Any]) -> Iterator[bytes]:
    data = vips.to_bytes(vips.from_array(pixels), "pngsave_target", compression=4, filter="all", keep=0)
    at = len(png.SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += length + 12
