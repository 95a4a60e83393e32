"""libvips as srgan uses it: named loaders only, and its errors in one line.

Files are never handed to libvips to guess the loader. The format comes from :func:`srgan.image.formats.sniff`, so that
loaders for drawings, documents and whatever else a build of libvips has (SVG, PDF, ImageMagick: it calls them
untrusted) cannot be reached by a file, and a ``[`` in a file's name is no option.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

LOADERS = {
    "JPEG": "jpegload_source",
    "PNG": "pngload_source",
    "WebP": "webpload_source",
    "AVIF": "heifload_source",
    "TIFF": "tiffload_source",
    "GIF": "gifload_source",
}
"""The loader of each format that libvips reads for us."""

PAGED = ("WebP", "AVIF", "TIFF", "GIF")
"""Formats whose loaders take a page number."""

Image = Any  # pyvips has no types
Error = pyvips.Error

# libvips remembers the results of operations, and with them the pictures they came from: hundreds of megabytes for
# results that are never asked for twice here.
pyvips.cache_set_max(0)


def lines_of(error: Exception) -> list[str]:
    """Return what libvips said, one entry a complaint, without repetitions and names of its functions."""
    text = getattr(error, "detail", "") or str(error)
    lines: list[str] = []
    for line in text.splitlines():
        clean = re.sub(
            r"^\s*(\w+(load|save|2vips|2jpeg)\w*|Vips\w+|vips\w*|Read|unix error|system error):\s*", "", line
        )
        clean = " ".join(clean.split()).rstrip(".,;: ")
        if clean and clean not in lines and not clean.startswith("unable to call"):
            lines.append(clean)
    return lines


def tidy(error: Exception) -> str:
    """Return what libvips said in one line of at most 160 characters."""
    text = "; ".join(lines_of(error)[:2]) or "no reason given"
    return text if len(text) <= 160 else text[:157] + "..."


class UnsupportedError(ValueError):
    """The file is whole, but its kind of picture is none that can be enlarged."""


# --- Reading ---------------------------------------------------------------------------------------------------------


def load(kind: str, descriptor: int, **options: Any) -> Image:
    """Open a picture by its format and an open file; only its header is read."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    source = pyvips.Source.new_from_descriptor(descriptor)
    try:
        image: Image = pyvips.Operation.call(LOADERS[kind], source, **options)
    except pyvips.Error as error:
        if "labq" in str(error):
            raise UnsupportedError("it is an L*a*b* picture of 8 bits: convert it to RGB, or to 16 bits") from None
        raise
    return image


def load_bytes(kind: str, data: bytes, **options: Any) -> Image:
    """Open a picture in memory; only its header is read."""
    source = pyvips.Source.new_from_memory(data)
    image: Image = pyvips.Operation.call(LOADERS[kind], source, fail_on="error", **options)
    return image


def load_pipe(kind: str, descriptor: int, **options: Any) -> Image:
    """Open a picture that comes through a pipe, to be read once from top to bottom."""
    source = pyvips.Source.new_from_descriptor(descriptor)
    image: Image = pyvips.Operation.call(LOADERS[kind], source, access="sequential", fail_on="error", **options)
    return image


def field(image: Image, name: str, default: int) -> int:
    """Return a whole number that the file says, or ``default``."""
    return int(image.get(name)) if image.get_typeof(name) else default


def blob(image: Image, name: str) -> bytes | None:
    """Return a block of metadata, or None."""
    return bytes(image.get(name)) if image.get_typeof(name) else None


def keeps_profile(image: Image) -> bool:
    """Return whether the values stay as they are in the file, so that its profile still describes them."""
    return not _is_cmyk(image) and image.interpretation not in _LAB


_LAB = ("lab", "labs", "labq", "lch", "xyz", "yxy")


def _is_cmyk(image: Image) -> bool:
    return bool(image.interpretation == "cmyk")


def to_rgb_or_gray(image: Image) -> Image:
    """Return the picture as gray or RGB, with alpha if it has it, in 8 or 16 bits, or as floats.

    CMYK goes through its embedded profile, or where it has none through libvips' own general one.

    Raises
    ------
    UnsupportedError
        for samples or numbers of channels that no gray or RGB picture has
    """
    lab = image.interpretation in _LAB
    if image.format in ("char", "short", "int", "uint", "complex", "dpcomplex") and not lab:
        raise UnsupportedError(f"its samples are {image.format} numbers: convert it to 8 or 16 bits")
    if _is_cmyk(image):
        depth = 8 if image.format == "uchar" else 16
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth, intent="relative")
    elif lab:
        image = image.colourspace("rgb16" if image.format != "uchar" else "srgb")
    if image.bands > 4:
        raise UnsupportedError(f"it has {image.bands} channels: give gray or RGB, with or without alpha")
    return image


def to_srgb(pixels: NDArray[Any], icc: bytes) -> NDArray[Any]:
    """Bring ``[H, W, C]`` from a profile's colours to sRGB; depth, channels and alpha stay.

    Values of an sRGB profile stay as they are, and so do those of a profile that is damaged or of another kind of
    picture.
    """
    if b"sRGB" in icc or b"s\0R\0G\0B" in icc:  # as its description says, in ASCII or in UTF-16
        return pixels
    image = with_blob(from_array(pixels), "icc-profile-data", icc)
    try:
        image = image.icc_transform("srgb", embedded=True, depth=8 * pixels.dtype.itemsize, intent="relative")
        values: NDArray[Any] = np.frombuffer(image.write_to_memory(), pixels.dtype).reshape(*pixels.shape[:2], -1)
    except pyvips.Error:
        return pixels
    if pixels.shape[2] <= 2:  # gray came back as three equal channels
        values = values[:, :, [0, *range(3, values.shape[2])]]
    return values if values.shape == pixels.shape else pixels


_KINDS: dict[str, Any] = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32, "double": np.float64}


def to_array(image: Image, depth: int) -> NDArray[Any]:
    """Decode: ``[H, W, C]`` uint8, or uint16 of full range for samples of more than 8 bits.

    Raises
    ------
    UnsupportedError
        for floats outside [0, 1] or that are no numbers
    """
    values: NDArray[Any] = np.frombuffer(image.write_to_memory(), dtype=np.dtype(_KINDS[str(image.format)]))
    return _samples(values.reshape(image.height, image.width, image.bands), depth)


def row_decoder(image: Image, depth: int) -> Callable[[int, int], NDArray[Any]]:
    """Return a function that decodes some rows, from the first one to the end, as :func:`to_array` does all of them.

    It is called for all rows in their order. One region is kept for that: libvips reads a file that is opened for
    sequential access once only.
    """
    kind = np.dtype(_KINDS[str(image.format)])
    region: Any = None

    def decode(first: int, end: int) -> NDArray[Any]:
        nonlocal region
        if region is None:  # it belongs to the thread that makes it
            region = pyvips.Region.new(image)
        data = region.fetch(0, first, image.width, end - first)
        return _samples(np.frombuffer(data, kind).reshape(end - first, image.width, image.bands), depth)

    return decode


def _samples(values: NDArray[Any], depth: int) -> NDArray[Any]:
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise UnsupportedError("some of its samples are not numbers (NaN or infinity)")
        if values.min() < 0 or values.max() > 1:
            raise UnsupportedError(f"its floats reach from {values.min():g} to {values.max():g}: scale them to 0 to 1")
        scaled: NDArray[Any] = np.rint(values * 65535).astype(np.uint16)
        return scaled
    if values.dtype == np.uint16 and 8 < depth < 16:
        # libvips moves such samples to the upper bits, where white is not 65535.
        full = (1 << depth) - 1
        widened: NDArray[Any] = ((values >> (16 - depth)).astype(np.uint32) * 65535 + full // 2) // full
        return widened.astype(np.uint16)
    return values


KEEP_EXIF, KEEP_XMP, KEEP_PROFILE = 1, 2, 8
"""Values of a saver's option ``keep``: what goes into the file."""


# --- Writing ---------------------------------------------------------------------------------------------------------


def from_array(pixels: NDArray[Any], *, multiband: bool = False) -> Image:
    """Wrap ``[H, W, C]`` uint8 or uint16; the array must stay alive and unchanged while the picture is in use.

    ``multiband`` is for channels that are no gray, colours and alpha.
    """
    deep = pixels.dtype == np.uint16
    gray = pixels.shape[2] <= 2
    interpretation = {(True, True): "grey16", (True, False): "b-w", (False, True): "rgb16", (False, False): "srgb"}
    pixels = np.ascontiguousarray(pixels)
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, "ushort" if deep else "uchar")
    return image.copy(interpretation="multiband" if multiband and bands > 1 else interpretation[gray, deep])


def with_blob(image: Image, name: str, data: bytes | None) -> Image:
    """Return the picture with a block of metadata."""
    if data is None:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, name, data)
    return image


def save(
    image: Image,
    operation: str,
    descriptor: int,
    beginning: Callable[[bytes], bytes | None] | None = None,
    **options: Any,
) -> None:
    """Encode into an open file.

    Parameters
    ----------
    beginning : called with the first bytes until it returns what shall stand in their place (None: it needs more)

    Raises
    ------
    OSError
        when the system refuses to write (disk full)

    Error:
        for anything else
    """
    failures: list[OSError] = []
    target = _rewritten(descriptor, beginning, failures) if beginning else pyvips.Target.new_to_descriptor(descriptor)
    try:
        pyvips.Operation.call(operation, image, target, **options)
    except pyvips.Error as error:
        if failures:
            raise failures[0] from None
        said = str(error)
        for number in WRITE_ERRORS:
            if os.strerror(number) in said:
                raise OSError(number, os.strerror(number)) from None
        raise
    if failures:
        raise failures[0]


def to_bytes(image: Image, operation: str, **options: Any) -> bytes:
    """Encode in memory."""
    target = pyvips.Target.new_to_memory()
    pyvips.Operation.call(operation, image, target, **options)
    return bytes(target.get("blob"))


def _rewritten(descriptor: int, beginning: Callable[[bytes], bytes | None], failures: list[OSError]) -> Any:
    """Return a target that replaces a file's beginning on the way."""
    held: bytes | None = b""

    def write(data: Any) -> int:
        nonlocal held
        try:
            if held is None:
                _write_all(descriptor, data)
            else:
                held += bytes(data)
                new = beginning(held)
                if new is not None:
                    _write_all(descriptor, new)
                    held = None
        except OSError as error:  # an exception would be lost in libvips
            failures.append(error)
            return -1
        return len(data)

    target = pyvips.TargetCustom()
    target.on_write(write)
    return target


def _write_all(descriptor: int, data: Any) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
