"""The networks that a server offers: opened once, at its start."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from srgan.engine.choice import ModelChooser
from srgan.engine.sizes import Target
from srgan.engine.upscaler import Upscaler
from srgan.errors import UsageError
from srgan.models.catalogue import (
    AUTO,
    AUTO_TITLE,
    AUTO_WHEN,
    CATALOGUE,
    CLEAN,
    COMPRESSED,
    DEEP,
    resolve,
    shipped_file,
)
from srgan.models.metadata import read_info
from srgan.runtime.blend import has_partner

BLENDS_KEPT = 2
"""So many blended networks stay open for each GAN: who tries a picture goes to and fro between settings."""


@dataclass(frozen=True)
class ServedModel:
    """A network that clients can name, and one line on when to take it.

    ``title`` is what people call it; ``shipped`` is whether it comes with the package, and the page has a crop that shows it.

    ``blended`` opens it with a fidelity from 0 to 1 (:mod:`srgan.runtime.blend`); None where it has no partner. ``cleans`` is
    whether it takes a strength of cleaning (:mod:`srgan.engine.mix`).
    """

    name: str
    when: str
    chooser: ModelChooser
    blended: Callable[[float], ModelChooser] | None = None
    cleans: bool = False
    title: str = ""
    shipped: bool = False

    @property
    def scale(self) -> int:
        """The network's own enlargement."""
        return self.chooser.scale

    def sized(self, target: Target, fidelity: float | None = None, denoise: float | None = None) -> ModelChooser:
        """Return what enlarges pictures to results of another size; it shares the open networks.

        Raises
        ------
        UsageError
            if a fidelity is asked for and the network has no partner, or ``denoise`` and it is not shipped
        """
        if fidelity is not None and self.blended is None:
            raise UsageError(f"{self.name} was not trained from another network to blend it with: leave fidelity out")
        if denoise is not None and not self.cleans:
            raise UsageError(f"denoise mixes two shipped networks, and {self.name} is another one: leave denoise out")
        return (self.chooser if fidelity is None or self.blended is None else self.blended(fidelity)).sized(
            target, denoise
        )


def open_models(models: Sequence[str], **options: Any) -> dict[str, ServedModel]:
    """Open networks, by name in the order given; the first is the default.

    Parameters
    ----------
    models : names of shipped networks, "auto", and paths of model files; empty for "auto" and the shipped ones that are not
        aside
    options : for :class:`srgan.Upscaler`

    Raises
    ------
    UsageError
        if two networks have one name
    UnknownModelError, ModelError
        if one cannot be opened
    """
    names = list(models)
    if not names:
        shipped = (name for name, entry in CATALOGUE.items() if shipped_file(entry).is_file() and not entry.aside)
        names = [AUTO, *shipped]
    served: dict[str, ServedModel] = {}
    for name in sorted(dict.fromkeys(names), key=lambda name: name == AUTO):  # that one shares what the others open
        if name == AUTO:
            served[AUTO] = ServedModel(
                AUTO, AUTO_WHEN, _choosing(served, options), _blends(AUTO, options), True, AUTO_TITLE, True
            )
            continue
        upscaler = Upscaler(name, **options)
        entry = CATALOGUE.get(name)
        when = entry.when if entry is not None else f"your own network, enlarges {upscaler.scale} times"
        if upscaler.name in served:
            raise UsageError(f"two networks are called {upscaler.name!r}: export one of them under another name")
        blended = _blends(name, options) if has_partner(read_info(resolve(name))) else None
        chooser = ModelChooser.among({upscaler.name: upscaler}, **options)
        title = (entry.title if entry is not None else "") or upscaler.name
        served[upscaler.name] = ServedModel(
            upscaler.name, when, chooser, blended, entry is not None, title, entry is not None
        )
    return {AUTO: served[AUTO], **served} if names[0] == AUTO else served


def _choosing(models: dict[str, ServedModel], options: dict[str, Any]) -> ModelChooser:
    if CLEAN not in models or COMPRESSED not in models:
        return ModelChooser(AUTO, **options)
    shared = {name: models[name].chooser.first for name in (CLEAN, COMPRESSED, DEEP) if name in models}
    return ModelChooser.among(shared, model=AUTO, **options)


def _blends(name: str, options: dict[str, Any]) -> Callable[[float], ModelChooser]:
    @functools.lru_cache(BLENDS_KEPT)
    def blended(fidelity: float) -> ModelChooser:
        return ModelChooser(name, fidelity=fidelity, **options)

    return blended
