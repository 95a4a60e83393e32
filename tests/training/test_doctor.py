import math

import pytest
import torch

from srgan.training.doctor import Doctor
from srgan.training.recipe import AdversarialLoss, Stage
from srgan.training.stages import Losses


def doctor(kind="standard", weight=1e-3, rate=0.0):
    return Doctor("gan", Stage(steps=10, rate=2e-4, adversarial=AdversarialLoss(weight=weight, kind=kind, rate=rate)))


def losses(discriminator):
    return Losses(*map(torch.tensor, (1.0, 1.0, 1.0, 1.0, discriminator, 0.9, 0.1)))


def test_a_saturated_discriminator_is_named_once_with_what_to_change():
    watching = doctor()
    said = [watching.losses(losses(0.01)) for _ in range(20)]
    assert said[:4] == [[]] * 4
    assert said[5:] == [[]] * 15
    (line,) = said[4]
    assert line == (
        "doctor: the discriminator tells all pictures of gan apart (loss 0.01; 1.4 is guessing) and has little left to teach: "
        "set stages.gan.adversarial.rate=0.0001 or discriminator.norm=spectral"
    )


def test_half_of_its_own_rate_is_advised():
    watching = doctor(rate=5e-5)
    said = [line for _ in range(5) for line in watching.losses(losses(0.01))]
    assert "rate=2.5e-05" in said[0]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("standard", [math.log(4)] * 20),  # it guesses
        ("standard", [0.01, 0.01, 0.01, 0.01, 0.9] * 4),  # it wins for moments
        ("standard", [0.08] * 20),
        ("relativistic", [0.04] * 20),
        ("standard", [math.nan] * 20),  # there is none
    ],
)
def test_a_healthy_one_is_not(kind, values):
    watching = doctor(kind)
    assert [line for value in values for line in watching.losses(losses(value))] == []


def test_the_relativistic_loss_has_its_own_bar():
    watching = doctor("relativistic")
    assert [len(watching.losses(losses(0.03))) for _ in range(5)] == [0, 0, 0, 0, 1]


def test_an_adversarial_term_without_gradient_is_named_with_a_weight():
    watching = doctor(weight=1e-3)
    assert watching.gradients({"pixel": 1.0, "content": 0.5, "adversarial": 0.02}) == []
    (line,) = watching.gradients({"pixel": 1.0, "content": 0.998, "adversarial": 0.002})
    assert "has 0.001 of the generator's gradient" in line
    assert line.endswith("set stages.gan.adversarial.weight=0.1")
    assert watching.gradients({"pixel": 1.0, "content": 0.998, "adversarial": 0.002}) == []
    assert doctor().gradients({"pixel": 1.0, "adversarial": 0.0})[0].endswith("weight=more")


def test_a_stage_without_the_term_is_left_alone():
    assert doctor().gradients({"pixel": 1.0}) == []
    assert doctor().gradients({"pixel": 0.0, "adversarial": 0.0}) == []
    assert doctor().gradients({"pixel": math.nan, "adversarial": math.nan}) == []


def test_a_grid_is_named_with_its_period():
    watching = doctor()
    assert watching.grid({2: 1.2, 4: 5.9}) == []
    (line,) = watching.grid({2: 6.1, 4: 9.0})
    assert line.startswith(
        "doctor: a grid of 4 pixels lies over flat areas in gan (9.0 dB above its surroundings): set"
    )
    assert watching.grid({2: 6.1, 4: 9.0}) == []
    assert doctor().grid({}) == []
