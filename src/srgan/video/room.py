"""Whether the disk has room for a clip's result, by the least that it takes: found out before the work."""

from __future__ import annotations

from pathlib import Path

from srgan import files
from srgan.errors import VideoError
from srgan.video.clip import Clip
from srgan.video.encoder import EncoderSettings

_BITS = {"prores": 0.09}
"""Least bits of a pixel of one colour, where the codec spares no more."""
_FEW_BITS = 0.01
_LEAST_SHARE = 0.1
"""Of the bits of a pixel in the source: larger pictures are smoother."""
_GOOD_CRF, _CRF_OF_HALF = 22, 6
"""So much above the usual quality halves a file."""


def least_bytes(clip: Clip, settings: EncoderSettings) -> int:
    """Return how many bytes the result takes at least, twice: as parts, and joined."""
    try:
        size = clip.path.stat().st_size
    except OSError:
        size = 0
    frames = max(clip.total, 1)
    before = 8 * size / (frames * clip.width * clip.height)
    bits = _BITS.get(settings.codec, min(_FEW_BITS, _LEAST_SHARE * before))
    bits *= 0.5 ** (max(int(settings.options.get("crf", 0)) - _GOOD_CRF, 0) / _CRF_OF_HALF)
    return 2 * int(frames * settings.width * settings.height * bits / 8)


def check(clip: Clip, settings: EncoderSettings, target: Path) -> None:
    """Raise VideoError if the disk has no room for the result."""
    needed, free = least_bytes(clip, settings), files.free_bytes(target.parent)
    if needed > free:
        raise VideoError(
            f"cannot write {str(target)!r}: it takes {needed / 1e6:,.0f} MB or more, with its parts, and "
            f"{free / 1e6:,.0f} MB are free there: free some space"
        )
