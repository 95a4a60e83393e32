"""What videos and animations share: what a run tells, and frames that are computed once. Needs no PyAV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.files import check_folder, check_name, refuse_existing

if TYPE_CHECKING:
    from srgan.engine.upscaler import Upscaler


@dataclass(frozen=True)
class Selection:
    """Which of a video's other streams come into the result."""

    audio: bool = True
    subtitles: bool = True
    """With the fonts attached for them."""

    def takes(self, kind: str) -> bool:
        """Return whether streams of this kind, in FFmpeg's word, are wanted."""
        return {"audio": self.audio, "subtitle": self.subtitles, "attachment": self.subtitles}.get(kind, False)


@dataclass(frozen=True)
class TimedFrame:
    """One frame: when it is shown and for how long, in its clip's unit of time (0: as long as till the next)."""

    time: int
    duration: int
    pixels: NDArray[Any]
    """[H, W, 3] or, with alpha, [H, W, 4] RGB, full range; uint8 or uint16."""


@dataclass
class Losses:
    """What could not be decoded as the file promises: filled while its frames are."""

    damaged: int = 0
    """Packets without a frame."""
    hidden: int = 0
    """Packets of frames that the file's edit list does not show, and players do not either."""
    resized: int = 0
    """Frames that were stored at another size, and brought to the first one's."""


@dataclass(frozen=True)
class ClipDone:
    """A video or animation that was written: its sizes as shown, (width, height), and the work that it took."""

    target: Path
    before: tuple[int, int]
    after: tuple[int, int]
    frames: int
    computed: int
    """Frames that went through the network in this run: without copies of the one before, and finished parts."""
    seconds: float


class ClipListener:
    """Is told what a run does; the methods here do nothing."""

    def started(self, source: Path, total: int, resumed: int) -> None:
        """Note that the work begins: frames in all, 0 if nobody knows, and frames that a run before has done."""

    def frame(self, done: int) -> None:
        """Note that so many frames are done."""

    def note(self, text: str) -> None:
        """Note something that the user should know."""


class Enlarger:
    """Enlarges frames; one that is the same as the one before is not computed again."""

    def __init__(self, upscaler: Upscaler) -> None:
        self._upscaler = upscaler
        self._before: NDArray[Any] | None = None
        self._after: NDArray[Any] | None = None
        self.computed = 0

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return the frame enlarged; the array is not to be changed."""
        if self._after is None or self._before is None or not np.array_equal(pixels, self._before):
            self._after = self._upscaler(pixels)
            self._before = pixels
            self.computed += 1
        return self._after


def check_source(source: Path) -> None:
    """Raise UsageError for a source that is not there, or is a folder."""
    if not source.exists():
        raise UsageError(f"{source} does not exist: check the path")
    if source.is_dir():
        raise UsageError(f"{source} is a folder: name a video in it")


def refuse(source: Path, target: Path, *, overwrite: bool) -> None:
    """Raise as :func:`check_source`, and UsageError for a source that would be overwritten.

    Raises
    ------
    OutputExistsError
        if the target is there and may not be replaced
    SrganError
        if no file of the target's name can be made there
    """
    check_source(source)
    if target.resolve() == source.resolve():
        raise UsageError(f"{target} is the input: choose another output")
    refuse_existing(target, overwrite=overwrite)
    check_folder(check_name(target), target)
