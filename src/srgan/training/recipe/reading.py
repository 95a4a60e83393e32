"""TOML -> :class:`~srgan.training.recipe.fields.Recipe`, with every fault collected before any is reported."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from srgan.errors import RecipeError
from srgan.training.recipe.checking import check
from srgan.training.recipe.fields import Recipe

RENAMED = {
    ("stages", "*", "matrix_rate"): "muon_lr",
    ("stages", "*", "decay"): "weight_decay",
    ("run", "examine_every"): "diagnose_every",
}
"""Keys that had another name before; "*" stands for any name. They are still read."""

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def load_recipe(
    source: str | Path, overrides: Sequence[str] | None = None, *, notes: list[str] | None = None
) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    source : name of a recipe that comes with the package (``"srgan"``, ``"paper"``, ``"keras"``), or a TOML file
    overrides : ``"stages.srresnet.steps=200"``-like strings that replace single values
    notes : is given a line for each key that has a new name

    Raises
    ------
    RecipeError
        one line with everything that is wrong: the file, unknown keys, types, values, contradictions
    """
    path, text = _read(source)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe '{path}' is not TOML: {error}") from error
    problems: list[str] = []
    notes = [] if notes is None else notes
    _rename(data, problems, notes)
    for override in overrides or []:
        _override(data, override, problems, notes)
    recipe = parse_recipe(data, problems, notes=notes)
    if problems or recipe is None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise RecipeError(f"recipe '{path}' has {count}: {'; '.join(problems)}")
    return recipe


def parse_recipe(data: Mapping[str, Any], problems: list[str], *, notes: list[str] | None = None) -> Recipe | None:
    """Build a recipe from nested mappings; None where a value is missing or of the wrong type.

    ``problems`` is given one sentence for each fault, ``notes`` one for each key that has a new name.
    """
    current: dict[str, Any] = _copied(data)
    _rename(current, problems, [] if notes is None else notes)
    builder = _Builder(problems)
    recipe: Recipe = builder.table(Recipe, current, "")
    check(recipe, problems, builder.unusable)
    return None if builder.unusable else recipe


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


def _folder() -> Any:
    packaged = resources.files("srgan") / "recipes"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[4] / "recipes"  # an editable install runs from the checkout


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    entry = _folder() / f"{name}.toml"
    try:
        if not Path(name).suffix and not Path(name).exists() and entry.is_file():
            return name, entry.read_text(encoding="utf-8")
        return name, Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise RecipeError(
            f"cannot read recipe '{name}' ({reason}): give a TOML file or one of {', '.join(shipped_recipes())}"
        ) from error


# --- Keys that were called something else -----------------------------------------------------------------------------


def _copied(data: Any) -> Any:
    return {key: _copied(value) for key, value in data.items()} if isinstance(data, Mapping) else data


def _rename(data: dict[str, Any], problems: list[str], notes: list[str]) -> None:
    """Give the current names to the keys of a file, in place."""
    for (*parents, old), new in RENAMED.items():
        for where, table in _tables(data, parents, ""):
            if old not in table:
                continue
            if new in table:
                problems.append(f"{where}{old} is the old name of {new}, which is there as well: leave {old} out")
                del table[old]
                continue
            renamed = {new if key == old else key: value for key, value in table.items()}
            table.clear()
            table.update(renamed)
            notes.append(f"{where}{old} is now called {new}")


def _tables(data: Any, parents: list[str], where: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables at a path, in which "*" stands for any name, each with its place in the file."""
    if not isinstance(data, dict):
        return []
    if not parents:
        return [(where, data)]
    names = list(data) if parents[0] == "*" else [name for name in parents[:1] if name in data]
    return [found for name in names for found in _tables(data[name], parents[1:], f"{where}{name}.")]


def _override(data: dict[str, Any], override: str, problems: list[str], notes: list[str]) -> None:
    key, sign, value = override.partition("=")
    if not sign:
        problems.append(f"--set {override}: write KEY=VALUE, for instance run.seed=2")
        return
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a string
    *parents, last = key.strip().split(".")
    for old, new in RENAMED.items():
        if last == old[-1] and len(parents) == len(old) - 1 and parents[0] == old[0]:
            notes.append(f"{key.strip()} is now called {new}")
            last = new
    place = data
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            problems.append(f"--set {override}: {parent} is not a table")
            return
    place[last] = parsed


# --- Mappings -> dataclasses ------------------------------------------------------------------------------------------


class _Builder:
    """Builds dataclasses from mappings. A value that cannot be used is replaced, so that all others are checked, too.

    Attributes
    ----------
    unusable : places of the values that were replaced, for instance ``"stages.one.steps"``
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        self.unusable: set[str] = set()

    def table(self, cls: type[Any], data: Any, where: str) -> Any:
        """Return ``cls`` from a mapping; ``where`` is its place in the file, ending in a dot unless empty."""
        hints = typing.get_type_hints(cls)
        known = {entry.name: entry for entry in dataclasses.fields(cls)}
        if not isinstance(data, Mapping):
            self._reject(where.rstrip("."), f"{where.rstrip('.')} must be a table")
            data, missing = {}, False  # that is said; not what is missing in it
        else:
            missing = True
        for key in data:
            if key not in known:
                self.problems.append(f"unknown key {where}{key}{_suggestion(key, list(known))}")
        values: dict[str, Any] = {}
        for name, entry in known.items():
            if name in data:
                values[name] = self._value(hints[name], entry, data[name], f"{where}{name}")
            elif not _has_default(entry):
                if missing:
                    self._reject(f"{where}{name}", f"{where}{name} is missing ({entry.metadata['doc']})")
                values[name] = _stand_in(hints[name])
        return cls(**values)

    def _value(self, hint: Any, entry: dataclasses.Field[Any], value: Any, where: str) -> Any:
        if dataclasses.is_dataclass(hint):
            return self.table(typing.cast("type[Any]", hint), value, f"{where}.")
        if typing.get_origin(hint) is dict:
            return self._named(typing.get_args(hint)[1], value, where)
        if (usable := self._plain(hint, value, where)) is not None:
            return usable
        return entry.default if _has_default(entry) else _stand_in(hint)

    def _named(self, hint: Any, value: Any, where: str) -> dict[str, Any]:
        """Return a table whose keys are names that the user chose."""
        if not isinstance(value, Mapping):
            self._reject(where, f"{where} must be a table")
            return {}
        found = {}
        for name, item in value.items():
            place = f"{where}.{name}"
            if dataclasses.is_dataclass(hint):
                found[name] = self.table(typing.cast("type[Any]", hint), item, f"{place}.")
            elif (usable := self._plain(hint, item, place)) is not None:
                found[name] = usable
        return found

    def _plain(self, hint: Any, value: Any, where: str) -> Any:
        """Return a number, a text or a truth value; None where it is of the wrong type or no choice."""
        if typing.get_origin(hint) is Literal:
            if value in typing.get_args(hint):
                return value
            choices = ", ".join(repr(choice) for choice in typing.get_args(hint))
            self._reject(where, f"{where} must be one of {choices}, not {value!r}")
            return None
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not hint:
            self._reject(where, f"{where} must be {_KINDS[hint]}, not {value!r}")
            return None
        return value

    def _reject(self, where: str, problem: str) -> None:
        self.unusable.add(where)
        self.problems.append(problem)


def _has_default(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is not dataclasses.MISSING or entry.default_factory is not dataclasses.MISSING


def _stand_in(hint: Any) -> Any:
    """Return a value of the type for a key that has no default."""
    return {} if typing.get_origin(hint) is dict else hint(1)


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"
