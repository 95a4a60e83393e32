"""How a run reaches its files: on this machine's disks, or behind URLs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from srgan.errors import OutputExistsError, SrganError, option
from srgan.jobs.job import Job
from srgan.storage import Remote, fetch_picture, send, version


class Access:
    """How a run reaches its files: here they lie on this machine's disks. Called from the threads that read and write."""

    @contextmanager
    def source(self, job: Job) -> Iterator[Path]:
        """Give the path of the input's file for the block."""
        yield job.source

    @contextmanager
    def target(self, job: Job, *, overwrite: bool) -> Iterator[tuple[Path, bool]]:
        """Give a path to write the result to, and whether a file there may be replaced.

        When the block ends well the result is in its place.
        """
        yield job.target, overwrite

    def keep_date(self, job: Job) -> None:
        """Give the result's file the date of the input's."""
        with suppress(OSError):  # a file system may not let it; the picture is written all the same
            about = os.stat(job.source)
            os.utime(job.target, ns=(about.st_atime_ns, about.st_mtime_ns))

    def exists(self, job: Job) -> bool:
        """Return whether the result's place is taken."""
        return os.path.lexists(job.target)


class RemoteAccess(Access):
    """Fetches inputs and sends results, where they are behind URLs; other files are reached as they are.

    Use it as a context manager: its temporary folder is removed at the end.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="srgan-"))
        self._number = 0

    def __enter__(self) -> RemoteAccess:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def source(self, job: Job) -> Iterator[Path]:
        """Fetch the input for the block."""
        if not isinstance(job.source, Remote):
            with super().source(job) as path:
                yield path
            return
        with self._temporary(job.source) as local, _about(job.source, local):
            fetch_picture(job.source, local)
            yield local

    @contextmanager
    def target(self, job: Job, *, overwrite: bool) -> Iterator[tuple[Path, bool]]:
        """Send what the block wrote."""
        if not isinstance(job.target, Remote):
            with super().target(job, overwrite=overwrite) as place:
                yield place
            return
        with self._temporary(job.target) as local, _about(job.target, local):
            yield local, True
            if not overwrite and self.exists(job):
                raise OutputExistsError(
                    f"'{job.target}' exists: pass {option('overwrite', True)} to replace it, or choose another output"
                )
            send(local, job.target)

    def exists(self, job: Job) -> bool:
        """Return whether the result's place is taken."""
        return version(job.target) is not None if isinstance(job.target, Remote) else super().exists(job)

    def keep_date(self, job: Job) -> None:
        """Give the result's file the date of the input's; behind URLs, files have the date at which they were sent."""
        if not isinstance(job.source, Remote) and not isinstance(job.target, Remote):
            super().keep_date(job)

    @contextmanager
    def _temporary(self, remote: Remote) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(dir=self._folder))  # in which it keeps its name, and so its format
        try:
            yield folder / remote.name
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _about(remote: Remote, local: Path) -> Iterator[None]:
    """Let errors about the temporary file name the place behind the URL."""
    try:
        yield
    except SrganError as error:
        if error.subject == str(local):
            error.subject = str(remote)
        raise
