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


def devices(incomplete: str) -> Values:
    """Return what ``srgan train --device`` takes."""
    return _matching([(name, "") for name in ("auto", "cpu", "cuda", "mps")], incomplete)


def _matching(values: Values, incomplete: str) -> Values:
    return [(value, word) for value, word in values if value.startswith(incomplete)]
