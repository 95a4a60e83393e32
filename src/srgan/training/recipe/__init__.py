"""Recipes: all that determines a training run, read from TOML into frozen dataclasses.

Every key is documented where it stands (:mod:`.fields`), with its unit; ``describe()`` prints them all, and
``srgan train --help-recipe`` shows that. Unknown keys, wrong types, values out of range and contradictions are collected and
reported all together.
"""

from srgan.training.recipe.describing import describe, to_toml
from srgan.training.recipe.fields import (
    AdversarialTerm,
    ContentTerm,
    DataRecipe,
    DiscriminatorRecipe,
    NetworkRecipe,
    PixelTerm,
    Recipe,
    RunRecipe,
    Stage,
)
from srgan.training.recipe.reading import load_recipe, parse_recipe, shipped_recipes

__all__ = [
    "AdversarialTerm",
    "ContentTerm",
    "DataRecipe",
    "DiscriminatorRecipe",
    "NetworkRecipe",
    "PixelTerm",
    "Recipe",
    "RunRecipe",
    "Stage",
    "describe",
    "load_recipe",
    "parse_recipe",
    "shipped_recipes",
    "to_toml",
]
