"""Pictures of any size through a network, in bounded memory.

Array to array: ``Upscaler.__call__`` -> ``tiling.plan_region`` -> for each tile the network's body on the window, then
its tail on small tiles of the body's result -> ``pixels.from_network`` into the output, in the output's own depth. No
float picture of the full size ever exists. Where another size than the network's own is wanted, the bands go on
through :class:`srgan.resize.resample.Resampler`, and, for more than one pass, into the next pass.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.budget import Budget
from srgan.engine.networks import OpenNetworks
from srgan.engine.sizes import Size, Target
from srgan.engine.tile_pass import Meter, PassConfig, Progress, TilePass, wrapped
from srgan.engine.tiling import Box, TilePlan
from srgan.errors import ModelError, SrganError
from srgan.image.pixels import Rows, check, has_alpha
from srgan.models.catalogue import AUTO, CLEAN, DEFAULT
from srgan.resize.resample import LANCZOS, Resampler
from srgan.runtime.network import Precision

DEFAULT_MEMORY = 10**9

MAX_SLOTS = 32
"""Pictures that are decoded, computed on devices and encoded at the same time, at most."""


class Upscaler:
    """An open network that enlarges pictures.

    Parameters
    ----------
    model : name of a shipped network (``srgan models`` lists them), path of a model file, or ``"auto"``: srgan-x4, as
        arrays are taken for clean; :class:`srgan.engine.choice.ModelChooser` chooses for each picture
    scale : enlargement of both sides, not necessarily whole; 1 cleans and keeps the size; by default the network's own
    width, height : instead of ``scale``: pixels across or down that the results shall have
    fit : instead of ``scale``: (width, height) of a box that each result just fits into
    wrap : take each picture as a tile of an endless pattern: its left edge continues its right one, its top its
        bottom, and the result repeats without a seam
    tta : compute each picture in its eight positions (turned by quarters, mirrored) and take the mean: eight times the
        work for a little more faithfulness (:mod:`srgan.engine.ensemble`)
    fidelity : for a GAN that has a faithful partner, as ``srgan-x4`` does: blend the two, from 0 (the GAN,
        sharpest) to 1 (nothing invented); no more work than one of them (:mod:`srgan.runtime.blend`)
    precision : ``"auto"`` computes 8-bit pictures in bf16 where the processor has it (at most a few levels of
        difference), on a GPU in fp16, and deeper pictures in fp32; ``"fp32"``, ``"fp16"`` and ``"bf16"`` do as they say
    memory : bytes for the work: the network's, and the picture and a band of the result. About 150 MB for the program
        come on top, and, in a call, the result
    exact : make the tiles' halo the full radius of the network however large the picture is. Without it, a picture that
        needs several tiles may differ from one computed whole by one level in a few pixels of a million
    threads : threads that compute, by default one for each core
    device : ``"cpu"``, ``"gpu"``, or names of devices as ``srgan devices`` lists them, with commas between them; ``"auto"`` takes
        a GPU if there is one that a trial has shown to be right and faster (:mod:`srgan.runtime.trial`)

    Attributes
    ----------
    name, scale, card : the network's name, its own enlargement of one pass, and its model card
    channels : 3 of a network for pictures that people look at, gray or RGB, with or without alpha; one for other bands takes
        pictures of exactly that many channels, none of them alpha
    fidelity, wrap : as given
    target : the size that results shall have

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        see :func:`srgan.runtime.network.open_network` and :class:`srgan.engine.sizes.Target`; and UsageError if ``memory``
        does not hold the smallest tile
    DeviceError
        if a device that was named cannot be opened or computes wrong results
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
        device: str = AUTO,
    ) -> None:
        self.target = Target(scale, width, height, fit)
        self.fidelity = fidelity
        self.wrap = wrap
        self._first: Upscaler | None = None
        if str(model) == AUTO:
            model = CLEAN
        self._networks = OpenNetworks(model, precision=precision, threads=threads, fidelity=fidelity, device=device)
        network = self._networks.first
        self.name = network.name
        self.scale = network.scale
        self.channels = network.bands
        self.card = network.card
        budget = Budget(memory, exact, tta)
        budget.check(network)
        self._config = PassConfig(self._networks, budget, wrap, tta)

    @property
    def devices(self) -> list[str]:
        """Names of the devices that compute; empty for the processor."""
        return [device.name for device in self._networks.devices]

    @property
    def slots(self) -> int:
        """How many pictures are best computed at the same time: one on the processor; a device waits for one to be decoded."""
        return max(4, min(os.cpu_count() or 1, MAX_SLOTS)) if self._networks.devices else 1

    def sized(self, target: Target) -> Upscaler:
        """Return an upscaler for results of another size, which shares the open network."""
        other = copy.copy(self)
        other.target = target
        return other

    def after(self, first: Upscaler) -> Upscaler:
        """Return an upscaler whose passes before the last one go through another open network, and whose name says so.

        Both share what is open. Where a picture takes one pass only, it is as this one.
        """
        other = copy.copy(self)
        other.name = f"{first.name}, then {self.name}"
        other._first = first
        return other

    def require_rgb(self, what: str) -> None:
        """Raise ModelError if the network is not for RGB, but ``what`` is: "benchmarks are"."""
        if self.channels != 3:
            raise ModelError(
                f"{self.name} is a network for pictures of {self.channels} bands, and {what} of RGB pictures"
            )

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
            channels, in sRGB, alpha not premultiplied; or of :attr:`channels` bands
        progress : called with the input pixels done and in all

        Returns
        -------
        the picture in the size :meth:`size_of` says; dtype, rank and channels as given

        Raises
        ------
        ValueError
            if the array is not such a picture
        SrganError
            if memory does not suffice even for small tiles; nothing is returned that has holes
        """
        picture = check(image, self.channels)
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
        yield from self._stages(image if isinstance(image, Rows) else check(image, self.channels), progress, None)

    def takes_rows(self, height: int, width: int) -> bool:
        """Return whether a picture of this size is used once from top to bottom, as :class:`srgan.image.Rows` allows."""
        return not self.wrap and len(self._passes((height, width))) == 1

    def plan(self, height: int, width: int, dtype: Any = np.uint8, channels: int = 3) -> TilePlan:
        """Return the tiles that one pass over a picture of this size would be computed in."""
        whole = Box(0, 0, height, width)
        network = self._networks.for_dtype(np.dtype(dtype))
        return self._config.budget.plan(network, whole, whole, np.dtype(dtype), channels)

    def _stages(
        self, picture: NDArray[Any] | Rows, progress: Progress | None, out: NDArray[Any] | None
    ) -> Iterator[Any]:
        """Yield the result's bands; where the last pass ends at its own size, they are parts of ``out`` if given."""
        before = picture.shape[0], picture.shape[1]
        after = self.size_of(*before)
        steps = self._passes(before)
        if not steps:
            yield from self._reduced(picture[:, :], after)
            return
        meter = Meter(progress, sum(height * width for height, width in [before, *steps[:-1]]))
        first = self._first or self
        for step in steps[:-1]:
            larger = _allocated((*step, picture.shape[2]), picture.dtype)
            top = 0
            for band in first._pass(picture, step, meter, None):
                larger[top : top + len(band)] = band
                top += len(band)
            picture = larger
            if first is not self:  # the memory is the last network's now
                first._networks.release()
        yield from self._pass(picture, after, meter, out)

    def _passes(self, before: Size) -> list[Size]:
        return self.target.passes(before, self.scale, None if self._first is None else self._first.scale)

    def _alpha_of(self, picture: NDArray[Any] | Rows) -> bool:
        return has_alpha(picture.shape[2], self.channels)

    def _reduced(self, picture: NDArray[Any], after: Size) -> Iterator[NDArray[Any]]:
        before = picture.shape[0], picture.shape[1]
        if before == after:
            yield picture.copy()
            return
        margin = _margin(before, after) if self.wrap else 0
        yield from Resampler(before, after, margin=margin, alpha=self._alpha_of(picture)).feed(wrapped(picture, margin))

    def _pass(
        self, picture: NDArray[Any] | Rows, after: Size, meter: Meter, out: NDArray[Any] | None
    ) -> Iterator[NDArray[Any]]:
        """Take the picture through the network once and bring it to ``after``."""
        height, width, channels = picture.shape
        natural = height * self.scale, width * self.scale
        if after == natural:
            one = TilePass(self._config, picture, meter)
            for band in one.plan.bands:
                rows = band[0].core
                top = (rows.top - one.plan.region.top) * self.scale
                shape = rows.height * self.scale, natural[1], channels
                place = np.empty(shape, picture.dtype) if out is None else out[top : top + shape[0]]
                one.compute(band, place)
                yield place
            return
        # The kernel reaches beyond the picture's edge too: where that goes on, some more of it is computed.
        margin = -(-_margin(natural, after) // self.scale) if self.wrap else 0
        one = TilePass(self._config, picture, meter, margin)
        resampler = Resampler(natural, after, margin=margin * self.scale, alpha=self._alpha_of(picture))
        for band in one.plan.bands:
            shape = band[0].core.height * self.scale, one.plan.region.width * self.scale, channels
            rows_out = np.empty(shape, picture.dtype)
            one.compute(band, rows_out)
            yield from resampler.feed(rows_out)


def _allocated(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.empty(shape, dtype)
    except MemoryError:
        size = np.prod(shape, dtype=np.float64) * dtype.itemsize
        told = f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
        raise SrganError(f"the result takes {told}, more than there is: cut the picture into parts") from None


def _margin(before: Size, after: Size) -> int:
    """Return how many pixels of ``before`` the kernel reaches beyond the edge."""
    factor = max(before[0] / after[0], before[1] / after[1], 1.0)
    return int(LANCZOS.radius * factor) + 1
