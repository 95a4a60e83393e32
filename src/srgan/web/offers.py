"""The networks that a server offers: opened once, at its start."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srgan.errors import UsageError
from srgan.models.catalogue import CATALOGUE, shipped_file
from srgan.sizes import Target
from srgan.upscaler import Upscaler


@dataclass(frozen=True)
class Offer:
    """A network that clients can name, and one line on when to take it."""

    name: str
    when: str
    upscaler: Upscaler

    def sized(self, target: Target) -> Upscaler:
        """Return the upscaler for results of another size; it shares the open network."""
        upscaler = copy.copy(self.upscaler)
        upscaler.target = target
        return upscaler


def open_offers(models: Sequence[str], **options: Any) -> dict[str, Offer]:
    """Open networks, by name in the order given; the first is the default.

    Parameters
    ----------
    models : names of shipped networks and paths of model files; empty for all shipped ones
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
        names = [name for name, entry in CATALOGUE.items() if shipped_file(entry).is_file()] or [next(iter(CATALOGUE))]
    offers: dict[str, Offer] = {}
    for name in dict.fromkeys(names):
        upscaler = Upscaler(name, **options)
        entry = CATALOGUE.get(name)
        when = entry.when if entry is not None else f"your own network, enlarges {upscaler.scale} times"
        if upscaler.name in offers:
            raise UsageError(f"two networks are called {upscaler.name!r}: export one of them under another name")
        offers[upscaler.name] = Offer(upscaler.name, when, upscaler)
    return offers
