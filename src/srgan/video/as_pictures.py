"""A video's frames as pictures: upright, with square pixels, 8 bits, and whole milliseconds. For animations of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.video.clip import Clip, opened, probe
from srgan.video.work import Losses, Selection

_HDR = (16, 18)
"""Code points of PQ and HLG (ITU-T H.273)."""
_KINDS = {"audio": "sound", "subtitle": "subtitles"}


@dataclass(frozen=True)
class UprightClip:
    """A clip whose frames are pictures as players show them."""

    clip: Clip

    @property
    def size(self) -> tuple[int, int]:
        """Its (width, height) as shown."""
        return self.clip.shown(self.clip.width, self.clip.height)

    def frames(self) -> Iterator[tuple[NDArray[Any], int]]:
        """Yield each frame, [H, W, 3 or 4] uint8, and for how many milliseconds it is shown.

        Raises
        ------
        VideoError
            if the file cannot be read
        """
        clip = replace(self.clip, colours=replace(self.clip.colours, deep=False))
        before = None
        for frame in clip.frames(Losses()):
            began = _milliseconds(clip, frame.time)
            if before is not None:
                yield self._upright(before[0]), max(began - before[1], 1)
            before = frame.pixels, began
            end = _milliseconds(clip, frame.time + (frame.duration or round(1 / (clip.rate * clip.time_base))))
        assert before is not None  # a clip without frames is an error
        yield self._upright(before[0]), max(end - before[1], 1)

    def _upright(self, pixels: NDArray[Any]) -> NDArray[Any]:
        if self.clip.aspect not in (None, 1):
            size = max(round(self.clip.width * self.clip.aspect), 1), self.clip.height
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
        if self.clip.matrix is not None:
            angle = -math.atan2(self.clip.matrix[1], self.clip.matrix[0])
            pixels = np.rot90(pixels, round(angle / (math.pi / 2)) % 4)
        return np.ascontiguousarray(pixels)


def probe_upright(path: Path) -> UprightClip:
    """Return the facts of a video; raises as :func:`srgan.video.clip.probe`."""
    return UprightClip(probe(path))


def left_out(clip: Clip, wanted: Selection) -> list[str]:
    """Return a note for what a video has and an animation cannot have."""
    notes = []
    with opened(clip.path) as source:
        for kind, word in _KINDS.items():
            if wanted.takes(kind) and any(stream.type == kind for stream in source.streams):
                notes.append(f"its {word} {'is' if kind == 'audio' else 'are'} left out, as animations have none")
    if clip.depth > 8:
        notes.append(f"its {clip.depth} bits a channel become 8, as animations have no more")
    if (turn := clip.matrix) is not None and turn[0] * turn[4] < turn[1] * turn[3]:
        notes.append("players show it mirrored; the result is not")
    if clip.colours.transfer in _HDR:
        notes.append("its brightness of HDR is not converted, and animations do not say it: it will look pale")
    return notes + list(clip.unsaid)


def _milliseconds(clip: Clip, time: int) -> int:
    return round(time * clip.time_base * 1000)
