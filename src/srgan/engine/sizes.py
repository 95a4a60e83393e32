"""How large the result shall be, and by which passes through a network it gets there."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from srgan.errors import UsageError

MAX_SCALE = 64.0
MAX_SIDE = 1_000_000
"""Beyond these a number is a slip of the finger."""

Size = tuple[int, int]
"""(height, width) in pixels, as everywhere for arrays."""


@dataclass(frozen=True)
class Target:
    """The size wanted: at most one of these, and with none of them the network's own enlargement.

    Sizes keep the picture's proportions. A picture that is as large as ``width``, ``height`` or ``fit`` ask, or larger,
    is only reduced, without the network. The scale 1 restores: the network enlarges, and the result is reduced to the size that
    the picture had.

    Attributes
    ----------
    scale : enlargement of both sides, for instance 3 or 1.5; 1 keeps the size
    width : pixels across
    height : pixels down
    fit : (width, height) of a box that the result just fits into

    Raises
    ------
    UsageError
        if more than one is given, or one is out of range
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    fit: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("scale", "width", "height", "fit") if getattr(self, name) is not None]
        if given == ["width", "height"]:
            raise UsageError("width and height together may distort the picture: give one of them, or fit")
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} each say how large the result is: give one of them")
        if self.scale is not None and not 1 <= self.scale <= MAX_SCALE:
            raise UsageError(f"scale is {self.scale:g}: give 1 (the same size) or more, and at most {MAX_SCALE:g}")
        for name, value in (
            ("width", self.width),
            ("height", self.height),
            *(("fit", side) for side in self.fit or ()),
        ):
            if value is not None and not 1 <= value <= MAX_SIDE:
                raise UsageError(f"{name} is {value} pixels: give 1 to {MAX_SIDE}")

    def of(self, height: int, width: int, native: int) -> Size:
        """Return (height, width) of the result of a picture; ``native`` is the network's own enlargement."""
        if self.width is not None:
            return _at_least_1(height * self.width / width), self.width
        if self.height is not None:
            return self.height, _at_least_1(width * self.height / height)
        if self.fit is not None:
            factor = min(self.fit[0] / width, self.fit[1] / height)
            return min(_at_least_1(height * factor), self.fit[1]), min(_at_least_1(width * factor), self.fit[0])
        factor = native if self.scale is None else self.scale
        return _at_least_1(height * factor), _at_least_1(width * factor)

    def is_within(self, factor: float, before: Size, native: int) -> bool:
        """Return whether a picture of the size ``before`` becomes at most ``factor`` times as high and as wide."""
        return all(large <= factor * small for small, large in zip(before, self.of(*before, native), strict=True))

    def passes(self, before: Size, native: int, earlier: int | None = None) -> list[Size]:
        """Return the size that each pass of a picture of the size ``before`` through the network is brought to.

        ``earlier`` is the enlargement of the passes before the last, where they go through another network.
        """
        after = self.of(*before, native)
        factor = native if self.scale is None else self.scale
        restores = factor == 1 and self.width is None and self.height is None and self.fit is None
        return [after] if restores else passes(before, after, native, earlier)

    def label(self, native: int) -> str:
        """Return what files of this size are called after: ``x4``, ``x1.5``, ``w1920``, ``h1080``, ``1920x1080``."""
        if self.width is not None:
            return f"w{self.width}"
        if self.height is not None:
            return f"h{self.height}"
        if self.fit is not None:
            return f"{self.fit[0]}x{self.fit[1]}"
        return f"x{native if self.scale is None else self.scale:g}"


def parse_fit(text: str) -> tuple[int, int]:
    """Return (width, height) of ``"1920x1080"``; UsageError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*[xX×*]\s*(\d{1,9})\s*", text, re.ASCII)
    if match is None:
        raise UsageError(f"{text!r} is no size in pixels: write width x height, for instance 1920x1080")
    return int(match[1]), int(match[2])


def passes(before: Size, after: Size, native: int, earlier: int | None = None) -> list[Size]:
    """Return the size that each pass through the network is brought to; none if the picture is large enough.

    A pass enlarges ``native`` times and is then reduced. The last one ends at ``after``; those before it end just where
    the next one's enlargement reaches what is wanted, not where their own does: from 100 pixels to 800 with a x4
    network goes 100 -> (400 ->) 200 -> 800, a quarter of the work of 100 -> 400 -> 1600 -> 800. Nothing of the picture
    is lost by it, as no pass ends below the picture's own size, and what the first pass invented is
    smoothed before the next one builds on it. The passes before the last may enlarge ``earlier`` times instead.
    """
    if after[0] <= before[0] and after[1] <= before[1]:
        return []
    sizes, step, reached = [after], native, native
    # A network that keeps the size can only be followed by the kernel.
    while native > 1 and any(small * reached < large for small, large in zip(before, after, strict=True)):
        height, width = sizes[0]
        # A long thin picture may need its passes for one side only; the other never ends below where it was.
        sizes.insert(0, (max(-(-height // step), before[0]), max(-(-width // step), before[1])))
        step = earlier or native
        reached *= step
    return sizes


def _at_least_1(pixels: float) -> int:
    return max(math.floor(pixels + 0.5), 1)
