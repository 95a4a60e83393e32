"""A contact sheet that lets a person judge a model: the picture | bicubic | the model | the original, enlarged.

Drawn pixel by pixel, without interpolation: each HR pixel of a crop is a square of 3 x 3, so that what is seen is what
the model made, and faults such as grids and ringing stay visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import MissingExtraError, UsageError
from srgan.evaluation.sample import PANEL, ZOOM, Sample

if TYPE_CHECKING:
    from srgan.evaluation.scores import BenchmarkReport

Pixels = NDArray[np.uint8]

FORMATS = (".png", ".svg", ".pdf")

_GAP, _CAPTION, _TITLE = 12, 26, 56  # output pixels between panels, above a panel, above everything
_DPI = 100
_INK, _FAINT, _MARK = "#1a1a1a", "#6b6b6b", "#e8452c"


def check_target(path: Path) -> None:
    """Raise UsageError or MissingExtraError if no figure can be written to ``path``: before the work, not after it."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"a figure is {', '.join(FORMATS)}, not '{path.name}': choose one of these suffixes")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a figure", "evaluate") from error


def write_figure(report: BenchmarkReport, path: Path, *, rows: int = 6) -> None:
    """Draw up to ``rows`` pictures of a report, each with its most detailed crop.

    The sets take turns; of each set those pictures come first that bicubic enlarges worst, because there models differ.

    Parameters
    ----------
    report : made by ``evaluate(..., keep_samples=True)``
    path : PNG, SVG or PDF, by its suffix; replaced if it exists; written atomically

    Raises
    ------
    ValueError
        for a report without samples
    MissingExtraError
        without matplotlib
    UsageError
        for another suffix, or a place that cannot be written
    """
    from srgan.files import atomic_path

    check_target(path)
    chosen = _choose([entry.samples for entry in report.sets], rows)
    if not chosen:
        raise ValueError("the report has no samples: evaluate with keep_samples=True")
    figure = _draw(report, chosen)
    with atomic_path(path, overwrite=True) as partial:
        figure.savefig(partial, format=path.suffix[1:].lower(), dpi=_DPI)


def _choose(sets: Sequence[Sequence[Sample]], rows: int) -> list[Sample]:
    queues = [sorted(samples, key=lambda sample: sample.before[0]) for samples in sets]
    chosen: list[Sample] = []
    while any(queues) and len(chosen) < rows:
        for queue in queues:
            if queue and len(chosen) < rows:
                chosen.append(queue.pop(0))
    # In the end those of one set stand together.
    order = {id(sample): number for number, sample in enumerate(s for samples in sets for s in samples)}
    return sorted(chosen, key=lambda sample: order[id(sample)])


def _draw(report: BenchmarkReport, samples: Sequence[Sample]) -> Any:
    # Not pyplot: it would choose a window system and keep the figure.
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    baseline_only = report.model == "bicubic"
    columns = 3 if baseline_only else 4
    width = columns * (PANEL + _GAP) + _GAP
    height = _TITLE + len(samples) * (_CAPTION + PANEL + _GAP)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")

    def text(x: float, y: float, words: str, **style: Any) -> None:
        figure.text(x / width, 1 - y / height, words, va="baseline", parse_math=False, **style)

    def panel(column: int, row: int, picture: Pixels, zoom: int) -> Any:
        """Place a picture so that its pixels fall on whole pixels of the output."""
        tall, wide = picture.shape[0] * zoom, picture.shape[1] * zoom
        left = _GAP + column * (PANEL + _GAP) + (PANEL - wide) // 2
        top = _TITLE + row * (_CAPTION + PANEL + _GAP) + _CAPTION + (PANEL - tall) // 2
        axes = figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))
        axes.imshow(picture, interpolation="none", aspect="auto")
        axes.axis("off")
        return axes

    means = "     ".join(f"{entry.name}  {_numbers((entry.psnr_y, entry.ssim_y))}" for entry in report.sets)
    text(_GAP, 28, f"{report.model}, {report.scale} times", size=15, weight="bold", color=_INK)
    text(width - _GAP, 28, means, size=11, color=_FAINT, ha="right")
    for row, sample in enumerate(samples):
        crops = [("bicubic", sample.before, sample.bicubic), (report.model, sample.after, sample.sr)]
        if baseline_only:
            del crops[0]
        baseline = _TITLE + row * (_CAPTION + PANEL + _GAP) + _CAPTION - 8
        text(_GAP, baseline, sample.name, size=11, weight="bold", color=_INK)
        overview = panel(0, row, sample.overview, 1)
        x, y, wide, tall = sample.box
        overview.add_patch(Rectangle((x - 0.5, y - 0.5), wide, tall, fill=False, edgecolor=_MARK, linewidth=1.5))
        for column, (name, score, picture) in enumerate(crops, 1):
            left = _GAP + column * (PANEL + _GAP)
            text(left, baseline, name, size=11, color=_INK)
            text(left + PANEL, baseline, _numbers(score), size=11, color=_FAINT, ha="right")
            panel(column, row, picture, ZOOM)
        text(_GAP + (columns - 1) * (PANEL + _GAP), baseline, "original", size=11, color=_INK)
        panel(columns - 1, row, sample.hr, ZOOM)
    return figure


def _numbers(score: tuple[float, float]) -> str:
    return f"{score[0]:.2f} dB / {score[1]:.3f}"
