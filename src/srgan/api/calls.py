"""``srgan.upscale``: a path, an array or a PIL image in, the same enlarged out."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from srgan.api.options import UpscaleOptions
from srgan.api.results import ResultPath
from srgan.api.upscaler import Upscaler, kind_of
from srgan.api.watching import Progress
from srgan.errors import UsageError
from srgan.models.catalogue import DEFAULT

if TYPE_CHECKING:
    from PIL.Image import Image

_Pixel = TypeVar("_Pixel", bound=np.generic)


@overload
def upscale(
    image: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    progress: Progress | bool | None = None,
    cancel: threading.Event | None = None,
    **options: Unpack[UpscaleOptions],
) -> ResultPath: ...


@overload
def upscale(
    image: NDArray[_Pixel],
    *,
    progress: Progress | bool | None = None,
    cancel: threading.Event | None = None,
    **options: Unpack[UpscaleOptions],
) -> NDArray[_Pixel]: ...


@overload
def upscale(
    image: Image,
    *,
    progress: Progress | bool | None = None,
    cancel: threading.Event | None = None,
    **options: Unpack[UpscaleOptions],
) -> Image: ...


def upscale(
    image: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    model: str | Path = DEFAULT,
    overwrite: bool = False,
    quality: int | None = None,
    progress: Progress | bool | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> Any:
    """Enlarge one picture; for many, open an :class:`srgan.Upscaler` once.

    Parameters
    ----------
    image : path of a picture file, an array (HW or HWC, uint8, uint16 or float32 in [0, 1]), or a PIL image
    output : for a path: the file to write, by default ``photo_x4.jpg`` beside ``photo.jpg`` (or ``photo_x1.5.jpg``,
        ``photo_w1920.jpg``, ``photo_1920x1080.jpg``, for what ``options`` ask)
    model : name of a shipped network, path of a model file, or ``"auto"``: by what is seen in the picture
        (:mod:`srgan.engine.choice`) srgan-x4, photo-x4, or some of both; srresnet-x4 for 16 bits
    overwrite : for a path: whether an existing file may be replaced
    quality : for a path: 1 to 100, for formats that lose
    progress : True shows a bar, in a terminal or a notebook; or a function of (input pixels done, in all)
    cancel : a :class:`threading.Event`; once it is set the work ends with :class:`srgan.Cancelled`
    options : everything that :class:`srgan.Upscaler` takes: ``scale``, ``width``, ``height``, ``fit``, ``wrap``, ``tta``,
        ``fidelity``, ``denoise``, ``precision``, ``memory``, ``exact``, ``threads``, ``device``

    Returns
    -------
    what was given: the :class:`~pathlib.Path` that was written, an array, or a PIL image, as :meth:`Upscaler.__call__`
    says

    Raises
    ------
    SrganError
        and its kinds (see :mod:`srgan.errors`), for what is wrong with the picture, the model or the options
    """
    if kind_of(image) != "path" and output is not None:  # said before a network is opened
        raise UsageError("output is for pictures given as a path: save the returned picture yourself")
    upscaler: Any = Upscaler(model, **options)
    return upscaler(image, output, overwrite=overwrite, quality=quality, progress=progress, cancel=cancel)
