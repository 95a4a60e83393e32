"""The errors that srgan raises for what a user or a caller can put right.

::

    SrganError                    exit code 1: something failed
    ├── UsageError                exit code 2: the call itself is wrong
    │   ├── RecipeError           a recipe has unknown keys, wrong values or contradictions
    │   ├── UnknownModelError     no shipped model of that name and no file there
    │   ├── ArrayError            an array is no picture: its dtype, shape or values
    │   ├── OutputExistsError     the output is there and may not be overwritten
    │   └── MissingExtraError     an optional part of the package is not installed
    ├── ImageError                a picture
    │   ├── ImageReadError        cannot be read: missing, truncated, not a picture
    │   ├── ImageTooLargeError    has more pixels than the limit
    │   └── ImageWriteError       cannot be written: disk full, no permission, unknown format
    ├── VideoError                a video cannot be read, or not be written
    ├── ModelError                a model file is damaged or not one of ours
    ├── DeviceError               a GPU is lost, cannot be opened, or computes wrong results
    ├── DataError                 a folder of pictures cannot serve training or evaluation
    ├── CheckpointError           a run cannot be resumed from what lies in its folder
    ├── Cancelled                 the caller's own cancel event was set
    ├── TrainingError             training broke down (for instance the loss is not a number)
    └── TrainingInterrupted       exit code 130: stopped by Ctrl-C, after saving a checkpoint

Each message is one line: what happened, then what to do. What it is about is kept beside it as data
(:attr:`SrganError.subject`), so that whoever knows the file under another name can say that one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

_for_the_command = False


def option(name: str, value: object) -> str:
    """Return an option as whoever reads the message writes it: ``overwrite=True`` in Python, ``--overwrite`` in a command."""
    if not _for_the_command:
        return f"{name}={value!r}"
    flag = "--" + name.replace("_", "-")
    return flag if value is True else f"{flag} {value}"


@contextmanager
def in_words_of_the_command() -> Iterator[None]:
    """Let the messages made in the block, on whichever thread, name options as the command does."""
    global _for_the_command
    before, _for_the_command = _for_the_command, True
    try:
        yield
    finally:
        _for_the_command = before


class SrganError(Exception):
    """Root of all errors of this package. ``exit_code`` is what the command exits with."""

    exit_code = 1

    subject: str | None = None
    """The file or URL that the error is about, where the message itself does not name it. It may be set by whoever
    catches the error and knows it, or knows the file under another name."""

    def __str__(self) -> str:
        return super().__str__() if self.subject is None else self.line(self.subject)

    def line(self, shown: str) -> str:
        """Return the message with its subject called ``shown``."""
        return f"{shown}: {super().__str__()}"


class UsageError(SrganError):
    """The call is wrong: an argument, an option, a combination of them."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe has unknown keys, wrong values or contradictions; the message names all of them."""


class UnknownModelError(UsageError):
    """A model name that is not shipped and not a file; the message lists the shipped names."""


class ArrayError(UsageError, ValueError):
    """An array is no picture: it has another dtype, another shape, or values out of range. A ValueError, too."""


class OutputExistsError(UsageError):
    """The output path is taken and overwriting was not asked for."""


NO_MEMORY = "there is not enough memory: close other programs, or raise the limit on it (ulimit -v)"
"""The rest of a line about what :func:`is_lack_of_memory` tells."""

_LACKS = (
    "alloc",  # "Failed to allocate", "bad_alloc", "can't alloc", "Cannot allocate memory"
    "out of memory",
    "could not create a memory object",
    "failed to map segment",  # of a library that is loaded
    "can't start new thread",
    "creating thread",  # libvips
)


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an exception is how one of the libraries says that memory is short: most have no type for it.

    The package's own errors have judged that already, and may quote what a library says about a damaged file.
    """
    if isinstance(error, SrganError):
        return NO_MEMORY in str(error)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, Exception) and any(lack in str(error).lower() for lack in _LACKS)


class MissingExtraError(UsageError):
    """A part of the package needs libraries that are not installed.

    Parameters
    ----------
    what : what was asked for, for instance ``"srgan train"``
    extra : the extra that brings the libraries, for instance ``"train"``
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs libraries that are not installed: run pip install 'srgan[{extra}]'")
        self.extra = extra


class ImageError(SrganError):
    """Something is wrong with one picture.

    Parameters
    ----------
    path : the picture's file or URL, kept in :attr:`subject`; without ``reason`` the whole message, for a picture that
        has no file (torch, too, makes the errors of its loading processes again from their text alone)
    reason : what is wrong and what to do, as the rest of a line that begins with the path
    action : what could not be done, where it is not what the kind of error says
    """

    action: ClassVar[str] = "cannot take"

    def __init__(self, path: str | os.PathLike[str], reason: str | None = None, *, action: str | None = None) -> None:
        super().__init__(path, reason)
        self.reason = os.fsdecode(path) if reason is None else reason
        self.subject = None if reason is None else os.fsdecode(path)
        self._action = self.action if action is None else action

    def __str__(self) -> str:
        return self.reason if self.subject is None else self.line(repr(self.subject))

    def line(self, shown: str) -> str:
        """Return the message with the picture called ``shown``."""
        return f"{self._action} {shown}: {self.reason}"


class ImageReadError(ImageError):
    """A picture is missing, empty, truncated, unreadable or not a picture."""

    action = "cannot read"


class ImageTooLargeError(ImageError):
    """A picture has more pixels than the limit, read from its header before decoding."""

    def line(self, shown: str) -> str:
        """Return the message with the picture called ``shown``."""
        return f"{shown} {self.reason}"


class ImageWriteError(ImageError):
    """A picture cannot be written; nothing is left behind."""

    action = "cannot write"


class VideoError(SrganError):
    """A video is missing, damaged or none at all, or its result cannot be encoded or written."""


class ModelError(SrganError):
    """A model file is damaged, or is not a network that srgan can run."""


class DeviceError(SrganError):
    """A GPU is lost, cannot be opened, or computes wrong results."""


class DataError(SrganError):
    """A folder of pictures cannot serve training or evaluation."""


class CheckpointError(SrganError):
    """A training run cannot be resumed from what lies in its folder."""


class Cancelled(SrganError):  # noqa: N818 - it is no fault, only a way to stop
    """The work ended because the event given as ``cancel`` was set; nothing was written."""


class TrainingError(SrganError):
    """Training broke down; the message says at which step and what to change."""


class TrainingInterrupted(SrganError):  # noqa: N818 - it is no fault, only a way to stop
    """Training was stopped by the user after a checkpoint was saved."""

    exit_code = 130
