"""What becomes what: paths and URLs in, pairs of input and output file out, before anything is computed.

Pictures, folders, videos and animated pictures go through the same steps, wherever they are: find the inputs, name the
results, leave out what is itself a result, and keep results out of each other's way.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import cast

from srgan import image, storage
from srgan.errors import SrganError, UsageError
from srgan.jobs import journal
from srgan.jobs.find import counts, find
from srgan.jobs.job import Job
from srgan.jobs.kinds import CONTAINERS, Kind, is_video, kind_of
from srgan.jobs.naming import Naming, checked_extension
from srgan.jobs.reports import Failure
from srgan.storage import Remote

PathLike = str | os.PathLike[str]


@dataclass
class Plan:
    """What there is to do."""

    pictures: list[Job] = field(default_factory=list)
    clips: list[Job] = field(default_factory=list)
    """Videos and animated pictures, of which all frames are enlarged."""
    folder: PurePath | None = None
    """Where all results of pictures go, and the journal is kept; None where they lie beside their inputs."""
    single: bool = False
    """Whether one picture was named, and no folder: what goes wrong is then the whole run's error."""
    refused: list[Failure] = field(default_factory=list)
    """Inputs whose results would be in the way of another file."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Files found that are not enlarged, by kind (:attr:`srgan.jobs.find.Found.left_out`)."""
    results: frozenset[PurePath] = frozenset()
    """Outputs that were named, or found, among the inputs: they are results of other inputs."""
    versions: Mapping[PurePath, str] | None = None
    """Of the files behind URLs, from listing them (:func:`srgan.storage.version`); those missing are not there."""

    def finished(self) -> list[Job]:
        """Return the pictures whose results are among the inputs and younger than theirs, where no journal knows them."""
        return [job for job in self.pictures if job.target in self.results and _is_younger(job.target, job.source)]


@dataclass(frozen=True)
class _Input:
    source: PurePath
    place: PurePath
    """The folder of its result."""
    kind: Kind
    plain: bool
    """Whether its result may be called like it."""


def plan(
    paths: Sequence[PathLike],
    output: PathLike | None = None,
    *,
    scale: int | str,
    format: str | None = None,
    suffix: str | None = None,
    name: str | None = None,
    skip_larger: tuple[int, int] | None = None,
    clips: bool = False,
    empty: bool = False,
    bands: int = 3,
) -> Plan:
    """Find the inputs and decide the names of the results.

    A result is called ``NAME_x4.EXT`` (or ``NAME_w1920.EXT`` and so on, after the label given as ``scale``), with the
    input's extension, or ``.png`` (a video's: ``.mkv``) where that format is only read. Without ``output``, the result
    of ``photos/a.jpg`` lies beside it, and those of the folder ``photos`` in ``photos_x4``. In an output folder that is
    somewhere else than the inputs, not beside, above or inside their folder, results are called like them.

    What is named twice is done once. An input that is the result of another one is no input; nor is what the output
    folder's journal knows as a result. Of two inputs with one result, one is done and the other is refused, unless that
    is all there is to do.

    Parameters
    ----------
    paths : pictures, videos, and folders to take all pictures from, with what is below them; or their URLs
    output : for one file the file to write; else the folder to write to, which then has the folders' structure. It is a
        folder if it exists as one, ends with a slash, or there are many files; behind a URL it always is
    scale : enlargement, for the names, or the whole label (:attr:`srgan.Upscaler.label`)
    format : extension for all results, for instance ``"png"``
    suffix, name : as in :class:`srgan.jobs.naming.Naming`
    skip_larger : width and height in pixels; larger pictures are left out
    clips : whether videos, and all frames of animated pictures, are enlarged
    empty : whether a folder without pictures is no error
    bands : of the network. Results of other bands than RGB's are TIFF files, unless a file is named or a format given

    Raises
    ------
    UsageError
        if a path is missing, a folder has no pictures, no file of the output's name can be written, or nothing is left
        to do since each result would be in the way of another file
    MissingExtraError, SrganError
        if a URL's library is not installed, or a place cannot be listed
    """
    if not paths:
        raise UsageError("nothing to upscale: name a picture or a folder")
    if output is not None and not os.fspath(output):
        raise UsageError("the output's path is empty: name a file or a folder, or leave it out")
    label = scale if isinstance(scale, str) else f"x{scale}"
    extensions = image.WRITABLE | frozenset(CONTAINERS) | {".apng"} if clips else image.WRITABLE
    naming = Naming(label, None if format is None else checked_extension(format, extensions), suffix, name)
    planner = _Planner(paths, output, naming, clips=clips and bands == 3, empty=empty, bands=bands)
    planner.look()
    if skip_larger is not None:
        planner.skip_larger(*skip_larger)
    return planner.plan()


class _Planner:
    """The steps of :func:`plan`, over what they share."""

    def __init__(
        self,
        paths: Sequence[PathLike],
        output: PathLike | None,
        naming: Naming,
        *,
        clips: bool,
        empty: bool,
        bands: int,
    ) -> None:
        for path in paths:
            if not os.fspath(path):
                # As a path it would be the working folder, and an unset variable in a script would enlarge all in it.
                raise UsageError("one of the paths is empty: name a picture or a folder ('.' is this one)")
        self._roots = list(dict.fromkeys(storage.place(os.fspath(path)) for path in paths))
        self._output = None if output is None else storage.place(os.fspath(output))
        self._remote = any(isinstance(place, Remote) for place in (*self._roots, self._output))
        self._naming = naming
        self._clips = clips
        self._empty = empty
        self._inputs: list[_Input] = []
        self._left_out: Counter[str] = Counter()
        self._versions: dict[PurePath, str] = {}
        self._real_paths: dict[PurePath, PurePath] = {}
        self._bands = bands
        self._folder, self._file = self._destination(output)
        if bands != 3 and naming.format is None and self._file is None:
            self._naming = replace(naming, format=".tif")

    def _destination(self, output: PathLike | None) -> tuple[PurePath | None, Path | None]:
        """Return the folder that all results go to, or the file of the only one; neither if they lie beside the inputs."""
        for root in self._roots:
            if not isinstance(root, Remote):
                check_source(root)
        place = self._output
        if place is None:
            if self._remote:
                raise UsageError("pictures behind URLs need a place for the results: pass -o FOLDER or -o URL")
            return None, None
        if isinstance(place, Remote):
            return place, None
        assert output is not None
        as_folder = os.fspath(output).endswith(("/", os.sep)) or os.path.isdir(place)
        if self._remote or as_folder or len(self._roots) > 1 or os.path.isdir(self._roots[0]):
            if os.path.exists(place) and not os.path.isdir(place):
                raise UsageError(f"{place} is a file, and the results need a folder: choose another output")
            if not as_folder and place.suffix.lower() in image.PICTURE_SUFFIXES:
                raise UsageError(
                    f"{place} looks like a picture, and the results need a folder: name one ({place}/ if it is called so)"
                )
            return place, None
        return None, Path(place)

    # --- Inputs ------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Find the inputs."""
        for root in self._roots:
            if isinstance(root, Remote):
                self._look_behind(root)
            elif os.path.isdir(root):
                self._look_into(Path(root))
            else:
                self._take(Path(root))
        if isinstance(self._folder, Remote):
            self._versions.update(storage.listing(self._folder).items())

    def _take(self, path: Path) -> None:
        """Take a file that was named."""
        wanted = self._naming.format or (None if self._file is None else self._file.suffix.lower())
        kind = kind_of(path, wanted) if self._clips else Kind.PICTURE
        if kind is not Kind.PICTURE and self._remote:
            raise UsageError(f"{path} is a video or an animation, which is not written to a URL: name a folder")
        place = path.parent if self._folder is None else self._folder
        self._inputs.append(_Input(path, place, kind, self._is_elsewhere(path.parent)))

    def _look_into(self, folder: Path) -> None:
        whole = folder.resolve()
        place = self._folder
        if place is None:
            place = whole.parent / f"{whole.name}_{self._naming.label}"
            if place.exists() and not place.is_dir():
                raise UsageError(f"{place} is a file, and the results need a folder: choose another output")
            if len(self._roots) == 1:
                self._folder = place
        found = find(folder)
        results = None if isinstance(place, Remote) else _real(place)
        pictures = found.pictures
        if results is not None and results != whole and results.is_relative_to(whole):
            # A results folder inside the pictures' folder is no input of the next run.
            pictures = [path for path in pictures if not _real(path).is_relative_to(results)]
        if not (pictures or self._empty):
            raise UsageError(_no_pictures(folder, found.left_out))
        self._left_out += found.left_out
        plain = self._is_elsewhere(whole)
        self._inputs += [
            _Input(path, place / path.parent.relative_to(folder), Kind.PICTURE, plain) for path in pictures
        ]

    def _look_behind(self, root: Remote) -> None:
        if is_video(root):
            raise UsageError(f"{root} is a video, and those are enlarged on disks only: fetch it first")
        assert self._folder is not None
        found = storage.listing(root)
        inside = self._folder != root and type(self._folder) is Remote and self._folder.is_relative_to(root)
        plain = self._is_elsewhere(root.parent if root in found else root)
        count = len(self._inputs)
        for source, version in found.items():
            parts = () if source == root else source.relative_to(root).parts
            if any(part.startswith(".") for part in parts) or (inside and source.is_relative_to(self._folder)):
                continue
            if source.suffix.lower() not in image.PICTURE_SUFFIXES:
                self._left_out[source.suffix[1:].upper() or "without suffix"] += 1
                continue
            self._versions[source] = version
            place = self._folder.joinpath(*parts[:-1])
            self._inputs.append(_Input(source, place, Kind.PICTURE, plain))
        if len(self._inputs) == count and not self._empty:
            raise UsageError(f"{root} has no pictures: check the path, or name another folder")

    def _is_elsewhere(self, folder: PurePath) -> bool:
        """Return whether results go to a folder that is neither beside, nor above, nor inside the inputs' folder."""
        if self._folder is None:
            return False
        if isinstance(self._folder, Remote) or isinstance(folder, Remote):
            place, inputs = self._folder, folder
            if type(place) is not type(inputs):
                return True
        else:
            place, inputs = _real(self._folder), _real(folder)
        return place.parent != inputs.parent and not place.is_relative_to(inputs) and not inputs.is_relative_to(place)

    def skip_larger(self, width: int, height: int) -> None:
        """Leave out pictures that are larger than this, by their headers."""
        if self._remote:
            raise UsageError("--skip-larger looks into files, which behind URLs would be fetched for it: leave it out")
        kept = []
        for one in self._inputs:
            try:
                header = None if one.kind is Kind.VIDEO else image.probe(Path(one.source))
            except SrganError:  # which reading it says
                header = None
            if header is not None and (header.width > width or header.height > height):
                self._left_out[f"larger than {width}x{height}"] += 1
            else:
                kept.append(one)
        self._inputs = kept

    # --- Results -----------------------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """Name the results, and return what there is to do."""
        found = Plan(folder=self._folder, left_out=self._left_out, versions=self._versions if self._remote else None)
        kinds = {one.source: one.kind for one in self._inputs}
        jobs = self._without_results(self._named(), found)
        kept = self._without_clashes(jobs, found)
        found.pictures = [job for job in kept if kinds[job.source] is Kind.PICTURE]
        found.clips = [job for job in kept if kinds[job.source] is not Kind.PICTURE]
        rivals = {failure.job.target for failure in found.refused}
        if found.refused and all(job.target in rivals for job in kept):
            raise found.refused[0].error  # there is nothing beside those that are in each other's way
        found.single = len(self._roots) == 1 and not self._remote and not os.path.isdir(self._roots[0])
        if found.single:
            found.folder = None
        return found

    def _named(self) -> list[Job]:
        if self._file is not None:
            return [self._to_file(one, self._file) for one in self._inputs]
        jobs = [self._job(one, plain=False) for one in self._inputs]
        if any(one.plain for one in self._inputs) and not self._naming.is_chosen:
            # Results of earlier runs of this very job keep their names: nothing is computed again in silence.
            if any(one.plain and self._is_there(job.target) for one, job in zip(self._inputs, jobs, strict=True)):
                return jobs
            jobs = [self._job(one, plain=one.plain) for one in self._inputs]
        return jobs

    def _is_there(self, target: PurePath) -> bool:
        return target in self._versions if isinstance(target, Remote) else os.path.lexists(target)

    def _job(self, one: _Input, *, plain: bool) -> Job:
        target = one.place / self._naming.name(one.source, one.kind, plain=plain)
        self._check_suffix(one, target)
        return Job(cast(Path, one.source), cast(Path, target))

    def _to_file(self, one: _Input, target: Path) -> Job:
        if not target.suffix:
            raise UsageError(f"{target} has no suffix: name a file such as {target}.png, or a folder as {target}/")
        self._check_suffix(one, target)
        wanted = self._naming.format
        if wanted is not None and target.suffix.lower() != wanted:
            same = one.kind is Kind.PICTURE and image.format_of(target) == image.format_of(f"x{wanted}")
            if not same:
                raise UsageError(f"{target} is not {wanted[1:]}: name the output accordingly, or leave --format out")
        if self._naming.is_chosen:
            raise UsageError(
                f"--suffix and --name are for results in a folder, and {target} has a name: leave them out"
            )
        return Job(Path(one.source), target)

    def _check_suffix(self, one: _Input, target: PurePath) -> None:
        """Raise UsageError if the result's format cannot be written: before the work, not after it."""
        if one.kind is Kind.PICTURE:
            image.format_of(target)
            image.check_bands(target, self._bands)
        elif target.suffix.lower() not in one.kind.targets:
            kinds = ", ".join(sorted(one.kind.targets))
            raise UsageError(f"cannot write {str(target)!r} from {one.source.name!r}: choose one of {kinds}")

    def _without_results(self, jobs: list[Job], found: Plan) -> list[Job]:
        """Leave out the jobs whose input is a result: of another input by its name, or of an earlier run by the journal."""
        # By its name only where that differs from the input's: a.png is no result of a.jpg.
        marked = {self._real(job.target): job for job in jobs if job.target.stem != job.source.stem}
        known = self._known_results()
        kept = []
        results = set()
        for job in jobs:
            source = self._real(job.source)
            if source in marked and self._real(marked[source].source) != source:
                results.add(marked[source].target)
            elif source in known:
                found.left_out["earlier result"] += 1
            else:
                kept.append(job)
        found.results = frozenset(results)
        return kept

    def _known_results(self) -> set[PurePath]:
        """Return what the journal of a results' folder that is an input as well knows to be results."""
        if self._folder is None or isinstance(self._folder, Remote):
            return set()
        place = _real(self._folder)
        if not any(_real(root) == place for root in self._roots if not isinstance(root, Remote)):
            return set()
        return {place / target for target in journal.known_results(Path(self._folder) / journal.NAME)}

    def _without_clashes(self, jobs: Sequence[Job], found: Plan) -> list[Job]:
        """Return the jobs, each once; those in another's or an input's way are noted as refused."""
        inputs = {self._real(job.source) for job in jobs}
        taken: dict[PurePath, Job] = {}
        # The one that keeps its format keeps the name: so it is the same one when another file comes in between.
        for job in sorted(jobs, key=lambda job: job.source.suffix.lower() != job.target.suffix.lower()):
            target = self._real(job.target)
            if target in inputs:
                found.refused.append(Failure(job, UsageError(f"{job.target} is an input: choose another output")))
                continue
            first = taken.setdefault(target, job)
            if self._real(first.source) != self._real(job.source):
                pair = " and ".join(str(path) for path in sorted((first.source, job.source)))
                error = UsageError(f"{pair} would both become {job.target}: rename one")
                found.refused.append(Failure(job, error))
        kept = {id(job) for job in taken.values()}
        return [job for job in jobs if id(job) in kept]

    def _real(self, path: PurePath) -> PurePath:
        """Return where links lead; looked up once for each path, of which there may be many thousands."""
        if path not in self._real_paths:
            self._real_paths[path] = _real(path)
        return self._real_paths[path]


def check_source(path: PathLike) -> None:
    """Raise UsageError if there is no such file or folder."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path} does not exist: check the path") from None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot look at {path}: {getattr(error, 'strerror', None) or error}: check the path"
        ) from None


def _is_younger(target: Path, source: Path) -> bool:
    try:
        return os.stat(target).st_mtime_ns >= os.stat(source).st_mtime_ns
    except OSError:
        return False


def _no_pictures(folder: Path, left_out: Counter[str]) -> str:
    advice = "or videos one by one"
    if any(what != "video" for what in left_out):
        advice = f"or convert what srgan does not read there ({counts(left_out)})"
    return f"{folder} has no pictures: name another folder, {advice}"


def _real(path: PurePath) -> PurePath:
    # Where links lead in a circle, Path.resolve raises RuntimeError.
    return path if isinstance(path, Remote) else Path(os.path.realpath(path))
