"""What a training takes: pictures of a folder, pairs of HR and LR, or tiles in shards; and what is held out for validation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from srgan.data.pairs import pair_folders
from srgan.data.shards import Shards, decode_tile, read_tiles
from srgan.errors import DataError
from srgan.files import atomic_path
from srgan.image import list_pictures
from srgan.training.pictures import USUAL, Pictures, PictureSource, Sharpening, decoded, prepare_samples, samples_of

_HELD_OUT = 10  # at most this many pictures, and at most one in ten, are held out for validation


@dataclass(frozen=True)
class Files:
    """The files of a training.

    Attributes
    ----------
    root : the folder below which they lie
    hr : pictures, in an order that counts
    lr : the LR of each, or None where LR is made from HR
    lost : ``(name, reason)`` of files that have no partner
    """

    root: Path
    hr: list[Path]
    lr: list[Path] | None = None
    lost: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.hr)

    def part(self, numbers: list[int]) -> Files:
        """Return the files of these numbers; ``lost`` stays behind."""
        lr = None if self.lr is None else [self.lr[number] for number in numbers]
        return Files(self.root, [self.hr[number] for number in numbers], lr)


def has_pairs(photos: Path, scale: int) -> bool:
    """Whether a folder holds pairs: HR in ``HR/``, and LR in ``LRx<scale>/`` or ``LR/``."""
    hr, lr = pair_folders(photos, scale)
    return lr is not None and hr != photos


def find_files(photos: Path, lr: Path | None, *, scale: int, paired: bool, out: Path) -> Files:
    """List the files to train on.

    Parameters
    ----------
    photos : folder of pictures, searched with all that is below; or one with ``HR/`` and ``LRx<scale>/`` or ``LR/``
    lr : folder of the LR of the pictures in ``photos``, under the same names with any suffix, with or without ``x<scale>``
    scale : enlargement
    paired : whether to take pairs
    out : the run folder, whose own pictures are no training pictures where it lies in ``photos``

    Raises
    ------
    DataError
        when there are no pictures, or no pairs
    """
    hr_folder, own_lr = pair_folders(photos, scale)
    lr_folder = lr or (own_lr if hr_folder != photos else None)
    if not paired:
        # With LR pictures of another scale beside it, HR/ is what is meant.
        root = hr_folder if any(photos.glob("LR*/")) else photos
        return Files(root, _pictures(root, out))
    if lr_folder is None:
        raise DataError(f"there are no pairs in '{photos}': put HR/ and LRx{scale}/ into it, or name the LR with --lr")
    partners: dict[str, Path] = {}
    for file in _pictures(lr_folder, out):
        partners.setdefault(str(file.relative_to(lr_folder).with_suffix("")), file)
    hr, lrs, lost = [], [], []
    for file in _pictures(hr_folder, out):
        if lr_folder != hr_folder and file.is_relative_to(lr_folder):
            continue
        name = str(file.relative_to(hr_folder).with_suffix(""))
        # As benchmarks do, some name the LR of "baboon" "baboonx4".
        partner = partners.pop(name, None) or partners.pop(f"{name}x{scale}", None)
        if partner is None:
            lost.append((file.name, f"there is no '{name}' in '{lr_folder}'"))
            continue
        hr.append(file)
        lrs.append(partner)
    lost += [(file.name, f"there is no '{name}' in '{hr_folder}'") for name, file in partners.items()]
    if not hr:
        raise DataError(
            f"no picture in '{hr_folder}' has a partner in '{lr_folder}': name LR files as their HR, or with x{scale} behind"
        )
    return Files(hr_folder, hr, lrs, tuple(lost))


def _pictures(folder: Path, out: Path) -> list[Path]:
    own = out.resolve()
    files = [file for file in list_pictures(folder) if not file.absolute().is_relative_to(own)]
    if not files:
        raise DataError(f"there are no pictures in '{folder}': give a folder with JPEG, PNG, WebP or TIFF files")
    return files


def hold_out(files: Files, *, scale: int, bands: int, smallest: int) -> tuple[Files, Files]:
    """Split evenly spaced pictures off: one in ten, at most ten; a bad or small one is passed over for the one after it."""
    numbers = list(range(len(files)))
    samples = samples_of(files.hr, files.lr, bands)
    degradation = "bicubic" if files.lr is None else "given"

    def usable(number: int) -> bool:
        found = decoded(samples[number], scale=scale, smallest=smallest, degradation=degradation)
        return not isinstance(found, str)

    kept: list[int] = []
    starts = _spaced(len(files))
    for start, end in itertools.pairwise([*starts, len(files)]):
        kept += itertools.islice(filter(usable, numbers[start:end]), 1)
    return files.part([number for number in numbers if number not in kept]), files.part(kept)


def _spaced(count: int) -> list[int]:
    """Return evenly spaced numbers below ``count``: one in ten, at most ten."""
    kept = min(_HELD_OUT, count // 10)
    return [(2 * i + 1) * count // (2 * kept) for i in range(kept)]


def held_out_pictures(shards: Shards) -> tuple[int, ...]:
    """Return the numbers of the pictures that are kept, whole: a neighbour's tile would show what is validated on."""
    return tuple(_spaced(len(shards.pictures)))


def prepare_shards(
    shards: Shards,
    cache: Path,
    *,
    kept: Sequence[int],
    keep_in: Path,
    scale: int,
    smallest: int,
    degradation: str,
    sharpening: Sharpening = USUAL,
) -> Pictures:
    """Decode the tiles of shards into memory maps, as :func:`srgan.training.pictures.prepare` does pictures.

    Parameters
    ----------
    kept : numbers of pictures whose tiles are left out; the middle tile of each is written to ``keep_in``
    keep_in : folder for these
    """

    def samples() -> Iterator[PictureSource]:
        for tile in read_tiles(shards):
            if tile.picture not in kept:
                yield PictureSource(tile.name, partial(decode_tile, tile))
            elif tile.number == shards.pictures[tile.picture][1] // 2:
                keep_in.mkdir(parents=True, exist_ok=True)
                name = Path(shards.pictures[tile.picture][0]).with_suffix("")
                file = keep_in / f"{'-'.join(name.parts)}-{tile.number}.{tile.suffix}"
                with atomic_path(file, overwrite=True) as partial_file:
                    partial_file.write_bytes(tile.data)

    return prepare_samples(
        samples(),
        [list(shards.shards), list(kept)],
        cache,
        scale=scale,
        bands=shards.bands,
        smallest=smallest,
        degradation=degradation,
        sharpening=sharpening,
    )
