"""What no single type shows to be wrong with a recipe: values out of range, and values that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Collection

from srgan.image.multiband import MAX_BANDS
from srgan.training.recipe.fields import DataRecipe, DiscriminatorRecipe, Recipe, Stage


def check(recipe: Recipe, problems: list[str], unusable: Collection[str] = ()) -> None:
    """Add a sentence to ``problems`` for each value that is out of range or contradicts another.

    Parameters
    ----------
    recipe : all of its values have the right types
    unusable : places of values that were replaced by others, or of tables that were: no check looks at them
    """
    need = _Need(problems, unusable)
    _networks(recipe, need)
    _data_and_run(recipe, need)
    need(bool(recipe.stages), "there are no stages", "stages")
    for name, stage in recipe.stages.items():
        at = f"stages.{name}"
        need(bool(is_bare(name)), f"{at}: a stage's name has letters from a to z, digits, - and _ only")
        _sizes(recipe, stage, at, need)
        _rates(stage, at, need)
        _losses(stage, at, need)
        if stage.content.weight:
            _content(recipe, stage, at, need)
        if stage.adversarial.weight:
            _adversarial(recipe, stage, at, need)


def is_bare(key: str) -> bool:
    """Whether TOML takes a key without quotes."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]+", key))


class _Need:
    """Collects the messages of conditions that do not hold."""

    def __init__(self, problems: list[str], unusable: Collection[str]) -> None:
        self._problems, self._unusable = problems, unusable

    def __call__(self, holds: bool, message: str, *places: str) -> None:
        """Require a condition on the values at ``places``; it is not looked at where one of them is unusable."""
        if not holds and not any(self._is_unusable(place) for place in places):
            self._problems.append(message)

    def _is_unusable(self, place: str) -> bool:
        parts = place.split(".")
        return any(".".join(parts[:count]) in self._unusable for count in range(1, len(parts) + 1))

    def at_least(self, least: float, value: float, place: str) -> None:
        self(value >= least, f"{place} must be at least {least}", place)

    def not_negative(self, value: float, place: str) -> None:
        self(value >= 0, f"{place} must not be negative", place)

    def share(self, value: float, place: str) -> None:
        self(0 < value <= 1, f"{place} must be above 0 and at most 1", place)


def _networks(recipe: Recipe, need: _Need) -> None:
    generator, scale, bands = recipe.generator, recipe.generator.scale, recipe.generator.bands
    need(
        scale >= 2 and not scale & (scale - 1),
        f"generator.scale must be a power of two from 2 on, not {scale}",
        "generator.scale",
    )
    need(1 <= bands <= MAX_BANDS, f"generator.bands must be from 1 to {MAX_BANDS}, not {bands}", "generator.bands")
    need(
        bands in (1, 3) or recipe.data.degradation != "photo",
        f"data.degradation 'photo' is for 1 or 3 bands, and generator.bands is {bands}: take 'bicubic'",
        "generator.bands",
        "data.degradation",
    )
    for name in ("features", "blocks"):
        need.at_least(1, getattr(generator, name), f"generator.{name}")
    need(
        generator.kind != "fast" or (generator.norm == "none" and generator.output == "linear"),
        "generator.kind 'fast' needs generator.norm = 'none' and generator.output = 'linear'",
        *("generator.kind", "generator.norm", "generator.output"),
    )
    _discriminator(recipe.discriminator, need)


def _discriminator(discriminator: DiscriminatorRecipe, need: _Need) -> None:
    for name in ("features", "dense"):
        need.at_least(1, getattr(discriminator, name), f"discriminator.{name}")
    if discriminator.kind != "unet":
        return
    need(
        discriminator.norm in ("auto", "spectral"),
        f"discriminator.norm {discriminator.norm!r} is for kind 'paper': leave it out, as a U-Net has 'spectral'",
        "discriminator.norm",
        "discriminator.kind",
    )
    usual = DiscriminatorRecipe.dense
    need(
        discriminator.dense == usual,
        f"discriminator.dense is for kind 'paper', as a U-Net has no dense layer: leave it out, or at {usual}",
        "discriminator.dense",
        "discriminator.kind",
    )


def _data_and_run(recipe: Recipe, need: _Need) -> None:
    need.not_negative(recipe.data.workers, "data.workers")
    need(0 <= recipe.data.sharpen <= 5, "data.sharpen must be from 0 to 5", "data.sharpen")
    need(
        recipe.data.sharpen == DataRecipe.sharpen or recipe.data.degradation != "bicubic",
        f"data.sharpen is for data.degradation 'photo': leave it out, or at {DataRecipe.sharpen}",
        "data.sharpen",
        "data.degradation",
    )
    for name in ("validate_every", "checkpoint_every", "log_every", "diagnose_every", "keep"):
        need.at_least(1, getattr(recipe.run, name), f"run.{name}")
    need.not_negative(recipe.run.checkpoint_minutes, "run.checkpoint_minutes")
    need(0 <= recipe.run.seed < 2**32, "run.seed must be from 0 to 4294967295", "run.seed")


def _sizes(recipe: Recipe, stage: Stage, at: str, need: _Need) -> None:
    scale = recipe.generator.scale
    need.at_least(1, stage.steps, f"{at}.steps")
    need.at_least(1, stage.batch, f"{at}.batch")
    need(
        stage.accumulate >= 1 and stage.batch % max(stage.accumulate, 1) == 0,
        f"{at}.batch ({stage.batch}) must be a multiple of accumulate ({stage.accumulate})",
        f"{at}.batch",
        f"{at}.accumulate",
    )
    crop = (f"{at}.crop", "generator.scale")
    need(
        stage.crop >= scale and stage.crop % max(scale, 1) == 0,
        f"{at}.crop ({stage.crop}) must be a multiple of generator.scale ({scale})",
        *crop,
    )
    need(1 <= stage.candidates <= 100, f"{at}.candidates must be from 1 to 100", f"{at}.candidates")
    need.not_negative(stage.grid, f"{at}.grid")
    need(
        not stage.grid or stage.crop >= 5 * scale,
        f"{at}.crop must be at least 5 * generator.scale for grid",
        *crop,
        f"{at}.grid",
    )


def _rates(stage: Stage, at: str, need: _Need) -> None:
    for name in ("rate", "muon_lr", "tail_rate", "vector_rate"):
        need.share(getattr(stage, name), f"{at}.{name}")
    need(0 <= stage.weight_decay <= 100, f"{at}.weight_decay must be from 0 to 100", f"{at}.weight_decay")
    need(
        0 <= stage.final_rate <= stage.rate,
        f"{at}.final_rate must be between 0 and rate",
        f"{at}.final_rate",
        f"{at}.rate",
    )
    need.not_negative(stage.warmup, f"{at}.warmup")
    need(
        0 <= stage.beta1 < 1 and 0 <= stage.beta2 < 1,
        f"{at}: beta1 and beta2 must be from 0 to below 1",
        f"{at}.beta1",
        f"{at}.beta2",
    )
    need(0 <= stage.ema < 1, f"{at}.ema must be from 0 to below 1", f"{at}.ema")
    need.not_negative(stage.clip, f"{at}.clip")


def _losses(stage: Stage, at: str, need: _Need) -> None:
    weights = {
        f"{at}.pixel.weight": stage.pixel.weight,
        f"{at}.content.weight": stage.content.weight,
        f"{at}.adversarial.weight": stage.adversarial.weight,
    }
    for place, weight in weights.items():
        need.not_negative(weight, place)
    need(any(weights.values()), f"{at} has no loss: give pixel, content or adversarial a weight above 0", *weights)


def _content(recipe: Recipe, stage: Stage, at: str, need: _Need) -> None:
    content, bands = stage.content, recipe.generator.bands
    need(
        bands in (1, 3),
        f"{at}.content: VGG's features are of 3 bands (or 1, repeated), and generator.bands is {bands}: "
        "set its weight to 0",
        "generator.bands",
    )
    layers = f"{at}.content.layers"
    need(bool(content.layers), f"{layers} is empty", layers)
    for layer, weight in content.layers.items():
        need(weight > 0, f"{layers}.{layer} must be above 0", layers)
        need(
            _is_layer(content.network, layer),
            f"{at}.content: {content.network} has no layer {layer!r}",
            layers,
            f"{at}.content.network",
        )
    need(content.constant > 0, f"{at}.content.constant must be above 0", f"{at}.content.constant")


def _adversarial(recipe: Recipe, stage: Stage, at: str, need: _Need) -> None:
    term, data = stage.adversarial, recipe.data
    need(stage.crop >= 16, f"{at}.crop must be at least 16 for a discriminator", f"{at}.crop")
    rate, label, noise, sharpened, kind = (
        f"{at}.adversarial.{name}" for name in ("rate", "label", "noise", "sharpened", "kind")
    )
    need(0 <= term.rate <= 1, f"{rate} must be from 0 to 1", rate)
    need(0.5 < term.label <= 1, f"{label} must be above 0.5 and at most 1", label)
    need(
        term.label == 1 or term.kind != "hinge",
        f"{label} is for cross entropy, and {kind} is 'hinge': leave it at 1",
        label,
        kind,
    )
    need(0 <= term.noise <= 1, f"{noise} must be from 0 to 1", noise)
    need(
        term.sharpened or (data.degradation != "bicubic" and data.sharpen > 0),
        f"{sharpened} = false is for data.degradation 'photo', whose pictures are sharpened (data.sharpen): leave it out",
        sharpened,
        "data.degradation",
        "data.sharpen",
    )


def _is_layer(network: str, layer: str) -> bool:
    depth = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}[network]
    found = re.fullmatch(r"conv([1-5])_([1-9])", layer)
    return found is not None and int(found[2]) <= depth[int(found[1]) - 1]
