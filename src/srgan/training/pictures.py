"""Training pictures, decoded once into memory maps.

Decoding and reducing whole pictures beforehand makes a step's data a copy of a few hundred kilobytes: loading never limits the
training, and any crop is at hand at any time.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataError, ImageError
from srgan.files import why_not_written
from srgan.image import to_8_bit
from srgan.image.multiband import deepened, read_bands
from srgan.training.degradation import bicubic, mod_crop, sharpened

_T = TypeVar("_T")
_U = TypeVar("_U")

_FORMAT = 2
"""Version of the maps; those of an older version are decoded again."""


class Sharpening(NamedTuple):
    """What becomes of HR for the degradation ``"photo"``.

    ``amount`` is that of :func:`srgan.training.degradation.sharpened`; ``keep_plain`` keeps the pictures as they were as well.
    """

    amount: float = 0.5
    keep_plain: bool = False


USUAL = Sharpening()

_DTYPES: dict[int, Any] = {8: np.uint8, 16: np.uint16}


class PictureSource(NamedTuple):
    """A picture still to be decoded: its name, what reads HR ``[H, W, C]``, and for a pair what reads its LR."""

    name: str
    hr: Callable[[], NDArray[Any]]
    lr: Callable[[], NDArray[Any]] | None = None


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures in a memory-mapped file.

    A worker process gets the file's place and maps it itself: no picture is copied.

    Attributes
    ----------
    cache : folder of the file
    names : file names, in the order of the arrays
    hr, lr : ``[H, W, C]`` uint8 or uint16 of full range each, the two of a picture alike; read-only views into the maps; H and
        W are multiples of the scale
    plain : HR before it was sharpened, where that is kept; else empty
    digest : SHA-256 of names and pixels, which says what a network was trained on
    rejected : ``(name, reason)`` of the files that were left out
    """

    cache: Path
    names: tuple[str, ...]
    hr: tuple[NDArray[Any], ...]
    lr: tuple[NDArray[Any], ...]
    digest: str
    rejected: tuple[tuple[str, str], ...]
    plain: tuple[NDArray[Any], ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return _open, (self.cache,)

    @property
    def megapixels(self) -> float:
        """Millions of HR pixels."""
        return sum(int(picture.shape[0]) * int(picture.shape[1]) for picture in self.hr) / 1e6

    @property
    def depth(self) -> int:
        """Bits a sample: 16 if any picture has so many, else 8."""
        return 16 if any(picture.dtype == np.uint16 for picture in self.hr) else 8


def prepare(
    files: Sequence[Path],
    cache: Path,
    *,
    scale: int,
    bands: int,
    smallest: int,
    degradation: str,
    partners: Sequence[Path] | None = None,
    sharpening: Sharpening = USUAL,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """Decode ``files`` into memory maps under ``cache``, or open those that an earlier call with the same files left there.

    Parameters
    ----------
    files : pictures; the order counts (it numbers the crops)
    cache : folder for ``pixels.u8`` and ``pixels.json``, made if need be
    scale : enlargement; HR sides are cut to multiples of it
    bands : see :func:`srgan.image.multiband.read_bands`
    smallest : least side in HR pixels that a crop needs; smaller pictures are left out
    degradation : ``"bicubic"``; ``"photo"``, which sharpens HR and whose LR is made crop by crop; or ``"given"``: LR is read
        from ``partners``, and a pair whose sizes do not belong together is left out
    partners : for ``"given"``: the LR of each file, in the same order
    sharpening : for ``"photo"``
    progress : called with the number of files done

    Raises
    ------
    DataError
        when no usable picture is left, or the maps cannot be written (disk full)
    """
    identity = [_identity(file) for file in files]
    if partners:
        identity = [[*one, *_identity(other)] for one, other in zip(identity, partners, strict=True)]
    return prepare_samples(
        samples_of(files, partners, bands),
        identity,
        cache,
        scale=scale,
        bands=bands,
        smallest=smallest,
        degradation=degradation,
        sharpening=sharpening,
        progress=progress,
    )


def _identity(file: Path) -> list[Any]:
    state = file.stat()
    return [str(file), state.st_size, state.st_mtime_ns]


def samples_of(files: Sequence[Path], partners: Sequence[Path] | None, bands: int) -> list[PictureSource]:
    """Return what reads each of the files, and each one's partner."""

    def read(file: Path) -> Callable[[], NDArray[Any]]:
        return partial(read_bands, file, bands)

    if partners is None:
        return [PictureSource(file.name, read(file)) for file in files]
    return [PictureSource(file.name, read(file), read(other)) for file, other in zip(files, partners, strict=True)]


def prepare_samples(
    samples: Iterable[PictureSource],
    identity: Any,
    cache: Path,
    *,
    scale: int,
    bands: int,
    smallest: int,
    degradation: str,
    sharpening: Sharpening = USUAL,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """Do what :func:`prepare` does for pictures from anywhere; ``samples`` are asked for only if they must be decoded.

    Parameters
    ----------
    samples : in an order that counts
    identity : ready for JSON, and different if any of the samples is another one
    """
    request = {
        "files": identity,
        "scale": scale,
        "bands": bands,
        "smallest": smallest,
        "degradation": degradation,
        "format": _FORMAT,
    }
    if degradation == "photo" and sharpening != USUAL:
        request["sharpening"] = sharpening
    request = json.loads(json.dumps(request))  # as it comes back from the file
    index_file, pixel_file = cache / "pixels.json", cache / "pixels.u8"
    index = _read_index(index_file, pixel_file, request)
    if index is None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            index = _decode(samples, pixel_file, request, progress)
            part = index_file.with_suffix(".part")
            part.write_text(json.dumps(index), encoding="utf-8")
            os.replace(part, index_file)
        except OSError as error:
            raise DataError(f"cannot write the decoded pictures to '{cache}': {why_not_written(error)}") from error
    if not index["pictures"]:
        raise DataError(_nothing_left(index["rejected"], smallest))
    return _open(cache)


def decoded(
    sample: PictureSource, *, scale: int, smallest: int, degradation: str, sharpening: Sharpening = USUAL
) -> tuple[NDArray[Any], ...] | str:
    """Return HR and LR of a sample as training takes them, and the plain HR if that is kept; or why it cannot be used."""
    try:
        pixels = sample.hr()
        small = sample.lr() if sample.lr is not None else None
    except ImageError as error:
        return str(error)
    if min(pixels.shape[:2]) < smallest:
        return f"{_size(pixels)} pixels are fewer than the crop needs ({smallest})"
    hr = np.ascontiguousarray(mod_crop(pixels, scale))
    if small is not None:
        if wrong := misfit(pixels, small, scale):
            return wrong
        return (hr, small) if hr.dtype == small.dtype else (deepened(hr), deepened(small))
    if degradation != "photo":
        return hr, np.ascontiguousarray(bicubic(hr, scale))
    plain = to_8_bit(hr)  # as the chain's JPEG has 8 bits
    hr = sharpened(plain, sharpening.amount) if sharpening.amount else plain
    small = np.ascontiguousarray(bicubic(hr, scale))
    return (hr, small, plain) if sharpening.keep_plain else (hr, small)


def misfit(hr: NDArray[Any], lr: NDArray[Any], scale: int) -> str:
    """Say why LR does not belong to HR, or nothing; HR may have up to ``scale - 1`` rows and columns more."""
    if all(large // scale == small for large, small in zip(hr.shape[:2], lr.shape[:2], strict=True)):
        return ""
    return f"its HR has {_size(hr)} pixels and its LR {_size(lr)}: HR must be {scale} times as large"


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def _open(cache: Path) -> Pictures:
    """Map the pictures that :func:`prepare` has left in ``cache``."""
    index = json.loads((cache / "pixels.json").read_text(encoding="utf-8"))
    scale, bands = index["request"]["scale"], index["request"]["bands"]
    keeps_plain = Sharpening(*index["request"].get("sharpening", USUAL)).keep_plain
    data = np.memmap(cache / "pixels.u8", dtype=np.uint8, mode="r")
    hr, lr, plain = [], [], []
    for entry in index["pictures"]:
        height, width, offset = entry["height"], entry["width"], entry["offset"]
        dtype = np.dtype(_DTYPES[entry["depth"]])
        split = offset + height * width * bands * dtype.itemsize
        end = split + height // scale * (width // scale) * bands * dtype.itemsize
        hr.append(data[offset:split].view(dtype).reshape(height, width, bands))
        lr.append(data[split:end].view(dtype).reshape(height // scale, width // scale, bands))
        if keeps_plain:
            plain.append(data[end : end + split - offset].view(dtype).reshape(height, width, bands))
    names = tuple(entry["name"] for entry in index["pictures"])
    rejected = tuple((name, reason) for name, reason in index["rejected"])
    return Pictures(cache, names, tuple(hr), tuple(lr), index["digest"], rejected, tuple(plain))


def _nothing_left(rejected: Sequence[Sequence[str]], smallest: int) -> str:
    if not rejected:
        return "there are no pictures to train on: give a folder with JPEG, PNG, WebP or TIFF files"
    name, reason = rejected[0]
    return (
        f"none of the {len(rejected)} pictures can be used (for instance {name}: {reason}): "
        f"give readable pictures of at least {smallest} x {smallest} pixels"
    )


def _read_index(file: Path, pixel_file: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the index of an earlier call for the same files, if its pixels are all there."""
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(index, dict) or index.get("request") != request:
            return None
        return index if pixel_file.stat().st_size == index["bytes"] else None
    except (OSError, ValueError, KeyError):
        return None


def _decode(
    samples: Iterable[PictureSource], pixel_file: Path, request: dict[str, Any], progress: Callable[[int], None] | None
) -> dict[str, Any]:
    settings = {key: request[key] for key in ("scale", "smallest", "degradation")}
    settings["sharpening"] = Sharpening(*request.get("sharpening", USUAL))
    pictures: list[dict[str, Any]] = []
    rejected: list[tuple[str, str]] = []
    digest = hashlib.sha256()
    offset = 0
    part = pixel_file.with_suffix(".part")
    try:
        with part.open("wb") as out:
            for number, (sample, found) in enumerate(_ahead(lambda one: decoded(one, **settings), samples)):
                if progress:
                    progress(number + 1)
                if isinstance(found, str):
                    rejected.append((sample.name, found))
                    continue
                hr = found[0]
                depth = 8 * hr.dtype.itemsize
                data = b"".join(part.tobytes() for part in found)
                digest.update(f"{sample.name} {hr.shape}{'' if depth == 8 else depth}\n".encode())
                digest.update(data)
                entry = {"name": sample.name, "height": hr.shape[0], "width": hr.shape[1]}
                pictures.append({**entry, "offset": offset, "depth": depth})
                data += bytes(-len(data) % 2)  # 16-bit samples begin at even places
                out.write(data)
                offset += len(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, pixel_file)
    finally:
        part.unlink(missing_ok=True)
    index = {"request": request, "pictures": pictures, "rejected": rejected}
    return {**index, "digest": digest.hexdigest(), "bytes": offset}


def _ahead(work: Callable[[_T], _U], items: Iterable[_T]) -> Iterator[tuple[_T, _U]]:
    """Yield each item with ``work`` of it, in order, on all processors; a few results wait at a time, not all."""
    count = os.cpu_count() or 1
    source = iter(items)
    with ThreadPoolExecutor(count) as pool:
        while some := list(itertools.islice(source, 4 * count)):
            yield from zip(some, pool.map(work, some), strict=True)
