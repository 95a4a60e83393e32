"""Training pictures as shards: big pictures cut into tiles, the tiles in tar files, with an index beside them.

The shards are WebDataset's: plain tar files of PNG or TIFF tiles that any tool opens, read from a folder or an object store as
one stream each. The index says which pictures the tiles are from, so that a training can keep whole pictures to validate on,
and the digest of each shard. :mod:`srgan.data.shard_writer` makes them.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import pyvips
from numpy.typing import NDArray

from srgan.errors import DataError, ImageReadError, MissingExtraError
from srgan.image import vips
from srgan.storage import Remote, fetch, filesystem

INDEX = "index.json"
FORMAT = 1
"""Of the index; to be raised when an older srgan could not read it."""

PNG_BANDS = 4
"""PNG has no more; tiles with more are TIFF."""


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


class ShardTile(NamedTuple):
    """A tile as it is stored: its name, the numbers of its picture and of itself within that, its file's suffix and bytes."""

    name: str
    picture: int
    number: int
    suffix: str
    data: bytes


def open_shards(place: PurePath) -> Shards | None:
    """Read the index of a folder or URL; None if it has none.

    Raises
    ------
    DataError
        when it is damaged, or of a version that this srgan does not know
    """
    index = read_index(place)
    if index is None:
        return None
    if index["srgan.shards"] != FORMAT:
        raise DataError(f"the shards in '{place}' are of a newer srgan: update it, or prepare them again")
    try:
        pictures = tuple((str(name), int(count)) for name, count in index["pictures"])
        shards = tuple((str(entry["name"]), str(entry["sha256"])) for entry in index["shards"])
        return Shards(place, int(index["bands"]), pictures, shards)
    except (KeyError, TypeError, ValueError):
        raise DataError(f"'{place / INDEX}' is damaged: prepare the shards again") from None


def read_index(place: PurePath) -> dict[str, Any] | None:
    """Return the index of a folder or URL as it stands in its file; None where there is none that can be read."""
    with tempfile.TemporaryDirectory() as work:
        file = Path(place) / INDEX if not isinstance(place, Remote) else Path(work) / INDEX
        if isinstance(place, Remote) and not fetch(place / INDEX, file):
            return None
        try:
            index = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
    return index if isinstance(index, dict) and "srgan.shards" in index else None


def read_tiles(shards: Shards) -> Iterator[ShardTile]:
    """Yield all tiles in their order, one shard after the other, as streams.

    Raises
    ------
    MissingExtraError
        without WebDataset
    DataError
        when a shard is missing or damaged, or tiles are missing
    """
    tariterators = import_webdataset("training on shards").tariterators
    count = 0
    for name, _ in shards.shards:
        where = shards.place / name
        try:
            with _stream(where) as stream:
                members = tariterators.tar_file_expander([{"url": str(where), "stream": stream}])
                for sample in tariterators.group_by_keys(members):
                    key = sample["__key__"]
                    suffix = tile_suffix(shards.bands)
                    picture, number = (int(part) for part in key.split("-"))
                    yield ShardTile(f"{shards.pictures[picture][0]}#{number}", picture, number, suffix, sample[suffix])
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


def decode_tile(tile: ShardTile) -> NDArray[Any]:
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


def tile_suffix(bands: int) -> str:
    """Return the suffix of a tile's file, without the dot."""
    return "png" if bands <= PNG_BANDS else "tif"


def _stream(where: PurePath) -> Any:
    return filesystem(where).open(str(where), "rb") if isinstance(where, Remote) else Path(where).open("rb")


def import_webdataset(what: str) -> Any:
    """Return the module ``webdataset``; MissingExtraError, which says that ``what`` needs it, where it is not there."""
    try:
        import webdataset
    except ImportError:
        raise MissingExtraError(what, "shards") from None
    return webdataset
