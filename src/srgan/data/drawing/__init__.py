"""Drawn pictures to train on beside photographs: text, slides, charts, tables, ink drawings and signs.

Photographs show few of the ruled lines, flat colours and letters that screenshots, scans and signs are full of. Networks trained
to read text in pictures are taught with drawn words for the same reason (Jaderberg et al. 2014, "Synthetic data and artificial
neural networks for natural scene text recognition", arXiv:1406.2227). What it brought is in docs/experiments.md: a lot for ruled
lines, little for small letters, of which a quarter of the pixels does not hold enough.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.data.drawing.canvas import Canvas
from srgan.data.drawing.fonts import Face, default_faces, faces_of
from srgan.data.drawing.pages import KINDS, inks
from srgan.errors import OutputExistsError, UsageError, option
from srgan.image import Picture, write

LEAST_SIDE = 192
"""Pixels that a drawing has at least on each side: the default recipe's crop."""

MOST_PIXELS = 16_000_000
"""Pixels that a drawing has at most: it is drawn up to nine times as large."""


def draw_picture(
    index: int, *, seed: int = 0, width: int = 1024, height: int = 768, faces: list[Face] | None = None
) -> NDArray[np.uint8]:
    """Draw one picture: the same for the same arguments and fonts, whatever else is drawn.

    Parameters
    ----------
    index : which picture of the series; its kind is number ``index`` modulo their count of :data:`srgan.data.drawing.pages.KINDS`
    seed : which series
    width, height : pixels
    faces : fonts; default :func:`srgan.data.drawing.fonts.default_faces`

    Returns
    -------
    ``[height, width, 3]`` uint8, RGB
    """
    rng = np.random.default_rng([seed, index])
    # A third as a screen shows it, hard steps and all; the others with the soft edges of reduced photographs and scans.
    oversampling = int(rng.choice([1, 2, 3]))
    kernel = Image.Resampling.LANCZOS if rng.random() < 0.5 else Image.Resampling.BOX
    colours = inks(rng)
    canvas = Canvas(width, height, colours.ground, oversampling)
    kinds = list(KINDS.values())
    kinds[index % len(kinds)](canvas, colours, default_faces() if faces is None else faces, rng)
    picture: Any = canvas.finished(kernel)
    return np.ascontiguousarray(picture, dtype=np.uint8)


def draw(
    folder: Path,
    count: int,
    *,
    seed: int = 0,
    width: int = 1024,
    height: int = 768,
    fonts: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Draw pictures into a folder, as PNG: ``drawn_0000_text.png``, ``drawn_0001_slide.png`` and so on.

    Parameters
    ----------
    folder : made if it is not there
    count : how many pictures
    seed : another seed draws other pictures
    width, height : pixels, 192 or more each, up to 16 megapixels
    fonts : folder of .ttf and .otf files; default: the fonts that come with matplotlib and Pillow
    overwrite : whether pictures there may be replaced
    progress : is told (pictures drawn, pictures in all)

    Returns
    -------
    the files

    Raises
    ------
    UsageError
        for sizes out of these limits, or a folder without fonts
    OutputExistsError
        when one of the files is there already; nothing is drawn then
    MissingExtraError
        without matplotlib, unless ``fonts`` names a folder
    ImageWriteError
        when a picture cannot be written
    """
    if count < 1:
        raise UsageError("at least one picture must be drawn")
    if min(width, height) < LEAST_SIDE or width * height > MOST_PIXELS:
        raise UsageError(
            f"pictures of {width} x {height} pixels cannot be drawn: "
            f"both sides must be {LEAST_SIDE} or more, and their product {MOST_PIXELS} or less"
        )
    faces = default_faces() if fonts is None else faces_of(fonts)
    kinds = list(KINDS)
    digits = max(4, len(str(count - 1)))
    files = [folder / f"drawn_{i:0{digits}d}_{kinds[i % len(kinds)]}.png" for i in range(count)]
    taken = [file for file in files if file.exists()]
    if taken and not overwrite:
        raise OutputExistsError(f"'{taken[0]}' exists already: choose another folder, or {option('overwrite', True)}")
    for index, file in enumerate(files):
        picture = draw_picture(index, seed=seed, width=width, height=height, faces=faces)
        write(Picture(picture), file, overwrite=overwrite)
        if progress is not None:
            progress(index + 1, count)
    return files
