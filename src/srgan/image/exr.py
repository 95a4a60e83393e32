"""OpenEXR through its own library: the first part's gray or RGB picture, with alpha if it has it.

(OpenEXR file layout; OpenEXR standard attributes.)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.image.colour import Primaries
from srgan.image.file_metadata import FileMetadata
from srgan.image.light import to_values
from srgan.image.opened import DamagedError, Decoded, Opened, damage

_KINDS = (("R", "G", "B", "A"), ("R", "G", "B"), ("Y", "A"), ("Y",))
_LUMINANCE_WITH_CHROMA = {"RY", "BY"}


def open_file(file: BinaryIO, page: int = 0) -> Opened:
    """Open an OpenEXR file; other parts, layers and channels are notes."""
    del page
    library: Any = import_module("OpenEXR")
    header, parts = _header(library, file)
    channels = {channel.name: channel for channel in header["channels"]}
    if str(header.get("type", "")).rpartition(".")[2].startswith("deep"):
        raise DamagedError("it is a deep picture: flatten it")
    names = next((kind for kind in _KINDS if set(kind) <= channels.keys()), None)
    if names is None or _LUMINANCE_WITH_CHROMA & channels.keys():
        raise DamagedError(f"of its channels ({', '.join(sorted(channels)[:8])}) none are red, green and blue, or gray")
    if any(channels[name].xSampling != 1 or channels[name].ySampling != 1 for name in names):
        raise DamagedError("its colours have fewer pixels than its brightness")
    (left, top), (right, bottom) = (map(int, corner) for corner in header["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    if min(width, height) < 1:
        raise DamagedError("its header says that it has no pixels")
    notes = _notes(header, sorted(channels.keys() - set(names)), parts)

    def decode() -> Decoded:
        light = _planes(library, file, names, (height, width))
        return to_values(light, alpha=names[-1] == "A", chromaticities=_chromaticities(header), notes=notes)

    aspect = float(header.get("pixelAspectRatio", 1.0))
    shape = (1.0, aspect) if aspect > 0 and abs(aspect - 1) > 1e-3 else None  # of pixels a unit, the wider the fewer
    return Opened(width, height, len(names), 32, decode, metadata=FileMetadata(aspect=shape))


def _header(library: Any, file: BinaryIO) -> tuple[dict[str, Any], int]:
    file.seek(0)
    with damage(), library.File(file, header_only=True) as whole:
        return dict(whole.header()), len(whole.parts)
    raise AssertionError


def _planes(library: Any, file: BinaryIO, names: tuple[str, ...], size: tuple[int, int]) -> NDArray[np.float32]:
    """Decode channels, [height, width, channels], through the library's older interface: the newer one prints on stdout."""
    kinds: Any = import_module("Imath")
    file.seek(0)
    with damage():
        whole = library.InputFile(file)
        try:
            data = whole.channels(names, kinds.PixelType(kinds.PixelType.FLOAT))
        finally:
            whole.close()
        return np.stack([np.frombuffer(plane, np.float32).reshape(size) for plane in data], axis=2)
    raise AssertionError


def _notes(header: dict[str, Any], others: list[str], parts: int) -> tuple[str, ...]:
    notes = []
    if parts > 1:
        notes.append(f"{parts - 1} more {'part' if parts == 2 else 'parts'} of the file")
    if others:
        more = f" and {len(others) - 6} more" if len(others) > 6 else ""
        notes.append(f"the channels {', '.join(others[:6])}{more}")
    if any((a != b).any() for a, b in zip(header["dataWindow"], header["displayWindow"], strict=True)):
        (left, top), (right, bottom) = header["displayWindow"]
        size = f"{right - left + 1} x {bottom - top + 1}"
        notes.append(f"the frame around it ({size} pixels): the result shows all pixels that there are, and no others")
    return tuple(notes)


def _chromaticities(header: dict[str, Any]) -> Primaries | None:
    said = header.get("chromaticities")
    if said is None or len(said) != 8:
        return None
    red, green, blue, white = ((float(said[at]), float(said[at + 1])) for at in range(0, 8, 2))
    return white, red, green, blue
