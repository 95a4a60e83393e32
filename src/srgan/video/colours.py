"""Frames become arrays and arrays frames, by the matrix and the range that the video says.

Numbers of matrices, primaries and transfer functions are those of ISO/IEC 23091-2 (H.273), as in FFmpeg.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation
from numpy.typing import NDArray

UNSPECIFIED = 2
_BT709, _BT601 = 1, 6
_HD_HEIGHT = 720
"""Players take BT.709 for untagged videos from this height on, and BT.601 below."""

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""Matrix -> the number that swscale knows its coefficients by."""

_RGB = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
"""(more than 8 bits, alpha) -> the pixel format of arrays."""

# Chroma is interpolated and averaged as carefully as can be: it is enlarged afterwards.
_FLAGS = (
    Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True)
class Colours:
    """What the numbers of a video's pixels mean."""

    matrix: int
    """How Y'CbCr follows from R'G'B'. Where the file does not say, what players take for its height: the result says so
    explicitly, since it is taller and they would take another one."""
    primaries: int
    transfer: int
    full_range: bool
    """Whether black is 0, as in pictures, and not 16."""
    deep: bool
    """Whether samples have more than 8 bits."""

    def to_rgb(self, frame: av.VideoFrame, *, alpha: bool = False) -> NDArray[Any]:
        """Return a frame as [H, W, 3] RGB, full range: uint8, or uint16 for more than 8 bits.

        With ``alpha`` that is the fourth channel; in frames without it, it is full.
        """
        rgb = frame.reformat(
            format=_RGB[self.deep, alpha],
            src_colorspace=None if frame.format.is_rgb else _MATRICES.get(self.matrix),
            src_color_range=ColorRange.JPEG if self.full_range or frame.format.is_rgb else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=_FLAGS,
        )
        return rgb.to_ndarray()

    def from_rgb(self, pixels: NDArray[Any], pixel_format: str) -> av.VideoFrame:
        """Return an array as :meth:`to_rgb` gives it as a frame in one of FFmpeg's pixel formats."""
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(pixels), format=_RGB[pixels.dtype == np.uint16, pixels.shape[2] == 4]
        )
        return frame.reformat(
            format=pixel_format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=_MATRICES.get(self.matrix),
            dst_color_range=ColorRange.JPEG if self.full_range else ColorRange.MPEG,
            interpolation=_FLAGS,
        )


def colours_of(context: Any, frame: Any) -> Colours:
    """Return what a decoder's context says about its frames, of which ``frame`` is one."""
    layout = frame.format
    deep = layout.components[0].bits > 8
    rgb = layout.is_rgb or layout.name == "pal8"
    matrix = int(context.colorspace)
    if rgb:
        matrix = _BT709
    elif matrix not in _MATRICES:
        matrix = _BT709 if context.height >= _HD_HEIGHT else _BT601
    full = int(context.color_range) == ColorRange.JPEG or layout.name.startswith("yuvj")
    return Colours(matrix, int(context.color_primaries), int(context.color_trc), full and not rgb, deep)
