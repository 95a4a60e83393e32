"""Pictures on this machine's disks or behind a URL that fsspec knows: ``s3://``, ``gs://``, ``memory://`` and so on.

A run works on files of this machine: an input behind a URL is fetched into a temporary folder, and a result is written
there, whole, before it is sent. Object stores take a file in one step; elsewhere it is sent under another name and then
moved.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from srgan.errors import (
    ImageReadError,
    ImageWriteError,
    MissingExtraError,
    SrganError,
    UsageError,
)
from srgan.files import version as file_version

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci", "r2", "memory"})
"""Protocols that show an object when all of it is there, and never a part."""

_LONGEST_KEY, _LONGEST_NAME = 1024, 255
"""Bytes of a name: of all of it in an object store, of its last part elsewhere."""

_FILE = "file://"

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.DOTALL)


class Remote(PurePosixPath):
    """A place behind a URL, with the names, parts and joins of a path; as text it is the URL.

    (universal_pathlib's paths are no ``os.PathLike``, which whatever looks at a file's suffix here takes.)
    """

    def __str__(self) -> str:
        text = super().__str__()
        match = _URL.fullmatch(text)
        return f"{match[1]}://{match[2]}" if match else text

    def __fspath__(self) -> str:
        return str(self)

    @property
    def protocol(self) -> str:
        """What stands before ``://``."""
        return self.parts[0].rstrip(":")


def is_url(path: object) -> bool:
    """Return whether this names a place behind a URL, and not on this machine, as ``file://`` does."""
    text = str(path)
    return "://" in text and _URL.fullmatch(text) is not None and not text.startswith(_FILE)


def local(path: str) -> str:
    """Return a path as it is, and that of a ``file://`` URL decoded; UsageError if the file is on another machine."""
    if not path.startswith(_FILE):
        return path
    host, slash, rest = path.removeprefix(_FILE).partition("/")
    if host not in ("", "localhost") or not slash:
        raise UsageError(f"{path} is no file of this machine: write file:///FOLDER/NAME, or the path alone")
    from urllib.request import url2pathname  # two megabytes and 25 ms, for URLs alone

    return url2pathname("/" + rest)


def place(path: str) -> PurePath:
    """Return a path or URL as an object; UsageError for a URL that cannot be one of a folder or picture."""
    if not is_url(path):
        return Path(local(path))
    if "//" in path.split("://", 1)[1]:
        raise UsageError(f"{path} has an empty name between two slashes: srgan cannot tell it from one slash")
    if any(mark in path for mark in "?#") and path.startswith("http"):
        raise UsageError(f"{path} has a query: name a folder or a picture without one")
    return Remote(path)


def filesystem(remote: Remote) -> Any:
    """Return fsspec's file system of a URL.

    Raises
    ------
    MissingExtraError
        if fsspec or the library of this protocol is not installed
    UsageError
        if there is no such protocol
    """
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError(f"{remote.protocol}://", "cloud") from None
    try:
        return fsspec.filesystem(remote.protocol)
    except ImportError as error:
        if remote.protocol in ("s3", "s3a"):
            raise MissingExtraError(f"{remote.protocol}://", "cloud") from None
        raise UsageError(f"{remote.protocol}:// needs a library: {_line(error)}") from None
    except TypeError as error:
        raise UsageError(
            f"{remote.protocol}:// needs more than its address ({_line(error)}): fetch the files first"
        ) from None
    except ValueError as error:
        raise UsageError(f"{remote} is of no known protocol ({_line(error)}): write s3://, gs:// or a path") from None


def version(where: PurePath) -> str | None:
    """Return what differs for two files that were in one place one after the other; None if there is none."""
    if not isinstance(where, Remote):
        return file_version(Path(where))
    files = filesystem(where)
    with _errors(f"cannot look at {where}", SrganError):
        try:
            # An answer that was kept would hide what others did.
            files.invalidate_cache(str(where.parent))
            return _version_of(files.info(str(where)))
        except FileNotFoundError:
            return None


def listing(folder: Remote) -> dict[Remote, str]:
    """Return the version of each file below a URL, in a few requests however many there are."""
    files = filesystem(folder)
    with _errors(f"cannot list {folder}", SrganError):
        files.invalidate_cache()
        try:
            found = files.find(str(folder), detail=True)
            # Where the URL is one file, some file systems find it without saying anything of it.
            found = {name: info or files.info(name) for name, info in found.items()}
        except FileNotFoundError:
            return {}
    return {Remote(files.unstrip_protocol(name)): _version_of(info) for name, info in sorted(found.items())}


def send(local: Path, remote: Remote) -> None:
    """Put a file of this machine behind a URL, in one step; ImageWriteError if it cannot be put there."""
    files = filesystem(remote)
    with _errors(f"cannot write {remote}", ImageWriteError):
        if remote.protocol in OBJECT_STORES:
            files.put_file(str(local), str(remote))
            return
        files.makedirs(str(remote.parent), exist_ok=True)
        partial = remote.with_name(f".{remote.name}.part")
        files.put_file(str(local), str(partial))
        files.mv(str(partial), str(remote))


def check_name(remote: Remote) -> None:
    """Raise ImageWriteError if no file behind a URL can have this name."""
    stores = remote.protocol in OBJECT_STORES
    if len(str(remote).encode()) > _LONGEST_KEY if stores else len(remote.name.encode()) > _LONGEST_NAME:
        raise ImageWriteError(remote, "the name is too long: choose a shorter one")


def check_place(remote: Remote) -> PurePath:
    """Find out that a file can be put behind a URL: an empty one is put where the nearest folder is, and removed.

    Returns
    -------
    the folder for whose files this holds: for object stores the whole bucket, as each try is a request

    Raises
    ------
    ImageWriteError
        if nothing can be put there
    """
    stores = remote.protocol in OBJECT_STORES
    files = filesystem(remote)
    with _errors(f"cannot write {remote}", ImageWriteError):
        folder = remote.parent
        while not stores and len(folder.parts) > 2 and not files.exists(str(folder)):
            folder = folder.parent
        trial = folder / f".srgan-{secrets.token_hex(4)}.part"
        files.pipe_file(str(trial), b"")
        with suppress(Exception):  # who may write may perhaps not remove
            files.rm_file(str(trial))
    return type(remote)(*remote.parts[:2]) if stores else remote.parent


def fetch_picture(remote: Remote, local: Path) -> None:
    """Copy a picture behind a URL to a file of this machine; ImageReadError if that cannot be done."""
    with _errors(f"cannot read {remote}", ImageReadError):
        filesystem(remote).get_file(str(remote), str(local))


def fetch(remote: Remote, local: Path) -> bool:
    """Copy what is behind a URL to a file of this machine; return False if nothing is there."""
    with _errors(f"cannot read {remote}", SrganError):
        try:
            filesystem(remote).get_file(str(remote), str(local))
        except FileNotFoundError:
            return False
    return True


def _version_of(info: dict[str, Any]) -> str:
    # What the file systems call it; a hash of the content where there is one.
    for name in ("ETag", "etag", "md5Hash", "md5", "crc32c", "mtime", "LastModified", "last_modified", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            value = value.timestamp()  # some say it so in one answer, and as a number in another
        if value is not None:
            return f"{info.get('size')}:{value}"
    return str(info.get("size"))


@contextmanager
def _errors(what: str, kind: type[SrganError]) -> Iterator[None]:
    """Make each error of a file system one line; each of them raises kinds of its own."""
    try:
        yield
    except (SrganError, FileNotFoundError) as error:
        if isinstance(error, SrganError) or kind is SrganError:
            raise
        raise kind(f"{what}: there is no such file, folder or bucket: check the URL") from None
    except Exception as error:
        raise kind(f"{what} ({_line(error)}): check the URL, the credentials and the network") from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
