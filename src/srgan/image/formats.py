"""Which picture formats there are: by their first bytes, by their names, and what each can hold."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from srgan.errors import ImageReadError


@dataclass(frozen=True)
class Format:
    """A format that srgan reads and writes, and what a file of it can hold."""

    name: str
    suffixes: tuple[str, ...]
    depth: int
    """Most bits a sample."""
    alpha: bool
    max_side: int
    """Most pixels a side."""
    lossy: bool = False
    """Whether a quality can be chosen."""
    profile: bool = True
    """Whether it holds an ICC profile."""
    gray: bool = True
    """Whether it holds gray as one channel; else gray becomes three equal ones."""
    writable: bool = True
    """Whether srgan writes it."""
    needs: tuple[str, ...] = ()
    """The libraries that it takes, of the extra ``formats``; none where the base install has them."""

    @property
    def installed(self) -> bool:
        """Whether these libraries are there."""
        return all(find_spec(name) is not None for name in self.needs)


RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw"}
    | {".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srw"}
)
"""Cameras' raw files. Most are TIFF inside, of which only a small preview would be found."""

_TGA_SUFFIXES = (".tga", ".icb", ".vda", ".vst")
"""TGA files have no first bytes of their own: it takes the name to know them."""


_JXL = ("imagecodecs", "pillow_jxl")


def _read_only(name: str, suffixes: tuple[str, ...], *needs: str) -> Format:
    return Format(name, suffixes, 16, alpha=True, max_side=2**31 - 1, writable=False, needs=needs)


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), 8, alpha=False, max_side=65_500, lossy=True),
        Format("PNG", (".png", ".apng"), 16, alpha=True, max_side=2**31 - 1),
        Format("WebP", (".webp",), 8, alpha=True, max_side=16_383, lossy=True, gray=False),
        Format("AVIF", (".avif",), 12, alpha=True, max_side=16_384, lossy=True, gray=False),
        Format("TIFF", (".tif", ".tiff"), 16, alpha=True, max_side=2**31 - 1),
        Format("GIF", (".gif",), 8, alpha=True, max_side=65_535, profile=False),
        Format("BMP", (".bmp", ".dib"), 8, alpha=False, max_side=2**31 - 1, profile=False),
        Format("PNM", (".ppm", ".pgm", ".pbm", ".pnm"), 16, alpha=False, max_side=2**31 - 1, profile=False),
        Format("HEIC", (".heic", ".heif", ".hif"), 10, alpha=True, max_side=16_384, lossy=True, needs=("pillow_heif",)),
        Format("JPEG XL", (".jxl",), 8, alpha=True, max_side=2**30 - 1, lossy=True, profile=False, needs=_JXL),
        _read_only("camera raw", tuple(sorted(RAW_SUFFIXES)), "rawpy"),
        _read_only("JPEG 2000", (".jp2", ".j2k", ".j2c", ".jpf", ".jpx")),
        _read_only("PSD", (".psd", ".psb")),
        _read_only("OpenEXR", (".exr",), "OpenEXR"),
        _read_only("Radiance", (".hdr", ".rgbe"), "imagecodecs"),
        _read_only("TGA", _TGA_SUFFIXES),
        _read_only("DDS", (".dds",)),
        _read_only("ICO", (".ico",)),
    )
}
"""What can be read, by name. Where its library is missing, a file of it is refused, and the error names the extra."""

WRITABLE: frozenset[str] = frozenset(
    suffix for entry in FORMATS.values() if entry.writable and entry.installed for suffix in entry.suffixes
) - {".apng", ".pbm"}
"""Suffixes, lower case with the dot, that :func:`srgan.image.write` takes."""

PICTURE_SUFFIXES: frozenset[str] = frozenset(
    suffix for entry in FORMATS.values() if entry.installed for suffix in entry.suffixes
)
"""Suffixes, lower case with the dot, by which a folder's pictures are found. Inside, the content decides."""

HEAD_BYTES = 4096
"""How much of a file's beginning :func:`sniff` looks at."""

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis")

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS\0\1", "PSD"),
    (b"8BPS\0\2", "PSD"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance"),
    (b"#?RGBE", "Radiance"),
    (b"DDS ", "DDS"),
    (b"\0\0\1\0", "ICO"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"II*\0\x10\0\0\0CR", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIRS", "camera raw"),
    (b"MMOR", "camera raw"),
    *((magic, "TIFF") for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)
"""First bytes that tell a format by themselves."""

_NOT_READ: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document: export the page as PNG"),
    (b"P7\n", "a PAM picture: convert it to PNG"),
    (b"PF\n", "a float PFM picture: convert it to a 16-bit TIFF"),
    (b"Pf\n", "a float PFM picture: convert it to a 16-bit TIFF"),
    (b"PK\3\4", "a ZIP archive (or an office document): unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"gimp xcf", "a GIMP document: export it as PNG or TIFF"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"qoif", "a QOI picture: convert it to PNG"),
)


def sniff(head: bytes, suffix: str = "") -> Format | str:
    """Tell the format by a file's first bytes, or say in a few words what the file is instead.

    Parameters
    ----------
    head : the first :data:`HEAD_BYTES` bytes, or all that there are
    suffix : the file's suffix, to tell a camera's raw file from a TIFF, and TGA from anything
    """
    if suffix.lower() in RAW_SUFFIXES:
        return _if_installed("camera raw")
    for magic, name in _BEGINNINGS:
        if head.startswith(magic):
            return _if_installed(name)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FORMATS["WebP"]
    if head[:2] == b"BM" and len(head) > 14:
        return FORMATS["BMP"]
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return FORMATS["PNM"]
    if head[4:8] == b"ftyp":
        size = min(max(int.from_bytes(head[:4], "big"), 16), 256)
        brands = [head[i : i + 4] for i in (8, *range(16, size, 4))]
        for known, name in ((_AVIF_BRANDS, "AVIF"), (_HEIC_BRANDS, "HEIC"), ((b"crx ",), "camera raw")):
            if any(brand in brands for brand in known):
                return _if_installed(name)
        return "it is a video, which 'srgan upscale' knows by its suffix (.mp4, .mov), or no format of ours: convert it"
    if suffix.lower() in _TGA_SUFFIXES and _is_tga(head):
        return FORMATS["TGA"]
    for magic, what in _NOT_READ:
        if head.startswith(magic):
            return f"it is {what}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in text:
        return "it is an SVG drawing, which has no pixels: draw it in the size you need, and save it as PNG"
    if text.startswith((b"<!doctype html", b"<html")):
        return "it is a web page, not a picture: download the picture itself"
    names = ", ".join(name for name, entry in FORMATS.items() if entry.installed)
    return f"it is not a picture that srgan knows: use {names}"


def format_of_content(path: Path) -> Format | None:
    """Return the format that a file's first bytes say; None if it is no picture of ours, or cannot be read."""
    if not path.is_file():  # opening a pipe would wait for somebody who writes
        return None
    try:
        with path.open("rb") as file:
            found = sniff(file.read(HEAD_BYTES), path.suffix)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, Format) else None


def _if_installed(name: str) -> Format | str:
    found = FORMATS[name]
    if found.installed:
        return found
    what = "a camera's raw file" if name == "camera raw" else name
    return f"it is {what}: pip install 'srgan[formats]'"


def _is_tga(head: bytes) -> bool:
    """Return whether a header has what TGA allows: a kind of picture, a size, a depth (Truevision TGA 2.0)."""
    return len(head) >= 18 and head[1] in (0, 1) and head[2] in (1, 2, 3, 9, 10, 11) and head[16] in (8, 15, 16, 24, 32)


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Return whether this is a file that is called like a picture and not hidden; its content is not looked at."""
    path = Path(path)
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def list_pictures(folder: str | os.PathLike[str], recursive: bool = True) -> list[Path]:
    """Return those of :func:`list_files` that are called like pictures, with the same errors."""
    return [path for path in list_files(folder, recursive) if is_picture(path)]


def list_files(folder: str | os.PathLike[str], recursive: bool = True) -> list[Path]:
    """Return the files of a folder, sorted by path; hidden files and folders (``.name``) are left out.

    Links to folders are followed, each folder once.

    Raises
    ------
    ImageReadError
        if the folder is missing, no folder, or may not be read
    """
    folder = Path(folder)
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise ImageReadError(folder, "it is not a folder: name a folder of pictures", action="cannot list")
        return sorted(_files_in(folder, recursive, set()))
    except OSError as error:
        raise ImageReadError(folder, f"{error.strerror}: check the path", action="cannot list") from None


def _files_in(folder: Path, recursive: bool, seen: set[str]) -> list[Path]:
    real = os.path.realpath(folder)
    if real in seen:  # a link that leads back up
        return []
    seen.add(real)
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if recursive:
                found += _files_in(entry, recursive, seen)
        else:
            found.append(entry)
    return found
