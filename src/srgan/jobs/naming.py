"""What results are called: ``photo_x4.jpg``, or as a suffix or a template says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from srgan import image
from srgan.errors import UsageError
from srgan.jobs.kinds import Kind
from srgan.storage import Remote

_FIELD = re.compile(r"\{(\w*)\}")
_EXTENSION = re.compile(r"\.[A-Za-z][\w~-]{0,11}")


@dataclass(frozen=True)
class Naming:
    """The rule for the names of results.

    Parameters
    ----------
    label : of the enlargement, for instance ``x4`` or ``w1920`` (:attr:`srgan.Upscaler.label`)
    format : extension of all results, with its dot; None for each input's own
    suffix : what follows the input's name, instead of ``_x4``; it may be empty
    template : the whole name, with ``{stem}``, ``{ext}``, ``{scale}`` and ``{label}`` in it

    Raises
    ------
    UsageError
        if suffix or template cannot be part of a name, or both are given
    """

    label: str
    format: str | None = None
    suffix: str | None = None
    template: str | None = None

    def __post_init__(self) -> None:
        if self.suffix is not None and self.template is not None:
            raise UsageError("--suffix and --name each say what results are called: give one of them")
        for option, text in (("--suffix", self.suffix), ("--name", self.template)):
            if text is not None and any(mark and mark in text for mark in ("/", "\0", os.sep, os.altsep)):
                raise UsageError(f"{option} {text!r} is part of a name, and has no slash: say the folder with -o")
        if self.template is not None:
            unknown = set(_FIELD.findall(self.template)) - {"stem", "ext", "scale", "label"}
            if unknown or "{" in _FIELD.sub("", self.template) or "}" in _FIELD.sub("", self.template):
                raise UsageError(
                    f"--name {self.template!r} cannot be filled in: its fields are {{stem}}, {{scale}}, {{label}} and {{ext}}"
                )

    @property
    def is_chosen(self) -> bool:
        """Whether the user said what results are called."""
        return self.suffix is not None or self.template is not None

    def name(self, source: PurePath, kind: Kind = Kind.PICTURE, *, plain: bool = False) -> str:
        """Return the name of a file's result.

        Parameters
        ----------
        plain : whether it is called like the input, where nothing else was chosen
        """
        end = self.format or _extension(source, kind)
        stem = _stem(source)
        if self.template is not None:
            scale = self.label.removeprefix("x")
            return _filled(
                self.template, {"stem": stem, "ext": end.removeprefix("."), "scale": scale, "label": self.label}
            )
        suffix = self.suffix if self.suffix is not None else "" if plain else f"_{self.label}"
        return f"{stem}{suffix}{end}"


def checked_extension(format: str, kinds: frozenset[str] = image.WRITABLE) -> str:
    """Return ``.png`` for ``PNG`` or ``.png``; UsageError if that format is not written."""
    extension = "." + format.lower().lstrip(".")
    if extension not in kinds:
        raise UsageError(f"cannot write the format {format!r}: choose one of {', '.join(sorted(kinds))}")
    return extension


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: values[field[1]], template)


def _extension(source: PurePath, kind: Kind) -> str:
    """Return the input's own extension, or that of a format which holds the result."""
    suffix = source.suffix.lower()
    if suffix in kind.targets:
        return source.suffix
    if kind is not Kind.PICTURE:
        return ".mkv"  # holds most kinds of sound and subtitles
    if suffix in image.PICTURE_SUFFIXES or isinstance(source, Remote):
        return ".png"
    found = image.format_of_content(Path(source))
    return ".png" if found is None or found.suffixes[0] not in image.WRITABLE else found.suffixes[0]


def _stem(source: PurePath) -> str:
    """Return the name without its extension; what follows the last dot of ``IMG.1234`` or ``10.30 PM`` is none."""
    return source.stem if _EXTENSION.fullmatch(source.suffix) else source.name
