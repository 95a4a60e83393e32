"""Which network enlarges a picture: asked picture by picture, beside the engine.

``ModelChooser("auto").upscaler_for(picture)`` -> the open :class:`Upscaler` for it. With any other model that is always the same.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan.engine.sizes import Size, Target
from srgan.engine.upscaler import Upscaler
from srgan.models.catalogue import AUTO, CLEAN, DEFAULT, chosen

if TYPE_CHECKING:
    from srgan.image.picture import Picture


class ModelChooser:
    """Open networks of one enlargement, and the choice among them for each picture.

    Parameters
    ----------
    model : as for :class:`Upscaler`; ``"auto"`` chooses. Another network than the first is opened when it is first chosen
    options : everything else that :class:`Upscaler` takes

    Attributes
    ----------
    first : the network that most pictures are for; it stands for the choice where there is no picture yet

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        as for :class:`Upscaler`
    """

    def __init__(self, model: str | Path = DEFAULT, **options: Any) -> None:
        self._chooses = str(model) == AUTO
        self.first = Upscaler(CLEAN if self._chooses else model, **options)
        self._options = options
        self._open = {self.first.name: self.first}

    @classmethod
    def among(cls, upscalers: Mapping[str, Upscaler]) -> ModelChooser:
        """Return one for networks that are open already.

        Parameters
        ----------
        upscalers : by name, one that is for every picture, or all that ``"auto"`` chooses among; the first is :attr:`first`
        """
        chooser = cls.__new__(cls)
        chooser._chooses = len(upscalers) > 1
        chooser.first = next(iter(upscalers.values()))
        chooser._options = {}
        chooser._open = dict(upscalers)
        return chooser

    def sized(self, target: Target) -> ModelChooser:
        """Return one for results of another size, which shares the open networks."""
        other = copy.copy(self)  # with the same dictionary: what one opens the other has
        other.first = self.first.sized(target)
        return other

    @property
    def label(self) -> str:
        """What results are called after: ``x4``, ``x1.5``, ``w1920``, ``h1080``, ``1920x1080``."""
        return self.first.label

    def size_of(self, height: int, width: int) -> Size:
        """Return (height, width) of the result of a picture of this size, which is the same by whichever network."""
        return self.first.size_of(height, width)

    def takes_rows(self, height: int, width: int) -> bool:
        """Return whether a picture of this size is used once from top to bottom: see :meth:`Upscaler.takes_rows`."""
        return self.first.takes_rows(height, width)

    def upscaler_for(self, picture: Picture) -> Upscaler:
        """Return what enlarges a picture that was read from a file.

        Raises
        ------
        ModelError, UsageError
            as for :class:`Upscaler`, if the network cannot be opened
        """
        if not self._chooses:
            return self.first
        name = chosen(picture.jpeg_quality)
        if name not in self._open:
            self._open[name] = Upscaler(name, **self._options)
        return self._open[name].sized(self.first.target)


def as_chooser(upscaler: Upscaler | ModelChooser) -> ModelChooser:
    """Return a chooser; an :class:`Upscaler` is for every picture."""
    return upscaler if isinstance(upscaler, ModelChooser) else ModelChooser.among({upscaler.name: upscaler})
