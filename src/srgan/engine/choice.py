"""Which network enlarges a picture: asked picture by picture, beside the engine.

``ModelChooser("auto")`` looks at a picture's pixels (:mod:`srgan.engine.appearance`) -> :class:`Choice` -> the open
:class:`Upscaler` for it. With any other model that is always the same. Between clean and damaged it goes over gradually: there
the results of both networks are mixed (:mod:`srgan.engine.mix`). And where a picture becomes at most twice as large, networks
made for that take the place of those that enlarge four times (:attr:`srgan.models.catalogue.CatalogueEntry.twice`); where it
becomes more than four times as large, two networks take turns (:func:`srgan.models.catalogue.in_turn`).
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srgan.engine.appearance import Appearance, look
from srgan.engine.mix import MixedUpscaler, check_denoise
from srgan.engine.sizes import Size, Target
from srgan.engine.tile_pass import Progress
from srgan.engine.upscaler import Upscaler
from srgan.image.pixels import Rows, check
from srgan.models.catalogue import (
    AUTO,
    CLEAN,
    COMPRESSED,
    DEEP,
    DEFAULT,
    THRESHOLDS,
    TWICE,
    Thresholds,
    for_twice,
    in_turn,
    mixed_pair,
    resolve,
)
from srgan.models.metadata import read_info
from srgan.runtime import heap
from srgan.runtime.devices import CPU, may_have_gpu
from srgan.runtime.network import MAX_THREADS

if TYPE_CHECKING:
    from srgan.image.picture import Picture

_UNTOUCHED, _CLEANED = 0.85, 1.15
"""Severities up to which a picture is taken for clean, and from which on for damaged."""

_SHARP = 0.57
"""Sharpness of photographs that are not blurred at all."""

_ENOUGH = 50_000_000
"""Bytes that are enough for the smallest tile of any shipped network; the largest least is 32 MB."""

_ANY = (10**6, 10**6)
"""A picture's size where only the scale counts."""

_STEPS = 4
"""A mix is rounded to quarters: what is seen in a picture is not more exact than that."""


@dataclass(frozen=True)
class Choice:
    """What a picture is enlarged by, and why.

    Attributes
    ----------
    network : name of the network
    cleaner : name of the one that is mixed in, if any
    share : how much of it, above 0 and below 1
    seen : what was seen, for people: ``noisy (12 levels), compressed``; empty where nothing was
    larger : whether the picture becomes larger than one pass makes it, and another network may take the other passes
        (:func:`srgan.models.catalogue.in_turn`)
    """

    network: str
    cleaner: str | None = None
    share: float = 0.0
    seen: str = ""
    larger: bool = False


def severity(appearance: Appearance, jpeg_quality: int | None, thresholds: Thresholds = THRESHOLDS) -> float:
    """Return how damaged a picture is: 0 for not at all, from 1 on COMPRESSED is the better network."""
    noise = appearance.noise / thresholds.noise_of(appearance.texture)
    blur = max(_SHARP - appearance.sharpness, 0) / (_SHARP - thresholds.sharpness)
    # What the file itself says is certain, and needs no going over.
    saved = _CLEANED if jpeg_quality is not None and jpeg_quality < thresholds.jpeg_below else 0.0
    return math.hypot(noise, blur, max(appearance.blocks / thresholds.blocks, saved))


def described(appearance: Appearance, jpeg_quality: int | None, thresholds: Thresholds = THRESHOLDS) -> str:
    """Return what a picture suffers from, for people; empty for what is clean."""
    found = []
    if appearance.noise >= 0.7 * thresholds.noise_of(appearance.texture):
        found.append(f"noisy ({appearance.noise:.0f} levels)")
    if appearance.blocks >= thresholds.blocks or (jpeg_quality is not None and jpeg_quality < thresholds.jpeg_below):
        found.append("compressed")
    if appearance.sharpness <= thresholds.sharpness:
        found.append("blurred")
    return ", ".join(found)


class ModelChooser:
    """Open networks, and the choice among them for each picture.

    Parameters
    ----------
    model : as for :class:`Upscaler`; ``"auto"`` chooses, and opens a network when it is first chosen
    denoise : instead of what is seen in a picture: from 0, the network for clean pictures, to 1, the one for damaged ones
        that it goes with; between them the results of both are mixed, at twice the work. For ``"auto"`` and shipped networks
    options : everything else that :class:`Upscaler` takes

    Attributes
    ----------
    target : the size that results shall have
    scale : the enlargement where none is asked for: the networks' own; with ``"auto"`` that of those that are not for twice
    channels : of the pictures that it is for; see :attr:`Upscaler.channels`

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        as for :class:`Upscaler`; UsageError also if the model takes no ``denoise``
    """

    def __init__(self, model: str | Path = DEFAULT, *, denoise: float | None = None, **options: Any) -> None:
        heap.share()  # before the threads that read and write pictures begin
        self._model = str(model)
        self._options = options
        self._fixed = None if denoise is None else _between(model, denoise)
        name = str(model) if self._fixed is None else self._fixed.network
        self._name = CLEAN if name == AUTO else name
        self._open: dict[str, Upscaler] = {}
        self._lock = threading.Lock()
        self.target = Target(*(options.get(field.name) for field in fields(Target)))
        info = read_info(resolve(self._name))
        self.scale, self.channels = info.scale, info.bands
        if self.chooses and _is_sure_to_open(options):
            return
        self.for_clips()  # what cannot be opened is said now

    @classmethod
    def among(cls, upscalers: Mapping[str, Upscaler], *, model: str | None = None, **options: Any) -> ModelChooser:
        """Return one for networks that are open already.

        Parameters
        ----------
        upscalers : by name; the first is :attr:`first`
        model : ``"auto"`` to choose; by default the first is for every picture
        options : for those that are not among them, when they are chosen
        """
        chooser = cls.__new__(cls)
        chooser._name = next(iter(upscalers))
        chooser._model = model or chooser._name
        first = next(iter(upscalers.values()))
        chooser.target, chooser.scale, chooser.channels = first.target, first.scale, first.channels
        chooser._options = {"fidelity": first.fidelity, "wrap": first.wrap, **options}
        chooser._lock = threading.Lock()
        chooser._open = dict(upscalers)
        chooser._fixed = None
        return chooser

    def sized(self, target: Target, denoise: float | None = None) -> ModelChooser:
        """Return one for results of another size, or of another strength of cleaning, which shares the open networks."""
        other = copy.copy(self)  # with the same dictionary: what one opens the other has
        other.target = target
        if denoise is not None:
            other._fixed = _between(self._model, denoise)
        return other

    @property
    def first(self) -> Upscaler:
        """The network that most pictures are for, open; it stands for the choice where there is no picture yet."""
        return self.open(self._at_scale(Choice(self._name)))

    @property
    def label(self) -> str:
        """What results are called after: ``x4``, ``x1.5``, ``w1920``, ``h1080``, ``1920x1080``."""
        return self.target.label(self.scale)

    @property
    def chooses(self) -> bool:
        """Whether it depends on the picture."""
        return self._model == AUTO and self._fixed is None

    def size_of(self, height: int, width: int) -> Size:
        """Return (height, width) of the result of a picture of this size, which is the same by whichever network."""
        return self.target.of(height, width, self.scale)

    @property
    def slots(self) -> int:
        """How many pictures are best computed at the same time (:attr:`Upscaler.slots`)."""
        device = self._options.get("device", AUTO)
        if not self._open and (device == CPU or (device == AUTO and not may_have_gpu())):
            return 1  # nothing is opened to find out
        return self.first.slots

    def takes_rows(self, height: int, width: int) -> bool:
        """Return whether :meth:`Upscaler.takes_rows` may be true of what is chosen for a picture of this size."""
        return not self._options.get("wrap") and len(self.target.passes((height, width), self.scale)) == 1

    def choose(self, pixels: NDArray[Any] | Rows, jpeg_quality: int | None = None) -> Choice:
        """Return what is for a picture; nothing is opened.

        Parameters
        ----------
        pixels : HWC, uint8, uint16 or float32; where it :attr:`chooses`, rows that are decoded on demand are used up
        jpeg_quality : that the file was saved with, None for other files
        """
        return self._at_size(self._needed(pixels, jpeg_quality), (pixels.shape[0], pixels.shape[1]))

    def _at_size(self, choice: Choice, before: Size) -> Choice:
        """Return what takes a choice's place for a picture of the size ``before``, by the size that it becomes."""
        if self._model != AUTO or self._options.get("fidelity") is not None:
            return choice  # it is named, or blended
        if self.target.is_within(TWICE, before, self.scale):
            return replace(choice, network=for_twice(choice.network))
        return choice if self.target.is_within(self.scale, before, self.scale) else replace(choice, larger=True)

    def _at_scale(self, choice: Choice) -> Choice:
        """Return what takes a choice's place by the scale alone, where there is no picture whose size could be compared."""
        return choice if self.target.scale is None else self._at_size(choice, _ANY)

    def _needed(self, pixels: NDArray[Any] | Rows, jpeg_quality: int | None) -> Choice:
        """Return what is for a picture, whatever its result's size."""
        if not self.chooses:
            return self._fixed or Choice(self._name)
        if pixels.dtype == np.uint16 and self._options.get("fidelity") is None:
            return Choice(DEEP, seen="16 bits")
        appearance = look(pixels)
        seen = described(appearance, jpeg_quality)
        share = (severity(appearance, jpeg_quality) - _UNTOUCHED) / (_CLEANED - _UNTOUCHED)
        # Who gives a fidelity, even 0, has decided how much is invented: that is between two networks.
        cleaner = COMPRESSED if self._options.get("fidelity") is not None else THRESHOLDS.cleaner_of(appearance.noise)
        choice = _mixture(CLEAN, cleaner, round(share * _STEPS) / _STEPS, seen)
        # Too little is to be said of a picture that nothing is done about.
        return Choice(CLEAN) if choice == Choice(CLEAN, seen=seen) else choice

    def open(self, choice: Choice) -> Upscaler:
        """Return the open network, or two of them mixed.

        Raises
        ------
        ModelError, UsageError
            as for :class:`Upscaler`, if it cannot be opened
        """
        upscaler = self._in_turn(choice.network, choice.larger)
        if choice.cleaner is None:
            return upscaler
        return MixedUpscaler(upscaler, self._in_turn(choice.cleaner, choice.larger), choice.share)

    def _in_turn(self, name: str, larger: bool) -> Upscaler:
        first, last = in_turn(name) if larger else (name, name)
        upscaler = self._network(last)
        return upscaler if first == last else upscaler.after(self._network(first))

    def for_clips(self) -> Upscaler:
        """Return what enlarges all frames of a clip, which one choice is made for: by ``denoise``, without it :attr:`first`."""
        return self.first if self._fixed is None else self.open(self._at_scale(self._fixed))

    def upscaler_for(self, picture: Picture) -> Upscaler:
        """Return what enlarges a picture that was read from a file; errors as :meth:`open`."""
        return self.open(self.choose(picture.pixels, picture.jpeg_quality))

    def __call__(self, image: NDArray[Any], *, progress: Progress | None = None) -> NDArray[Any]:
        """Enlarge a picture by the network for it; parameters and errors as :meth:`Upscaler.__call__` and :meth:`open`."""
        return self.open(self.choose(check(image, self.channels)))(image, progress=progress)

    def _network(self, name: str) -> Upscaler:
        """Return the open network of a name, for results of this chooser's size."""
        with self._lock:  # a server's threads share what is open
            if name not in self._open:
                self._open[name] = Upscaler(name, **self._options)
            found = self._open[name]
        return found if found.target == self.target else found.sized(self.target)


def _is_sure_to_open(options: Mapping[str, Any]) -> bool:
    """Whether a shipped network takes these options anywhere: it need not be opened for what is wrong to be said at once."""
    threads = options.get("threads")
    return (
        options.get("precision", "auto") in ("auto", "fp32")
        and options.get("memory", _ENOUGH) >= _ENOUGH
        and (threads is None or 1 <= threads <= MAX_THREADS)
        and options.get("fidelity") is None
        and options.get("device", AUTO) in (AUTO, CPU)
    )


def as_chooser(upscaler: Upscaler | ModelChooser) -> ModelChooser:
    """Return a chooser; an :class:`Upscaler` is for every picture."""
    return upscaler if isinstance(upscaler, ModelChooser) else ModelChooser.among({upscaler.name: upscaler})


def _between(model: str | Path, denoise: float) -> Choice:
    check_denoise(denoise)
    return _mixture(*mixed_pair(model), denoise)


def _mixture(clean: str, cleaner: str, share: float, seen: str = "") -> Choice:
    if share <= 0 or share >= 1:
        return Choice(clean if share <= 0 else cleaner, seen=seen)
    return Choice(clean, cleaner, share, seen)
