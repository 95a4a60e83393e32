"""``srgan.Upscaler``: the engine's, which also takes files and PIL images, and chooses a network for each picture."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from srgan.api import options, pil
from srgan.api.describing import described_html, described_line
from srgan.api.results import ResultPath
from srgan.api.watching import Progress, watched
from srgan.engine import upscaler as engine_upscaler
from srgan.engine.choice import ModelChooser
from srgan.engine.sizes import Target
from srgan.engine.upscaler import DEFAULT_MEMORY
from srgan.errors import UsageError
from srgan.image import pixels
from srgan.image.pixels import Rows
from srgan.models.catalogue import AUTO, DEFAULT
from srgan.runtime.network import Precision

if TYPE_CHECKING:
    from PIL.Image import Image

_Pixel = TypeVar("_Pixel", bound=np.generic)


class Upscaler(engine_upscaler.Upscaler):
    """An open network that enlarges pictures: files, arrays and PIL images.

    Parameters
    ----------
    model : name of a shipped network (``srgan models`` lists them), path of a model file, or ``"auto"``: for each picture
        the network for what is seen in it (:mod:`srgan.engine.choice`)
    scale : enlargement of both sides, not necessarily whole; 1 cleans and keeps the size; by default the network's own
    width, height : instead of ``scale``: pixels across or down that the results shall have
    fit : instead of ``scale``: (width, height) of a box that each result just fits into
    wrap : take each picture as a tile of an endless pattern: its left edge continues its right one, its top its
        bottom, and the result repeats without a seam
    tta : compute each picture in its eight positions (turned by quarters, mirrored) and take the mean: eight times the
        work for a little more faithfulness (:mod:`srgan.engine.ensemble`)
    fidelity : for a GAN that has a faithful partner, as ``srgan-x4`` does: blend the two, from 0 (the GAN,
        sharpest) to 1 (nothing invented); no more work than one of them (:mod:`srgan.runtime.blend`)
    denoise : for ``"auto"`` and shipped networks, instead of what is seen: how much noise, blocks and blur are taken
        away, from 0 (nothing is touched) to 1 (clean); between them twice the work (:mod:`srgan.engine.mix`)
    precision : ``"auto"`` computes 8-bit pictures in bf16 where the processor has it (at most a few levels of
        difference), on a GPU in fp16, and deeper pictures in fp32; ``"fp32"``, ``"fp16"``, ``"bf16"`` and ``"int8"`` do as
        they say
    memory : bytes for the work: the network's, and the picture and a band of the result. About 150 MB for the program
        come on top, and the result, where it is an array
    exact : make the tiles' halo the full radius of the network however large the picture is. Without it, a picture that
        needs several tiles may differ from one computed whole by one level in a few pixels of a million
    threads : threads that compute, by default one for each core
    device : what computes: ``"cpu"``, ``"gpu"``, or names that ``srgan devices`` lists, with commas between them; ``"auto"``
        takes a GPU if there is one that a trial has shown to be right and faster (:mod:`srgan.runtime.trial`)

    Attributes
    ----------
    name, scale, card : the network's name, its own enlargement of one pass, and its model card; with ``"auto"`` those of
        the network for clean photographs
    fidelity : as given
    target : the size that results shall have

    Raises
    ------
    SrganError
        UnknownModelError, ModelError for the model; UsageError for options that are wrong, contradict each other, or do
        not suit the model or the processor; DeviceError for a GPU that computes wrong results
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
        denoise: float | None = None,
        precision: Precision = "auto",
        memory: int = DEFAULT_MEMORY,
        exact: bool = False,
        threads: int | None = None,
        device: str = AUTO,
    ) -> None:
        given: dict[str, Any] = {
            "scale": scale,
            "width": width,
            "height": height,
            "fit": fit,
            "wrap": wrap,
            "tta": tta,
            "fidelity": fidelity,
            "precision": precision,
            "memory": memory,
            "exact": exact,
            "threads": threads,
            "device": device,
        }
        options.check({"model": model, **given, "denoise": denoise})
        self._chooser: ModelChooser | None = None
        if str(model) == AUTO or denoise is not None:
            self._chooser = ModelChooser(model, denoise=denoise, **given)
            # What there is to know of the open network is that of the first one; calls go to the chooser.
            self.__dict__.update(self._chooser.for_clips().__dict__)
        else:
            super().__init__(model, **given)

    @overload
    def __call__(
        self,
        image: str | os.PathLike[str],
        output: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        quality: int | None = None,
        progress: Progress | bool | None = None,
        cancel: threading.Event | None = None,
    ) -> ResultPath: ...

    @overload
    def __call__(
        self,
        image: NDArray[_Pixel],
        *,
        progress: Progress | bool | None = None,
        cancel: threading.Event | None = None,
    ) -> NDArray[_Pixel]: ...

    @overload
    def __call__(
        self, image: Image, *, progress: Progress | bool | None = None, cancel: threading.Event | None = None
    ) -> Image: ...

    def __call__(
        self,
        image: Any,
        output: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        quality: int | None = None,
        progress: Progress | bool | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """Enlarge a picture.

        Parameters
        ----------
        image : path of a picture file; or an array, HW or HWC, uint8, uint16 or float32 in [0, 1], with 1 (gray), 2
            (gray, alpha), 3 (RGB) or 4 (RGB, alpha) channels, in sRGB, alpha not premultiplied; or a PIL image
        output : for a path: the file to write, by default ``photo_x4.jpg`` beside ``photo.jpg`` (or ``photo_x1.5.jpg``,
            ``photo_w1920.jpg``, ``photo_1920x1080.jpg``, by the size that was asked for)
        overwrite : for a path: whether an existing file may be replaced
        quality : for a path: 1 to 100, for formats that lose
        progress : True shows a bar, in a terminal or a notebook; or a function of (input pixels done, in all), which is
            called after each piece of work. Whatever it raises ends the work
        cancel : once this is set, from whichever thread, the work ends with :class:`srgan.Cancelled` after the piece that
            is being computed

        Returns
        -------
        what was given: the path that was written (a notebook shows it with both pictures); the picture in the size that
        :meth:`size_of` says, dtype, rank and channels as given; or a PIL image (in gray, RGB, with or without alpha;
        palettes and CMYK come back as RGB), with the profile, EXIF and print size of the given one

        Raises
        ------
        SrganError
            for what is wrong with the file, the array, the image or the options; nothing is returned or written that has
            holes
        """
        kind = kind_of(image)
        options.check({"quality": quality})
        if kind != "path":
            for name, value in (("output", output), ("overwrite", overwrite), ("quality", quality)):
                if value not in (None, False):
                    raise UsageError(f"{name} is for pictures given as a path: save the returned picture yourself")
        if kind == "path":
            return self._file(Path(image), output, overwrite, quality, progress, cancel)
        array = image if kind == "array" else pil.pixels_of(image)
        with watched(progress, cancel, f"{array.shape[1]} x {array.shape[0]}" if array.ndim > 1 else "picture") as tell:
            large = (
                super().__call__(array, progress=tell) if self._chooser is None else self._chooser(array, progress=tell)
            )
        return large if kind == "array" else pil.image_of(large, image)

    def bands(
        self, image: NDArray[Any] | Rows, *, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[NDArray[Any]]:
        """Enlarge an array and hand it out in bands of whole rows from top to bottom: for results beyond memory.

        Parameters and errors are those of a call, and so are the pixels; each band is HWC of the picture's dtype and is
        the caller's to keep.
        """
        if self._chooser is None:
            yield from super().bands(image, progress=progress)
        elif isinstance(image, Rows):  # which can be looked at once only, and that is for computing
            yield from self._chooser.for_clips().bands(image, progress=progress)
        else:
            array = pixels.check(image)
            yield from self._chooser.open(self._chooser.choose(array)).bands(array, progress=progress)

    def takes_rows(self, height: int, width: int) -> bool:
        """Return whether a picture of this size is used once from top to bottom, as :class:`srgan.image.Rows` allows."""
        if self._chooser is None:
            return super().takes_rows(height, width)
        return self._chooser.for_clips().takes_rows(height, width)

    def sized(self, target: Target) -> Upscaler:
        """Return an upscaler for results of another size, which shares the open networks."""
        other = super().sized(target)
        assert isinstance(other, Upscaler)
        if self._chooser is not None:
            other._chooser = self._chooser.sized(target)
            other.__dict__.update(other._chooser.for_clips().__dict__)  # it may be another network's turn
        return other

    def __repr__(self) -> str:
        return f"<srgan.Upscaler: {self._described()}>"

    def _repr_html_(self) -> str:
        return described_html(self._described(), self.card)

    def _described(self) -> str:
        chooses = self._chooser is not None and self._chooser.chooses
        return described_line(AUTO if chooses else self.name, self.label)

    def _file(
        self,
        source: Path,
        output: str | os.PathLike[str] | None,
        overwrite: bool,
        quality: int | None,
        progress: Progress | bool | None,
        cancel: threading.Event | None,
    ) -> ResultPath:
        from srgan.jobs.run import upscale_file

        target = None if output is None else Path(output)
        chooser = self._chooser or ModelChooser.among({self.name: self})
        with watched(progress, cancel, source.name) as tell:
            written = upscale_file(source, target, chooser, overwrite=overwrite, quality=quality, progress=tell)
        return ResultPath.of(written, source)


def kind_of(image: object) -> str:
    """Return ``path``, ``array`` or ``pil``; UsageError for anything else."""
    if isinstance(image, str | os.PathLike):
        return "path"
    if isinstance(image, np.ndarray):
        return "array"
    if pil.is_pil(image):
        return "pil"
    raise UsageError(f"cannot upscale a {type(image).__name__}: give a path, a numpy array or a PIL image")
