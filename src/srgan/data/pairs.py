"""Folders of HR pictures, and of LR that belongs to them: the layout of benchmarks and of training pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from srgan.errors import DataError, UsageError
from srgan.image import list_pictures


@dataclass(frozen=True)
class Pair:
    """Files of one benchmark picture; ``lr`` is None where LR is to be made from HR."""

    hr: Path
    lr: Path | None


def pair_folders(folder: Path, scale: int) -> tuple[Path, Path | None]:
    """Return where a folder has its HR and its LR, as :func:`find_pairs` says; None where LR is to be made."""
    hr = folder / "HR" if (folder / "HR").is_dir() else folder
    lr = next((place for place in (folder / f"LRx{scale}", folder / "LR") if place.is_dir()), None)
    if lr is not None and (folder / f"HRx{scale}").is_dir():
        hr = folder / f"HRx{scale}"
    return hr, lr


def find_pairs(folder: Path, scale: int) -> list[Pair]:
    """Return the pictures of a benchmark folder.

    ``folder/LRx<scale>``, or else ``folder/LR``, holds LR where the benchmark has it, made from ``folder/HRx<scale>`` if that
    is there, else from ``folder/HR``: where the sides of HR are no multiples of the scale, benchmarks cut it for each scale. A
    folder without ``HR/`` is itself taken as the HR pictures.

    Raises
    ------
    UsageError
        when the folder is not there
    DataError
        when it has no pictures, or one that lacks its partner: the mean over the others could not be compared
    """
    if not folder.is_dir():
        raise UsageError(f"'{folder}' is not a folder: give one with pictures, or with HR/ and LRx{scale}/ in it")
    hr_folder, lr_folder = pair_folders(folder, scale)
    originals = list_pictures(hr_folder, recursive=False)
    if not originals:
        raise DataError(f"there are no pictures in '{hr_folder}': give a folder with pictures, or with HR/ in it")
    if lr_folder is None:
        return [Pair(hr, None) for hr in originals]
    reduced = {lr.stem: lr for lr in list_pictures(lr_folder, recursive=False)}
    pairs = []
    for hr in originals:
        # Some benchmarks name the LR of "baboon" "baboonx4", the others as the HR file.
        lr = reduced.pop(hr.stem, None) or reduced.pop(f"{hr.stem}x{scale}", None)
        if lr is None:
            raise DataError(f"'{hr}' has no partner in '{lr_folder}': add it, or take the picture out of the set")
        pairs.append(Pair(hr, lr))
    if reduced:
        lost = next(iter(reduced.values()))
        raise DataError(f"'{lost}' has no partner in '{hr_folder}': add it, or take the picture out of the set")
    return pairs
