"""Recipes written as text, and their keys explained."""

import dataclasses
import tomllib

from srgan.training import recipe as module
from srgan.training.recipe import describe, load_recipe, parse_recipe, shipped_recipes, to_toml

MINIMAL = "[stages.one]\nsteps = 10\npixel = { weight = 1.0 }\n"


def write(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text)
    return path


def test_every_field_is_documented():
    classes = [value for value in vars(module).values() if dataclasses.is_dataclass(value) and isinstance(value, type)]
    assert len(classes) >= 9
    for cls in classes:
        for entry in dataclasses.fields(cls):
            assert len(entry.metadata.get("doc", "")) >= 6, f"{cls.__name__}.{entry.name}"
    text = describe()
    for word in ("[stages.NAME.content]", "constant", "(required)", "seed", "validate_every"):
        assert word in text


def test_resolved_recipe_reads_back_equal():
    for name in shipped_recipes():
        recipe = load_recipe(name)
        problems: list[str] = []
        assert parse_recipe(tomllib.loads(to_toml(recipe.to_dict())), problems) == recipe
        assert not problems


def test_names_that_toml_must_quote_come_back(tmp_path):
    path = write(tmp_path, MINIMAL + 'content = { layers = { "conv 5" = 1.0, "größe" = 2.0 } }\n')
    recipe = load_recipe(path)
    problems: list[str] = []
    assert parse_recipe(tomllib.loads(to_toml(recipe.to_dict())), problems) == recipe
    assert not problems
