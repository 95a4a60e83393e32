"""A folder job: :func:`srgan.jobs.run.run_pictures` over what is not done yet, with each step in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from srgan import storage
from srgan.files import remove_leftovers
from srgan.jobs import before
from srgan.jobs.access import Access, RemoteAccess
from srgan.jobs.job import KEEPING, Job, Keeping
from srgan.jobs.journal import NAME, Journal, State, Verdict, content_of
from srgan.jobs.remote_journal import RemoteJournal
from srgan.jobs.reports import Done, Failure, Listener, Report
from srgan.jobs.run import run_pictures
from srgan.models import int8
from srgan.models.catalogue import AUTO, THRESHOLDS
from srgan.models.metadata import read_info
from srgan.runtime.blend import files_of
from srgan.storage import Remote

if TYPE_CHECKING:
    from srgan.engine.choice import ModelChooser
    from srgan.engine.upscaler import Upscaler
    from srgan.runtime.network import Precision

Versions = Mapping[PurePath, str]
"""What a listing said of files behind URLs (:attr:`srgan.jobs.plan.Plan.versions`)."""


@dataclass
class Work:
    """A job's pictures, sorted by what is to be done with them."""

    todo: list[Job] = field(default_factory=list)
    replace: set[Job] = field(default_factory=set)
    """Those of ``todo`` whose result takes the place of another file."""
    unchanged: list[Job] = field(default_factory=list)
    """Their results are what would be made again."""
    taken: list[Job] = field(default_factory=list)
    """A file that the job did not make is in their result's place."""


def model_hash(
    model: str | Path, fidelity: float | None = None, precision: Precision = "auto", denoise: float | None = None
) -> str:
    """Return what the journal knows a network by: the SHA-256 of its file, with ``fidelity`` and that of its partner's.

    For "auto" those of the networks that it chooses among, and where it does; in int8 those of the int8 forms.
    """
    files = files_of(model, fidelity, denoise)
    chooses = str(model) == AUTO and denoise is None
    if precision == "int8":
        files = [int8.find(read_info(path)).path for path in files]
    known = "+".join(map(content_of, files))
    return f"{known}@{THRESHOLDS.version}" if chooses else known


def open_journal(folder: PurePath, *, settings: str, model: str) -> Journal:
    """Open the journal of a results' folder, here or behind a URL; errors as :class:`srgan.jobs.journal.Journal`."""
    if isinstance(folder, Remote):
        return RemoteJournal(folder, settings=settings, model=model)
    return Journal(Path(folder) / NAME, settings=settings, model=model)


def survey(
    work: Sequence[Job],
    journal: Journal,
    folder: PurePath,
    *,
    overwrite: bool = False,
    versions: Versions | None = None,
    remove: bool = True,
) -> Work:
    """Sort the pictures by what is to be done with them, and ``remove`` what a killed run left half written."""
    found = Work()
    if remove and not isinstance(folder, Remote):
        rows = ((job, journal.entry(target_name(job, folder))) for job in work)
        remove_leftovers(job.target for job, row in rows if row is not None and row.state is State.BEGUN)
    for job in work:
        name = target_name(job, folder)
        verdict = _judge(job, name, journal, overwrite, versions)
        if verdict is Verdict.UNCHANGED:
            found.unchanged.append(job)
        elif verdict is Verdict.TAKEN:
            found.taken.append(job)
        else:
            found.todo.append(job)
            if verdict is Verdict.REPLACE:
                found.replace.add(job)
    return found


def run_folder(
    work: Sequence[Job],
    upscaler: Upscaler | ModelChooser,
    journal: Journal,
    folder: PurePath,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    check: bool = False,
    keeping: Keeping = KEEPING,
    listener: Listener | None = None,
    versions: Versions | None = None,
) -> Report:
    """Upscale pictures into a folder; do only what is not done yet, so that a stopped run resumes.

    A picture is done again if its content, the settings or the model are others than those its result was made with. A
    file that this job did not make is skipped, unless ``overwrite``, which also makes every other result again.

    Parameters
    ----------
    journal : the folder's, open, with these settings and this model
    folder : where all results go
    quality, check, keeping : see :func:`srgan.jobs.run.run_pictures`
    versions : of the files behind URLs, from listing them; without it each is asked for

    Raises
    ------
    SrganError
        if the journal cannot be written, or a place behind a URL not be looked at; pictures' own errors are in the
        report
    """
    listener = listener or Listener()
    found = survey(work, journal, folder, overwrite=overwrite, versions=versions)
    before.check_room_for_all(found.todo, upscaler, folder)
    for job in found.taken:
        listener.skipped(job)
    with RemoteAccess() as access:
        watched = Watched(access)
        report = run_pictures(
            found.todo,
            upscaler,
            overwrite=overwrite,
            replace=found.replace,
            quality=quality,
            check=check,
            keeping=keeping,
            listener=_Recorder(listener, journal, folder, watched),
            access=watched,
        )
    report.skipped[:0] = found.taken
    report.unchanged[:] = found.unchanged
    return report


def look(where: PurePath, versions: Versions | None) -> str | None:
    """Return the version of a file: behind a URL, as listed, if it was."""
    if isinstance(where, Remote) and versions is not None:
        return versions.get(where)
    return storage.version(where)


def target_name(job: Job, folder: PurePath) -> str:
    """Return the name of a picture in the journal."""
    return job.target.relative_to(folder).as_posix()


def _judge(job: Job, name: str, journal: Journal, overwrite: bool, versions: Versions | None) -> Verdict:
    source, output = look(job.source, versions), look(job.target, versions)
    verdict = journal.judge(name, source=source, output=output, overwrite=overwrite)
    if verdict is Verdict.REPLACE and not overwrite and not isinstance(job.source, Remote):
        known = journal.content_known(name)
        if known is not None and _content(job.source) == known:
            journal.touched(name, source)
            return Verdict.UNCHANGED
    return verdict


def _content(source: Path) -> str | None:
    try:
        return content_of(source)
    except OSError:  # reading the picture will say why
        return None


class Watched(Access):
    """Notes which content each input had when it was read."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.seen: dict[Job, tuple[str | None, str | None]] = {}
        """Version and content; None where the file changed while it was read."""

    @contextmanager
    def source(self, job: Job) -> Iterator[Path]:
        """Give the input's file, and note its content."""
        before = storage.version(job.source)
        with self._access.source(job) as path:
            content = _content(path)
            yield path
            self.seen[job] = (before, content) if storage.version(job.source) == before else (None, None)

    @contextmanager
    def target(self, job: Job, *, overwrite: bool) -> Iterator[tuple[Path, bool]]:
        """Give the path to write to."""
        with self._access.target(job, overwrite=overwrite) as place:
            yield place

    def keep_date(self, job: Job) -> None:
        """Give the result's file the date of the input's."""
        self._access.keep_date(job)

    def exists(self, job: Job) -> bool:
        """Return False: :func:`survey` has looked, and what comes into being since is not overwritten either."""
        del job
        return False


class _Recorder(Listener):
    """Writes into the journal what happens, and passes it on."""

    def __init__(self, listener: Listener, journal: Journal, folder: PurePath, watched: Watched) -> None:
        self._listener = listener
        self._journal = journal
        self._folder = folder
        self._watched = watched

    def started(self, job: Job, number: int, total: int) -> None:
        seen, content = self._watched.seen.pop(job)
        self._journal.begin(
            target_name(job, self._folder),
            source=str(job.source),
            source_version=seen,
            content=content,
            output_before=storage.version(job.target),
        )
        self._listener.started(job, number, total)

    def leaves_out(self, job: Job, notes: tuple[str, ...]) -> None:
        self._listener.leaves_out(job, notes)

    def progress(self, done: int, total: int) -> None:
        self._listener.progress(done, total)

    def written(self, done: Done) -> None:
        self._journal.done(
            target_name(done.job, self._folder),
            output=storage.version(done.job.target),
            before=done.before,
            after=done.after,
            seconds=done.seconds,
        )
        self._listener.written(done)

    def skipped(self, job: Job) -> None:
        self._listener.skipped(job)

    def failed(self, failure: Failure) -> None:
        job = failure.job
        self._journal.fail(target_name(job, self._folder), source=str(job.source), reason=str(failure.error))
        self._listener.failed(failure)
