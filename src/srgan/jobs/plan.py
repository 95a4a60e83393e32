"""Where each result goes: pictures and folders in, pairs of input and output file out, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from srgan import image
from srgan.errors import OutputExistsError, UsageError
from srgan.jobs.job import Job

PathLike = str | os.PathLike[str]


def plan(
    paths: Sequence[PathLike], output: PathLike | None = None, *, scale: int | str, format: str | None = None
) -> list[Job]:
    """Find the pictures and decide the names of the results.

    A result is called ``NAME_x4.EXT`` (or ``NAME_w1920.EXT`` and so on, after the label given as ``scale``), with the
    input's extension, or ``.png`` where that format is only read. Without ``output``, the result of ``photos/a.jpg``
    lies beside it, and those of the folder ``photos`` in ``photos_x4``. What is named twice is done once.

    Parameters
    ----------
    paths : pictures, and folders to take all pictures from, with what is below them
    output : for one picture the file to write; else the folder to write to, which then has the folders' structure. It
        is a folder if it exists as one, ends with a slash, or there are many pictures
    scale : enlargement, for the names, or the whole label (:attr:`srgan.Upscaler.label`)
    format : extension for all results, for instance ``"png"``

    Raises
    ------
    UsageError
        if a path is missing, a folder has no pictures, no file of the output's name can be written, or two pictures
        would be written to one file, or over an input.
    """
    if not paths:
        raise UsageError("nothing to upscale: name a picture or a folder")
    label = scale if isinstance(scale, str) else f"x{scale}"
    extension = None if format is None else checked_extension(format)
    for path in paths:
        check_source(path)
    if output is not None and not os.fspath(output):
        raise UsageError("the output's path is empty: name a file or a folder, or leave it out")
    sources = [Path(path) for path in paths]
    as_folder = output is not None and (os.fspath(output).endswith(("/", os.sep)) or os.path.isdir(output))
    if output is not None and len(sources) == 1 and not sources[0].is_dir() and not as_folder:
        target = Path(output)
        if not target.suffix:
            raise UsageError(f"{target} has no suffix: name a file such as {target}.png, or a folder as {target}/")
        kind = image.format_of(target)  # said before the work, not after it
        if extension is not None and kind != image.format_of(f"x{extension}"):
            raise UsageError(f"{target} is not {format}: name the output accordingly, or leave --format out")
        jobs = [Job(sources[0], target)]
    else:
        folder = None if output is None else _results_folder(Path(output))
        jobs = [job for source in sources for job in _jobs_of(source, folder, label, extension)]
    return without_collisions(jobs)


def result_name(source: PurePath, label: str, extension: str | None) -> str:
    """Return the file name of a picture's result, with this extension or the input's; ``.png`` where that is not written."""
    end = extension or (source.suffix if source.suffix.lower() in image.WRITABLE else ".png")
    return f"{source.stem}_{label}{end}"


def refuse_existing(target: Path, *, overwrite: bool) -> None:
    """Raise OutputExistsError if ``target`` is there and may not be replaced."""
    if not overwrite and os.path.lexists(target):
        raise OutputExistsError(f"{target} exists: pass --overwrite to replace it, or choose another output")


def check_source(path: PathLike) -> None:
    """Raise UsageError if there is no such file or folder."""
    if not os.fspath(path):
        # As a path it would be the working folder, and an unset variable in a script would enlarge all that is there.
        raise UsageError("one of the paths is empty: name a picture or a folder ('.' is this one)")
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path} does not exist: check the path") from None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot look at {path}: {getattr(error, 'strerror', None) or error}: check the path"
        ) from None


def _results_folder(folder: Path) -> Path:
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise UsageError(f"{folder} is a file, and the results need a folder: choose another output")
    return folder


def _jobs_of(source: Path, folder: Path | None, label: str, extension: str | None) -> list[Job]:
    def named(path: Path, place: Path) -> Job:
        return Job(path, place / result_name(path, label, extension))

    if not source.is_dir():
        return [named(source, folder or source.parent)]
    whole = source.resolve()
    place = folder or _results_folder(whole.parent / f"{whole.name}_{label}")
    results = _real(place)
    # A results folder inside the pictures' folder is no input of the next run.
    inside = results != whole and results.is_relative_to(whole)
    pictures = [p for p in image.list_pictures(source) if not (inside and _real(p).is_relative_to(results))]
    if not pictures:
        raise UsageError(f"{source} has no pictures: name another folder, or videos one by one")
    return [named(path, place / path.parent.relative_to(source)) for path in pictures]


def checked_extension(format: str) -> str:
    """Return ``.png`` for ``PNG`` or ``.png``; UsageError if that format is not written."""
    extension = "." + format.lower().lstrip(".")
    if extension not in image.WRITABLE:
        raise UsageError(f"cannot write the format {format!r}: choose one of {', '.join(sorted(image.WRITABLE))}")
    return extension


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # where links lead in a circle, Path.resolve raises RuntimeError


def without_collisions(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs, each once; UsageError if two of them, or one and an input, are in each other's way."""
    jobs = list(jobs)
    inputs = {_real(job.source) for job in jobs}
    taken: dict[Path, Job] = {}
    for job in jobs:
        target = _real(job.target)
        if target in inputs:
            raise UsageError(f"{job.target} is an input: choose another output")
        first = taken.setdefault(target, job)
        if _real(first.source) != _real(job.source):
            raise UsageError(f"{first.source} and {job.source} would both become {job.target}: rename one")
    return list(taken.values())
