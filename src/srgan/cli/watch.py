"""``srgan upscale --watch``: a folder that is looked through again and again, for pictures that came since."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath

from srgan import storage
from srgan.jobs.plan import Plan
from srgan.jobs.reports import Report

EVERY_SECONDS = 2.0
"""Between two looks. A file that changed between them may still be being written, and waits for the next."""


class Arrivals:
    """Tells which inputs are new, or changed, and whole."""

    def __init__(self) -> None:
        self._seen: dict[PurePath, str | None] = {}
        self._done: dict[PurePath, str | None] = {}

    def take(self, found: Plan) -> Plan:
        """Return the part of a plan to be done now: what is as it was at the last look, and was not returned before."""
        now: dict[PurePath, str | None] = {job.source: storage.version(job.source) for job in found.pictures}
        ready = [
            job
            for job in found.pictures
            if self._done.get(job.source, "") != now[job.source] and self._seen.get(job.source) == now[job.source]
        ]
        self._done |= {job.source: now[job.source] for job in ready}
        self._seen = now
        refused = [failure for failure in found.refused if failure.job.source not in self._done]
        self._done |= {failure.job.source: None for failure in refused}
        return replace(found, pictures=ready, refused=refused)


def run(found: Plan, look: Callable[[], Plan], do: Callable[[Plan], Report]) -> Report:
    """Do what there is, then what comes, until Ctrl-C.

    Parameters
    ----------
    look : makes the plan again
    do : does a plan's pictures; its errors are in its report
    """
    arrivals = Arrivals()
    total = Report()
    try:
        while True:
            new = arrivals.take(found)
            if new.pictures or new.refused:
                report = do(new)
                total.written += report.written
                total.skipped += report.skipped
                total.unchanged += report.unchanged
                total.failed += report.failed
            time.sleep(EVERY_SECONDS)
            found = look()
    except KeyboardInterrupt:
        return total
