"""Values that a shell completes: networks and recipes, by their names. Files are completed by the shell itself."""

from __future__ import annotations

from srgan.models.catalogue import AUTO, AUTO_WHEN, CATALOGUE

Values = list[tuple[str, str]]
"""Each value with a word on it, which zsh and fish show."""


def shipped(incomplete: str) -> Values:
    """Return the shipped networks."""
    return _matching([(name, entry.when) for name, entry in CATALOGUE.items()], incomplete)


def networks(incomplete: str) -> Values:
    """Return the shipped networks, and the choice among them."""
    return _matching([(AUTO, AUTO_WHEN)], incomplete) + shipped(incomplete)


def measured(incomplete: str) -> Values:
    """Return what ``srgan evaluate`` measures."""
    return _matching([("bicubic", "MATLAB's bicubic, to compare with")], incomplete) + shipped(incomplete)


def recipes(incomplete: str) -> Values:
    """Return the recipes that come along."""
    from srgan.training.recipe import shipped_recipes

    return _matching([(name, "") for name in shipped_recipes()], incomplete)


def accelerators(incomplete: str) -> Values:
    """Return what ``srgan train --device`` takes."""
    return _matching([(name, "") for name in ("auto", "cpu", "cuda", "mps")], incomplete)


def devices(incomplete: str) -> Values:
    """Return what computes a picture: after a comma the graphics cards, which may share a folder."""
    from srgan.runtime import devices as there

    values = [("auto", "a GPU if it is right and faster"), ("cpu", "the processor"), ("gpu", "the first graphics card")]
    found: Values = []
    if there.may_have_gpu():  # else no library is imported
        cards = there.numbered()
        found = [(called, device.title) for called, device in cards.items()]
        found += [(device.name, device.title) for device in there.found()]
    before, comma, last = incomplete.rpartition(",")
    if not comma:
        return _matching(values + found, incomplete)
    named = before.split(",")
    return [(f"{before},{name}", word) for name, word in _matching(found, last) if name not in named]


def _matching(values: Values, incomplete: str) -> Values:
    return [(value, word) for value, word in values if value.startswith(incomplete)]
