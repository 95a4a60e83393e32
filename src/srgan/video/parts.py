"""The folder of finished parts beside the result, which a run that was stopped goes on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av

from srgan.errors import VideoError
from srgan.files import atomic_path

_FACTS = "job.json"


class Parts:
    """Finished parts of one result.

    Parameters
    ----------
    target : the result; the folder lies beside it, hidden
    facts : all that decides what the parts contain. Parts that were made for other facts are thrown away
    """

    def __init__(self, target: Path, facts: Mapping[str, Any]) -> None:
        place = target.resolve()
        self.folder = place.with_name(f".{place.name}.parts")
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
        for path in self.folder.glob("*.nut"):  # behind a gap, or half of one that was being written
            if path not in self.files:
                path.unlink()

    def _facts(self) -> Any:
        try:
            return json.loads((self.folder / _FACTS).read_text())
        except (OSError, ValueError):
            return None

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.nut"

    def next(self) -> Path:
        """Return where the next part shall be written, and count it as one of :attr:`files` from now on."""
        self.files.append(self._path(len(self.files)))
        return self.files[-1]

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def packets(path: Path) -> Iterator[Any]:
    """Yield the packets of a part, in the order of decoding."""
    with av.open(str(path), format="nut") as container:
        yield from (packet for packet in container.demux(video=0) if packet.size)
