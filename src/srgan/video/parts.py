"""The folder of finished parts beside the result, from which a run that was stopped resumes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from srgan.errors import VideoError
from srgan.files import atomic_path

_FACTS = "job.json"
_LONGEST = 255
"""Bytes of a file's name, on nearly all file systems."""


class Parts:
    """Finished parts of one result.

    Parameters
    ----------
    target : the result; the folder lies beside it, hidden
    facts : all that decides what the parts contain. Parts that were made for other facts are thrown away
    suffix : of their files, which says the container: .nut or .mkv
    """

    def __init__(self, target: Path, facts: Mapping[str, Any], suffix: str = ".nut") -> None:
        self._suffix = suffix
        place = target.resolve()
        name = f".{place.name}.parts"
        if len(os.fsencode(name)) > _LONGEST:
            name = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.parts"
        self.folder = place.with_name(name)
        # As JSON gives it back.
        facts = json.loads(json.dumps(facts))
        if self._facts() != facts:
            self.remove()
            with atomic_path(self.folder / _FACTS, error=VideoError) as partial:
                partial.write_text(json.dumps(facts, indent=1))
        self.files: list[Path] = []
        self.frames = 0
        while (path := self._path(len(self.files))).is_file():
            self.files.append(path)
            self.frames += sum(1 for _ in packets(path))
        for path in self.folder.glob(f"*{suffix}"):  # behind a gap, or half of one that was being written
            if path not in self.files:
                path.unlink()

    def _facts(self) -> Any:
        try:
            return json.loads((self.folder / _FACTS).read_text())
        except (OSError, ValueError):
            return None

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}{self._suffix}"

    def next(self) -> Path:
        """Return where the next part shall be written, and count it as one of :attr:`files` from now on."""
        self.files.append(self._path(len(self.files)))
        return self.files[-1]

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def opened_part(path: Path) -> InputContainer:
    """Open a part for reading."""
    return av.open(str(path), format="nut" if path.suffix == ".nut" else "matroska")


def packets(path: Path) -> Iterator[Any]:
    """Yield the packets of a part, in the order of decoding."""
    with opened_part(path) as container:
        yield from (packet for packet in container.demux(video=0) if packet.size)
