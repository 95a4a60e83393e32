"""Which module opens a format that libvips does not read for us; see :mod:`srgan.image.opened`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from srgan.image import exr, heif, jp2, jxl, pillow, psd, radiance, raw
from srgan.image.opened import Opened

READERS: dict[str, Callable[..., Opened]] = {
    "HEIC": heif.open_file,
    "JPEG XL": jxl.open_file,
    "camera raw": raw.open_file,
    "OpenEXR": exr.open_file,
    "Radiance": radiance.open_file,
    **{kind: partial(pillow.open_file, kind=kind) for kind in pillow.PLUGINS},
}
READERS["JPEG 2000"] = jp2.open_file
READERS["PSD"] = lambda file, page=0: psd.open_file(file, page) or pillow.open_file(file, page, kind="PSD")
"""Called with an open file and a page."""
