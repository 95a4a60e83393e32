"""Pictures of any size through a network, in bounded memory.

Array to array: ``Upscaler.__call__`` -> ``tiling.plan`` -> for each tile the network's body on the window, then its
tail on small tiles of the body's result -> ``pixels.from_network`` into the output, in the output's own depth. No
float picture of the full size ever exists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from srgan import pixels, runtime, tiling
from srgan.errors import ModelError, SrganError, UsageError
from srgan.models.catalogue import DEFAULT
from srgan.runtime import Network, Precision
from srgan.tiling import Box, Plan, Tile

if TYPE_CHECKING:
    from PIL.Image import Image

Progress = Callable[[int, int], None]
"""Called with (input pixels done, input pixels in all) after each piece of work."""

DEFAULT_MEMORY = 1 << 30
TAIL_BYTES = 48 << 20
"""What the tail may take. Larger tiles would save a few per cent of halo, and take memory from the body."""

HALO = 16
"""Halo where the exact one would cost too much: measured to change 0.0006 % of the values, by one level."""

EXACT_UP_TO = 1.1
"""The exact halo is taken without being asked for while it makes the network compute at most this much more."""


class Upscaler:
    """An open network that enlarges pictures.

    Parameters
    ----------
    model : name of a shipped network (``srgan models`` lists them) or path of a model file
    precision : ``"auto"`` computes 8-bit pictures in bf16 where the processor has it (at most a few levels of
        difference), and deeper pictures in fp32; ``"fp32"`` and ``"bf16"`` do as they say
    memory : bytes that the network may take at work; the pictures and about 150 MB for the program come on top
    exact : make the tiles' halo the full radius of the network however large the picture is. Without it, a picture that
        needs several tiles may differ from one computed whole by one level in a few pixels of a million
    threads : threads that compute, by default one for each core

    Attributes
    ----------
    name, scale, card : the network's name, its enlargement, and its model card

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        see :func:`srgan.runtime.load`; and UsageError if ``memory`` does not hold the smallest tile
    """

    def __init__(
        self,
        model: str | Path = DEFAULT,
        *,
        precision: Precision = "auto",
        memory: int = DEFAULT_MEMORY,
        exact: bool = False,
        threads: int | None = None,
    ) -> None:
        self._precision = precision
        self._threads = threads
        self._memory = memory
        self._exact = exact
        network = runtime.load(model, precision=precision, threads=threads)
        self._networks = {network.precision: network}
        self.name = network.name
        self.scale = network.scale
        self.card = network.card
        self._path = network.path
        least = _least_memory(network)
        if memory < least:
            raise UsageError(
                f"memory of {memory / 1e6:.0f} MB is too little for {self.name}: give {least / 1e6:.0f} MB or more"
            )

    def __call__(self, image: NDArray[Any], *, progress: Progress | None = None) -> NDArray[Any]:
        """Enlarge a picture.

        Parameters
        ----------
        image : HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGB, alpha)
            channels, in sRGB, alpha not premultiplied
        progress : is told how far the work is

        Returns
        -------
        the picture ``scale`` times as high and wide; dtype, rank and channels as given

        Raises
        ------
        ValueError
            if the array is no such picture
        SrganError
            if memory does not suffice even for small tiles; nothing is returned that has holes
        """
        picture = pixels.check(image)
        height, width, channels = picture.shape
        shape = height * self.scale, width * self.scale, channels
        try:
            out = np.empty(shape, image.dtype)
        except MemoryError:
            size = np.prod(shape, dtype=np.float64) * image.dtype.itemsize / 1e9
            raise SrganError(
                f"the result takes {size:.1f} GB, more than there is: cut the picture into parts"
            ) from None
        job = _Job(self, picture, progress)
        for band in job.plan.bands:
            rows = band[0].core
            job.compute(band, out[rows.top * self.scale : rows.bottom * self.scale])
        return out[:, :, 0] if image.ndim == 2 else out

    def bands(self, image: NDArray[Any], *, progress: Progress | None = None) -> Iterator[NDArray[Any]]:
        """Enlarge a picture and hand it out in bands of whole rows from top to bottom: for results beyond memory.

        Parameters and errors are those of a call; each band is HWC of the picture's dtype and is the caller's to keep.
        """
        picture = pixels.check(image)
        _, width, channels = picture.shape
        job = _Job(self, picture, progress)
        for band in job.plan.bands:
            out = np.empty((band[0].core.height * self.scale, width * self.scale, channels), image.dtype)
            job.compute(band, out)
            yield out

    def plan(self, height: int, width: int, dtype: Any = np.uint8) -> Plan:
        """Return the tiles that a picture of this size would be computed in."""
        network = self._network_for(np.dtype(dtype))
        room = (self._memory - _tail_bytes(network, self._memory)) // _bytes_per_pixel(network)
        exact = tiling.plan(height, width, halo=network.radius, max_pixels=room)
        if self._exact or exact.cost <= EXACT_UP_TO or network.radius <= HALO:
            return exact
        return tiling.plan(height, width, halo=HALO, max_pixels=room)

    def _network_for(self, dtype: np.dtype[Any]) -> Network:
        # bf16 has 8 bits of mantissa: enough for a picture of 8 bits, a loss for deeper ones.
        wanted = "fp32" if self._precision == "auto" and dtype != np.uint8 else self._precision
        return self._network("fp32" if wanted == "fp32" else next(iter(self._networks)))

    def _network(self, precision: str) -> Network:
        if precision not in self._networks:
            self._networks[precision] = runtime.load(self._path, precision="fp32", threads=self._threads)
        return self._networks[precision]


def _bytes_per_pixel(network: Network) -> int:
    return (network.body or network.tail).bytes_per_pixel + 3 * 4  # and the window as floats


def _tail_bytes(network: Network, memory: int) -> int:
    return max(min(TAIL_BYTES, memory // 4), _least_tail(network)) if network.body else 0


def _least_tail(network: Network) -> int:
    return (2 * network.tail.radius + tiling.MIN_SPLIT) ** 2 * network.tail.bytes_per_pixel


def _least_memory(network: Network) -> int:
    """Return the memory in which tiles are at least MIN_SPLIT pixels wide inside their halo."""
    least = (2 * network.radius + tiling.MIN_SPLIT) ** 2 * _bytes_per_pixel(network)
    # A quarter of the memory goes to the tail where that is more than the tail's least.
    return max(least + _least_tail(network), -(-least * 4 // 3)) if network.body else least


class _Job:
    """One picture on its way through the network: what the tiles share."""

    def __init__(self, upscaler: Upscaler, image: NDArray[Any], progress: Progress | None) -> None:
        height, width, channels = image.shape
        self.upscaler = upscaler
        self.scale = upscaler.scale
        self.network = upscaler._network_for(image.dtype)
        self.plan = upscaler.plan(height, width, image.dtype)
        self.alpha = image[:, :, -1] if pixels.has_alpha(channels) else None
        self.colours = image if self.alpha is None else pixels.bleed(image)
        self.progress = progress
        self.done = 0
        self.total = height * width
        self.limit: int | None = None

    def compute(self, band: tuple[Tile, ...], out: NDArray[Any]) -> None:
        """Compute one row of tiles into ``out``, its HWC output rows."""
        rows = band[0].core
        origin = Box(rows.top, 0, rows.bottom, self.plan.region.right)
        for tile in band:
            done = self.done
            try:
                self.limit = tiling.compute(
                    tile,
                    lambda part: self._tile(self.network, part, origin, out),
                    halo=self.plan.halo,
                    within=self.plan.within,
                    limit=self.limit,
                )
            except MemoryError:
                raise SrganError("out of memory even with small tiles: close other programs") from None
            if self.alpha is not None:
                place = out[tile.core.relative_to(origin).scaled(self.scale).slices]
                pixels.enlarge_alpha(self.alpha, tile.core, self.scale, place[:, :, -1])
            self.done = done + tile.core.pixels  # whatever was counted for parts that were then halved
            self._tell()

    def _tile(self, network: Network, tile: Tile, origin: Box, out: NDArray[Any]) -> None:
        """Compute a tile's colours: the body on its window, then the tail on small tiles of that."""
        core, window = tile
        batch = pixels.to_network(self.colours[window.slices])
        if network.body is None:
            self._write(network, tile, network.tail(batch), origin, out)
            return
        features = network.body(batch)
        del batch
        room = _tail_bytes(network, self.upscaler._memory) // network.tail.bytes_per_pixel
        halo = network.tail.radius

        def enlarge(part: Tile) -> None:
            inside = features[:, :, *part.window.relative_to(window).slices]
            self._write(network, part, network.tail(inside), origin, out)

        limit: int | None = None
        for part in tiling.plan_region(core, window, halo=halo, max_pixels=room).tiles:
            limit = tiling.compute(part, enlarge, halo=halo, within=window, limit=limit)

    def _write(self, network: Network, part: Tile, result: NDArray[np.float32], origin: Box, out: NDArray[Any]) -> None:
        """Check the network's output for a window and put its core into the picture."""
        result = result[:, :, *part.core.relative_to(part.window).scaled(self.scale).slices]
        with np.errstate(over="ignore", invalid="ignore"):
            sound = np.isfinite(result.sum())  # one NaN or infinity makes the sum one
        if not sound:
            if network.precision == "fp32":
                name = self.upscaler.name
                raise ModelError(f"the network {name} gives values that are not numbers: train or export it again")
            window = part.core.grow(self.plan.halo, self.plan.within)
            self._tile(self.upscaler._network("fp32"), Tile(part.core, window), origin, out)
            return
        place = out[part.core.relative_to(origin).scaled(self.scale).slices]
        colours = place if self.alpha is None else place[:, :, :-1]
        pixels.from_network(result, colours)
        self.done += part.core.pixels
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)


@overload
def upscale(image: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, **options: Any) -> Path: ...
@overload
def upscale(image: NDArray[Any], **options: Any) -> NDArray[Any]: ...
@overload
def upscale(image: Image, **options: Any) -> Image: ...


def upscale(
    image: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    model: str | Path = DEFAULT,
    overwrite: bool = False,
    quality: int | None = None,
    **options: Any,
) -> Any:
    """Enlarge one picture; for many, open an :class:`Upscaler` once.

    Parameters
    ----------
    image : path of a picture file, an array as :meth:`Upscaler.__call__` takes, or a PIL image
    output : for a path: the file to write, by default ``photo_x4.jpg`` beside ``photo.jpg``
    model : name of a shipped network or path of a model file
    overwrite : for a path: whether an existing file may be replaced
    quality : for a path: 1 to 100, for formats that lose
    options : ``precision``, ``memory``, ``exact``, ``threads`` of :class:`Upscaler`

    Returns
    -------
    what was given: the :class:`~pathlib.Path` that was written, an array, or a PIL image (in gray, RGB, with or without
    alpha; palettes and CMYK come back as RGB)

    Raises
    ------
    SrganError
        and its kinds (see :mod:`srgan.errors`), for what is wrong with the file, the model or the options
    ValueError
        if an array is not a picture
    """
    if isinstance(image, str | os.PathLike):
        from srgan import jobs

        source = Path(image)
        return jobs.upscale_file(
            source,
            None if output is None else Path(output),
            Upscaler(model, **options),
            overwrite=overwrite,
            quality=quality,
        )
    if output is not None:
        raise UsageError("output is for pictures given as a path: save the returned picture yourself")
    if isinstance(image, np.ndarray):
        return Upscaler(model, **options)(image)
    if any(kind.__module__.split(".")[0] == "PIL" for kind in type(image).__mro__):
        return _upscale_pil(image, Upscaler(model, **options))
    raise UsageError(f"cannot upscale a {type(image).__name__}: give a path, a numpy array or a PIL image")


_PIL_MODES = {"L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "I;16": "I;16", "1": "L", "La": "LA", "RGBa": "RGBA"}


def _upscale_pil(image: Any, upscaler: Upscaler) -> Any:
    from PIL import Image

    transparent = image.mode == "PA" or "transparency" in image.info
    if image.mode in ("F", "I"):
        raise UsageError(f"a PIL image of mode {image.mode} has no range: convert it to L, RGB or I;16")
    mode = "RGBA" if transparent else _PIL_MODES.get(image.mode, "RGB")
    large = Image.fromarray(upscaler(np.array(image if image.mode == mode else image.convert(mode))))
    large.info.update({key: value for key, value in image.info.items() if key in ("icc_profile", "exif")})
    return large
