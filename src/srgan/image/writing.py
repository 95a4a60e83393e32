"""A :class:`Picture` becomes a file: encoded for its format, with its metadata; writes are atomic."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from srgan.errors import ImageWriteError, MissingExtraError, UsageError
from srgan.files import atomic_path
from srgan.image import bmff, bmp, exif, heif, jxl, parts, png, pnm, vips, webp
from srgan.image.boxes import BoxError
from srgan.image.fitting import fitted, losses
from srgan.image.formats import FORMATS, WRITABLE, Format
from srgan.image.metadata import Metadata, prepared, properties
from srgan.image.metadata_bytes import BEGINNINGS, add_to_tiff, png_beginning
from srgan.image.picture import Picture

DEFAULT_QUALITY = {"JPEG": 95, "WebP": 92, "AVIF": 80, "HEIC": 85, "JPEG XL": 95}
"""Where the loss is not seen at 200 %, and files are a third of lossless ones."""


def format_of(path: str | os.PathLike[str]) -> Format:
    """Return the format that a file of this name is written in.

    Raises
    ------
    UsageError
        for a suffix that is none of :data:`srgan.image.WRITABLE`; MissingExtraError where a library would make it one
    """
    suffix = Path(path).suffix.lower()
    known = next((entry for entry in FORMATS.values() if suffix in entry.suffixes), None)
    if known is not None and known.writable and not known.installed:
        raise MissingExtraError(f"writing {known.name}", "formats")
    if known is None or suffix not in WRITABLE:
        raise UsageError(f"cannot write {str(path)!r}: name it with one of {', '.join(sorted(WRITABLE))}")
    return known


def write(
    picture: Picture, path: str | os.PathLike[str], *, overwrite: bool = False, quality: int | None = None
) -> None:
    """Write a picture; the suffix decides the format.

    All that belongs to the picture goes along where the format can hold it, corrected to the new size and to upright;
    :func:`left_out` says what cannot. Pixels are brought to the nearest that the format has: 16 bits to 8, colours of
    another profile to sRGB, and alpha is laid on white.

    Parameters
    ----------
    overwrite : whether an existing file may be replaced
    quality : 1 to 100 for JPEG, WebP and AVIF (100 is lossless for WebP and AVIF); without meaning for the others

    Raises
    ------
    OutputExistsError
        if the file exists and ``overwrite`` is not set
    UsageError
        for an unknown suffix or a quality out of range
    ImageWriteError
        if it cannot be written, or the format cannot hold a picture of this size; nothing is left behind
    """
    path = Path(path)
    kind = checked_format(path, picture.width, picture.height, quality)
    if picture.multiband:
        check_bands(path, picture.pixels.shape[2])
    picture = fitted(picture, kind)
    with atomic_path(path, overwrite=overwrite, error=ImageWriteError) as partial, partial.open("w+b") as out:
        try:
            _ENCODERS.get(kind.name, _encode_with_vips)(picture, kind, out, quality)
        except (vips.Error, BoxError) as error:
            raise encoder_error(path, kind, error) from None


def checked_format(path: Path, width: int, height: int, quality: int | None) -> Format:
    """Return the format that a picture of this size is written in; errors are those of :func:`write`."""
    kind = format_of(path)
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"quality is {quality}: give 1 to 100")
    if max(width, height) > kind.max_side:
        raise ImageWriteError(
            path,
            f"{width} x {height} pixels are more than {kind.name} can hold ({kind.max_side} a side): write PNG or TIFF",
        )
    return kind


def left_out(picture: Picture, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return what of a picture, or of the file that it was read from, a file of this name will not have: a few words each."""
    kind = format_of(path)
    return picture.notes + losses(picture, kind) + prepared(picture, kind, picture.width, picture.height).notes


def png_beginning_of(picture: Picture, width: int, height: int) -> png.Beginning:
    """Return what puts all that belongs to a picture, its profile too, into a PNG file that somebody else writes."""
    about = prepared(picture, FORMATS["PNG"], width, height)
    return png_beginning(about, icc=about.icc)


def belong(picture: Picture, path: Path, kind: str, width: int, height: int) -> None:
    """Put all that belongs to a picture into a finished file of GIF, PNG or WebP that another library wrote.

    Parameters
    ----------
    kind : name of the format; the file has its profile already
    width, height : of the picture in the file
    """
    about = prepared(picture, FORMATS[kind], width, height)
    data = path.read_bytes()
    new = webp.with_blocks(data, about.exif, about.xmp) if kind == "WebP" else BEGINNINGS[kind](about)(data)
    if new is not None:
        path.write_bytes(new)


def check_bands(path: str | os.PathLike[str], bands: int) -> None:
    """Raise UsageError if a file of this name cannot hold so many bands; up to one is gray, and 3 are RGB."""
    if bands not in (1, 3) and format_of(path).name != "TIFF":
        raise UsageError(f"cannot write {str(path)!r}: pictures of {bands} bands are written as TIFF: name it .tif")


def encoder_error(path: Path, kind: Format, error: Exception) -> ImageWriteError:
    """Return the error for what libvips said."""
    return ImageWriteError(path, f"the {kind.name} encoder says: {vips.tidy(error)}: write another format")


def _encode_pnm(picture: Picture, kind: Format, out: BinaryIO, quality: int | None) -> None:
    del kind, quality
    pixels = picture.pixels
    out.write(pnm.to_bytes(pixels))


def _encode_bmp(picture: Picture, kind: Format, out: BinaryIO, quality: int | None) -> None:
    del kind, quality
    resolution = picture.resolution and (picture.resolution[0] * 1000, picture.resolution[1] * 1000)
    bmp.encode(picture.pixels, out, resolution)


def _encode_with_vips(picture: Picture, kind: Format, out: BinaryIO, quality: int | None) -> None:
    encode(vips.from_array(picture.pixels, multiband=picture.multiband), picture, kind, out, quality)


def encode(
    image: vips.Image,
    picture: Picture,
    kind: Format,
    out: BinaryIO,
    quality: int | None,
    *,
    streamed: bool = False,
    nbytes: int = 0,
) -> None:
    """Encode an image with all that belongs to a picture, which may be of another size.

    Parameters
    ----------
    out : the empty file, open for writing and reading
    picture : its resolution is of its own size and grows with the image's
    streamed : leave out what needs all pixels at once
    nbytes : size of all pixels that the file will have, where this picture's are only some of them
    """
    metadata = prepared(picture, kind, image.width, image.height)
    image = vips.with_blob(image, "icc-profile-data", metadata.icc)
    deep = image.format == "ushort"
    nbytes = max(nbytes, image.width * image.height * image.bands * (2 if deep else 1))
    operation, options = options_of(kind, quality, deep=deep, nbytes=nbytes, streamed=streamed, tiled=picture.multiband)
    out.flush()
    if kind.name in BEGINNINGS:
        vips.save(image, operation, out.fileno(), BEGINNINGS[kind.name](metadata), keep=vips.KEEP_PROFILE, **options)
        parts.append(out, metadata.parts)
    elif kind.name == "TIFF":
        image = vips.with_blob(image, "xmp-data", metadata.xmp)
        vips.save(image, operation, out.fileno(), keep=vips.KEEP_PROFILE | vips.KEEP_XMP, **options)
        add_to_tiff(metadata, out, bands=image.bands if picture.multiband else 1)
    else:
        _encode_in_one_piece(image, metadata, kind, out, operation, options)


def _encode_in_one_piece(
    image: vips.Image, metadata: Metadata, kind: Format, out: BinaryIO, operation: str, options: dict[str, Any]
) -> None:
    """Encode WebP and AVIF, whose EXIF data takes its place in the finished file."""
    image = vips.with_blob(image, "xmp-data", metadata.xmp)
    keep = vips.KEEP_PROFILE | vips.KEEP_XMP
    about = metadata.exif
    if about is not None:
        image = vips.with_blob(image, "exif-data", exif.placeholder(len(about)))
        keep |= vips.KEEP_EXIF
    vips.save(image, operation, out.fileno(), keep=keep, **options)
    if about is not None:
        limit = {} if kind.name == "WebP" else {"unlimited": True}  # of a file of our own nothing is to fear
        written = vips.blob(vips.load(kind.name, out.fileno(), **limit), "exif-data")
        if written is None or not exif.fill(out, written, about):
            raise vips.Error("it does not take the picture's EXIF data")
    if kind.name == "AVIF" and (boxes := properties(metadata)):
        out.seek(0)
        data = bmff.with_properties(out.read(), boxes)
        out.seek(0)
        out.write(data)
        out.flush()


def options_of(
    kind: Format, quality: int | None, *, deep: bool, nbytes: int, streamed: bool = False, tiled: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return libvips' operation and its options.

    ``deep`` is for 16 bits, ``nbytes`` the size of all pixels; ``streamed`` leaves out what needs all of them at once;
    ``tiled`` cuts a TIFF into tiles, which all cores compress, and of which a map program fetches those that it shows.
    """
    quality = quality or DEFAULT_QUALITY.get(kind.name, 0)
    if kind.name == "JPEG":
        # Chroma in full resolution from 90 on, as a picture that is looked at closely needs it.
        return "jpegsave_target", {"Q": quality, "optimize_coding": not streamed, "subsample_mode": "auto"}
    if kind.name == "PNG":
        # Level 4 with adaptive filters: a tenth larger than level 9 and many times as fast.
        return "pngsave_target", {"compression": 4, "filter": "all"}
    if kind.name == "WebP":
        # "exact" keeps the colours under full transparency, which are otherwise cleared.
        options = {"lossless": True, "exact": True} if quality == 100 else {"Q": quality, "smart_subsample": True}
        return "webpsave_target", {**options, "effort": 3}
    if kind.name == "AVIF":
        options = {"lossless": True} if quality == 100 else {"Q": quality}
        # 4:4:4 for the same reason as with JPEG; effort 3 is a third of the default's time for one per cent of size.
        return "heifsave_target", {
            **options,
            "compression": "av1",
            "effort": 3,
            "bitdepth": 12 if deep else 8,
            "subsample_mode": "off",
        }
    if kind.name == "TIFF":
        large = (
            nbytes > (2 if tiled else 3) << 30
        )  # offsets of classic TIFF end at 4 GB, and tiles reach beyond the edge
        tiles = {"tile": True, "tile_width": 256, "tile_height": 256} if tiled else {}
        return "tiffsave_target", {
            "compression": "deflate",
            "predictor": "horizontal",
            "bigtiff": large,
            "resunit": "inch",
            **tiles,
        }
    return "gifsave_target", {"dither": 1.0, "effort": 7}


def _encode_heic(picture: Picture, kind: Format, out: BinaryIO, quality: int | None) -> None:
    about = prepared(picture, kind, picture.width, picture.height)
    quality = quality or DEFAULT_QUALITY[kind.name]
    heif.encode(picture.pixels, out, quality, about.icc, about.exif, about.xmp, properties(about))


def _encode_jxl(picture: Picture, kind: Format, out: BinaryIO, quality: int | None) -> None:
    about = prepared(picture, kind, picture.width, picture.height)
    jxl.encode(picture.pixels, out, quality or DEFAULT_QUALITY[kind.name], about.exif, about.xmp)


_ENCODERS: dict[str, Callable[[Picture, Format, BinaryIO, int | None], None]] = {
    "PNM": _encode_pnm,
    "BMP": _encode_bmp,
    "HEIC": _encode_heic,
    "JPEG XL": _encode_jxl,
}
