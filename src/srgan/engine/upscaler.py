"""Pictures of any size through a network, in bounded memory.

Array to array: ``Upscaler.__call__`` -> ``tiling.plan_region`` -> for each tile the network's body on the window, then
its tail on small tiles of the body's result -> ``pixels.from_network`` into the output, in the output's own depth. No
float picture of the full size ever exists. Where another size than the network's own is wanted, the bands go on
through :class:`srgan.resize.resample.Resampler`, and, for more than one pass, into the next pass.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine import alpha, ensemble, pixels, sizes, tiling
from srgan.engine.sizes import Size, Target
from srgan.engine.tiling import Box, Plan, Tile
from srgan.errors import ModelError, SrganError, UsageError
from srgan.image.pixels import Rows, check, has_alpha
from srgan.models.catalogue import AUTO, CLEAN, DEFAULT, chosen
from srgan.resize.resample import LANCZOS, Resampler
from srgan.runtime.network import Network, Precision, open_network

if TYPE_CHECKING:
    from srgan.image.picture import Picture

Progress = Callable[[int, int], None]
"""Called with (input pixels done, input pixels in all) after each piece of work. Where a picture takes several passes
through the network, the input of each counts."""

DEFAULT_MEMORY = 10**9
TAIL_BYTES = 48 << 20
"""What the tail may take. Larger tiles would save a few per cent of halo, and take memory from the body."""

BAND_SHARE = 8
"""A band of the result takes about this part of the memory at most, so that results larger than memory can be written
while they are computed."""

HALO = 16
"""Halo where the exact one would cost too much: measured to change 0.0006 % of the values, by one level."""

EXACT_UP_TO = 1.1
"""The exact halo is taken without being asked for while it makes the network compute at most this much more."""


class Upscaler:
    """An open network that enlarges pictures.

    Parameters
    ----------
    model : name of a shipped network (``srgan models`` lists them), path of a model file, or ``"auto"``: srgan-x4, and for the
        pictures that it is better for another one (:meth:`of`)
    scale : enlargement of both sides, above 1 and not necessarily whole; by default the network's own
    width, height : instead of ``scale``: pixels across or down that the results shall have
    fit : instead of ``scale``: (width, height) of a box that each result just fits into
    wrap : take each picture as a tile of an endless pattern: its left edge continues its right one, its top its
        bottom, and the result repeats without a seam
    tta : compute each picture in its eight positions (turned by quarters, mirrored) and take the mean: eight times the
        work for a little more faithfulness (:mod:`srgan.engine.ensemble`)
    fidelity : for a GAN that has a faithful partner, as ``srgan-x4`` does: blend the two, from 0 (the GAN,
        sharpest) to 1 (nothing invented); no more work than one of them (:mod:`srgan.runtime.blend`)
    precision : ``"auto"`` computes 8-bit pictures in bf16 where the processor has it (at most a few levels of
        difference), and deeper pictures in fp32; ``"fp32"`` and ``"bf16"`` do as they say
    memory : bytes for the work: the network's, and the picture and a band of the result. About 150 MB for the program
        come on top, and, in a call, the result
    exact : make the tiles' halo the full radius of the network however large the picture is. Without it, a picture that
        needs several tiles may differ from one computed whole by one level in a few pixels of a million
    threads : threads that compute, by default one for each core

    Attributes
    ----------
    name, scale, card : the network's name, its own enlargement of one pass, and its model card
    fidelity : as given
    target : the size that results shall have

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        see :func:`srgan.runtime.network.open_network` and :class:`srgan.engine.sizes.Target`; and UsageError if ``memory``
        does not hold the smallest tile
    """

    def __init__(
        self,
        model: str | Path = DEFAULT,
        *,
        scale: float | None = None,
        width: int | None = None,
        height: int | None = None,
        fit: tuple[int, int] | None = None,
        wrap: bool = False,
        tta: bool = False,
        fidelity: float | None = None,
        precision: Precision = "auto",
        memory: int = DEFAULT_MEMORY,
        exact: bool = False,
        threads: int | None = None,
    ) -> None:
        self.target = Target(scale, width, height, fit)
        self._wrap = wrap
        self._tta = tta
        self.fidelity = fidelity
        self._precision = precision
        self._threads = threads
        self._memory = memory
        self._exact = exact
        self._others: dict[str, Upscaler] | None = None
        if str(model) == AUTO:
            model, self._others = CLEAN, {}
        network = open_network(model, precision=precision, threads=threads, fidelity=fidelity)
        self._networks = {network.precision: network}
        self.name = network.name
        self.scale = network.scale
        self.card = network.card
        self._path = network.path
        least = self._least_memory(network)
        if memory < least:
            raise UsageError(
                f"memory of {memory / 1e6:.0f} MB is too little for {self.name}: give {least / 1e6:.0f} MB or more"
            )

    def of(self, picture: Picture) -> Upscaler:
        """Return what enlarges a picture that was read from a file: with the model ``"auto"`` the network for it.

        It is opened when it is first asked for, and has the same enlargement; for every other model it is this one.

        Raises
        ------
        ModelError, UsageError
            as for a new upscaler, if it cannot be opened
        """
        if self._others is None or (name := chosen(picture.jpeg_quality)) == CLEAN:
            return self
        if name not in self._others:
            self._others[name] = Upscaler(
                name,
                wrap=self._wrap,
                tta=self._tta,
                fidelity=self.fidelity,
                precision=self._precision,
                memory=self._memory,
                exact=self._exact,
                threads=self._threads,
            )
        return self._others[name].sized(self.target)

    def sized(self, target: Target) -> Upscaler:
        """Return an upscaler for results of another size, which shares the open network."""
        other = copy.copy(self)
        other.target = target
        return other

    def choosing(self, others: Mapping[str, Upscaler]) -> Upscaler:
        """Return one that, as the model ``"auto"`` does, takes an open one of ``others`` for the pictures it is for."""
        upscaler = copy.copy(self)
        upscaler._others = dict(others)
        return upscaler

    @property
    def label(self) -> str:
        """What results are called after: ``x4``, ``x1.5``, ``w1920``, ``h1080``, ``1920x1080``."""
        return self.target.label(self.scale)

    def size_of(self, height: int, width: int) -> Size:
        """Return (height, width) of the result of a picture of this size."""
        return self.target.of(height, width, self.scale)

    def __call__(self, image: NDArray[Any], *, progress: Progress | None = None) -> NDArray[Any]:
        """Enlarge a picture.

        Parameters
        ----------
        image : HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGB, alpha)
            channels, in sRGB, alpha not premultiplied
        progress : is told how far the work is

        Returns
        -------
        the picture in the size :meth:`size_of` says; dtype, rank and channels as given

        Raises
        ------
        ValueError
            if the array is no such picture
        SrganError
            if memory does not suffice even for small tiles; nothing is returned that has holes
        """
        picture = check(image)
        shape = *self.size_of(*picture.shape[:2]), picture.shape[2]
        out = _allocated(shape, image.dtype)
        top = 0
        for band in self._stages(picture, progress, out):
            if band.base is not out:
                out[top : top + len(band)] = band
            top += len(band)
        return out[:, :, 0] if image.ndim == 2 else out

    def bands(self, image: NDArray[Any] | Rows, *, progress: Progress | None = None) -> Iterator[NDArray[Any]]:
        """Enlarge a picture and hand it out in bands of whole rows from top to bottom: for results beyond memory.

        Parameters and errors are those of a call, and so are the pixels; each band is HWC of the picture's dtype and is
        the caller's to keep. Where :meth:`takes_rows` says so, the picture may be decoded in the meantime.
        """
        yield from self._stages(image if isinstance(image, Rows) else check(image), progress, None)

    def takes_rows(self, height: int, width: int) -> bool:
        """Return whether a picture of this size is used once from top to bottom, as :class:`srgan.image.Rows` allows."""
        return not self._wrap and len(sizes.passes((height, width), self.size_of(height, width), self.scale)) == 1

    def plan(self, height: int, width: int, dtype: Any = np.uint8, channels: int = 3) -> Plan:
        """Return the tiles that one pass over a picture of this size would be computed in."""
        whole = Box(0, 0, height, width)
        return self._plan(whole, whole, np.dtype(dtype), channels)

    def _plan(self, region: Box, within: Box, dtype: np.dtype[Any], channels: int, *, by_rows: bool = False) -> Plan:
        network = self._network_for(dtype)
        row_bytes = region.width * self.scale**2 * channels * dtype.itemsize  # of the result, for one row of the input
        max_rows = max(self._memory // BAND_SHARE // row_bytes, tiling.MIN_SPLIT)
        held = within.height
        if by_rows:
            held = min(held, max_rows + 2 * network.radius + Rows.STRIP)
        pictures = held * within.width * channels * dtype.itemsize + min(max_rows, region.height) * row_bytes
        free = max(self._memory - pictures, self._least_memory(network))
        room = (free - _tail_bytes(network, self._memory)) // self._bytes_per_pixel(network)

        def plan(halo: int) -> Plan:
            return tiling.plan_region(region, within, halo=halo, max_pixels=room, max_rows=max_rows)

        exact = plan(network.radius)
        if self._exact or exact.cost <= EXACT_UP_TO or network.radius <= HALO:
            return exact
        return plan(HALO)

    def _stages(
        self, picture: NDArray[Any] | Rows, progress: Progress | None, out: NDArray[Any] | None
    ) -> Iterator[Any]:
        """Yield the result's bands; where the last pass ends at its own size, they are parts of ``out`` if given."""
        before = picture.shape[0], picture.shape[1]
        after = self.size_of(*before)
        steps = sizes.passes(before, after, self.scale)
        if not steps:
            yield from self._reduced(picture[:, :], after)
            return
        meter = _Meter(progress, sum(height * width for height, width in [before, *steps[:-1]]))
        for step in steps[:-1]:
            larger = _allocated((*step, picture.shape[2]), picture.dtype)
            top = 0
            for band in self._pass(picture, step, meter, None):
                larger[top : top + len(band)] = band
                top += len(band)
            picture = larger
        yield from self._pass(picture, after, meter, out)

    def _reduced(self, picture: NDArray[Any], after: Size) -> Iterator[NDArray[Any]]:
        before = picture.shape[0], picture.shape[1]
        if before == after:
            yield picture.copy()
            return
        margin = _margin(before, after) if self._wrap else 0
        yield from Resampler(before, after, margin=margin).feed(_wrapped(picture, margin))

    def _pass(
        self, picture: NDArray[Any] | Rows, after: Size, meter: _Meter, out: NDArray[Any] | None
    ) -> Iterator[NDArray[Any]]:
        """Take the picture through the network once and bring it to ``after``."""
        height, width, channels = picture.shape
        natural = height * self.scale, width * self.scale
        if after == natural:
            job = _Job(self, picture, meter)
            for band in job.plan.bands:
                rows = band[0].core
                top = (rows.top - job.plan.region.top) * self.scale
                shape = rows.height * self.scale, natural[1], channels
                place = np.empty(shape, picture.dtype) if out is None else out[top : top + shape[0]]
                job.compute(band, place)
                yield place
            return
        # The kernel reaches beyond the picture's edge too: where that goes on, some more of it is computed.
        margin = -(-_margin(natural, after) // self.scale) if self._wrap else 0
        job = _Job(self, picture, meter, margin)
        resampler = Resampler(natural, after, margin=margin * self.scale)
        for band in job.plan.bands:
            shape = band[0].core.height * self.scale, job.plan.region.width * self.scale, channels
            rows_out = np.empty(shape, picture.dtype)
            job.compute(band, rows_out)
            yield from resampler.feed(rows_out)

    def _network_for(self, dtype: np.dtype[Any]) -> Network:
        # bf16 has 8 bits of mantissa: enough for a picture of 8 bits, a loss for deeper ones.
        wanted = "fp32" if self._precision == "auto" and dtype != np.uint8 else self._precision
        return self._network("fp32" if wanted == "fp32" else next(iter(self._networks)))

    def _network(self, precision: str) -> Network:
        if precision not in self._networks:
            self._networks[precision] = open_network(
                self._path, precision="fp32", threads=self._threads, fidelity=self.fidelity
            )
        return self._networks[precision]

    def _bytes_per_pixel(self, network: Network) -> int:
        taken = (network.body or network.tail).bytes_per_pixel + 3 * 4  # and the window as floats
        return taken + (3 * 4 * self.scale**2 + 3 * 4 if self._tta else 0)  # and the sum of the results

    def _least_memory(self, network: Network) -> int:
        """Return the memory in which tiles are at least MIN_SPLIT pixels wide inside their halo."""
        least = (2 * network.radius + tiling.MIN_SPLIT) ** 2 * self._bytes_per_pixel(network)
        # A quarter of the memory goes to the tail where that is more than the tail's least.
        return max(least + _least_tail(network), -(-least * 4 // 3)) if network.body else least


def _allocated(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.empty(shape, dtype)
    except MemoryError:
        size = np.prod(shape, dtype=np.float64) * dtype.itemsize / 1e9
        raise SrganError(f"the result takes {size:.1f} GB, more than there is: cut the picture into parts") from None


def _margin(before: Size, after: Size) -> int:
    """Return how many pixels of ``before`` the kernel reaches beyond the edge."""
    factor = max(before[0] / after[0], before[1] / after[1], 1.0)
    return int(LANCZOS.radius * factor) + 1


def _wrapped(picture: NDArray[Any], margin: int) -> NDArray[Any]:
    """Return an HWC or HW picture with so many more pixels on each side, those of the opposite side."""
    for axis in (0, 1) if margin else ():
        length = picture.shape[axis]
        picture = picture.take(np.arange(-margin, length + margin) % length, axis=axis)
    return picture


def _tail_bytes(network: Network, memory: int) -> int:
    return max(min(TAIL_BYTES, memory // 4), _least_tail(network)) if network.body else 0


def _least_tail(network: Network) -> int:
    return (2 * network.tail.radius + tiling.MIN_SPLIT) ** 2 * network.tail.bytes_per_pixel


class _Meter:
    """Counts the input pixels that are done, over all passes of a picture."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self.done = 0.0

    def tell(self, done: float) -> None:
        self.done = done
        if self._progress is not None:
            self._progress(min(int(done + 0.5), self._total), self._total)


class _Job:
    """One picture on its way through the network: what the tiles share.

    ``margin`` is for wrapped pictures: how many input pixels beyond each edge are wanted as well.
    """

    def __init__(self, upscaler: Upscaler, image: NDArray[Any] | Rows, meter: _Meter, margin: int = 0) -> None:
        height, width, channels = image.shape
        self.upscaler = upscaler
        self.scale = upscaler.scale
        self.network = upscaler._network_for(image.dtype)
        self.alpha: NDArray[Any] | None = None
        self.colours: NDArray[Any] | Rows | alpha.AlphaBleed = image
        if has_alpha(channels):
            whole = image[:, :]
            self.alpha = whole[:, :, -1]
            self.colours = alpha.AlphaBleed(whole)
        region = Box(0, 0, height, width)
        within = region
        if upscaler._wrap:
            # The network then sees the true continuation as far as its receptive field reaches, and so does alpha.
            border = max(self.network.radius, alpha.ALPHA_RADIUS) + margin
            self.colours = _wrapped(self.colours[:, :], border)
            self.alpha = None if self.alpha is None else _wrapped(self.alpha, border)
            within = Box(0, 0, height + 2 * border, width + 2 * border)
            region = Box(border, border, border + height, border + width).grow(margin, within)
        by_rows = isinstance(self.colours, Rows)
        self.plan = upscaler._plan(region, within, image.dtype, channels, by_rows=by_rows)
        self.meter = meter
        self.per_pixel = height * width / region.pixels  # what a pixel of the region counts for
        self.limit: int | None = None

    def compute(self, band: tuple[Tile, ...], out: NDArray[Any]) -> None:
        """Compute one row of tiles into ``out``, its HWC output rows."""
        rows, region = band[0].core, self.plan.region
        origin = Box(rows.top, region.left, rows.bottom, region.right)
        if isinstance(self.colours, Rows):
            self.colours.forget(band[0].window.top)
        for tile in band:
            done = self.meter.done
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
                alpha.enlarge_alpha(self.alpha, tile.core, self.scale, place[:, :, -1])
            # Whatever was counted for parts that were then halved.
            self.meter.tell(done + tile.core.pixels * self.per_pixel)

    def _tile(self, network: Network, tile: Tile, origin: Box, out: NDArray[Any]) -> None:
        """Compute a tile's colours, in one position of its window or in eight."""
        core, window = tile
        batch = pixels.to_network(self.colours[window.slices])
        if not self.upscaler._tta:
            self._enlarge(network, batch, tile, lambda part, result: self._write(network, part, result, origin, out))
            return
        total = np.zeros((1, 3, core.height * self.scale, core.width * self.scale), np.float32)
        for turn in ensemble.TURNS:
            turned, sums = turn.of(batch), turn.of(total)
            whole = Box(0, 0, *turned.shape[2:])
            inner = turn.box(core.relative_to(window), window.height, window.width)

            def add(part: Box, result: NDArray[np.float32], inner: Box = inner, sums: Any = sums) -> None:
                sums[:, :, *part.relative_to(inner).scaled(self.scale).slices] += result
                self._advance(part.pixels / len(ensemble.TURNS))

            self._enlarge(network, turned, Tile(inner, whole), add)
        total /= len(ensemble.TURNS)
        self._write(network, core, total, origin, out)

    def _enlarge(
        self, network: Network, batch: NDArray[np.float32], tile: Tile, give: Callable[[Box, NDArray[np.float32]], None]
    ) -> None:
        """Run the body on a window, then the tail on small tiles of it; give away each part of the core that is done.

        ``batch`` is what the window shows. ``give`` gets a box in the tile's coordinates and its enlarged pixels.
        """
        core, window = tile

        def cut(part: Tile, result: NDArray[np.float32]) -> NDArray[np.float32]:
            inside: NDArray[np.float32] = result[:, :, *part.core.relative_to(part.window).scaled(self.scale).slices]
            return inside

        if network.body is None:
            give(core, cut(tile, network.tail(batch)))
            return
        features = network.body(batch)
        network.body.release()
        room = _tail_bytes(network, self.upscaler._memory) // network.tail.bytes_per_pixel
        halo = network.tail.radius

        def enlarge(part: Tile) -> None:
            inside = features[:, :, *part.window.relative_to(window).slices]
            give(part.core, cut(part, network.tail(inside)))

        limit: int | None = None
        for part in tiling.plan_region(core, window, halo=halo, max_pixels=room).tiles:
            limit = tiling.compute(part, enlarge, halo=halo, within=window, limit=limit)
        network.tail.release()

    def _write(self, network: Network, core: Box, result: NDArray[np.float32], origin: Box, out: NDArray[Any]) -> None:
        """Check the network's output for a box and put it into the picture."""
        with np.errstate(over="ignore", invalid="ignore"):
            sound = np.isfinite(result.sum())  # one NaN or infinity makes the sum one
        if not sound:
            if network.precision == "fp32":
                name = self.upscaler.name
                raise ModelError(f"the network {name} gives values that are not numbers: train or export it again")
            self._tile(
                self.upscaler._network("fp32"), Tile(core, core.grow(self.plan.halo, self.plan.within)), origin, out
            )
            return
        place = out[core.relative_to(origin).scaled(self.scale).slices]
        pixels.from_network(result, place if self.alpha is None else place[:, :, :-1])
        if not self.upscaler._tta:
            self._advance(core.pixels)

    def _advance(self, pixels_done: float) -> None:
        self.meter.tell(self.meter.done + pixels_done * self.per_pixel)
