"""Files that are either whole or not there.

Everything srgan writes, pictures, tables, models, goes through :func:`atomic_path`: a run that fails, a full disk or
Ctrl-C leaves the old file, or none, and never half a new one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

from srgan.errors import ImageError, OutputExistsError, SrganError, UsageError, option

_TOKEN_BYTES = 4

_PARTIAL = re.compile(rf"\.(.*)\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}\.part(.*)", re.DOTALL)
"""Name of a temporary file: the target's stem and suffix, each cut to 40 characters."""

_REASONS = {
    errno.ENOSPC: "the disk is full: free some space, or write elsewhere",
    errno.EDQUOT: "your quota is used up: free some space, or write elsewhere",
    errno.EFBIG: "the file is larger than is allowed here: raise the limit, or write elsewhere",
    errno.EACCES: "no permission to write there: choose another folder",
    errno.EPERM: "no permission to write there: choose another folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder: choose another path",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EIO: "the disk reports a fault: write elsewhere",
}


def why_not_written(error: OSError) -> str:
    """Say in a few words what an error of the operating system means for writing, and what to do."""
    reason = _REASONS.get(error.errno or 0)
    return reason or f"{error.strerror or error}: check the path"


@contextmanager
def atomic_path(
    target: str | os.PathLike[str], *, overwrite: bool = False, error: type[SrganError] = SrganError
) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, what lies there becomes ``target``.

    The temporary file is an empty file in the target's folder, with the target's suffix and a hidden name. It is
    flushed to the disk before it takes the target's place in one step, so that no moment and no crash shows half a
    file. When the block raises, Ctrl-C included, it is removed. Missing folders are made, and removed again in that
    case.

    Parameters
    ----------
    target : where the file shall be; if that is a symbolic link, the file that it names
    overwrite : whether a file there may be replaced (it keeps its permissions)
    error : what to raise when writing fails

    Raises
    ------
    OutputExistsError
        if the target exists, at the beginning or at the end of the block, and ``overwrite`` is not set
    UsageError
        if the target is a folder
    SrganError
        ``error``, with one line that says why, when the block or the final step fails with an OSError of writing
        (disk full, no permission). Other exceptions of the block pass through.
    """
    shown = Path(target)
    if os.path.isdir(shown):  # unlike Path.is_dir it takes any name, too long a one as well
        raise UsageError(f"cannot write {str(shown)!r}: it is a folder: name a file")
    if not overwrite and os.path.lexists(shown):
        raise _taken(repr(str(shown)))
    place = Path(os.path.realpath(shown))
    partial = place.with_name(f".{place.stem[:40]}.{secrets.token_hex(_TOKEN_BYTES)}.part{place.suffix[:40]}")
    made: list[Path] = []
    try:
        _make_folders(place.parent, made)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o666))
        yield partial
        _flush(partial)
        _settle(partial, place, shown, overwrite=overwrite)
        made.clear()
    except OSError as failure:
        # An OSError about some other file, raised by the block, is not ours to explain.
        if failure.filename is not None and Path(os.fsdecode(failure.filename)) not in (partial, place, *made):
            raise
        raise _unwritable(error, shown, failure) from failure
    finally:
        with suppress(OSError):
            partial.unlink()
        for folder in reversed(made):
            with suppress(OSError):  # another thread may have put something there
                folder.rmdir()


def without_descriptor(file: BinaryIO) -> BinaryIO:
    """Return an open file for Pillow to save into: all of it arrives, or an error is raised.

    Where a file has a descriptor, Pillow's encoders write to that themselves, many rows at a time, and do not look whether
    a disk that is nearly full took only a part.
    """
    return cast(BinaryIO, SimpleNamespace(write=file.write, flush=file.flush, seek=file.seek, tell=file.tell))


def remove_leftovers(targets: Iterable[Path]) -> None:
    """Remove the temporary files of :func:`atomic_path` for these targets that a process left when it was killed.

    Each folder is looked through once, however many targets it has. Call it only where nobody is writing them.
    """
    names: dict[Path, set[tuple[str, str]]] = {}
    for target in targets:
        place = Path(os.path.realpath(target))
        names.setdefault(place.parent, set()).add((place.stem[:40], place.suffix[:40]))
    for folder, ends in names.items():
        with suppress(OSError):
            for entry in os.scandir(folder):
                found = _PARTIAL.fullmatch(entry.name)
                if found and found.groups() in ends:
                    os.unlink(entry.path)


def refuse_existing(target: Path, *, overwrite: bool = False) -> None:
    """Raise OutputExistsError if ``target`` is there and may not be replaced."""
    if not overwrite and os.path.lexists(target):
        raise _taken(str(target))


def check_name(target: Path, *, error: type[SrganError] = SrganError) -> Path:
    """Return the folder where a file will be made, if its name is one that a file can have there.

    Raises
    ------
    SrganError
        ``error``, if the name, or the whole path, is too long
    """
    place = Path(os.path.realpath(target))
    folder = _there(place.parent)
    try:
        longest = os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows has no such question
        longest = 255
    # Names of folders that are still to be made count too.
    if any(len(os.fsencode(name)) > longest for name in place.relative_to(folder).parts):
        raise _unwritable(error, target, OSError(errno.ENAMETOOLONG, ""))
    try:
        os.lstat(place)
    except OSError as failure:
        if failure.errno == errno.ENAMETOOLONG:
            raise _unwritable(error, target, failure) from None
    return folder


def check_folder(folder: Path, target: Path, *, error: type[SrganError] = SrganError) -> None:
    """Raise ``error``, about ``target``, if no file can be made in ``folder``: one is made, and removed."""
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
        os.close(handle)
        os.unlink(name)
    except OSError as failure:
        raise _unwritable(error, target, failure) from None


def free_bytes(folder: Path) -> int:
    """Return how many bytes the disk has left where ``folder`` is, or will be."""
    return shutil.disk_usage(_there(folder)).free


def _there(folder: Path) -> Path:
    """Return the nearest folder above that exists."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _unwritable(error: type[SrganError], target: Path, failure: OSError) -> SrganError:
    reason = why_not_written(failure)
    return error(target, reason) if issubclass(error, ImageError) else error(f"cannot write {str(target)!r}: {reason}")


def _taken(shown: str) -> OutputExistsError:
    return OutputExistsError(
        f"{shown} exists: pass {option('overwrite', True)} to replace it, or choose another output"
    )


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = []
    while not os.path.exists(folder):
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):  # made by another thread in this moment
            made.append(each)
            each.mkdir()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle(partial: Path, place: Path, shown: Path, *, overwrite: bool) -> None:
    if overwrite:
        with suppress(FileNotFoundError):
            partial.chmod(stat.S_IMODE(place.stat().st_mode))
        os.replace(partial, place)
        return
    # A hard link fails if the name is taken, in one step: two runs cannot overwrite each other's output.
    try:
        os.link(partial, place)
    except FileExistsError:
        raise _taken(repr(str(shown))) from None
    except OSError:  # FAT and some network file systems have no hard links
        if os.path.lexists(place):
            raise _taken(repr(str(shown))) from None
        os.replace(partial, place)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def version(path: Path) -> str | None:
    """Return what differs for two files that were in one place one after the other: bytes and time; None for no file.

    No inode number: they change when a disk is mounted elsewhere.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return f"{status.st_size}:{status.st_mtime_ns}"
