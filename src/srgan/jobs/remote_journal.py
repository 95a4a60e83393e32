"""The journal of a job whose results are behind a URL: worked on here, and copied there every minute and at the end.

After the death of this machine the copy lacks at most the last minute; the results of that minute are there, whole, and
are not made again: the next run takes them for files of somebody else and skips them.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from srgan import storage
from srgan.jobs.journal import NAME, Journal
from srgan.storage import Remote

EVERY_SECONDS = 60.0
"""Time between copies."""


class RemoteJournal(Journal):
    """A :class:`Journal` that is fetched from ``folder`` and copied back; errors as there, and those of storage."""

    def __init__(self, folder: Remote, *, settings: str, model: str) -> None:
        self._remote = folder / NAME
        self._folder = Path(tempfile.mkdtemp(prefix="srgan-journal-"))
        self._copied = time.monotonic()
        try:
            storage.fetch(self._remote, self._folder / NAME)
            super().__init__(self._folder / NAME, settings=settings, model=model)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def done(self, target: str, **facts: Any) -> None:
        """Note that the result lies in its place; see :meth:`Journal.done`."""
        super().done(target, **facts)
        if time.monotonic() - self._copied > EVERY_SECONDS:
            self.copy()

    def copy(self) -> None:
        """Send the journal as it is now."""
        snapshot = self._folder / f"copy{NAME}"
        self.save_as(snapshot)
        try:
            storage.send(snapshot, self._remote)
        finally:
            snapshot.unlink()
        self._copied = time.monotonic()

    def close(self) -> None:
        """Send it a last time and remove the local file."""
        try:
            self.copy()
        finally:
            super().close()
            shutil.rmtree(self._folder, ignore_errors=True)
