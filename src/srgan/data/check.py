"""Which pictures of a folder would harm a training: unreadable, unusable, too small, copies, flat, or heavily compressed.

One pass over the files, each decoded once through libvips in a stream and reduced on the way (JPEG in its own DCT), so that
memory holds four kilobytes a picture whatever their sizes.

Copies are found by a perceptual hash (the signs of the 63 lowest frequencies of a 32 x 32 luma thumbnail's DCT against their
median, as `pHash <https://www.phash.org>`_ has it) and confirmed by the correlation of the thumbnails, since hashes alone take
plain pictures of like composition for copies. It is a few lines of numpy here; the library ImageHash would bring SciPy and
PyWavelets to the base install and decode every picture whole. Resized, recompressed and slightly edited copies are found,
crops and mirror images are not.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataError, ImageError, ImageReadError, UsageError
from srgan.image import MAX_PIXELS, list_pictures, probe, read, vips
from srgan.image.formats import FORMATS
from srgan.image.multiband import read_bands
from srgan.image.picture import Header

Kind = Literal["unreadable", "unusable", "too small", "copy", "near copy", "flat", "compressed"]
"""What can be wrong with a picture."""

THUMBNAIL = 32
"""Side of the luma thumbnails, in pixels."""

HASH_DISTANCE = 10
"""Most bits of 63 in which the hashes of near copies differ."""

CORRELATION = 0.98
"""Least correlation of the thumbnails of near copies."""

_FLOAT = 32  # bits a sample of floats, as a header has them

FLAT_DEVIATION = 3.0
"""A picture whose luma has a smaller standard deviation than this, in levels of 255, shows nothing."""


@dataclass(frozen=True)
class FileProblem:
    """What is wrong with one picture.

    Attributes
    ----------
    file : its path
    kind : one of :data:`Kind`
    reason : one line
    """

    file: Path
    kind: Kind
    reason: str


@dataclass(frozen=True)
class DataReport:
    """What a check found.

    Attributes
    ----------
    folder : that was checked
    pictures : how many there are
    megapixels : millions of pixels of those that can be read
    problems : in the order of paths; a picture may have several
    """

    folder: Path
    pictures: int
    megapixels: float
    problems: tuple[FileProblem, ...]

    @property
    def bad(self) -> int:
        """How many pictures have a problem."""
        return len({problem.file for problem in self.problems})

    def counts(self) -> dict[str, int]:
        """Return how many problems of each kind there are."""
        return {kind: sum(problem.kind == kind for problem in self.problems) for kind in get_args(Kind)}

    def to_json(self) -> str:
        """Return the report as JSON text; paths are relative to the folder."""
        entries = [
            {"file": problem.file.relative_to(self.folder).as_posix(), "kind": problem.kind, "reason": problem.reason}
            for problem in self.problems
        ]
        data = {
            "folder": str(self.folder),
            "pictures": self.pictures,
            "megapixels": round(self.megapixels, 3),
            "bad": self.bad,
            "counts": self.counts(),
            "problems": entries,
        }
        return json.dumps(data, indent=2) + "\n"


@dataclass
class _Picture:
    """What is kept of a file: four kilobytes."""

    file: Path
    pixels: int = 0
    digest: bytes = b""
    hash: int = 0
    thumbnail: NDArray[np.float32] | None = None
    problems: list[FileProblem] = field(default_factory=list)


def check(
    folder: Path,
    *,
    smallest: int = 96,
    bands: int | None = None,
    quality: int = 60,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DataReport:
    """Look at all pictures of a folder, with what is below it.

    Parameters
    ----------
    folder : of pictures
    smallest : least side in pixels, the crop that a training needs
    bands : of the network to train: pictures that a training would leave out for theirs are named; None asks for none
    quality : JPEGs of a lower quality, 1 to 100 on the scale of libjpeg, are named
    threads : that decode; by default one for each core
    progress : is told (files done, files in all)

    Raises
    ------
    UsageError
        if ``folder`` is not a directory
    DataError
        when it has no pictures
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder '{folder}': check the path")
    try:
        files = list_pictures(folder)
    except ImageReadError as error:
        raise DataError(str(error)) from error
    if not files:
        raise DataError(f"there are no pictures in '{folder}': give a folder with {', '.join(FORMATS)} files")
    pictures: list[_Picture] = []
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for picture in pool.map(lambda file: _look_at(file, smallest, bands, quality), files):
            pictures.append(picture)
            if progress is not None:
                progress(len(pictures), len(files))
    by_file = {picture.file: picture for picture in pictures}
    for problem in _copies(pictures, folder):
        by_file[problem.file].problems.append(problem)
    problems = tuple(problem for picture in pictures for problem in picture.problems)
    return DataReport(folder, len(files), sum(picture.pixels for picture in pictures) / 1e6, problems)


# --- One picture -----------------------------------------------------------------------------------------------------


def _look_at(file: Path, smallest: int, bands: int | None, quality: int) -> _Picture:
    picture = _Picture(file)
    try:
        header = probe(file)
        if reason := _why_left_out(file, header, bands):
            picture.problems.append(FileProblem(file, "unusable", reason))
            return picture
        thumbnail = _thumbnail(file, header)
        digest = _digest(file)
        flat = float(thumbnail.std()) < FLAT_DEVIATION and _deviation(file, header) < FLAT_DEVIATION
    except ImageError as error:
        picture.problems.append(FileProblem(file, "unreadable", error.reason))
        return picture
    except OSError as error:
        picture.problems.append(FileProblem(file, "unreadable", f"{error.strerror or error}"))
        return picture
    except vips.Error as error:
        picture.problems.append(FileProblem(file, "unreadable", f"damaged or cut short ({vips.tidy(error)})"))
        return picture
    except vips.UnsupportedError as error:
        picture.problems.append(FileProblem(file, "unreadable", str(error)))
        return picture
    picture.pixels = header.width * header.height
    picture.digest = digest
    if min(header.width, header.height) < smallest:
        reason = f"{header.width} x {header.height} pixels, the shorter side is below {smallest}"
        picture.problems.append(FileProblem(file, "too small", reason))
    if flat:
        picture.problems.append(FileProblem(file, "flat", "shows nothing: its luma hardly varies"))
    else:
        # Flat pictures have no hash: they would all be copies of each other.
        picture.hash = perceptual_hash(thumbnail)
        picture.thumbnail = _standardised(thumbnail)
    if header.format == "JPEG" and (found := jpeg_quality(file)) is not None and found < quality:
        picture.problems.append(FileProblem(file, "compressed", f"JPEG quality about {found}, below {quality}"))
    return picture


def _why_left_out(file: Path, header: Header, bands: int | None) -> str:
    """Return why a training would leave a picture out that can be read, in its own words, or nothing."""
    if header.width * header.height > MAX_PIXELS:
        return (
            f"{header.width} x {header.height} pixels are more than a training decodes at once: "
            "cut it into tiles with srgan data prepare"
        )
    if bands is None:
        bands = header.bands if header.bands > 4 else 3
    fits = header.bands <= 4 if bands in (1, 3) else header.bands == bands
    if fits and header.depth != _FLOAT and (bands == 3 or header.pages == 1):
        return ""
    try:  # floats of any range, pages that are bands or a stack: only the values or the whole file tell
        read_bands(file, bands)
    except ImageError as error:
        return error.reason
    return ""


def _digest(file: Path) -> bytes:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "blake2b").digest()


def _thumbnail(file: Path, header: Header) -> NDArray[np.float32]:
    """Return ``[32, 32]`` luma, 0 to 255. The whole file is decoded, so that damage anywhere in it shows."""
    kind = header.format
    with file.open("rb") as source:
        if kind in vips.LOADERS and header.depth != _FLOAT:
            # A JPEG shrinks by 2, 4 or 8 in its DCT; the rest, and other formats, on their way through.
            shrink = next((s for s in (8, 4, 2) if min(header.width, header.height) >= 2 * THUMBNAIL * s), 1)
            options = {"shrink": shrink} if kind == "JPEG" else {}
            image = _viewable(vips.load(kind, source.fileno(), access="sequential", fail_on="error", **options))
        else:
            image = _decoded(file, header)
        image = image.thumbnail_image(THUMBNAIL, height=THUMBNAIL, size="force")
        return _luma(image).reshape(THUMBNAIL, THUMBNAIL)


def _decoded(file: Path, header: Header) -> Any:
    """Return a picture that no loader of libvips takes as it is: floats become 16 bits, as a training has them."""
    if header.bands > 4:
        return _viewable(vips.from_array(read_bands(file, header.bands)))
    return vips.from_array(read(file).pixels)


def _viewable(image: Any) -> Any:
    """Return the picture as gray or RGB, with or without alpha; of more bands than that their mean."""
    if image.bands > 4 and image.format in ("uchar", "ushort"):
        return image.bandmean().copy(interpretation="b-w" if image.format == "uchar" else "grey16")
    return vips.to_rgb_or_gray(image)


def _luma(image: Any) -> NDArray[np.float32]:
    if image.hasalpha():
        image = image.flatten(background=128 if image.format == "uchar" else 128 * 257)
    image = image.colourspace("b-w" if image.format == "uchar" else "grey16")
    values = np.frombuffer(image.write_to_memory(), np.uint8 if image.format == "uchar" else np.uint16)
    return values.astype(np.float32) / np.float32(1 if image.format == "uchar" else 257)


def _deviation(file: Path, header: Header) -> float:
    """Return the standard deviation of the whole picture's luma in levels of 255: fine texture vanishes in thumbnails."""
    with file.open("rb") as source:
        if header.format in vips.LOADERS and header.depth != _FLOAT:
            image = _viewable(vips.load(header.format, source.fileno(), access="sequential", fail_on="error"))
        else:
            image = _decoded(file, header)
        deep = image.format != "uchar"
        if image.hasalpha():
            image = image.flatten(background=128 * 257 if deep else 128)
        return float(image.colourspace("grey16" if deep else "b-w").deviate()) / (257 if deep else 1)


def _standardised(thumbnail: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the thumbnail as a vector of mean 0 and length 1, so that products are correlations."""
    flat = thumbnail.ravel() - thumbnail.mean()
    vector: NDArray[np.float32] = (flat / max(float(np.linalg.norm(flat)), 1e-6)).astype(np.float32)
    return vector


# --- Perceptual hash -------------------------------------------------------------------------------------------------


def perceptual_hash(thumbnail: NDArray[np.float32]) -> int:
    """Return 63 bits: which of the lowest frequencies of a ``[32, 32]`` luma thumbnail are above their median.

    Frequencies are those of the two-dimensional DCT-II, 8 x 8 without the constant one, row by row.
    """
    basis = _dct_basis()
    low = (basis @ thumbnail @ basis.T).ravel()[1:]
    bits = low > np.median(low)
    return int("".join("1" if bit else "0" for bit in bits), 2)


@lru_cache(maxsize=1)
def _dct_basis() -> NDArray[np.float32]:
    k, n = np.arange(8)[:, None], np.arange(THUMBNAIL)[None]
    basis: NDArray[np.float32] = np.cos(np.pi * k * (2 * n + 1) / (2 * THUMBNAIL)).astype(np.float32)
    return basis


def _copies(pictures: Sequence[_Picture], folder: Path) -> Iterator[FileProblem]:
    """Name each picture that is a copy of a larger one, or of an earlier one of its size."""
    order = sorted((p for p in pictures if p.thumbnail is not None), key=lambda p: (-p.pixels, str(p.file)))
    by_digest: dict[bytes, _Picture] = {}
    for flat in (p for p in pictures if p.thumbnail is None and p.digest):
        first = by_digest.setdefault(flat.digest, flat)
        if first is not flat:
            yield FileProblem(flat.file, "copy", f"the same file as {_shown(first, folder)}")
    kept: list[_Picture] = []
    hashes = np.zeros(len(order), np.uint64)
    for picture in order:
        first = by_digest.setdefault(picture.digest, picture)
        if first is not picture:
            yield FileProblem(picture.file, "copy", f"the same file as {_shown(first, folder)}")
            continue
        distance = _bit_count(hashes[: len(kept)] ^ np.uint64(picture.hash))
        for at in np.flatnonzero(distance <= HASH_DISTANCE):
            like = kept[at]
            assert picture.thumbnail is not None
            assert like.thumbnail is not None
            correlation = float(picture.thumbnail @ like.thumbnail)
            if correlation >= CORRELATION:
                reason = f"looks like {_shown(like, folder)} (correlation {correlation:.3f})"
                yield FileProblem(picture.file, "near copy", reason)
                break
        else:
            hashes[len(kept)] = picture.hash
            kept.append(picture)


def _shown(picture: _Picture, folder: Path) -> str:
    return picture.file.relative_to(folder).as_posix()


def _bit_count(values: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Count the ones (numpy before 2.0 has no function for it)."""
    counts: NDArray[np.intp] = _ONES[values.view(np.uint8).reshape(-1, 8)].sum(axis=1, dtype=np.intp)
    return counts


_ONES = np.array([value.bit_count() for value in range(256)], np.uint8)


# --- JPEG quality ----------------------------------------------------------------------------------------------------

# ITU-T T.81, table K.1: the luma quantisation that libjpeg scales by its quality setting.
_LUMA = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


def jpeg_quality(file: Path) -> int | None:
    """Estimate the quality, 1 to 100, that a JPEG was saved with, from its luma quantisation table; None without one.

    It is the quality for which libjpeg's table has the nearest mean; other programs' tables (cameras, Photoshop) have other
    shapes, and get the quality at which libjpeg would lose as much.
    """
    from PIL import Image

    try:
        with Image.open(file) as image:
            tables = getattr(image, "quantization", None)
    except Exception:  # it has been decoded already; what Pillow does not like has no estimate
        return None
    if not tables:
        return None
    mean = float(np.mean(tables[min(tables)]))
    return int(np.argmin(np.abs(_means() - mean))) + 1


@lru_cache(maxsize=1)
def _means() -> NDArray[np.float64]:
    """Mean of libjpeg's luma table at qualities 1 to 100 (jcparam.c: jpeg_quality_scaling)."""
    scales = np.array([5000 // q if q < 50 else 200 - 2 * q for q in range(1, 101)])
    means: NDArray[np.float64] = np.clip((_LUMA[None] * scales[:, None] + 50) // 100, 1, 255).mean(axis=1)
    return means
