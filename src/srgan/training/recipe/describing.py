"""Recipes as text: the documentation of all keys, and a resolved recipe as TOML."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from srgan.training.recipe.fields import Recipe


def to_toml(data: Mapping[str, Any]) -> str:
    """Write nested mappings of numbers, strings and truth values as TOML (the resolved recipe of a run folder)."""
    import tomli_w

    return tomli_w.dumps(data)


def describe() -> str:
    """Return the documentation of every recipe key: place, type, default, meaning with its unit."""
    lines: list[str] = []

    def section(cls: type[Any], path: str) -> None:
        hints = typing.get_type_hints(cls)
        lines.append(f"[{path}]" if path else "")
        nested: list[tuple[type[Any], str]] = []
        for entry in dataclasses.fields(cls):
            hint = hints[entry.name]
            if dataclasses.is_dataclass(hint):
                nested.append((typing.cast("type[Any]", hint), f"{path}.{entry.name}" if path else entry.name))
            elif typing.get_origin(hint) is dict and dataclasses.is_dataclass(typing.get_args(hint)[1]):
                nested.append((typing.get_args(hint)[1], f"{entry.name}.NAME"))
            else:
                lines.append(f"  {entry.name:<18} {_default(entry):<22} {_kind(hint)}: {entry.metadata['doc']}")
        for inner, place in nested:
            section(inner, place)

    section(Recipe, "")
    return "\n".join(line for line in lines if line)


def _default(entry: dataclasses.Field[Any]) -> str:
    if entry.default is not dataclasses.MISSING:
        return f"= {entry.default!r}" if not isinstance(entry.default, float) else f"= {entry.default:g}"
    if callable(entry.default_factory):
        return f"= {entry.default_factory()!r}"
    return "(required)"


def _kind(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " | ".join(typing.get_args(hint))
    if isinstance(hint, types.GenericAlias):
        return "table"
    return {int: "whole number", float: "number", bool: "true/false", str: "text"}[hint]
