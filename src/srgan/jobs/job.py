"""One picture to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One picture to do: read ``source``, write ``target``.

    Where they are behind URLs they are :class:`srgan.storage.Remote`, which has the names and joins of a path.
    """

    source: Path
    target: Path
