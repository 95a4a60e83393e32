"""What a stage remembers beside its tensors."""

from __future__ import annotations

import json

import pytest

from srgan.training.state import RECENT, StageState


def test_it_comes_back_from_json() -> None:
    state = StageState(5.0, 31.2, [(4, {"Set5": 30.5})], lr_scale=0.5, recent=[1.0])
    found = StageState.from_dict(json.loads(json.dumps(state.to_dict())))
    assert [tuple(entry) for entry in found.curve] == state.curve
    assert (found.seconds, found.best, found.lr_scale, found.recent) == (5.0, 31.2, 0.5, [1.0])
    assert StageState.from_dict(StageState().to_dict()) == StageState()


def test_the_last_losses_are_kept() -> None:
    state = StageState()
    for number in range(RECENT + 5):
        state.note(number)
    assert state.recent == list(range(5, RECENT + 5))


def test_a_key_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(TypeError):
        StageState.from_dict({"speed": 1})
