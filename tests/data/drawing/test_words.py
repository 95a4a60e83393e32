"""Words of an alphabet."""

import numpy as np

from srgan.data.drawing.words import Words


def test_words_have_the_letters_of_their_alphabet() -> None:
    words = Words("greek", np.random.default_rng(0))
    letters = {letter for _ in range(300) for letter in words.word()}
    assert letters == set("αβγδεζηθικλμνξοπρστυφχψω")
    assert all(1 <= len(words.word()) <= 12 for _ in range(100))
