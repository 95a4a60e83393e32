"""What is drawn: pages of text, slides, charts, tables, ink drawings and signs.

Sizes follow what is met on screens and in photographs of print: letters from 8 pixels an em, which reduced four times are not
to be read any more, to a fifth of the picture's height.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from srgan.data.drawing.canvas import Canvas, Colour, Inks, Point
from srgan.data.drawing.fonts import Face
from srgan.data.drawing.words import Words

Drawer = Callable[[Canvas, Inks, Sequence[Face], np.random.Generator], None]


def _face(faces: Sequence[Face], rng: np.random.Generator) -> tuple[Face, Words]:
    face = faces[int(rng.integers(len(faces)))]
    alphabet = "latin" if rng.random() < 0.8 else str(rng.choice(face.alphabets or ("latin",)))
    return face, Words(alphabet, rng)


def _small(rng: np.random.Generator, least: float = 8, most: float = 40) -> float:
    """Return a size of text: as many between 8 and 16 as between 16 and 32."""
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))


def _lines(words: Words, canvas: Canvas, face: Face, size: float, width: float, count: int) -> list[str]:
    """Fill ``count`` lines of a width with words."""
    lines: list[str] = []
    line = words.token()
    while len(lines) < count:
        longer = f"{line} {(token := words.token())}"
        if canvas.length(longer, face, size) > width:
            lines.append(line)
            line = token
        else:
            line = longer
    return lines


def _paragraph(
    canvas: Canvas, at: Point, width: float, bottom: float, size: float, face: Face, words: Words, colour: Colour
) -> float:
    """Write lines from ``at`` down; return where they end."""
    x, y = at
    leading = size * 1.25
    count = max(0, int((bottom - y) / leading))
    for line in _lines(words, canvas, face, size, width, count):
        canvas.text((x, y), line, face, size, colour)
        y += leading
    return y


def text_page(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator) -> None:
    """Draw columns of paragraphs in several fonts and sizes, some under a heading, some on a tint."""
    columns = int(rng.integers(1, 4))
    gap = canvas.width * 0.03
    width = (canvas.width - gap * (columns + 1)) / columns
    for column in range(columns):
        x, y = gap + column * (width + gap), gap
        while y < canvas.height - 20:
            face, words = _face(faces, rng)
            if rng.random() < 0.5:
                size = _small(rng, 16, 56)
                canvas.text((x, y), words.heading(int(rng.integers(1, 5))), face, size, inks.accent)
                y += size * 1.5
                face, words = _face(faces, rng)
            size = _small(rng, 8, 28)
            bottom = min(canvas.height - gap, y + rng.uniform(3, 14) * size * 1.25)
            colour = inks.ink
            if rng.random() < 0.2:
                canvas.box((x - gap / 3, y - size / 3), (x + width + gap / 3, bottom + size / 3), inks.tint)
                colour = _readable(inks.tint, inks)
            y = _paragraph(canvas, (x, y), width, bottom, size, face, words, colour) + size
            if rng.random() < 0.2:
                canvas.line([(x, y), (x + width, y)], inks.accent, rng.uniform(1, 3))
                y += size


def slide(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator) -> None:
    """Draw a title, bullets or numbered lines, and boxes joined by arrows."""
    _gradient(canvas, rng)
    margin = canvas.width * 0.05
    face, words = _face(faces, rng)
    size = rng.uniform(0.06, 0.1) * canvas.height
    canvas.text((margin, margin), words.heading(int(rng.integers(2, 5))), face, size, inks.accent)
    y = margin + size * 1.4
    if rng.random() < 0.6:
        canvas.line([(margin, y), (canvas.width - margin, y)], inks.tint, rng.uniform(1, 6))
    y += size * 0.4
    face, words = _face(faces, rng)
    half = canvas.height * rng.uniform(0.45, 0.9)
    while y < half:
        size = rng.uniform(0.025, 0.05) * canvas.height
        indent = margin + size * 1.5 * int(rng.integers(3))
        if rng.random() < 0.7:
            canvas.disc((indent - size * 0.7, y + size * 0.6), (size * 0.18, size * 0.18), inks.accent, None)
        bottom = y + size * 1.25 * int(rng.integers(1, 4)) + 1
        y = _paragraph(canvas, (indent, y), canvas.width - margin - indent, bottom, size, face, words, inks.ink)
        y += size * 0.4
    if y < canvas.height * 0.75:
        _boxes(canvas, inks, faces, rng, y)


def _boxes(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator, top: float) -> None:
    count = int(rng.integers(2, 6))
    step = canvas.width / count
    height = min(canvas.height - top - 30, step * 0.6)
    middle = (top + canvas.height) / 2
    face, words = _face(faces, rng)
    for i in range(count):
        a, b = (step * (i + 0.12), middle - height / 2), (step * (i + 0.8), middle + height / 2)
        shape = rng.random()
        if shape < 0.4:
            canvas.box(a, b, inks.tint, inks.ink, rng.uniform(1, 4))
        elif shape < 0.7:
            canvas.round_box(a, b, height * 0.2, inks.tint, inks.ink, rng.uniform(1, 4))
        else:
            centre = ((a[0] + b[0]) / 2, middle)
            canvas.disc(centre, ((b[0] - a[0]) / 2, height / 2), inks.tint, inks.ink, rng.uniform(1, 4))
        size = _small(rng, 9, max(10, height * 0.3))
        canvas.turned_text((step * (i + 0.46), middle), words.word(), face, size, _readable(inks.tint, inks), 0)
        if i + 1 < count:
            _arrow(canvas, (b[0], middle), (step * (i + 1.12), middle), inks.ink, rng.uniform(1, 4))


def _arrow(canvas: Canvas, start: Point, end: Point, colour: Colour, width: float) -> None:
    canvas.line([start, end], colour, width)
    direction = np.subtract(end, start) / max(1e-6, float(np.hypot(*np.subtract(end, start))))
    across = np.array([-direction[1], direction[0]])
    head = 4 * width + 4
    corners = [np.array(end), end - head * direction + head / 2 * across, end - head * direction - head / 2 * across]
    canvas.area([(float(x), float(y)) for x, y in corners], colour)


def chart(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator) -> None:
    """Draw a few charts: axes and grid, curves, bars, points or a pie, with labels and a legend."""
    across, down = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    for i in range(across * down):
        width, height = canvas.width / across, canvas.height / down
        left, top = width * (i % across), height * (i // across)
        _one_chart(canvas, (left, top), (width, height), inks, faces, rng)


def _one_chart(
    canvas: Canvas, at: Point, extent: Point, inks: Inks, faces: Sequence[Face], rng: np.random.Generator
) -> None:
    face, words = _face(faces, rng)
    size = _small(rng, 9, 20)
    left, top = at[0] + size * 4, at[1] + size * 3
    right, bottom = at[0] + extent[0] - size * 2, at[1] + extent[1] - size * 3
    canvas.text((left, at[1] + size / 2), words.heading(3), face, size * 1.4, inks.ink)
    colours = [inks.accent, inks.tint, inks.ink, *(_colour(rng) for _ in range(3))]
    if rng.random() < 0.2:
        radius = min(right - left, bottom - top) / 2
        angles = np.sort(rng.uniform(0, 360, int(rng.integers(3, 7))))
        for start, end, colour in zip(angles, [*angles[1:], angles[0] + 360], colours, strict=False):
            canvas.wedge((left + radius, top + radius), radius, float(start), float(end), colour, inks.ink)
        return
    ticks = int(rng.integers(3, 9))
    for t in range(ticks + 1):
        y, x = bottom - (bottom - top) * t / ticks, left + (right - left) * t / ticks
        if rng.random() < 0.8:
            canvas.line([(left, y), (right, y)], inks.tint, 1)
        canvas.text((at[0] + size / 2, y - size / 2), words.number()[:5], face, size, inks.ink)
        canvas.text((x - size, bottom + size / 2), words.number()[:4], face, size, inks.ink)
    canvas.line([(left, top), (left, bottom), (right, bottom)], inks.ink, rng.uniform(1, 3))
    for colour in colours[: int(rng.integers(1, 5))]:
        _series(canvas, (left, top), (right, bottom), colour, rng)
    if rng.random() < 0.6:
        for i, colour in enumerate(colours[:3]):
            y = top + size * (0.5 + 1.4 * i)
            canvas.box((right - size * 6, y), (right - size * 5, y + size), colour)
            canvas.text((right - size * 4.5, y), words.word()[:7], face, size, inks.ink)


def _series(canvas: Canvas, a: Point, b: Point, colour: Colour, rng: np.random.Generator) -> None:
    count = int(rng.integers(5, 60))
    values = np.cumsum(rng.normal(size=count))
    values = (values - values.min()) / (np.ptp(values) + 1e-6) * rng.uniform(0.3, 0.95)
    xs = np.linspace(a[0], b[0], count)
    points = [(float(x), float(b[1] - v * (b[1] - a[1]))) for x, v in zip(xs, values, strict=True)]
    form = rng.random()
    if form < 0.5:
        canvas.line(points, colour, rng.uniform(1, 4))
    elif form < 0.75:
        radius = rng.uniform(1.5, 5)
        for point in points:
            canvas.disc(point, (radius, radius), colour, None)
    else:
        thick = (b[0] - a[0]) / count * rng.uniform(0.2, 0.8)
        for x, y in points:
            canvas.box((x, y), (x + thick, b[1]), colour)


def table(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator) -> None:
    """Draw a table of words and numbers under a heading row, with all lines, some or none."""
    face, words = _face(faces, rng)
    size = _small(rng, 8, 24)
    row = size * rng.uniform(1.4, 2.2)
    columns = max(2, int(canvas.width / (size * rng.uniform(6, 11))))
    width = canvas.width / columns
    lines = rng.random(2) < 0.6
    thickness = rng.uniform(1, 2.5)
    for r in range(int(canvas.height / row)):
        y = r * row
        colour = inks.ink
        if r == 0 or (r % 2 and not lines[0]):
            canvas.box((0, y), (canvas.width, y + row), inks.tint)
            colour = _readable(inks.tint, inks)
        for c in range(columns):
            cell = words.word() if c == 0 or r == 0 else words.number()
            canvas.text((c * width + size / 2, y + (row - size) / 2.5), cell, face, size, colour)
        if lines[0]:
            canvas.line([(0, y), (canvas.width, y)], inks.ink, thickness)
    if lines[1]:
        for c in range(1, columns):
            canvas.line([(c * width, 0), (c * width, canvas.height)], inks.ink, thickness)


def ink_drawing(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator) -> None:
    """Draw closed curves with dark outlines, flat or shaded by hatching, as comics, maps and plans have them."""
    for _ in range(int(rng.integers(25, 70))):
        middle = rng.uniform(0, 1, 2) * (canvas.width, canvas.height)
        radius = np.exp(rng.uniform(np.log(12), np.log(canvas.height / 3)))
        angles = np.linspace(0, 2 * np.pi, 72)
        wave = sum(rng.normal(0, 0.28 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(1, 7))
        shape = middle[:, None] + radius * (1 + wave) * np.stack([np.cos(angles) * rng.uniform(0.4, 1), np.sin(angles)])
        points = [(float(x), float(y)) for x, y in shape.T]
        fill = (inks.ground, inks.tint, _colour(rng))[int(rng.integers(3))]
        canvas.area(points, fill)
        if rng.random() < 0.35:
            _hatching(canvas, shape, inks.ink, rng)
        canvas.line([*points, points[0]], inks.ink, float(np.exp(rng.uniform(0, 1.9))))
    face, words = _face(faces, rng)
    for _ in range(int(rng.integers(0, 8))):
        at = (rng.uniform(0, canvas.width), rng.uniform(0, canvas.height))
        size = _small(rng, 10, 30)
        label = words.heading(2)
        length = canvas.length(label, face, size)
        edge = (at[0] + length + size / 2, at[1] + size * 1.5)
        canvas.box((at[0] - size / 2, at[1] - size / 3), edge, inks.ground, inks.ink, 1)
        canvas.text(at, label, face, size, inks.ink)


def _hatching(canvas: Canvas, shape: np.ndarray, colour: Colour, rng: np.random.Generator) -> None:
    """Draw parallel lines across the middle of a shape."""
    middle, reach = shape.mean(axis=1), np.ptp(shape, axis=1).min() * 0.35
    angle, gap, width = rng.uniform(0, np.pi), rng.uniform(3, 12), rng.uniform(1, 2)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    for offset in np.arange(-reach, reach, gap):
        half = np.sqrt(max(0.0, reach**2 - offset**2))
        a, b = middle + offset * across - half * along, middle + offset * across + half * along
        canvas.line([(float(a[0]), float(a[1])), (float(b[0]), float(b[1]))], colour, width)


def sign(canvas: Canvas, inks: Inks, faces: Sequence[Face], rng: np.random.Generator) -> None:
    """Draw large words, turned this way and that, on patches of colour with a soft texture."""
    for _ in range(int(rng.integers(4, 14))):
        middle = rng.uniform(0, 1, 2) * (canvas.width, canvas.height)
        half = rng.uniform(0.06, 0.3, 2) * (canvas.width, canvas.height)
        angle = rng.normal(0, 0.3)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = (turn @ (np.array([[-1, 1, 1, -1], [-1, -1, 1, 1]]) * half[:, None])).T + middle
        patch = (inks.tint, inks.accent, _colour(rng))[int(rng.integers(3))]
        canvas.area([(float(x), float(y)) for x, y in corners], patch)
        for _ in range(int(rng.integers(1, 4))):
            face, words = _face(faces, rng)
            at = middle + rng.uniform(-0.6, 0.6, 2) * half
            size = _small(rng, 12, canvas.height / 5)
            label = words.heading(int(rng.integers(1, 3)))
            point = (float(at[0]), float(at[1]))
            canvas.turned_text(point, label, face, size, _readable(patch, inks), -float(np.degrees(angle)))
    rough = rng.normal(0, 1, (canvas.height // 8 + 1, canvas.width // 8 + 1)).astype(np.float32)
    texture = rough.repeat(8, axis=0).repeat(8, axis=1)[: canvas.height, : canvas.width]
    fine = rng.normal(0, 1, (canvas.height, canvas.width)).astype(np.float32)
    canvas.shade((texture * rng.uniform(0, 3) + fine * rng.uniform(0, 3)).astype(np.float32))


def _gradient(canvas: Canvas, rng: np.random.Generator) -> None:
    if rng.random() < 0.6:
        slope = rng.uniform(-40, 40, (2, 3)).astype(np.float32)
        y = np.linspace(-0.5, 0.5, canvas.height, dtype=np.float32)[:, None, None]
        x = np.linspace(-0.5, 0.5, canvas.width, dtype=np.float32)[None, :, None]
        canvas.shade(y * slope[0] + x * slope[1])


def luma(colour: Colour) -> float:
    """Return how bright a colour is, from 0 to 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _readable(ground: Colour, inks: Inks) -> Colour:
    """Return the colour of the sheet that differs most from ``ground``."""
    return max((inks.ink, inks.ground, inks.accent), key=lambda colour: abs(luma(colour) - luma(ground)))


def _colour(rng: np.random.Generator) -> Colour:
    """Return any colour; grayish ones are as likely as glaring ones."""
    colour = rng.uniform(0, 256, 3)
    r, g, b = (int(x) for x in colour.mean() + (colour - colour.mean()) * rng.uniform(0, 1))
    return r, g, b


def inks(rng: np.random.Generator) -> Inks:
    """Choose colours: half of the sheets are black or dark on white, the others any that differ by 90 levels of luma."""
    if rng.random() < 0.5:
        dark = int(rng.choice([0, 0, int(rng.integers(0, 60))]))
        pair: tuple[Colour, Colour] = (255, 255, 255), (dark, dark, dark)
        if rng.random() < 0.2:
            pair = pair[1], pair[0]
        return Inks(*pair, _colour(rng), _colour(rng))
    ground, ink = _colour(rng), _colour(rng)
    while abs(luma(ground) - luma(ink)) < 90:
        ground, ink = _colour(rng), _colour(rng)
    return Inks(ground, ink, _colour(rng), _colour(rng))


KINDS: dict[str, Drawer] = {
    "text": text_page,
    "slide": slide,
    "chart": chart,
    "table": table,
    "ink": ink_drawing,
    "sign": sign,
}
"""What can be drawn, by the name in the files."""
