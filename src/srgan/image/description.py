"""Descriptions in which programs of microscopes count pixels: ImageJ's, OME's, tifffile's.

They stand in a TIFF file's ImageDescription. A scale bar is drawn by them, so they follow when the picture is enlarged.
(ImageJ's TiffEncoder; OME-XML schema 2016-06, Pixels.)
"""

from __future__ import annotations

import json
import re
from contextlib import suppress

from srgan.image.change import Change


def corrected(text: bytes, change: Change) -> bytes:
    """Return an ImageDescription for the changed picture; one of no known program is returned as it is."""
    if text.startswith(b"ImageJ="):
        return _imagej(text, change)
    if b"<OME" in text[:4096] and b"<Pixels" in text:
        return re.sub(rb"<Pixels\b[^>]*>", lambda found: _pixels(found[0], change), text)
    if text.startswith(b'{"shape"'):
        return _shaped(text, change)
    return text


def counts_pixels(text: bytes) -> bool:
    """Return whether the description is ImageJ's, by which the unit of the resolution has a name."""
    return text.startswith(b"ImageJ=")


def counts_planes(text: bytes) -> bool:
    """Return whether the description says of what kind each page of its file is."""
    planes = re.search(rb"(?m)^(images|channels|slices|frames)=", text) if counts_pixels(text) else None
    return planes is not None or (b"<OME" in text[:4096] and b"<Pixels" in text) or text.startswith(b'{"shape"')


def _imagej(text: bytes, change: Change) -> bytes:
    """Scale the origin, which is counted in pixels; unit, spacing and the number of slices stay."""
    across, down = change.factors
    for name, factor in ((b"xorigin", across), (b"yorigin", down)):
        text = re.sub(
            rb"(?m)^(" + name + rb"=)([-+0-9.eE]+)",
            lambda found, factor=factor: found[1] + _number(float(found[2]) * factor),  # type: ignore[misc]
            text,
        )
    return text


def _pixels(tag: bytes, change: Change) -> bytes:
    across, down = change.factors
    if change.origin.orientation >= 5:
        return tag
    for name, size in ((b"SizeX", change.width), (b"SizeY", change.height)):
        tag = re.sub(rb"(\b" + name + rb'=")\d+(")', rb"\g<1>%d\g<2>" % size, tag)
    for name, factor in ((b"PhysicalSizeX", across), (b"PhysicalSizeY", down)):
        tag = re.sub(
            rb"(\b" + name + rb'=")([-+0-9.eE]+)(")',
            lambda found, factor=factor: found[1] + _number(float(found[2]) / factor) + found[3],  # type: ignore[misc]
            tag,
        )
    return tag


def _shaped(text: bytes, change: Change) -> bytes:
    with suppress(ValueError, TypeError, KeyError):
        said = json.loads(text.rstrip(b"\0"))
        shape = said["shape"]
        size = [change.origin.height, change.origin.width]
        for at in range(len(shape) - 1):
            if shape[at : at + 2] == size:
                shape[at : at + 2] = [change.height, change.width]
                return json.dumps(said).encode() + b"\0" * text.endswith(b"\0")
    return text


def _number(value: float) -> bytes:
    return f"{value:.12g}".encode()


def millimetres(text: bytes) -> float | None:
    """Return how long ImageJ's unit is, in millimetres; None for one that is no length, such as "pixel"."""
    found = re.search(rb"(?m)^unit=(.*?)\s*$", text)
    name = found[1].decode("latin-1") if found else ""
    return _MILLIMETRES.get(name.replace("\\u00B5", "µ").replace("Â", ""))


_MILLIMETRES = {
    **dict.fromkeys(("micron", "microns", "um", "µm", "micrometer"), 1e-3),
    **dict.fromkeys(("nm", "nanometer"), 1e-6),
    **dict.fromkeys(("mm", "millimeter"), 1.0),
    **dict.fromkeys(("cm", "centimeter"), 10.0),
    **dict.fromkeys(("inch", "in"), 25.4),
}
