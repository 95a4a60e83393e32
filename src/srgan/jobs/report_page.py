"""The report of a folder job: one HTML file that needs no other, with counts, failures and pairs of thumbnails."""

from __future__ import annotations

import base64
import io
import math
from datetime import UTC, datetime
from html import escape
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from srgan import image
from srgan.errors import SrganError, UsageError
from srgan.evaluation.crops import most_detailed
from srgan.files import atomic_path
from srgan.jobs.access import Access
from srgan.jobs.job import Job
from srgan.jobs.journal import Journal, JournalEntry, State
from srgan.jobs.reports import Report
from srgan.storage import place
from srgan.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

PAIRS = 48
"""Pictures shown, evenly spread over all that are done: a page of a million would not open."""

CROP = 240
"""Pixels of a crop's sides, at most. Crops show the most detailed part at 100 %: whole pictures look alike before and after."""

FAILURES = 1000
"""Failures listed, at most; the journal has all."""

MOST_PIXELS = 50_000_000
"""A picture of more pixels gets no crops, as all of it would be in memory."""

LOOKED_AT = 1_000_000
"""The part with most detail is looked for among so many pixels."""

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; } dt { opacity: .7; } dd { margin: 0; font-size: 1.6rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .25rem 1rem .25rem 0; vertical-align: top; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(31rem, 100%), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figure img { max-width: calc(50% - .25rem); margin-right: .25rem; } figcaption { overflow-wrap: anywhere; }
"""


def check_name(path: str) -> None:
    """Raise UsageError unless the file's name is one of a page: an existing report is replaced, a picture never."""
    if not path.lower().endswith((".html", ".htm")):
        raise UsageError(f"the report is an HTML page, and {path} is not named so: name for instance report.html")


def write(path: Path, journal: Journal, folder: PurePath, access: Access, report: Report) -> None:
    """Write the page.

    Parameters
    ----------
    path : the page, replaced if it exists
    journal : of the whole job, earlier runs included
    folder : where the results are
    report : of the run that ended now

    Raises
    ------
    SrganError
        if the page cannot be written. A picture that cannot be shown is left out.
    """
    with atomic_path(path, overwrite=True) as partial:
        partial.write_text(_page(journal, folder, access, report), encoding="utf-8")


def _page(journal: Journal, folder: PurePath, access: Access, report: Report) -> str:
    done, failed = journal.count(State.DONE), journal.count(State.FAILED)
    totals = journal.totals()
    counts = {
        "done in all": f"{done:,}",
        "failed": f"{failed:,}",
        "written by this run": f"{len(report.written):,}",
        "up to date": f"{len(report.unchanged):,}",
        "skipped": f"{len(report.skipped):,}",
        "megapixels of results": f"{totals.pixels / 1e6:,.1f}",
        "seconds a picture": f"{totals.seconds / max(totals.timed, 1):,.2f}",
    }
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>srgan: {escape(printable(str(folder)))}</title><style>{_STYLE}</style>',
        f"<h1>{_text(folder)}</h1><p>{datetime.now(UTC):%Y-%m-%d %H:%M} UTC</p>",
        "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in counts.items()) + "</dl>",
    ]
    if failed:
        parts.append("<h2>Failures</h2><table><tr><th>Picture<th>Reason")
        for number, entry in enumerate(journal.entries(State.FAILED)):
            if number == FAILURES:
                parts.append(f"<tr><td>and {failed - FAILURES:,} more")
                break
            parts.append(f"<tr><td>{_text(entry.source)}<td>{_text(entry.reason)}")
        parts.append("</table>")
    step = max(-(-done // PAIRS), 1)
    figures = [
        _figure(entry, folder, access) for number, entry in enumerate(journal.entries(State.DONE)) if number % step == 0
    ]
    if figures:
        parts.append('<h2>Before and after, at 100 %</h2><div class="pairs">' + "\n".join(figures) + "</div>")
    return "\n".join([*parts, "</html>"])


def _figure(entry: JournalEntry, folder: PurePath, access: Access) -> str:
    source, target = place(entry.source), folder / entry.target
    images = zip(("Before", "After"), _crops(source, target, access), strict=False)
    tags = "".join(f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">' for alt, data in images)
    sizes = "" if entry.width is None else f" {entry.width}x{entry.height} → {entry.out_width}x{entry.out_height}"
    return f"<figure>{tags}<figcaption>{_text(entry.target)}{sizes}</figcaption></figure>"


def _crops(source: PurePath, target: PurePath, access: Access) -> list[str]:
    """Return the most detailed part of a picture, enlarged by bicubic, and the same part of its result; none if one is gone."""
    before, after = _pixels(source, access), _pixels(target, access)
    if before is None or after is None:
        return []
    from PIL import Image

    across, down = after.shape[1] / before.shape[1], after.shape[0] / before.shape[0]
    step = max(math.isqrt(before.shape[0] * before.shape[1] // LOOKED_AT), 1)
    side = max(round(CROP / max(across, down) / step), 1)
    top, left = (step * at for at in most_detailed(before[::step, ::step], side))
    wide, tall = min(CROP, after.shape[1]), min(CROP, after.shape[0])
    x, y = min(round(left * across), after.shape[1] - wide), min(round(top * down), after.shape[0] - tall)
    box = x / across, y / down, min((x + wide) / across, before.shape[1]), min((y + tall) / down, before.shape[0])
    enlarged = Image.fromarray(before).resize((wide, tall), Image.Resampling.BICUBIC, box)
    return [_encoded(enlarged), _encoded(Image.fromarray(after[y : y + tall, x : x + wide]))]


def _pixels(where: PurePath, access: Access) -> NDArray[np.uint8] | None:
    try:
        with access.source(Job(where, where)) as path:  # type: ignore[arg-type]  # a Remote is as good as a path there
            header = image.probe(path)
            if header.width * header.height > MOST_PIXELS:
                return None
            bands = header.bands if header.bands > 4 else 3
            return image.to_rgb8(image.read_shown(path, bands))
    except SrganError:  # it is gone meanwhile
        return None


def _encoded(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return base64.b64encode(out.getvalue()).decode()


def _text(value: object) -> str:
    return escape(printable(str(value)))
