"""Words that mean nothing, with the letters of a language: what text looks like to a network."""

from __future__ import annotations

import numpy as np

from srgan.data.drawing.fonts import ALPHABETS

_FREQUENT = "etaoinshrdlu"
"""The commonest letters of English, in their order; they are drawn three times as often as the others."""


class Words:
    """An endless supply of words of one alphabet.

    Parameters
    ----------
    alphabet : one of :data:`srgan.data.drawing.fonts.ALPHABETS`
    rng : where chance comes from
    """

    def __init__(self, alphabet: str, rng: np.random.Generator) -> None:
        self._letters = list(ALPHABETS[alphabet])
        weights = np.array([3.0 if letter in _FREQUENT else 1.0 for letter in self._letters])
        self._weights = weights / weights.sum()
        self._rng = rng

    def word(self) -> str:
        """Return a word of 1 to 12 letters."""
        count = int(np.clip(self._rng.poisson(4.0) + 1, 1, 12))
        return "".join(self._rng.choice(self._letters, count, p=self._weights))

    def token(self) -> str:
        """Return a word as it stands in a text: some are numbers, capital, or followed by a mark."""
        chance = self._rng.random()
        if chance < 0.07:
            return self.number()
        word = self.word()
        if chance < 0.2:
            word = word.capitalize()
        elif chance < 0.24:
            word = word.upper()
        elif chance < 0.27:
            word = f"({word})"
        ending = self._rng.random()
        return word + (str(self._rng.choice(list(".,;:!?"))) if ending < 0.17 else "")

    def number(self) -> str:
        """Return a number, a percentage or a year."""
        form = int(self._rng.integers(4))
        value = float(self._rng.lognormal(4, 2.5))
        return (f"{value:.0f}", f"{value:.1f}", f"{value % 100:.0f}%", str(int(self._rng.integers(1800, 2100))))[form]

    def heading(self, count: int) -> str:
        """Return ``count`` words as a heading."""
        words = [self.word() for _ in range(count)]
        form = self._rng.random()
        if form < 0.25:
            return " ".join(words).upper()
        if form < 0.6:
            return " ".join(word.capitalize() for word in words)
        return " ".join(words).capitalize()
