"""What happens to a picture between the file that it was read from and the one that is written: it is turned and enlarged.

Whatever counts pixels is brought along by this: sizes, points, areas, resolutions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The picture as it was read: its size in pixels, upright, and the orientation of EXIF (1 to 8) that was applied."""

    width: int
    height: int
    orientation: int = 1

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height as the file stores it, before it was turned."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


@dataclass(frozen=True)
class Change:
    """From a file's picture to one of ``width`` x ``height`` pixels."""

    origin: Origin
    width: int
    height: int

    @property
    def factors(self) -> tuple[float, float]:
        """New pixels for each old one, across and down the upright picture."""
        return self.width / self.origin.width, self.height / self.origin.height

    @property
    def is_none(self) -> bool:
        """Whether the picture is of the same size and was not turned."""
        return self.factors == (1.0, 1.0) and self.origin.orientation == 1

    def turned_unit(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the stored picture is in the upright one; both in shares of width and height, 0 to 1."""
        turn = self.origin.orientation
        if turn in (5, 6, 7, 8):
            x, y = y, x  # 5: transposed, and the others are mirrors of that
        if turn in (2, 3, 6, 7):
            x = 1 - x
        if turn in (3, 4, 7, 8):
            y = 1 - y
        return x, y

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the stored picture, in its pixels, is in the new one."""
        wide, high = self.origin.stored
        x, y = self.turned_unit(x / wide, y / high)
        return x * self.width, y * self.height

    def extent(self, wide: float, high: float) -> tuple[float, float]:
        """Return what a width and a height in the stored picture are in the new one."""
        if self.origin.orientation >= 5:
            wide, high = high, wide
        across, down = self.factors
        return wide * across, high * down

    def along_stored(self) -> tuple[float, float]:
        """Return the factors along the stored picture's own x and y."""
        across, down = self.factors
        return (down, across) if self.origin.orientation >= 5 else (across, down)
