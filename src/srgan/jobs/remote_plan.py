"""Where each result goes, as in :mod:`srgan.jobs.plan`, where the pictures or the results are behind URLs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import cast

from srgan import image, storage
from srgan.errors import UsageError
from srgan.jobs.job import Job
from srgan.jobs.plan import check_source, checked_extension, result_name
from srgan.storage import Remote


@dataclass
class RemotePlan:
    """The pictures to do, and what the listings said of their files."""

    folder: PurePath
    """Where all results go."""
    jobs: list[Job] = field(default_factory=list)
    versions: dict[PurePath, str] = field(default_factory=dict)
    """Version of each input and output behind a URL (:func:`srgan.storage.version`); those missing are not there."""


def plan_remote(paths: Sequence[str], output: str | None, *, scale: str, format: str | None = None) -> RemotePlan:
    """Find the pictures and decide the names of the results.

    Names are those of :func:`srgan.jobs.plan.plan`; the output is always a folder.

    Raises
    ------
    UsageError
        if there is no output, no picture, or two pictures would be written to one file or over an input
    MissingExtraError, SrganError
        if a URL's library is not installed, or a place cannot be listed
    """
    if not output:
        raise UsageError("pictures behind URLs need a place for the results: pass -o FOLDER or -o URL")
    extension = None if format is None else checked_extension(format)
    found = RemotePlan(storage.place(output))
    for path in paths:
        count = len(found.jobs)
        for source, place in _pictures(storage.place(path), found):
            target = found.folder / place / result_name(source, scale, extension)
            found.jobs.append(Job(cast(Path, source), cast(Path, target)))
        if len(found.jobs) == count:
            raise UsageError(f"{path} has no pictures: check the path, or name another folder")
    if isinstance(found.folder, Remote):
        found.versions.update(storage.listing(found.folder).items())
    _refuse_collisions(found.jobs)
    return found


def pictures(folder: Remote) -> dict[Remote, str]:
    """Return the pictures below a URL, hidden names left out, with their versions; or the one picture that it names."""
    found = storage.listing(folder)

    def shown(name: Remote) -> bool:
        inside = name.relative_to(folder).parts if name != folder else ()
        return name.suffix.lower() in image.PICTURE_SUFFIXES and not any(part.startswith(".") for part in inside)

    return {name: seen for name, seen in found.items() if shown(name)}


def _pictures(root: PurePath, found: RemotePlan) -> Iterator[tuple[PurePath, PurePath]]:
    """Yield each picture with its folder relative to ``root``; a results folder inside is left out."""
    seen: list[PurePath]
    if isinstance(root, Remote):
        versions = pictures(root)
        found.versions.update(versions.items())
        seen = list(versions)
    else:
        check_source(root)
        seen = list(image.list_pictures(root)) if Path(root).is_dir() else [root]
    inside = found.folder != root and type(found.folder) is type(root) and found.folder.is_relative_to(root)
    for source in seen:
        if inside and source.is_relative_to(found.folder):
            continue
        yield source, PurePath() if source == root else source.parent.relative_to(root)


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    inputs = {job.source for job in jobs}
    taken: dict[PurePath, PurePath] = {}
    for job in jobs:
        if job.target in inputs:
            raise UsageError(f"{job.target} is an input: choose another output")
        first = taken.setdefault(job.target, job.source)
        if first != job.source:
            raise UsageError(f"{first} and {job.source} would both become {job.target}: rename one")
