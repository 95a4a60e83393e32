import math

import pytest
import torch

from srgan.training.diagnostics import Diagnostics
from srgan.training.recipe import AdversarialTerm, ContentTerm, DiscriminatorRecipe, Stage, load_recipe
from srgan.training.stages import StepLosses


def watch(kind="standard", weight=1e-3, rate=0.0):
    return Diagnostics(
        "gan", Stage(steps=10, rate=2e-4, adversarial=AdversarialTerm(weight=weight, kind=kind, rate=rate))
    )


def losses(discriminator):
    return StepLosses(*map(torch.tensor, (1.0, 1.0, 1.0, 1.0, discriminator, 0.9, 0.1)))


def test_a_saturated_discriminator_is_named_once_with_what_to_change():
    watching = watch()
    said = [watching.losses(losses(0.01)) for _ in range(20)]
    assert said[:4] == [[]] * 4
    assert said[5:] == [[]] * 15
    (line,) = said[4]
    assert line == (
        "diagnostics: the discriminator tells all pictures of gan apart (loss 0.01; 1.4 is guessing) and has little left to "
        "teach: set stages.gan.adversarial.rate=0.0001 or discriminator.norm=spectral"
    )


def test_half_of_its_own_rate_is_advised():
    watching = watch(rate=5e-5)
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
    watching = watch(kind)
    assert [line for value in values for line in watching.losses(losses(value))] == []


def test_the_relativistic_loss_has_its_own_bar():
    watching = watch("relativistic")
    assert [len(watching.losses(losses(0.03))) for _ in range(5)] == [0, 0, 0, 0, 1]


def test_the_hinge_loss_has_its_own_bar():
    assert [len(watch("hinge").losses(losses(0.11))) for _ in range(5)] == [0, 0, 0, 0, 0]
    watching = watch("hinge")
    said = [line for _ in range(5) for line in watching.losses(losses(0.09))]
    assert "2 is guessing" in said[0]


def test_an_adversarial_term_without_gradient_is_named_with_a_weight():
    watching = watch(weight=1e-3)
    assert watching.gradients({"pixel": 1.0, "content": 0.5, "adversarial": 0.02}) == []
    (line,) = watching.gradients({"pixel": 1.0, "content": 0.998, "adversarial": 0.002})
    assert "has 0.001 of the generator's gradient" in line
    assert line.endswith("set stages.gan.adversarial.weight=0.1")
    assert watching.gradients({"pixel": 1.0, "content": 0.998, "adversarial": 0.002}) == []
    assert watch().gradients({"pixel": 1.0, "adversarial": 0.0})[0].endswith("weight=more")


def test_a_stage_without_the_term_is_left_alone():
    assert watch().gradients({"pixel": 1.0}) == []
    assert watch().gradients({"pixel": 0.0, "adversarial": 0.0}) == []
    assert watch().gradients({"pixel": math.nan, "adversarial": math.nan}) == []


def test_a_grid_is_named_with_its_period():
    watching = watch()
    assert watching.grid({2: 1.2, 4: 5.9}) == []
    (line,) = watching.grid({2: 6.1, 4: 9.0})
    assert line.startswith(
        "diagnostics: a grid of 4 pixels lies over flat areas in gan (9.0 dB above its surroundings): set"
    )
    assert watching.grid({2: 6.1, 4: 9.0}) == []
    assert watch().grid({}) == []


def advice(stage):
    (line,) = Diagnostics("one", stage).grid({4: 9.0})
    return line.partition("surroundings): ")[2]


def test_against_a_grid_only_what_the_stage_lacks_is_advised():
    content, adversarial = ContentTerm(weight=1.0), AdversarialTerm(weight=1.0)
    assert advice(Stage(steps=1)) == "set stages.one.grid=20"
    assert advice(Stage(steps=1, grid=30.0)) == "set stages.one.grid=60"
    assert advice(Stage(steps=1, adversarial=adversarial)) == "set stages.one.shift=true"
    weigh = "give early layers of stages.one.content more weight"
    assert advice(Stage(steps=1, content=content)) == f"set stages.one.shift=true, or {weigh}"
    assert advice(Stage(steps=1, content=content, shift=True)) == f"{weigh}, or set stages.one.grid=20"
    shipped = load_recipe("laptop").stages
    assert "shift" not in advice(shipped["srgan"])
    assert "content" not in advice(shipped["srresnet"])


def test_spectral_normalisation_is_not_advised_where_it_is():
    for norm, advised in (("batch", True), ("spectral", False)):
        stage = Stage(steps=10, adversarial=AdversarialTerm(weight=1e-3))
        watching = Diagnostics("gan", stage, DiscriminatorRecipe(norm=norm))
        (line,) = [line for _ in range(5) for line in watching.losses(losses(0.01))]
        assert ("norm=spectral" in line) is advised


def test_noise_is_advised_where_spectral_normalisation_is_and_it_is_not():
    for noise, advised in ((0.0, True), (0.05, False)):
        stage = Stage(steps=10, adversarial=AdversarialTerm(weight=1e-3, noise=noise))
        for discriminator in (DiscriminatorRecipe(norm="spectral"), DiscriminatorRecipe(kind="unet")):
            watching = Diagnostics("gan", stage, discriminator)
            (line,) = [line for _ in range(5) for line in watching.losses(losses(0.01))]
            assert line.endswith("rate=5e-05" + " or stages.gan.adversarial.noise=0.1" * advised)
