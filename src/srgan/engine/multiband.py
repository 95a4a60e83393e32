"""Pictures of other bands than gray and RGB through a network that was trained on such.

:class:`srgan.Upscaler` is for what people look at. Here are no profiles, no transparency and no sizes but the network's own: a
TIFF of as many bands as the network has goes in, is decoded from top to bottom, and a TIFF of the same depth comes out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvips

from srgan.engine import tiling
from srgan.engine.tiling import Box
from srgan.errors import ImageWriteError, UsageError
from srgan.files import atomic_path
from srgan.image import belong_to_bands, pixels, vips
from srgan.image.multiband import open_rows
from srgan.models.catalogue import networks_of, resolve
from srgan.models.metadata import read_info
from srgan.runtime.network import Network, Precision, open_network

SUFFIXES = (".tif", ".tiff")


def bands_of(model: str | Path) -> int:
    """Return how many bands a network takes, as its card says; 3 where it does not.

    Raises
    ------
    UnknownModelError, ModelError
        as :func:`srgan.runtime.network.open_network`
    """
    try:
        bands = read_info(resolve(networks_of(model)[0])).card["recipe"]["generator"]["bands"]
    except (KeyError, TypeError):  # networks from elsewhere have no recipe
        return 3
    return bands if isinstance(bands, int) else 3


class Enlarger:
    """An open network for pictures of its own number of bands.

    Parameters
    ----------
    model : name or path
    precision, threads : as for :class:`srgan.Upscaler`; ``"auto"`` is fp32
    memory : bytes for the network's work

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        as :func:`srgan.runtime.network.open_network`, and UsageError if ``memory`` does not hold the smallest tile
    """

    def __init__(
        self, model: str | Path, *, precision: Precision = "auto", memory: int = 10**9, threads: int | None = None
    ) -> None:
        self.bands = bands_of(model)
        precision = "fp32" if precision == "auto" else precision
        self.network: Network = open_network(model, precision=precision, threads=threads, bands=self.bands)
        self.scale = self.network.scale
        halves = (self.network.body, self.network.tail)
        taken = sum(part.bytes_per_pixel for part in halves if part is not None) + self.bands * 4
        self.room = memory // taken
        if self.room < (2 * self.network.radius + tiling.MIN_SPLIT) ** 2:
            least = (2 * self.network.radius + tiling.MIN_SPLIT) ** 2 * taken
            raise UsageError(f"memory of {memory / 1e6:.0f} MB is too little: give {least / 1e6:.0f} MB or more")

    def __call__(
        self,
        source: Path,
        target: Path,
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Enlarge a file into another; return (height, width) before and after.

        Parameters
        ----------
        source : picture of :attr:`bands` bands, of any size
        target : TIFF to write. The pixels wait in a temporary file beside it until all are there
        overwrite : whether it may be replaced
        progress : is told (rows done, rows in all)

        Raises
        ------
        ImageError, OutputExistsError, UsageError
            if the source cannot be read, has other bands, or the target cannot be written; nothing is left behind
        """
        if target.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"cannot write {str(target)!r}: pictures of {self.bands} bands are written as TIFF: name it .tif"
            )
        with (
            atomic_path(target, overwrite=overwrite, error=ImageWriteError) as partial,
            tempfile.NamedTemporaryFile(dir=partial.parent, prefix=".", suffix=".raw") as raw,
            open_rows(source, self.bands) as ((height, width), decode),
        ):
            plan = tiling.plan(height, width, halo=self.network.radius, max_pixels=self.room)
            held, first, end = np.empty((0, width, self.bands), np.uint8), 0, 0
            for band in plan.bands:
                top, bottom = band[0].window.top, band[0].window.bottom
                rows = decode(end, bottom) if bottom > end else held[:0]
                held = np.concatenate([held[top - first :], rows]) if end else rows
                first, end = top, bottom
                core = band[0].core
                out = np.empty((core.height * self.scale, width * self.scale, self.bands), held.dtype)
                for tile in band:
                    batch = held[tile.window.relative_to(Box(first, 0, end, width)).slices].transpose(2, 0, 1)[None]
                    result = self.network(batch.astype(np.float32) / np.float32(pixels.FULL[held.dtype]))
                    inside = tile.core.relative_to(tile.window).scaled(self.scale)
                    place = tile.core.relative_to(Box(core.top, 0, core.bottom, width)).scaled(self.scale)
                    pixels.store(result[0][:, *inside.slices], out[place.slices])
                raw.write(out.data)
                if progress:
                    progress(core.bottom, height)
            raw.flush()
            after = height * self.scale, width * self.scale
            self._encode(Path(raw.name), partial, after, held.dtype)
            belong_to_bands(source, partial, (height, width), after)
        return (height, width), after

    def _encode(self, raw: Path, target: Path, size: tuple[int, int], dtype: np.dtype[np.generic]) -> None:
        height, width = size
        kind = "ushort" if dtype == np.uint16 else "uchar"
        try:
            image = pyvips.Image.rawload(str(raw), width, height, self.bands, format=kind)
            image = image.copy(interpretation="multiband" if self.bands > 1 else "b-w" if kind == "uchar" else "grey16")
            large = height * width * self.bands * dtype.itemsize > 2 << 30  # classic TIFF ends at 4 GiB
            # In tiles, which all cores compress, and of which a map program fetches those that it shows.
            image.tiffsave(
                str(target),
                tile=True,
                tile_width=256,
                tile_height=256,
                compression="deflate",
                predictor="horizontal",
                bigtiff=large,
            )
        except pyvips.Error as error:
            raise ImageWriteError(target, f"{vips.tidy(error)}: choose another place") from None
