"""What a run of pictures says: of each picture, while it works and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from srgan.errors import SrganError
from srgan.jobs.job import Job

if TYPE_CHECKING:
    from srgan.engine.consistency import Consistency


@dataclass(frozen=True)
class Done:
    """A picture that was written: its sizes as (width, height) in pixels, and the seconds from file to file."""

    job: Job
    before: tuple[int, int]
    after: tuple[int, int]
    seconds: float
    check: Consistency | None = None
    """How far the result, reduced again, is from the input, where that was asked for; of several pages the worst one.
    Of one picture of many only its figure is kept."""
    pages: int = 1
    """How many pages or frames the input has."""
    enlarged: int = 1
    """How many of them the result has: all of them where both files are TIFF, else the first one. Sizes are its."""
    network: str = ""
    """Name of the network that made it, where that is known here."""
    alike: bool = True
    """Whether all enlarged pages have those sizes."""
    notes: tuple[str, ...] = ()
    """What the input has and the result has not, in a few words each."""
    seen: str = ""
    """What was seen in the picture and decided for the network: ``noisy (12 levels), compressed``; empty for nothing."""

    @property
    def by(self) -> str:
        """The two in a line: ``noisy (12 levels), compressed: by photo-x4``."""
        return f"{self.seen}: by {self.network}" if self.seen else f"by {self.network}"


@dataclass(frozen=True)
class Failure:
    """A picture that was not, and the one line that says why."""

    job: Job
    error: SrganError


@dataclass
class Report:
    """What a run did."""

    written: list[Done] = field(default_factory=list)
    skipped: list[Job] = field(default_factory=list)
    unchanged: list[Job] = field(default_factory=list)
    """Their results were there from an earlier run of the same job, and are what would be made again."""
    failed: list[Failure] = field(default_factory=list)


class Listener:
    """Is told what a run does, when it does it; the methods here do nothing. All calls come from the calling thread."""

    def started(self, job: Job, number: int, total: int) -> None:
        """Note that the network begins with picture ``number`` (from 1) of ``total``."""

    def leaves_out(self, job: Job, notes: tuple[str, ...]) -> None:
        """Note what a picture has and its result will not have, in a few words each.

        That is before it is computed, unless several are computed at the same time, or elsewhere.
        """

    def progress(self, done: int, total: int) -> None:
        """Note that so many input pixels of the picture are computed."""

    def written(self, done: Done) -> None:
        """Note that a picture lies in its place."""

    def skipped(self, job: Job) -> None:
        """Note that a picture's output was there already."""

    def failed(self, failure: Failure) -> None:
        """Note that a picture could not be done."""
