"""What a video's frames say beside their pixels: brightness of the display that it was mastered on, panorama, captions.

(FFmpeg's AVMasteringDisplayMetadata and AVContentLightMetadata; SMPTE ST 2086; CTA-861.3.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_MASTERING = struct.Struct("=20i2i")
_LIGHT = struct.Struct("=2I")

_WORDS = {
    "A53_CC": "its closed captions are left out",
    "STEREO3D": "its two views are enlarged as one picture, and the result does not say that it is stereoscopic",
    "SPHERICAL": "the result does not say that it is a panorama all around (spherical)",
    "DYNAMIC_HDR_PLUS": "its HDR10+ data, which holds for scenes, is left out",
    "DYNAMIC_HDR_VIVID": "its HDR Vivid data is left out",
    "DOVI_METADATA": "its Dolby Vision data is left out; what remains is its base layer",
    "DOVI_RPU_BUFFER": "its Dolby Vision data is left out; what remains is its base layer",
    "AMBIENT_VIEWING_ENVIRONMENT": "its viewing environment is left out",
    "ICC_PROFILE": "its colour profile is left out",
    "FILM_GRAIN_PARAMS": "its film grain is drawn into the frames, and enlarged with them",
}


@dataclass(frozen=True)
class Mastering:
    """How bright HDR is meant: display and content."""

    primaries: tuple[Fraction, ...] = ()
    """x and y of red, green, blue and white; none if unknown."""
    luminance: tuple[Fraction, ...] = ()
    """Of the display, least and most, candela a square metre."""
    content: tuple[int, int] | None = None
    """Brightest pixel and brightest frame by average, candela a square metre."""

    def x265(self) -> str:
        """Return it as parameters of x265."""
        out = []
        if self.primaries and self.luminance:
            red, green, blue, white = self._points(50_000)
            least, most = (round(value * 10_000) for value in self.luminance)
            out.append(f"master-display=G({green})B({blue})R({red})WP({white})L({most},{least})")
        if self.content is not None:
            out.append("max-cll={},{}".format(*self.content))
        return ":".join(out)

    def svt(self) -> str:
        """Return it as parameters of SVT-AV1."""
        out = []
        if self.primaries and self.luminance:
            red, green, blue, white = self._points(None)
            least, most = (f"{float(value):.4f}" for value in self.luminance)
            out.append(f"mastering-display=G({green})B({blue})R({red})WP({white})L({most},{least})")
        if self.content is not None:
            out.append("content-light={},{}".format(*self.content))
        return ":".join(out)

    def _points(self, unit: int | None) -> list[str]:
        said = [f"{float(value):.5f}" if unit is None else str(round(value * unit)) for value in self.primaries]
        return [f"{x},{y}" for x, y in zip(said[::2], said[1::2], strict=True)]


def mastering_of(frame: Any) -> Mastering | None:
    """Return what a decoded frame says of its brightness, or None."""
    primaries: tuple[Fraction, ...] = ()
    luminance: tuple[Fraction, ...] = ()
    content = None
    data = bytes(frame.side_data.get("MASTERING_DISPLAY_METADATA") or b"")
    if len(data) >= _MASTERING.size:
        *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
        if all(numbers[1::2]):
            values = [Fraction(a, b) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
            primaries = tuple(values[:8]) if has_primaries else ()
            luminance = tuple(values[8:]) if has_luminance else ()
    data = bytes(frame.side_data.get("CONTENT_LIGHT_LEVEL") or b"")
    if len(data) >= _LIGHT.size:
        content = _LIGHT.unpack_from(data)
    return Mastering(primaries, luminance, content) if primaries or luminance or content else None


def left_out(frame: Any) -> tuple[str, ...]:
    """Return words for what a frame says that no result has."""
    names = [data.type.name for data in frame.side_data]
    return tuple(dict.fromkeys(_WORDS[name] for name in names if name in _WORDS))
