"""Compiled networks kept between runs, in the user's cache folder.

Reading a network's file, looking into its graph and compiling its halves takes 0.3 to 0.45 s of a processor with AVX2, which
a small picture itself hardly takes. What comes of it is written down; taken from there it is 0.16 to 0.2 s the next time.

The cache is a convenience and never a condition: a folder that is missing, full, damaged or closed to us means that the
network is compiled as if there were none, without a word. ``SRGAN_CACHE`` names another folder; empty, it turns the cache
off.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from srgan._version import __version__
from srgan.errors import SrganError
from srgan.files import atomic_path

FORMAT = 1
"""To be raised whenever the same file would be compiled to something else than before."""

LIMIT_BYTES = 64 << 20
"""All entries together take no more; the one that was used longest ago goes first. A shipped network takes 7 MB."""

TRIALS = "trials.json"
"""The file of what trials of GPUs have shown (:mod:`srgan.runtime.trial`)."""

_SUFFIX = ".compiled"


@dataclass(frozen=True)
class Half:
    """A compiled graph as the runtime exports it, and what :class:`~srgan.runtime.openvino_part.CompiledPart` must know of it."""

    scale: int
    radius: int
    values: int
    blob: bytes


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
        with place.open("rb") as file:
            facts = json.loads(file.readline())
            blobs = [file.read(entry["bytes"]) for entry in facts]
            if file.read(1) or any(zlib.crc32(blob) != entry["crc"] for entry, blob in zip(facts, blobs, strict=True)):
                return None
        os.utime(place)  # it is in use: others go first
        return [
            Half(int(entry["scale"]), int(entry["radius"]), int(entry["values"]), blob)
            for entry, blob in zip(facts, blobs, strict=True)
        ]
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
            file.write(json.dumps(facts).encode() + b"\n")
            for half in halves:
                file.write(half.blob)
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
