"""The part of ``srgan upscale`` that does a folder. A journal in the folder lets an interrupted job resume."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from srgan import storage
from srgan.cli.lines import printable
from srgan.errors import SrganError
from srgan.files import why_not_written
from srgan.jobs import report_page
from srgan.jobs.access import RemoteAccess
from srgan.jobs.estimate import Estimate, estimate
from srgan.jobs.folder import model_hash, open_journal, run_folder, survey
from srgan.jobs.journal import NAME, Journal, settings_text
from srgan.models import catalogue
from srgan.storage import Remote

if TYPE_CHECKING:
    from srgan.engine.choice import ModelChooser
    from srgan.jobs.job import Job, Keeping
    from srgan.jobs.plan import Plan
    from srgan.jobs.reports import Listener, Report


@dataclass
class Cluster:
    """Where to compute instead of on this machine, and how to open the network there."""

    address: str
    """``auto``, ``local`` or ``HOST:PORT``."""
    model: str
    options: Mapping[str, Any]


@dataclass
class FolderJob:
    """What is to be done: pictures whose results all go to one folder."""

    work: Sequence[Job]
    folder: PurePath
    settings: str
    """Text of the options on which results depend."""
    model: str
    """What the network is known by (:func:`srgan.jobs.folder.model_hash`)."""
    versions: Mapping[PurePath, str] | None = field(default=None)


def describe(
    work: Sequence[Job],
    folder: PurePath,
    model: str,
    settings: Mapping[str, Any],
    versions: Mapping[PurePath, str] | None = None,
) -> FolderJob:
    """Return the job; ``settings`` are the options on which results depend, by name."""
    known_by = model_hash(model, settings["fidelity"], settings["precision"], settings.get("denoise"))
    return FolderJob(work, folder, settings_text(**settings), known_by, versions)


def run(
    job: FolderJob,
    chooser: ModelChooser,
    *,
    overwrite: bool,
    quality: int | None,
    check: bool,
    keeping: Keeping,
    listener: Listener,
    report_to: str | None = None,
    cluster: Cluster | None = None,
) -> Report:
    """Do a folder job, and write its page if one is asked for."""
    if not isinstance(job.folder, Remote):
        try:
            os.makedirs(job.folder, exist_ok=True)
        except OSError as error:
            raise SrganError(f"cannot make the folder {job.folder}: {why_not_written(error)}") from None
    with open_journal(job.folder, settings=job.settings, model=job.model) as journal:
        if cluster is None:
            report = run_folder(
                job.work,
                chooser,
                journal,
                job.folder,
                overwrite=overwrite,
                quality=quality,
                check=check,
                keeping=keeping,
                listener=listener,
                versions=job.versions,
            )
        else:
            report = _on_cluster(cluster, job, journal, overwrite=overwrite, quality=quality, listener=listener)
        if report_to is not None:
            with RemoteAccess() as access:
                report_page.write(Path(report_to), journal, job.folder, access, report)
    return report


def _on_cluster(
    where: Cluster, job: FolderJob, journal: Journal, *, overwrite: bool, quality: int | None, listener: Listener
) -> Report:
    from srgan.jobs import cluster

    shipped = where.model == catalogue.AUTO or where.model in catalogue.CATALOGUE
    model = where.model if shipped else os.path.abspath(catalogue.resolve(where.model))
    return cluster.run(
        job.work,
        cluster.WorkerConfig({"model": model, **where.options}, quality),
        journal,
        job.folder,
        address=where.address,
        overwrite=overwrite,
        listener=listener,
        versions=job.versions,
    )


def dry_run(job: FolderJob, chooser: ModelChooser, *, overwrite: bool, quality: int | None) -> list[str]:
    """Return lines that say what a run would do and take; nothing is written."""
    with tempfile.TemporaryDirectory(prefix="srgan-") as copy, RemoteAccess() as access:
        place = Path(copy) / NAME
        if isinstance(job.folder, Remote):
            storage.fetch(job.folder / NAME, place)
        else:
            for end in ("", "-wal"):  # what a killed run recorded last is in the second
                if os.path.exists(f"{job.folder / NAME}{end}"):
                    shutil.copyfile(f"{job.folder / NAME}{end}", f"{place}{end}")
        with Journal(place, settings=job.settings, model=job.model) as journal:
            found = survey(job.work, journal, job.folder, overwrite=overwrite, versions=job.versions, remove=False)
        expected = estimate(found.todo, chooser, access, quality=quality)
    lines = [_counts(len(found.todo), len(found.unchanged), len(found.taken))]
    if found.todo:
        lines.append(_expectation(expected))
        if not isinstance(job.folder, Remote):
            lines.append(_room(Path(job.folder), expected.nbytes))
    return lines


def dry_run_files(found: Plan, chooser: ModelChooser, *, overwrite: bool, quality: int | None) -> list[str]:
    """Return the same for pictures whose results lie beside them or under a name of their own."""
    finished = frozenset(() if overwrite else found.finished())
    rest = [job for job in found.pictures if job not in finished]
    with RemoteAccess() as access:
        taken = frozenset(() if overwrite else filter(access.exists, rest))
        todo = [job for job in rest if job not in taken]
        expected = estimate(todo, chooser, access, quality=quality)
    lines = [f"{printable(str(job.source))} -> {printable(str(job.target))}" for job in todo]
    lines.append(_counts(len(todo), len(finished), len(taken)))
    if todo:
        lines.append(_expectation(expected))
        if not isinstance(todo[0].target, Remote):
            lines.append(_room(Path(todo[0].target).parent, expected.nbytes))
    return lines


def _counts(todo: int, unchanged: int, taken: int) -> str:
    pictures = "1 picture" if todo == 1 else f"{todo:,} pictures"
    outputs = "its output exists" if taken == 1 else "their outputs exist"
    return f"{pictures} to do, {unchanged:,} up to date, {taken:,} to skip ({outputs})"


def _expectation(expected: Estimate) -> str:
    bad = f"; about {expected.unreadable:,} cannot be read" if expected.unreadable else ""
    return (
        f"about {duration(expected.seconds)} on this machine, {expected.pixels / 1e6:,.0f} megapixels of results, "
        f"{size(expected.nbytes)}{bad}"
    )


def _room(folder: Path, needed: int) -> str:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    enough = "" if needed < free else ": not enough"
    return f"{size(free)} are free there{enough}"


def duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``12 min``, ``3 h 20 min``, ``2 days 5 h``."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24:,} days {hours % 24} h"


def size(nbytes: int) -> str:
    """Return bytes as people say them: ``950 kB``, ``1.2 MB``, ``3.4 TB``."""
    number = float(nbytes)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"
