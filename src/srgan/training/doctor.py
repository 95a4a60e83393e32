"""The doctor: looks at the figures of a training for the failures that are known, and says in one line what to change.

Each rule speaks once a stage. None of them changes anything: the figures stand in TensorBoard for whoever thinks otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from srgan.training.recipe import Stage
from srgan.training.stages import Losses

# Of the loss of a discriminator that guesses; below it for so many reports it tells all pictures apart.
_SATURATED = 0.05
_PATIENCE = 5
# Share of the generator's gradient below which a term does nothing.
_SILENT = 0.01
# Power of a grid against the frequencies around it, dB: without one it is near 1.
_GRID = 6.0


class Doctor:
    """Watches one stage.

    Parameters
    ----------
    name, stage : the stage, and its name in the recipe
    """

    def __init__(self, name: str, stage: Stage) -> None:
        self.name, self.stage = name, stage
        self._won = 0
        self._said: set[str] = set()

    def losses(self, losses: Losses) -> list[str]:
        """Look at reported losses; return what to say."""
        # Two entropies of ln 2 each, or their mean.
        guessing = math.log(2) * (2 if self.stage.adversarial.kind == "standard" else 1)
        value = float(losses.discriminator)
        self._won = self._won + 1 if value < _SATURATED * guessing else 0  # nan, of a stage without one, is not below
        if self._won < _PATIENCE:
            return []
        rate = self.stage.adversarial.rate or self.stage.rate
        return self._once(
            "saturated",
            f"the discriminator tells all pictures of {self.name} apart (loss {value:.2g}; {guessing:.2g} is guessing) and "
            f"has little left to teach: set stages.{self.name}.adversarial.rate={rate / 2:g} or discriminator.norm=spectral",
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
            f"set stages.{self.name}.shift=true, or give early layers of stages.{self.name}.content more weight",
        )

    def _once(self, rule: str, text: str) -> list[str]:
        if rule in self._said:
            return []
        self._said.add(rule)
        return [f"doctor: {text}"]
