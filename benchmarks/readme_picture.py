"""The README's picture: a clean photograph and a degraded one, before and after.

python benchmarks/readme_picture.py OUT.webp
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import srgan

EXAMPLES = Path(__file__).parent.parent / "examples"
ROWS = (
    ("a clean photograph", "indri.png", (60, 20, 156, 84)),
    ("a degraded one", "degraded/old-camera.jpg", (36, 30, 132, 94)),
)
"""What it says, the file, and the part of it that is shown: left, top, right, bottom."""

LABEL = 26


def main(out: str) -> None:
    """Enlarge both files with the default options, and lay the same part of each before and after side by side."""
    upscaler = srgan.Upscaler()
    font = ImageFont.load_default(15)
    left, top, right, bottom = ROWS[0][2]
    wide, high = 4 * (right - left), 4 * (bottom - top)
    sheet = Image.new("RGB", (2 * wide + 8, 2 * (high + LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (words, name, box) in enumerate(ROWS):
        small = Image.open(EXAMPLES / name).convert("RGB")
        large = upscaler(small)
        before = small.crop(box).resize((wide, high), Image.Resampling.BICUBIC)
        after = large.crop(tuple(4 * side for side in box))
        y = row * (high + LABEL)
        for column, (word, part) in enumerate(((f"{words}, enlarged by bicubic", before), ("by srgan upscale", after))):
            draw.text((column * (wide + 8) + 4, y + 4), word, "black", font)
            sheet.paste(part, (column * (wide + 8), y + LABEL))
    sheet.save(out, quality=90)


if __name__ == "__main__":
    main(sys.argv[1])
