"""``srgan models``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from srgan.cli import completion
from srgan.cli.lines import printable
from srgan.models.figures import figures


def models_command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="Print this network's full card; for auto, how it chooses.",
            show_default=False,
            autocompletion=completion.networks,
        ),
    ] = None,
) -> None:
    """List the shipped networks, or print the card of one."""
    from srgan.models.catalogue import AUTO, CATALOGUE, resolve
    from srgan.models.metadata import read_info

    if name == AUTO:
        print("\n".join(_choice()))
        return
    if name is not None:
        info = read_info(resolve(name))
        head = {
            "name": info.name,
            "file": str(info.path),
            "scale": info.scale,
            "receptive radius": f"{info.radius} pixels",
        }
        if name in CATALOGUE:
            head["use it for"] = CATALOGUE[name].when
            if by_size := "; ".join(_by_size(name)):
                head["with auto"] = by_size
        for line in _outline({**head, **info.card}):
            print(printable(line))  # a card from elsewhere may say anything, and move the cursor
        return
    from srgan.models.catalogue import AUTO_WHEN, shipped_file

    rows = [("NAME", "SCALE", "USE IT FOR", "PSNR-Y / SSIM-Y")]
    rows.append((AUTO, "x4", f"{AUTO_WHEN} (the default)", ""))
    for key, entry in CATALOGUE.items():
        if shipped_file(entry).is_file():
            info = read_info(shipped_file(entry))
            rows.append((key, f"x{info.scale}", entry.when, figures(info.card)))
        else:
            rows.append((key, "", entry.when, "(its file is missing: install srgan again)"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip())


def _choice() -> Iterator[str]:
    """Yield what there is to say of auto: what it looks for, and what it takes then."""
    from srgan.models.catalogue import AUTO, AUTO_WHEN, CATALOGUE, CLEAN, CLIPS, COMPRESSED, DEEP, NOISY, THRESHOLDS

    yield f"{AUTO}: {AUTO_WHEN}"
    yield f"  clean pictures: {CLEAN}"
    yield f"  damaged pictures: {COMPRESSED}, if one of these is reached or several nearly are; in between, both are mixed"
    yield f"    noise: {THRESHOLDS.noise:g} levels of 255; {THRESHOLDS.even_noise:g} where it cannot be mistaken for texture"
    yield f"    JPEG blocking: {THRESHOLDS.blocks:g}, or a file saved with a quality below {THRESHOLDS.jpeg_below}"
    yield f"    blur: sharpness below {THRESHOLDS.sharpness:g}"
    yield f"    with {THRESHOLDS.noisy:g} levels of noise and more: {NOISY} in its place, which leaves less of it"
    yield f"  pictures of 16 bits: {DEEP}, which invents nothing"
    yield f"  clips: {CLIPS}"
    for name in CATALOGUE:
        yield from (f"  {line}" for line in _by_size(name))
    yield "--denoise 0 to 1 overrides what is seen; srgan models NAME prints the card of a network"


def _by_size(name: str) -> Iterator[str]:
    """Yield what auto takes instead of a shipped network, by the size that a picture becomes."""
    from srgan.models.catalogue import for_twice, in_turn

    if (other := for_twice(name)) != name:
        yield f"what becomes at most twice as large: {other} instead of {name}"
    first, last = in_turn(name)
    if first != last:
        yield f"what becomes more than four times as large: {first}, then {last}, instead of {name} twice"


def _outline(value: Any, indent: str = "") -> Iterator[str]:
    """Yield JSON as indented ``key: value`` lines; lists of plain values stay on one line."""
    pairs = value.items() if isinstance(value, Mapping) else (("-", item) for item in value)
    for key, item in pairs:
        label = f"{indent}{key}" + ("" if key == "-" else ":")
        if isinstance(item, Mapping | list) and item and not _is_flat(item):
            yield label
            yield from _outline(item, indent + "  ")
        else:
            yield f"{label} {_plain(item)}"


def _is_flat(item: Any) -> bool:
    return isinstance(item, list) and all(not isinstance(part, Mapping | list) for part in item)


def _plain(item: Any) -> str:
    if isinstance(item, list):
        return ", ".join(_plain(part) for part in item) or "none"
    if item is None or item == {}:
        return "none"
    if isinstance(item, float):
        return f"{item:.6g}"
    return str(item)
