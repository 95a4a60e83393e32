"""Fonts to draw text with: those that come with matplotlib and Pillow, the same on every machine, or the user's own."""

from __future__ import annotations

import importlib.util
import os
import re
import string
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from srgan.errors import MissingExtraError, UsageError

LATIN = string.ascii_letters + string.digits + ".,;:!?-()/%"
"""What a font must have."""

ALPHABETS = {
    "latin": string.ascii_lowercase,
    "accents": string.ascii_lowercase + "äöüéèàçñåø",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщыьэюя",
}
"""Small letters that words are made of; a font is asked for each alphabet whether it has all of it."""

_SUFFIXES = {".ttf", ".otf", ".ttc"}

_MATPLOTLIB = re.compile(r"DejaVu(Sans|SansMono|Serif)(-\w+)?|STIXGeneral\w*|cm(b|r|ss|ti|tt)10")
"""Those of matplotlib's fonts that are for text; the others have signs where letters should be."""


@dataclass(frozen=True)
class Face:
    """A font file that has at least Latin letters, digits and punctuation.

    Attributes
    ----------
    path : the file, None for the one inside Pillow
    alphabets : names of the :data:`ALPHABETS` that it has
    """

    path: Path | None
    alphabets: tuple[str, ...]

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Open it at ``size`` pixels an em."""
        return _opened(self.path, size)


def default_faces() -> list[Face]:
    """Return the fonts that come with matplotlib (DejaVu, STIX, Computer Modern) and Pillow (Aileron), in a fixed order.

    Raises
    ------
    MissingExtraError
        without matplotlib
    """
    spec = importlib.util.find_spec("matplotlib")  # not imported: that takes a second, and only its files are wanted
    if spec is None or spec.origin is None:
        raise MissingExtraError("drawing", "train")
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    found = [face for face in faces_of(folder) if face.path is not None and _MATPLOTLIB.fullmatch(face.path.stem)]
    own = _face(None)
    return found if own is None else [*found, own]


def faces_of(folder: Path) -> list[Face]:
    """Return the usable fonts (.ttf, .otf, .ttc) of a folder and those below it, in the order of their paths.

    Raises
    ------
    UsageError
        if ``folder`` is not a directory, or no font in it has Latin letters
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder '{folder}': name one with .ttf or .otf files")
    files = sorted(
        Path(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES
    )
    found = [face for face in map(_face, files) if face is not None]
    if not found:
        raise UsageError(f"no font in '{folder}' has Latin letters: name a folder with .ttf or .otf files for text")
    return found


def _face(path: Path | None) -> Face | None:
    try:
        font = _opened(path, 24)
        if not _has(font, LATIN):
            return None
        return Face(path, tuple(name for name, letters in ALPHABETS.items() if _has(font, letters)))
    except (OSError, ValueError):  # not a font after all, or a damaged one
        return None


def _has(font: ImageFont.FreeTypeFont, letters: str) -> bool:
    """Say whether a font has a picture of each letter, and not the box that stands for a missing one."""
    missing = _shape(font, "\U0010fffe")
    shapes = [_shape(font, letter) for letter in letters + letters.upper()]
    # A font with one picture for everything has no letters either.
    return missing not in shapes and len(set(shapes)) > len(letters) // 2


def _shape(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@lru_cache(maxsize=256)
def _opened(path: Path | None, size: int) -> ImageFont.FreeTypeFont:
    if path is not None:
        return ImageFont.truetype(str(path), size)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # a Pillow built without FreeType
        raise OSError("Pillow has no FreeType")
    return font
