"""Big pictures -> shards: cut into tiles, flat ones dropped, the rest written to tar files with an index beside them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.data.shards import FORMAT, INDEX, PNG_BANDS, import_webdataset, read_index, tile_suffix
from srgan.errors import DataError, ImageError, UsageError
from srgan.files import atomic_path, file_sha256, why_not_written
from srgan.image import list_pictures, vips
from srgan.image.multiband import MAX_BANDS, open_rows
from srgan.storage import Remote, send


@dataclass(frozen=True)
class Cut:
    """How pictures are cut, as :func:`prepare` takes it."""

    bands: int
    tile: int
    overlap: int
    flat: float


@dataclass
class Summary:
    """What a preparation did: counts, and ``(name, reason)`` of the pictures that could not be read."""

    pictures: int = 0
    tiles: int = 0
    flat: int = 0
    shards: int = 0
    nbytes: int = 0
    rejected: tuple[tuple[str, str], ...] = ()


@dataclass
class _Made:
    """What there is so far: ``[name, tiles]`` of each picture that gave any, and the index entry of each shard."""

    pictures: list[tuple[str, int]] = field(default_factory=list)
    shards: list[dict[str, Any]] = field(default_factory=list)


def prepare(
    folder: Path,
    out: PurePath,
    *,
    bands: int = 3,
    tile: int = 512,
    overlap: int = 64,
    flat: float = 3.0,
    shard_bytes: int = 256 << 20,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Cut the pictures of a folder into tiles and write them as shards.

    A picture is decoded from top to bottom: its size does not matter. Tiles at the right and the bottom are moved inwards, so
    that all have the full size; a picture smaller than a tile is one.

    Parameters
    ----------
    folder : of pictures, searched with all that is below
    out : folder or URL (:func:`srgan.storage.place`), empty or not there yet; what an unfinished call left there is replaced
    bands : of the network to train; see :func:`srgan.image.multiband.read_bands`
    tile, overlap : side, and what neighbours share, in pixels. A crop that is no larger than the overlap lies whole in some tile
        wherever in the picture it is
    flat : tiles whose bands all vary less are dropped: standard deviation in levels of 255; of 16 bits, where sensors use a part
        of the range, in 255ths of the tile's brightest value
    shard_bytes : size of a shard in bytes, after which the next one begins
    progress : is told (pictures done, pictures in all)

    Raises
    ------
    UsageError
        for sizes that make no tiles, if ``folder`` is not a directory, or for an ``out`` with something else in it
    MissingExtraError
        without WebDataset, or what the URL needs
    DataError
        when there are no pictures, no tile is left, or ``out`` cannot be written
    """
    webdataset = import_webdataset("srgan data prepare")
    cut = Cut(bands, tile, overlap, flat)
    _check_cut(cut)
    files = _pictures(folder)
    _check_out(out)
    summary, made = Summary(), _Made()
    with _undone_on_failure(out, made.shards):
        if isinstance(out, Path):
            out.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=".part-", dir=out if isinstance(out, Path) else None) as work,
            ThreadPoolExecutor(os.cpu_count() or 1) as pool,
            _Writer(webdataset, Path(work), out, shard_bytes, made.shards) as writer,
        ):
            for place, file in enumerate(files):
                _add_picture(file, file.relative_to(folder).as_posix(), cut, made, summary, writer, pool)
                if progress:
                    progress(place + 1, len(files))
        if not made.pictures:
            name, reason = summary.rejected[0] if summary.rejected else (files[0].name, "all of it is flat")
            raise DataError(
                f"no tile of the {len(files)} pictures is left (for instance {name}: {reason}): see srgan data check"
            )
        index = {"srgan.shards": FORMAT, "bands": bands, "tile": tile, "overlap": overlap}
        _write_index(out, {**index, "pictures": made.pictures, "shards": made.shards})
    summary.pictures, summary.tiles = len(made.pictures), sum(count for _, count in made.pictures)
    summary.shards, summary.nbytes = len(made.shards), sum(entry["bytes"] for entry in made.shards)
    return summary


def _check_cut(cut: Cut) -> None:
    if not 1 <= cut.bands <= MAX_BANDS:
        raise UsageError(f"bands is {cut.bands}: give 1 to {MAX_BANDS}")
    if cut.tile < 1 or not 0 <= cut.overlap < cut.tile:
        raise UsageError(f"tiles of {cut.tile} pixels cannot share {cut.overlap}: give a tile larger than the overlap")


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"'{folder}' is not a folder: give one with pictures in it")
    if (folder / "HR").is_dir() and any(folder.glob("LR*/")):
        raise UsageError(f"'{folder}' holds pairs of HR and LR: srgan train takes them as they are")
    files = list_pictures(folder)
    if not files:
        raise DataError(f"there are no pictures in '{folder}': give a folder with JPEG, PNG, WebP or TIFF files")
    return files


@contextmanager
def _undone_on_failure(out: PurePath, shards: list[dict[str, Any]]) -> Iterator[None]:
    """Remove the shards that were written to a folder when the rest fails, and say why a file could not be written."""
    try:
        yield
    except BaseException as error:
        if isinstance(out, Path):
            for entry in shards:
                (out / entry["name"]).unlink(missing_ok=True)
            with suppress(OSError):  # where there was something else before
                out.rmdir()
        if isinstance(error, OSError):
            raise DataError(f"cannot write '{out}': {why_not_written(error)}") from error
        raise


def _add_picture(
    file: Path, name: str, cut: Cut, made: _Made, summary: Summary, writer: _Writer, pool: Executor
) -> None:
    """Write the tiles of one picture; of a damaged one those above the damage."""
    number, count = len(made.pictures), 0
    try:
        for row in _rows_of_tiles(file, cut):
            kept = [tile for tile in row if not is_flat(tile, cut.flat)]
            summary.flat += len(row) - len(kept)
            for data in pool.map(_encoded, kept):
                writer.write(f"{number:06d}-{count:06d}", tile_suffix(cut.bands), data)
                count += 1
    except ImageError as error:
        # Tiles above the damage are good ones and stay.
        summary.rejected += ((name, str(error)),)
    if count:
        made.pictures.append((name, count))


class _Writer:
    """Puts tiles into shards, each of which takes its place when it is complete."""

    def __init__(
        self, webdataset: Any, work: Path, out: PurePath, shard_bytes: int, shards: list[dict[str, Any]]
    ) -> None:
        self.out, self.shards = out, shards
        self.stream: Any = None
        self.writer = webdataset.ShardWriter(
            str(work / "tiles-%06d.tar"),
            maxsize=shard_bytes,
            maxcount=1 << 30,
            verbose=0,
            opener=self._open,
            post=self._finished,
            encoder=False,
            mtime=0,  # the same tiles make the same shards
            user="",
            group="",
        )

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.writer.close()
        elif self.stream is not None:
            self.stream.close()

    def write(self, key: str, suffix: str, data: bytes) -> None:
        self.writer.write({"__key__": key, suffix: data})

    def _open(self, name: str) -> Any:
        self.stream = open(name, "wb")  # noqa: SIM115 - closed when the shard is complete
        return self.stream

    def _finished(self, name: str) -> None:
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        file = Path(name)
        self.shards.append({"name": file.name, "sha256": file_sha256(file), "bytes": file.stat().st_size})
        if isinstance(self.out, Remote):
            send(file, self.out / file.name)
            file.unlink()
        else:
            os.replace(file, Path(self.out) / file.name)


def _check_out(out: PurePath) -> None:
    """Make sure that nothing else is overwritten."""
    if isinstance(out, Remote):
        taken = read_index(out) is not None
    else:
        place = Path(out)
        if place.exists() and not place.is_dir():
            raise UsageError(f"'{out}' is a file: name a folder")
        names = [entry.name for entry in place.iterdir()] if place.is_dir() else []
        taken = any(not name.startswith(("tiles-", ".part-")) for name in names)
    if taken:
        raise UsageError(f"'{out}' is not empty: choose another folder, or empty it")


def _write_index(out: PurePath, index: dict[str, Any]) -> None:
    text = json.dumps(index, indent=1) + "\n"
    if isinstance(out, Remote):
        with tempfile.TemporaryDirectory() as work:
            (Path(work) / INDEX).write_text(text, encoding="utf-8")
            send(Path(work) / INDEX, out / INDEX)
        return
    with atomic_path(Path(out) / INDEX, overwrite=True, error=DataError) as partial_file:
        partial_file.write_text(text, encoding="utf-8")


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return where tiles begin along a side of ``length`` pixels; the last one ends with it."""
    last = max(length - tile, 0)
    return [*range(0, last, tile - overlap), last]


def _rows_of_tiles(file: Path, cut: Cut) -> Iterator[list[NDArray[Any]]]:
    """Yield the tiles of a picture row by row."""
    tile = cut.tile
    with open_rows(file, cut.bands) as ((height, width), decode):
        columns = starts(width, tile, cut.overlap)
        held, end = np.empty((0, width, cut.bands), np.uint8), 0
        for top in starts(height, tile, cut.overlap):
            bottom = min(top + tile, height)
            rows = decode(end, bottom)
            held = np.concatenate([held[len(held) - (end - top) :], rows]) if end > top else rows
            end = bottom
            yield [held[:, left : left + tile] for left in columns]


def is_flat(tile: NDArray[Any], threshold: float) -> bool:
    """Whether all bands of ``[H, W, C]`` vary so little; see :func:`prepare`."""
    deviation = float(tile.reshape(-1, tile.shape[2]).std(axis=0, dtype=np.float64).max())
    white = 255 if tile.dtype == np.uint8 else int(tile.max())
    return deviation <= threshold * white / 255


def _encoded(tile: NDArray[Any]) -> bytes:
    image = vips.from_array(tile)
    if tile.shape[2] <= PNG_BANDS:
        return bytes(image.pngsave_buffer(compression=6, keep=0))
    return bytes(image.copy(interpretation="multiband").tiffsave_buffer(compression="deflate", predictor="horizontal"))
