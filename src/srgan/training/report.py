"""What a run reports: a log file, TensorBoard, and a progress bar or plain lines on the terminal."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from srgan.errors import UsageError
from srgan.files import why_not_written
from srgan.training.stages import StepLosses


class Reporter:
    """Writes what happens to ``log.txt``, ``events/`` and the terminal; only the first process of several does.

    Parameters
    ----------
    folder : the run folder
    active : False makes every method do nothing
    quiet : leave the terminal alone

    Raises
    ------
    UsageError
        on entering, when the folder cannot be written
    """

    def __init__(self, folder: Path, *, active: bool = True, quiet: bool = False) -> None:
        self.folder, self.active = folder, active
        self.console = Console(stderr=True, quiet=quiet or not active, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._task: Any = None
        self._writer: Any = None
        self._log: Any = None
        self._psnr = ""
        self._last: tuple[float, int] | None = None

    def __enter__(self) -> Reporter:
        if self.active:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._log = (self.folder / "log.txt").open("a", encoding="utf-8", buffering=1)
            except OSError as error:
                raise UsageError(f"cannot write the run folder '{self.folder}': {why_not_written(error)}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_stage()
        # On a full disk the error that is on its way says more than these would.
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
        if self._log is not None:
            with suppress(OSError):
                if error is not None:
                    self._log.write(f"{_now()} stopped: {error or kind}\n")
                self._log.close()

    def say(self, text: str) -> None:
        """Write a line to the log and the terminal."""
        if self.active:
            self._log.write(f"{_now()} {text}\n")
            (self._progress.console if self._progress else self.console).print(text, markup=False)

    def start_stage(self, name: str, steps: int, done: int) -> None:
        """Begin a stage of ``steps`` steps, ``done`` of which are done already."""
        self.end_stage()
        self._last = None
        self._psnr = ""
        if self.active and self.console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.fields[losses]}"),
                TextColumn("{task.fields[psnr]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self.console,
            )
            self._progress.start()
            self._task = self._progress.add_task(name, total=steps, completed=done, rate="", losses="", psnr="")

    def end_stage(self) -> None:
        """End the progress bar."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def advance(self, done: int) -> None:
        """Move the bar to ``done`` steps."""
        if self._progress is not None:
            self._progress.update(self._task, completed=done)

    def losses(self, stage: str, step: int, steps: int, losses: StepLosses, rate: float) -> None:
        """Report the losses of step number ``step`` (1-based) and the learning ``rate``."""
        if not self.active:
            return
        now = time.monotonic()
        speed = (step - self._last[1]) / (now - self._last[0]) if self._last and step > self._last[1] else math.nan
        self._last = (now, step)
        values = {name: float(value) for name, value in losses._asdict().items()}
        values = {name: value for name, value in values.items() if not math.isnan(value) or name == "total"}
        text = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        writer = self._events()
        for name, value in values.items():
            writer.add_scalar(f"{stage}/loss/{name}", value, step)
        writer.add_scalar(f"{stage}/rate", rate, step)
        if not math.isnan(speed):
            writer.add_scalar(f"{stage}/steps_per_second", speed, step)
        self._log.write(f"{_now()} {stage} {step}/{steps} {text} rate {rate:.3g} {speed:.2f} it/s\n")
        if self._progress is not None:
            shown = "" if math.isnan(speed) else f"{speed:.2f} it/s"
            self._progress.update(self._task, completed=step, rate=shown, losses=text, psnr=self._psnr)
        elif not self.console.quiet:
            left = "" if math.isnan(speed) else f", {speed:.2f} it/s, {_duration((steps - step) / speed)} left"
            self.console.print(f"{stage} {step}/{steps}: {text}{left}", markup=False)

    def figures(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Put figures into TensorBoard, under their names below the stage's."""
        if self.active:
            writer = self._events()
            for name, value in values.items():
                writer.add_scalar(f"{stage}/{name}", value, step)

    def validation(self, stage: str, step: int, psnr: dict[str, float], preview: Path | None) -> None:
        """Report the PSNR (dB) of each validation set."""
        if not self.active:
            return
        self._psnr = ", ".join(f"{name} {value:.2f} dB" for name, value in psnr.items())
        writer = self._events()
        for name, value in psnr.items():
            writer.add_scalar(f"{stage}/psnr/{name}", value, step)
        if preview is not None:
            from srgan.image import read_rgb8

            writer.add_image(f"{stage}/results", read_rgb8(preview), step, dataformats="HWC")
        writer.flush()
        self.say(f"{stage} step {step}: PSNR {self._psnr}")

    def _events(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            _leave_errors_to_calls()
            self._writer = SummaryWriter(str(self.folder / "events"))
        return self._writer


@functools.cache
def _leave_errors_to_calls() -> None:
    """TensorBoard's thread keeps an error for the next call, which raises it; it shall not print a traceback of it as well."""
    before = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if not type(failure.thread).__module__.startswith("tensorboard."):
            before(failure)

    threading.excepthook = hook


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _duration(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h {rest // 60:02} min" if hours else f"{rest // 60} min {rest % 60:02} s"
