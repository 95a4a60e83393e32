"""The rate of each step."""

import pytest

from srgan.training.optimizers import learning_rate
from srgan.training.recipe import Stage


def stage(**values):
    return Stage(**{"steps": 100, "rate": 1e-3, "final_rate": 1e-5, **values})


def test_cosine_schedule_by_hand():
    s = stage(steps=111, warmup=10)
    assert learning_rate(s, 0) == pytest.approx(0.1)
    assert learning_rate(s, 9) == pytest.approx(1)
    assert learning_rate(s, 10) == pytest.approx(1)
    assert learning_rate(s, 60) == pytest.approx((1 + 0.01) / 2)  # half-way
    assert learning_rate(s, 110) == pytest.approx(0.01)
    factors = [learning_rate(s, i) for i in range(10, 111)]
    assert factors == sorted(factors, reverse=True)


def test_other_schedules():
    assert {learning_rate(stage(schedule="constant"), i) for i in range(100)} == {1.0}
    assert [learning_rate(stage(schedule="halves"), i) for i in (0, 49, 50, 99)] == pytest.approx([1, 1, 0.01, 0.01])
