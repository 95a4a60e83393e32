"""Training pictures as shards: big pictures cut into tiles, the tiles in tar files, with an index beside them.

The shards are WebDataset's: plain tar files of PNG or TIFF tiles that any tool opens, read from a folder or an object store as
one stream each. The index says which pictures the tiles are from, so that a training can keep whole pictures to validate on,
and the digest of each shard.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

from srgan.errors import DataError, ImageError, ImageReadError, MissingExtraError, UsageError
from srgan.files import atomic_path, why_not_written
from srgan.image import list_pictures, vips
from srgan.image.multiband import MAX_BANDS, open_rows
from srgan.storage import Remote, fetch, filesystem, send

INDEX = "index.json"
_FORMAT = 1
_PNG_BANDS = 4


@dataclass(frozen=True)
class Shards:
    """What an index says.

    Attributes
    ----------
    place : folder, or URL
    bands : of all tiles
    pictures : ``(name, tiles)`` of each picture that was cut, in order
    shards : ``(file name, SHA-256)`` of each shard, in order
    """

    place: PurePath
    bands: int
    pictures: tuple[tuple[str, int], ...]
    shards: tuple[tuple[str, str], ...]

    @property
    def tiles(self) -> int:
        """How many there are."""
        return sum(count for _, count in self.pictures)


class Tile(NamedTuple):
    """A tile as it is stored: its name, the numbers of its picture and of itself within that, its file's suffix and bytes."""

    name: str
    picture: int
    number: int
    suffix: str
    data: bytes


@dataclass
class Summary:
    """What a preparation did: counts, and ``(name, reason)`` of the pictures that could not be read."""

    pictures: int = 0
    tiles: int = 0
    flat: int = 0
    shards: int = 0
    nbytes: int = 0
    rejected: tuple[tuple[str, str], ...] = ()


# --- Writing ---------------------------------------------------------------------------------------------------------


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
    shard_bytes : a shard ends when it has so many
    progress : is told (pictures done, pictures in all)

    Raises
    ------
    UsageError
        for sizes that make no tiles, a folder that is none, or an ``out`` with something else in it
    MissingExtraError
        without WebDataset, or what the URL needs
    DataError
        when there are no pictures, no tile is left, or ``out`` cannot be written
    """
    webdataset = _webdataset("srgan data prepare")
    if not 1 <= bands <= MAX_BANDS:
        raise UsageError(f"bands is {bands}: give 1 to {MAX_BANDS}")
    if tile < 1 or not 0 <= overlap < tile:
        raise UsageError(f"tiles of {tile} pixels cannot share {overlap}: give a tile larger than the overlap")
    if not folder.is_dir():
        raise UsageError(f"'{folder}' is not a folder: give one with pictures in it")
    if (folder / "HR").is_dir() and any(folder.glob("LR*/")):
        raise UsageError(f"'{folder}' holds pairs of HR and LR: srgan train takes them as they are")
    files = list_pictures(folder)
    if not files:
        raise DataError(f"there are no pictures in '{folder}': give a folder with JPEG, PNG, WebP or TIFF files")
    _check_out(out)
    summary = Summary()
    pictures: list[tuple[str, int]] = []
    shards: list[dict[str, Any]] = []
    try:
        if isinstance(out, Path):
            out.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=".part-", dir=out if isinstance(out, Path) else None) as work,
            ThreadPoolExecutor(os.cpu_count() or 1) as pool,
            _Writer(webdataset, Path(work), out, shard_bytes, shards) as writer,
        ):
            for place, file in enumerate(files):
                name = file.relative_to(folder).as_posix()
                number = len(pictures)
                count = 0
                cut = _cut(file, bands, tile, overlap)
                try:
                    for row in cut:
                        kept = [one for one in row if not is_flat(one, flat)]
                        summary.flat += len(row) - len(kept)
                        for data in pool.map(_encoded, kept):
                            writer.write(f"{number:06d}-{count:06d}", _suffix(bands), data)
                            count += 1
                except ImageError as error:
                    # Tiles above the damage are good ones and stay.
                    summary.rejected += ((name, str(error)),)
                if count:
                    pictures.append((name, count))
                if progress:
                    progress(place + 1, len(files))
        if not pictures:
            name, reason = summary.rejected[0] if summary.rejected else (files[0].name, "all of it is flat")
            raise DataError(
                f"no tile of the {len(files)} pictures is left (for instance {name}: {reason}): see srgan data check"
            )
        index = {"srgan.shards": _FORMAT, "bands": bands, "tile": tile, "overlap": overlap}
        _write_index(out, {**index, "pictures": pictures, "shards": shards})
    except BaseException as error:
        if isinstance(out, Path):
            for entry in shards:
                (out / entry["name"]).unlink(missing_ok=True)
            with suppress(OSError):  # where there was something else before
                out.rmdir()
        if isinstance(error, OSError):
            raise DataError(f"cannot write '{out}': {why_not_written(error)}") from error
        raise
    summary.pictures, summary.tiles = len(pictures), sum(count for _, count in pictures)
    summary.shards, summary.nbytes = len(shards), sum(entry["bytes"] for entry in shards)
    return summary


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
        with file.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        self.shards.append({"name": file.name, "sha256": digest, "bytes": file.stat().st_size})
        if isinstance(self.out, Remote):
            send(file, self.out / file.name)
            file.unlink()
        else:
            os.replace(file, Path(self.out) / file.name)


def _check_out(out: PurePath) -> None:
    """Make sure that nothing else is overwritten."""
    if isinstance(out, Remote):
        taken = _read_index(out) is not None
    else:
        place = Path(out)
        if place.exists() and not place.is_dir():
            raise UsageError(f"'{out}' is a file: name a folder")
        names = [entry.name for entry in place.iterdir()] if place.is_dir() else []
        taken = any(not name.startswith(("tiles-", ".part-")) for name in names)
    if taken:
        raise UsageError(f"'{out}' holds something already: choose another folder, or empty it")


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


def _cut(file: Path, bands: int, tile: int, overlap: int) -> Iterator[list[NDArray[Any]]]:
    """Yield the tiles of a picture row by row."""
    with open_rows(file, bands) as ((height, width), decode):
        columns = starts(width, tile, overlap)
        held, end = np.empty((0, width, bands), np.uint8), 0
        for top in starts(height, tile, overlap):
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


def _suffix(bands: int) -> str:
    return "png" if bands <= _PNG_BANDS else "tif"


def _encoded(tile: NDArray[Any]) -> bytes:
    image = vips.from_array(tile)
    if tile.shape[2] <= _PNG_BANDS:
        return bytes(image.pngsave_buffer(compression=6, keep=0))
    return bytes(image.copy(interpretation="multiband").tiffsave_buffer(compression="deflate", predictor="horizontal"))


# --- Reading ---------------------------------------------------------------------------------------------------------


def open_shards(place: PurePath) -> Shards | None:
    """Read the index of a folder or URL; None if it has none.

    Raises
    ------
    DataError
        when it is damaged, or of a version that this srgan does not know
    """
    index = _read_index(place)
    if index is None:
        return None
    if index["srgan.shards"] != _FORMAT:
        raise DataError(f"the shards in '{place}' are of a newer srgan: update it, or prepare them again")
    try:
        pictures = tuple((str(name), int(count)) for name, count in index["pictures"])
        shards = tuple((str(entry["name"]), str(entry["sha256"])) for entry in index["shards"])
        return Shards(place, int(index["bands"]), pictures, shards)
    except (KeyError, TypeError, ValueError):
        raise DataError(f"'{place / INDEX}' is damaged: prepare the shards again") from None


def _read_index(place: PurePath) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory() as work:
        file = Path(place) / INDEX if not isinstance(place, Remote) else Path(work) / INDEX
        if isinstance(place, Remote) and not fetch(place / INDEX, file):
            return None
        try:
            index = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
    return index if isinstance(index, dict) and "srgan.shards" in index else None


def read_tiles(shards: Shards) -> Iterator[Tile]:
    """Yield all tiles in their order, one shard after the other, as streams.

    Raises
    ------
    MissingExtraError
        without WebDataset
    DataError
        when a shard is missing or damaged, or tiles are missing
    """
    tariterators = _webdataset("training on shards").tariterators
    count = 0
    for name, _ in shards.shards:
        where = shards.place / name
        try:
            with _stream(where) as stream:
                members = tariterators.tar_file_expander([{"url": str(where), "stream": stream}])
                for sample in tariterators.group_by_keys(members):
                    key = sample["__key__"]
                    suffix = _suffix(shards.bands)
                    picture, number = (int(part) for part in key.split("-"))
                    yield Tile(f"{shards.pictures[picture][0]}#{number}", picture, number, suffix, sample[suffix])
                    count += 1
        except FileNotFoundError:
            raise DataError(f"'{where}' is missing: copy it there, or prepare the shards again") from None
        except (OSError, ValueError, KeyError, IndexError, EOFError, tarfile.TarError) as error:
            reason = " ".join(str(error.args[0] if error.args else error).split())
            raise DataError(f"'{where}' is damaged ({reason}): copy it again, or prepare the shards again") from error
    if count != shards.tiles:
        raise DataError(
            f"'{shards.place}' has {count} tiles of {shards.tiles}: copy it again, or prepare the shards again"
        )


def decode_tile(tile: Tile) -> NDArray[Any]:
    """Return a tile as ``[H, W, C]``, uint8 or uint16.

    Raises
    ------
    ImageReadError
        when it is damaged
    """
    load = pyvips.Image.pngload_buffer if tile.suffix == "png" else pyvips.Image.tiffload_buffer
    try:
        image = load(tile.data, fail_on="error")
        return vips.to_array(image, 16 if image.format == "ushort" else 8)
    except pyvips.Error as error:
        raise ImageReadError(f"tile {tile.name} is damaged ({vips.tidy(error)}): prepare the shards again") from None


def _stream(where: PurePath) -> Any:
    return filesystem(where).open(str(where), "rb") if isinstance(where, Remote) else Path(where).open("rb")


def _webdataset(what: str) -> Any:
    try:
        import webdataset
    except ImportError:
        raise MissingExtraError(what, "shards") from None
    return webdataset
