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


@dataclass(frozen=True)
class Keeping:
    """What results get beside their pixels and what belongs to their inputs."""

    history: bool = True
    """One line in the XMP: the software, the network and the enlargement."""
    date: bool = False
    """The input file's own date, where both files lie on this machine."""


KEEPING = Keeping()
"""What is kept unless somebody says otherwise."""
