"""``srgan.upscale``: a path, an array or a PIL image in, the same enlarged out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from srgan.engine.choice import ModelChooser
from srgan.errors import ImageReadError, UsageError
from srgan.models.catalogue import DEFAULT

if TYPE_CHECKING:
    from PIL.Image import Image


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
    denoise: float | None = None,
    **options: Any,
) -> Any:
    """Enlarge one picture; for many, open an :class:`srgan.Upscaler` once.

    Parameters
    ----------
    image : path of a picture file, an array as :meth:`Upscaler.__call__` takes, or a PIL image
    output : for a path: the file to write, by default ``photo_x4.jpg`` beside ``photo.jpg`` (or ``photo_x1.5.jpg``,
        ``photo_w1920.jpg``, ``photo_1920x1080.jpg``, for what ``options`` ask)
    model : name of a shipped network, path of a model file, or ``"auto"``: by what is seen in the picture
        (:mod:`srgan.engine.choice`) srgan-x4, photo-x4, or some of both; srresnet-x4 for 16 bits
    overwrite : for a path: whether an existing file may be replaced
    quality : for a path: 1 to 100, for formats that lose
    denoise : for ``"auto"`` and shipped networks, instead of what is seen: 0 (touch nothing) to 1 (clean); twice the work between
    options : everything that :class:`srgan.Upscaler` takes: ``scale``, ``width``, ``height``, ``fit``, ``wrap``, ``tta``,
        ``fidelity``, ``precision``, ``memory``, ``exact``, ``threads``

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
        from srgan.jobs.run import upscale_file

        source = Path(image)
        return upscale_file(
            source,
            None if output is None else Path(output),
            ModelChooser(model, denoise=denoise, **options),
            overwrite=overwrite,
            quality=quality,
        )
    if output is not None:
        raise UsageError("output is for pictures given as a path: save the returned picture yourself")
    if isinstance(image, np.ndarray):
        return ModelChooser(model, denoise=denoise, **options)(image)
    if any(kind.__module__.split(".")[0] == "PIL" for kind in type(image).__mro__):
        return _upscale_pil(image, ModelChooser(model, denoise=denoise, **options))
    raise UsageError(f"cannot upscale a {type(image).__name__}: give a path, a numpy array or a PIL image")


_PIL_MODES = {"L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "I;16": "I;16", "1": "L", "La": "LA", "RGBa": "RGBA"}


def _upscale_pil(image: Any, chooser: ModelChooser) -> Any:
    from PIL import Image

    transparent = image.mode == "PA" or "transparency" in image.info
    if image.mode in ("F", "I"):
        raise UsageError(f"a PIL image of mode {image.mode} has no range: convert it to L, RGB or I;16")
    deep = image.mode.startswith("I;16")  # in either order of bytes; Pillow would clip it to 8 bits
    mode = "RGBA" if transparent else _PIL_MODES.get(image.mode, "RGB")
    try:
        # Pillow decodes only now: a file that is cut short shows here.
        picture = np.array(image if image.mode == mode or deep else image.convert(mode))
    except OSError as error:
        raise ImageReadError(f"cannot read the PIL image ({error}): get the picture again") from None
    large = Image.fromarray(chooser(picture.astype(np.uint16) if deep else picture))
    # A profile of CMYK or gray values would be wrong for the RGB that they became.
    kept = (
        ("exif", "icc_profile")
        if _is_rgb(image.mode) == _is_rgb(mode) and image.mode not in _OTHER_SPACES
        else ("exif",)
    )
    large.info.update({key: value for key, value in image.info.items() if key in kept})
    return large


_OTHER_SPACES = ("CMYK", "YCbCr", "LAB", "HSV")


def _is_rgb(mode: str) -> bool:
    return mode.startswith(("RGB", "P"))
