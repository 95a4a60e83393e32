"""Compiled networks kept between runs, in the user's cache folder.

Reading a network's file, looking into its graph and compiling its halves takes 0.3 to 0.45 s of a processor with AVX2, which
a small picture itself hardly takes. What comes of it is written down; taken from there it is 0.16 to 0.2 s the next time.

A blob is mapped from its file and not read: the runtime takes a network's weights from there while it packs them, and the
system has those pages back afterwards. The file of an entry is replaced or removed as a whole, never written to.

The cache is a convenience and never a condition: a folder that is missing, full, damaged or closed to us means that the
network is compiled as if there were none, without a word. ``SRGAN_CACHE`` names another folder; empty, it turns the cache
off.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from srgan._version import __version__
from srgan.errors import SrganError
from srgan.files import atomic_path

FORMAT = 2
"""To be raised whenever the same file would be compiled to something else than before."""

LIMIT_BYTES = 64 << 20
"""All entries together take no more; the one that was used longest ago goes first. A shipped network takes 7 MB."""

TRIALS = "trials.json"
"""The file of what trials of GPUs have shown (:mod:`srgan.runtime.trial`)."""

_SUFFIX = ".compiled"

_LOCKS = sys.platform == "win32"
"""Whether a file that is mapped can be neither replaced nor removed: there it is read."""

_PAGE = 4096
"""Bytes of a file to whose multiples blobs are aligned, for whoever reads vectors from them."""


@dataclass(frozen=True)
class Half:
    """A compiled graph as the runtime exports it, and what :class:`~srgan.runtime.openvino_part.CompiledPart` must know of it."""

    scale: int
    radius: int
    values: int
    blob: bytes | memoryview
    file: mmap.mmap | None = None

    def forget(self) -> None:
        """Let the system have the memory of a blob that is mapped from a file: what is needed again is read again."""
        if self.file is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.file.madvise(mmap.MADV_DONTNEED)


def folder() -> Path | None:
    """Return the folder of the entries, which need not exist; None if the cache is turned off or there is no home folder."""
    chosen = os.environ.get("SRGAN_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    with suppress(RuntimeError):  # a user without a home
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA")
            return Path(base, "srgan", "cache") if base else Path.home() / "AppData/Local/srgan/cache"
        if sys.platform == "darwin":
            return Path.home() / "Library/Caches/srgan"
        base = os.environ.get("XDG_CACHE_HOME")
        return Path(base, "srgan") if base and os.path.isabs(base) else Path.home() / ".cache/srgan"
    return None


def key_of(model: Path, *circumstances: str) -> str | None:
    """Return the name of an entry: a digest of the model's content and of all that its compiled form depends on.

    None where there is nothing to keep entries in, or the file cannot be read (which is for others to say).
    """
    if folder() is None:
        return None
    try:
        content = model.read_bytes()
    except OSError:
        return None
    digest = hashlib.blake2b(content, digest_size=16)
    digest.update("\0".join([str(FORMAT), __version__, *circumstances]).encode())
    return digest.hexdigest()


def find(key: str) -> list[Half] | None:
    """Return an entry's halves, or None if it is not there or not whole."""
    place = _place(key)
    if place is None:
        return None
    try:
        with place.open("rb") as opened:
            file = None if _LOCKS else mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
            # The runtime takes only what may be written to.
            content = memoryview(bytearray(opened.read()) if file is None else file)
        facts = json.loads(bytes(content[:_PAGE]))
        ends = list(accumulate((_aligned(entry["bytes"]) for entry in facts), initial=_PAGE))
        if len(content) != ends[-1]:
            return None
        halves = []
        for entry, start in zip(facts, ends, strict=False):
            blob = content[start : start + entry["bytes"]]
            if zlib.crc32(blob) != entry["crc"]:
                return None
            halves.append(Half(int(entry["scale"]), int(entry["radius"]), int(entry["values"]), blob, file))
        os.utime(place)  # it is in use: others go first
        return halves
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(key: str, halves: list[Half]) -> None:
    """Write an entry, and remove the oldest ones beyond the limit. Where that does not work, nothing happens."""
    place = _place(key)
    if place is None or sum(len(half.blob) for half in halves) > LIMIT_BYTES:
        return
    facts = [
        {
            "scale": half.scale,
            "radius": half.radius,
            "values": half.values,
            "bytes": len(half.blob),
            "crc": zlib.crc32(half.blob),
        }
        for half in halves
    ]
    with suppress(OSError, SrganError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else may put code in here
        with atomic_path(place, overwrite=True) as partial, partial.open("wb") as file:
            file.write((json.dumps(facts).encode() + b"\n").ljust(_PAGE))
            for half in halves:
                file.write(bytes(half.blob).ljust(_aligned(len(half.blob)), b"\0"))
        _prune(place.parent)


def entries() -> list[Path]:
    """Return the files of all entries, those that were left half-written included."""
    where = folder()
    if where is None:
        return []
    with suppress(OSError):
        return sorted(entry for entry in where.iterdir() if _SUFFIX in entry.suffixes and entry.is_file())
    return []


def clear() -> tuple[int, int]:
    """Remove all entries and what trials have shown, and the folder if nothing else is in it.

    Returns
    -------
    how many entries there were, and the bytes of all that was removed

    Raises
    ------
    SrganError
        if a file cannot be removed
    """
    where = folder()
    if where is None:
        return 0, 0
    count = nbytes = 0
    for file in [*entries(), where / TRIALS]:
        try:
            taken = file.stat().st_size
            file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            continue  # another process was quicker
        except OSError as error:
            raise SrganError(f"cannot remove {file}: {error.strerror}") from None
        count, nbytes = count + (file.name != TRIALS), nbytes + taken
    with suppress(OSError):
        where.rmdir()
    return count, nbytes


def _aligned(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


def _place(key: str) -> Path | None:
    where = folder()
    return None if where is None else where / f"{key}{_SUFFIX}"


def _prune(where: Path) -> None:
    entries = sorted(((entry.stat(), entry) for entry in where.glob(f"*{_SUFFIX}")), key=lambda e: -e[0].st_mtime)
    total = 0
    for about, entry in entries:
        total += about.st_size
        if total > LIMIT_BYTES:
            entry.unlink()
