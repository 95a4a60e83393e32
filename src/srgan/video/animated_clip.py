"""An animated GIF, WebP or PNG taken as a clip, so that a video is made of it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from srgan.errors import ImageTooLargeError
from srgan.image import exif
from srgan.image.pixels import upright
from srgan.image.reading import MAX_PIXELS
from srgan.video.animation import opened, pictures
from srgan.video.clip import Clip
from srgan.video.colours import Colours
from srgan.video.work import Losses, TimedFrame

_SRGB = Colours(matrix=1, primaries=1, transfer=13, full_range=False, deep=False)
_MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class AnimatedClip(Clip):
    """An animation's facts. It has one stream, of pictures."""

    notes: tuple[str, ...] = ()
    """A line for each of its properties that a video cannot have."""
    orientation: int = 1
    """EXIF's, as which its frames are turned."""

    def frames(self, losses: Losses) -> Generator[TimedFrame, None, None]:
        """Decode all frames, each shown as long as browsers show it; ``losses`` stays as it is.

        Raises
        ------
        ImageReadError
            if the file is damaged
        """
        del losses
        time = 0
        with opened(self.path) as picture:
            for pixels, shown in pictures(picture):
                duration = int(shown)
                kept = upright(pixels if self.alpha else pixels[:, :, :3], self.orientation)
                yield TimedFrame(time, duration, kept)
                time += duration


def probe_animation(path: Path) -> AnimatedClip:
    """Return the facts of an animation; all its frames are decoded once, to see how long and how transparent it is.

    Raises
    ------
    ImageReadError, ImageTooLargeError
        if it cannot be read
    """
    with opened(path) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise ImageTooLargeError(path, f"has frames of {width} x {height} pixels: reduce it")
        shown = [(int(duration), bool((pixels[:, :, 3] < 255).any())) for pixels, duration in pictures(picture)]
        notes = _notes(picture)
        turn = exif.orientation(picture.info.get("exif") or b"")
    length = sum(duration for duration, _ in shown)
    return AnimatedClip(
        path=path,
        index=-1,
        width=height if turn >= 5 else width,
        height=width if turn >= 5 else height,
        colours=_SRGB,
        subsampling="420",
        depth=8,
        time_base=_MILLISECOND,
        rate=Fraction(len(shown) * 1000, length).limit_denominator(1001),
        total=len(shown),
        counted=True,
        aspect=None,
        matrix=None,
        interlaced=False,
        alpha=any(alpha for _, alpha in shown),
        notes=notes,
        orientation=turn,
    )


def _notes(picture: Image.Image) -> tuple[str, ...]:
    notes = []
    if picture.info.get("loop", 1) != 1:
        notes.append("it repeats, which videos cannot say: the result is shown once")
    if picture.info.get("icc_profile"):
        notes.append("its colour profile is left out, as videos have none: its colours are taken for sRGB")
    if picture.info.get("exif"):
        notes.append("its EXIF data is left out, as videos have none")
    return tuple(notes)
