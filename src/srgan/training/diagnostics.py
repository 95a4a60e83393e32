"""Diagnostics: looks at the figures of a training for known failures, and says in one line what to change.

Each rule speaks once a stage, and advises nothing that the recipe has already. None of them changes anything: the figures stand
in TensorBoard for whoever thinks otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from srgan.training.recipe import DiscriminatorRecipe, Stage
from srgan.training.stages import StepLosses

# Of the loss of a discriminator that guesses; below it for so many reports it tells all pictures apart.
_SATURATED = 0.05
_PATIENCE = 5
# The loss of a discriminator that guesses: two entropies of ln 2 each, their mean, or two margins of 1.
_GUESSING = {"standard": 2 * math.log(2), "relativistic": math.log(2), "hinge": 2.0}
# Share of the generator's gradient below which a term does nothing.
_SILENT = 0.01
# Power of a grid against the frequencies around it, dB: without one it is near 1.
_GRID = 6.0


class Diagnostics:
    """Watches one stage.

    Parameters
    ----------
    name, stage : the stage, and its name in the recipe
    discriminator : of the recipe; the default one if None
    """

    def __init__(self, name: str, stage: Stage, discriminator: DiscriminatorRecipe | None = None) -> None:
        self.name, self.stage = name, stage
        self.discriminator = discriminator or DiscriminatorRecipe()
        self._won = 0
        self._said: set[str] = set()

    def losses(self, losses: StepLosses) -> list[str]:
        """Look at reported losses; return what to say."""
        term = self.stage.adversarial
        guessing = _GUESSING[term.kind]
        value = float(losses.discriminator)
        self._won = self._won + 1 if value < _SATURATED * guessing else 0  # nan, of a stage without one, is not below
        if self._won < _PATIENCE:
            return []
        more = " or discriminator.norm=spectral"
        if self.discriminator.norm == "spectral" or self.discriminator.kind == "unet":
            more = "" if term.noise else f" or stages.{self.name}.adversarial.noise=0.1"
        return self._once(
            "saturated",
            f"the discriminator tells all pictures of {self.name} apart (loss {value:.2g}; {guessing:.2g} is guessing) and "
            f"has little left to teach: set stages.{self.name}.adversarial.rate={(term.rate or self.stage.rate) / 2:g}{more}",
        )

    def gradients(self, norms: Mapping[str, float]) -> list[str]:
        """Look at the norm of each weighted term's gradient on the generator; return what to say."""
        total = sum(norms.values())
        share = norms.get("adversarial", math.nan) / total if total else math.nan
        if not share < _SILENT:
            return []
        weight = self.stage.adversarial.weight
        # Ten times the bar; a gradient of nothing gives no factor.
        advice = f"{weight * min(10 * _SILENT / share, 1000):.2g}" if share else "more"
        return self._once(
            "silent",
            f"the adversarial loss of {self.name} has {share:.2g} of the generator's gradient, too little to change pictures: "
            f"set stages.{self.name}.adversarial.weight={advice}",
        )

    def grid(self, energy: Mapping[int, float]) -> list[str]:
        """Look at the grid energy (dB, by period) of validation pictures; return what to say."""
        found = {period: value for period, value in energy.items() if value > _GRID}
        if not found:
            return []
        period = max(found, key=found.__getitem__)
        return self._once(
            "grid",
            f"a grid of {period} pixels lies over flat areas in {self.name} ({found[period]:.1f} dB above its surroundings): "
            + ", or ".join(self._against_a_grid()),
        )

    def _against_a_grid(self) -> list[str]:
        """Return what this stage can do against a grid: its sources are the strides of the feature networks."""
        stage, at = self.stage, f"stages.{self.name}"
        advice = []
        if (stage.content.weight or stage.adversarial.weight) and not stage.shift:
            advice.append(f"set {at}.shift=true")
        if stage.content.weight:
            advice.append(f"give early layers of {at}.content more weight")
        if not advice or stage.shift:
            advice.append(f"set {at}.grid={2 * stage.grid or 20:g}")
        return advice

    def _once(self, rule: str, text: str) -> list[str]:
        if rule in self._said:
            return []
        self._said.add(rule)
        return [f"diagnostics: {text}"]
