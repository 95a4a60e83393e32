"""A sheet to draw on, in final pixels, whatever the size that it is drawn at before it is reduced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from srgan.data.drawing.fonts import Face

Colour = tuple[int, int, int]
Point = tuple[float, float]

_STRIP = 64
"""Rows that are shaded at once: floats of a whole sheet would take four times the memory that it takes itself."""


class Inks(NamedTuple):
    """The colours of a sheet: what is written on, what is written with, and two more."""

    ground: Colour
    ink: Colour
    accent: Colour
    tint: Colour


class Canvas:
    """A sheet of ``width`` x ``height`` pixels.

    Parameters
    ----------
    width, height : pixels
    ground : its colour
    oversampling : how many times as large it is drawn; 1 leaves lines with hard steps and letters as a screen shows them,
        more gives both the soft edges of a reduced photograph or scan
    """

    def __init__(self, width: int, height: int, ground: Colour, oversampling: int) -> None:
        self.width, self.height, self.times = width, height, oversampling
        self.image = Image.new("RGB", (width * oversampling, height * oversampling), ground)
        self._draw = ImageDraw.Draw(self.image)

    def text(self, at: Point, words: str, face: Face, size: float, colour: Colour) -> None:
        """Write a line, its upper left corner at ``at``."""
        self._draw.text(self._scaled(at), words, font=face.at(self._size(size)), fill=colour)

    def turned_text(self, at: Point, words: str, face: Face, size: float, colour: Colour, degrees: float) -> None:
        """Write a line turned about its middle, which is at ``at``."""
        font = face.at(self._size(size))
        left, top, right, bottom = (round(x) for x in font.getbbox(words))
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).text((-left, -top), words, font=font, fill=255)
        mask = mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
        x, y = self._scaled(at)
        self.image.paste(colour, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)

    def length(self, words: str, face: Face, size: float) -> float:
        """Return how wide a line is."""
        return float(face.at(self._size(size)).getlength(words)) / self.times

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Join points by lines."""
        self._draw.line([self._scaled(p) for p in points], fill=colour, width=self._width(width), joint="curve")

    def box(self, a: Point, b: Point, fill: Colour | None, outline: Colour | None = None, width: float = 1) -> None:
        """Draw a rectangle between two corners."""
        (left, top), (right, bottom) = self._scaled(a), self._scaled(b)
        if right - left >= 1 and bottom - top >= 1:
            self._draw.rectangle((left, top, right, bottom), fill, outline, self._width(width))

    def round_box(self, a: Point, b: Point, radius: float, fill: Colour | None, outline: Colour, width: float) -> None:
        """Draw a rectangle with round corners."""
        (left, top), (right, bottom) = self._scaled(a), self._scaled(b)
        if right - left >= 1 and bottom - top >= 1:
            corners = (left, top, right, bottom)
            self._draw.rounded_rectangle(corners, radius * self.times, fill, outline, self._width(width))

    def disc(self, middle: Point, radii: Point, fill: Colour | None, outline: Colour | None, width: float = 1) -> None:
        """Draw an ellipse with these radii."""
        (x, y), (a, b) = self._scaled(middle), self._scaled(radii)
        if a >= 1 and b >= 1:
            self._draw.ellipse((x - a, y - b, x + a, y + b), fill, outline, self._width(width))

    def wedge(self, middle: Point, radius: float, start: float, end: float, fill: Colour, outline: Colour) -> None:
        """Draw a slice of a pie, between two angles in degrees."""
        (x, y), r = self._scaled(middle), radius * self.times
        self._draw.pieslice((x - r, y - r, x + r, y + r), start, end, fill, outline, self.times)

    def area(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._scaled(p) for p in points], fill)

    def shade(self, change: NDArray[np.float32]) -> None:
        """Add ``change`` (``[height, width]`` or ``[height, width, 1 or 3]``, levels of 255) to all that is drawn so far."""
        change = change.reshape(self.height, self.width, -1)
        pixels = np.array(self.image)
        for y in range(0, self.height, _STRIP):
            rows = slice(y * self.times, (y + _STRIP) * self.times)
            grown = change[y : y + _STRIP].repeat(self.times, axis=0).repeat(self.times, axis=1)
            pixels[rows] = np.clip(np.rint(pixels[rows] + grown), 0, 255).astype(np.uint8)
        self.image = Image.fromarray(pixels)
        self._draw = ImageDraw.Draw(self.image)

    def finished(self, kernel: Image.Resampling) -> Any:
        """Return the sheet in its final size, ``[height, width, 3]`` uint8."""
        if self.times == 1:
            return np.asarray(self.image)
        return np.asarray(self.image.resize((self.width, self.height), kernel))

    def _scaled(self, point: Point) -> Point:
        return point[0] * self.times, point[1] * self.times

    def _size(self, size: float) -> int:
        return max(1, round(size * self.times))

    def _width(self, width: float) -> int:
        return max(1, round(width * self.times))
