"""Colours that a file describes by numbers in place of an ICC profile: PNG's cICP, gAMA and cHRM, nclx of AVIF and HEIF.

They are kept as they are where the format can, and become an ICC profile elsewhere. (PNG specification, third edition; ITU-T
H.273 for the code points; ICC.1:2022.)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.image.png import Chunk

_Point = tuple[float, float]
Primaries = tuple[_Point, _Point, _Point, _Point]

D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, Primaries] = {
    1: (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),  # BT.709, sRGB
    4: ((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: (D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
"""White, red, green and blue as x, y, by H.273's code points."""

SRGB, PQ, HLG = 13, 16, 18
_AS_SRGB = (1, 6, 13, 14, 15)
"""Transfer characteristics whose pictures every viewer shows by sRGB's curve."""
_UNKNOWN = 2
_WHITE_OF_PQ = 203.0
"""Candela a square metre of the white of an ordinary picture (ITU-R BT.2408)."""


@dataclass(frozen=True)
class Colour:
    """What values mean: code points of H.273, or a gamma and primaries. What is not said is None."""

    primaries: int | None = None
    transfer: int | None = None
    gamma: float | None = None
    """Of the file's values (PNG's gAMA): 0.45455 for pictures made for a display of gamma 2.2."""
    chromaticities: Primaries | None = None
    intent: int | None = None
    """Of PNG's chunk sRGB: the values are sRGB, whatever gamma and primaries say for old programs."""
    light: tuple[tuple[bytes, bytes], ...] = ()
    """PNG's chunks of the display that it was mastered on, and of its brightest content, kept as they are."""

    @property
    def is_srgb(self) -> bool:
        """Whether a program that knows none of this shows it right."""
        if self.transfer is not None:
            return self.primaries in (1, _UNKNOWN) and self.transfer in (*_AS_SRGB, _UNKNOWN)
        if self.intent is not None:
            return True
        near = self.gamma is None or abs(self.gamma - 1 / 2.2) < 0.005
        return near and (self.chromaticities is None or _close(self.chromaticities, _PRIMARIES[1]))


def from_codes(primaries: int, transfer: int) -> Colour | None:
    """Return the colour of H.273's code points, or None where they say nothing."""
    return None if (primaries, transfer) == (_UNKNOWN, _UNKNOWN) else Colour(primaries, transfer)


def from_nclx(codes: tuple[int, int], content: bytes | None, mastering: bytes | None) -> Colour | None:
    """Return the colour of an AVIF or HEIC file's boxes.

    Parameters
    ----------
    content, mastering : of the boxes ``clli`` and ``mdcv``: the brightest content, and the display that it was mastered on
    """
    said = from_codes(*codes)
    if said is None or said.is_srgb:
        return None
    light = []
    if mastering is not None and len(mastering) == 24:  # green, blue, red there; PNG has red first
        green, blue, red, rest = (mastering[at : at + 4] for at in (0, 4, 8, 12))
        light.append((b"mDCV", red + green + blue + rest + mastering[16:]))
    if content is not None and len(content) == 4:
        light.append((b"cLLI", struct.pack(">2I", *(10_000 * value for value in struct.unpack(">2H", content)))))
    return Colour(said.primaries, said.transfer, light=tuple(light))


def to_nclx(colour: Colour, matrix: int, *, full_range: bool) -> list[tuple[bytes, bytes]]:
    """Return the boxes, kind and content, that say a colour of code points in an AVIF or HEIC file.

    Parameters
    ----------
    matrix, full_range : by which its encoder made luma and chroma (H.273)
    """
    codes = struct.pack(">4s3HB", b"nclx", colour.primaries, colour.transfer, matrix, full_range << 7)
    found = [(b"colr", codes)]
    for kind, data in colour.light:
        if kind == b"mDCV" and len(data) == 24:
            red, green, blue = (data[at : at + 4] for at in (0, 4, 8))
            found.append((b"mdcv", green + blue + red + data[12:]))
        elif kind == b"cLLI" and len(data) == 8:
            values = (min(round(value / 10_000), 65_535) for value in struct.unpack(">2I", data))
            found.append((b"clli", struct.pack(">2H", *values)))
    return found


def from_png(chunks: list[Chunk]) -> Colour | None:
    """Return what a PNG file's chunks say, or None. A profile (iCCP) among them counts more, and cICP more than that."""
    said = {chunk.kind: chunk.data for chunk in reversed(chunks)}  # of two, the first one counts
    light = tuple((kind, said[kind]) for kind in (b"mDCV", b"cLLI") if kind in said)
    codes = said.get(b"cICP", b"")
    if len(codes) == 4:
        return Colour(codes[0], codes[1], light=light)
    intent = said[b"sRGB"][0] if len(said.get(b"sRGB", b"")) == 1 else None
    gamma = struct.unpack(">I", said[b"gAMA"])[0] / 1e5 if len(said.get(b"gAMA", b"")) == 4 else None
    points: Primaries | None = None
    if len(said.get(b"cHRM", b"")) == 32:
        values = [value / 1e5 for value in struct.unpack(">8I", said[b"cHRM"])]
        points = tuple(zip(values[::2], values[1::2], strict=True))  # type: ignore[assignment]
    if intent is None and not gamma and points is None:
        return None
    return Colour(gamma=gamma or None, chromaticities=points, intent=intent, light=light)


def to_png(colour: Colour) -> list[Chunk]:
    """Return the chunks for a PNG file."""
    chunks = []
    if colour.transfer is not None and colour.primaries is not None:
        chunks.append(Chunk(b"cICP", bytes([colour.primaries, colour.transfer, 0, 1])))
    if colour.gamma is not None:
        chunks.append(Chunk(b"gAMA", struct.pack(">I", round(colour.gamma * 1e5))))
    if colour.chromaticities is not None:
        values = [round(value * 1e5) for point in colour.chromaticities for value in point]
        chunks.append(Chunk(b"cHRM", struct.pack(">8I", *values)))
    if colour.intent is not None:
        chunks.append(Chunk(b"sRGB", bytes([colour.intent])))
    return chunks + [Chunk(kind, data) for kind, data in colour.light]


def profile(colour: Colour, *, gray: bool = False) -> bytes | None:
    """Return an ICC profile of these colours; None where none is needed, or no primaries are known.

    Parameters
    ----------
    gray : for a picture of one channel
    """
    if colour.is_srgb:
        return None
    points = colour.chromaticities or _PRIMARIES.get(colour.primaries or 1)
    curve = _curve(colour)
    if points is None or curve is None:
        return None
    matrix = _to_d50(points)
    if matrix is None:
        return None
    codes = b""
    if colour.transfer is not None:
        codes = b"cicp" + bytes(4) + bytes([colour.primaries or _UNKNOWN, colour.transfer, 0, 1])
    return _icc(curve, matrix, codes, gray=gray)


# --- Curves ----------------------------------------------------------------------------------------------------------


def _curve(colour: Colour) -> bytes | None:
    """Return the tag's data that turns values into light."""
    transfer = colour.transfer
    if transfer is None:
        gamma = 1 / colour.gamma if colour.gamma else None
        return _SRGB_CURVE if gamma is None else _parametric(gamma)
    if transfer in (*_AS_SRGB, _UNKNOWN):
        return _SRGB_CURVE
    powers = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
    if transfer in powers:
        return _parametric(powers[transfer])
    tables: dict[int, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {PQ: _light_of_pq, HLG: _light_of_hlg}
    if transfer not in tables:
        return None
    light = np.clip(tables[transfer](np.linspace(0, 1, 4096)), 0, 1)
    values = np.rint(light * 65535).astype(">u2")
    return b"curv" + struct.pack(">4xI", len(values)) + values.tobytes()


def _parametric(*values: float) -> bytes:
    kind = {1: 0, 5: 3}[len(values)]
    return b"para" + struct.pack(">4xHH", kind, 0) + _fixed(*values)


def _light_of_pq(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, as shares of an ordinary white; what is brighter is cut off where nobody knows PQ."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = values ** (1 / m2)
    light: NDArray[np.float64] = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return light * (10_000 / _WHITE_OF_PQ)


def _light_of_hlg(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100's inverse OETF, so that its white of 75 % is an ordinary one."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light: NDArray[np.float64] = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    shown: NDArray[np.float64] = light**1.2
    white = (np.exp((0.75 - c) / a) + b) / 12
    return shown / float(white**1.2)


# --- The profile -----------------------------------------------------------------------------------------------------


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


_SRGB_CURVE = b"para" + struct.pack(">4xHH", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _xyz(point: _Point) -> NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _to_d50(points: Primaries) -> NDArray[np.float64] | None:
    """Return the matrix from linear RGB to XYZ under D50; None for primaries that span no plane."""
    if any(not 0 < y <= 1 for _, y in points):
        return None
    white, *colours = (_xyz(point) for point in points)
    columns = np.stack(colours, axis=1)
    if abs(np.linalg.det(columns)) < 1e-6:
        return None
    matrix = columns * np.linalg.solve(columns, white)
    scale = np.diag((_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white))
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ matrix
    return adapted if np.abs(adapted).max() < 30_000 else None


def _icc(curve: bytes, matrix: NDArray[np.float64], codes: bytes, *, gray: bool) -> bytes:
    name = "Made of the file's own description of its colours"
    text = name.encode("utf-16-be")
    said = b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    parts = [(b"desc", said), (b"cprt", said), (b"wtpt", b"XYZ \0\0\0\0" + _fixed(*_D50))]
    if gray:
        parts.append((b"kTRC", curve))
    else:
        parts += [(tag, b"XYZ \0\0\0\0" + _fixed(*matrix[:, i])) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
        parts += [(tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    if codes:
        parts.append((b"cicp", codes))
    at, table, body, places = 132 + 12 * len(parts), struct.pack(">I", len(parts)), b"", {}
    for tag, data in parts:
        if data not in places:
            places[data] = at + len(body)
            body += data + bytes(-len(data) % 4)
        table += tag + struct.pack(">II", places[data], len(data))
    version = 0x04400000 if codes else 0x04300000
    head = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), version, b"mntr", b"GRAY" if gray else b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*_D50)
    return head.ljust(128, b"\0") + table + body


def _close(some: Primaries, others: Primaries) -> bool:
    pairs = zip(some, others, strict=True)
    return all(abs(a - b) < 0.002 for one, other in pairs for a, b in zip(one, other, strict=True))
