"""The progress bar of videos and animations: frames, frames a second, time left."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from srgan.cli.lines import printable
from srgan.video.work import ClipListener


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return frames a second, or seconds a frame where it takes longer than that."""
        if not task.speed:
            return Text("")
        return Text(f"{task.speed:.1f} frames/s" if task.speed >= 1 else f"{1 / task.speed:.1f} s a frame")


class FrameBar(ClipListener):
    """Shows how far a video is and passes everything on to ``lines``, which prints above the bar."""

    def __init__(self, lines: ClipListener) -> None:
        self._lines = lines
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            speed_estimate_period=120,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> FrameBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, source: Path, total: int, resumed: int) -> None:
        """Show the video's name."""
        name = printable(source.name)
        # Another task for each clip: the one before must not count in the speed, nor leave its total.
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=total or None, completed=resumed)
        self._lines.started(source, total, resumed)

    def frame(self, done: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done)
        self._lines.frame(done)

    def note(self, text: str) -> None:
        """Print it."""
        self._lines.note(text)
