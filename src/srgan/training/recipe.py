"""Recipes: all that determines a training run, read from TOML into frozen dataclasses.

Every field is documented where it stands, with its unit; ``describe()`` prints them all, and ``srgan train --help-recipe``
shows that. Unknown keys, wrong types, values out of range and contradictions are collected and reported all together.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from srgan.errors import RecipeError
from srgan.image.multiband import MAX_BANDS


def _doc(text: str, default: Any = dataclasses.MISSING) -> Any:
    """Make a field that carries its documentation."""
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata={"doc": text})
    if default is dataclasses.MISSING:
        return field(metadata={"doc": text})
    return field(default=default, metadata={"doc": text})


@dataclass(frozen=True)
class NetworkRecipe:
    """``[generator]``: the shape of the generator."""

    scale: int = _doc("enlargement, a power of two", 4)
    bands: int = _doc(
        "bands of the pictures, 1 to 13: 3 for RGB, 1 for gray; for another number all pictures must have so many", 3
    )
    features: int = _doc("feature maps of the trunk (paper: 64)", 64)
    blocks: int = _doc("residual blocks (paper: 16)", 16)
    norm: Literal["batch", "none"] = _doc("'batch' for the paper's BatchNorm, 'none' for none (EDSR)", "batch")
    output: Literal["tanh", "linear"] = _doc("'tanh' (paper's code) or 'linear'", "tanh")


@dataclass(frozen=True)
class DiscriminatorRecipe:
    """``[discriminator]``: the shape of the discriminator; used by stages with an adversarial loss."""

    features: int = _doc("feature maps of the first convolution (paper: 64)", 64)
    dense: int = _doc("width of the dense layer (paper: 1024)", 1024)
    norm: Literal["batch", "spectral", "none"] = _doc("normalisation of its layers (paper: 'batch')", "batch")


@dataclass(frozen=True)
class DataRecipe:
    """``[data]``: how training pairs are drawn."""

    degradation: Literal["bicubic", "photo", "given"] = _doc(
        "how LR is made from HR: 'bicubic' as MATLAB's imresize, antialiased (the benchmarks), or 'photo', a random chain of "
        "blur, resizing, noise and JPEG for each crop (what people's files are like); 'given' takes the LR pictures that you "
        "have: it is set by itself where the folder has HR/ and LRx4/ (or LR/), and by --lr",
        "bicubic",
    )
    flips: bool = _doc("mirror and rotate crops at random by multiples of 90 degrees", True)
    workers: int = _doc("processes that prepare batches beside the training; 0 prepares them within", 0)


@dataclass(frozen=True)
class PixelLoss:
    """``[stages.NAME.pixel]``: difference of the pictures, value by value."""

    kind: Literal["mse", "l1"] = _doc("'mse' (paper, equation 4) or 'l1'", "l1")
    weight: float = _doc("factor in the total; 0 leaves it out", 0.0)


@dataclass(frozen=True)
class ContentLoss:
    """``[stages.NAME.content]``: difference of the pictures' VGG features (paper, equation 5)."""

    weight: float = _doc("factor in the total; 0 leaves it out", 0.0)
    network: Literal["vgg19", "vgg16"] = _doc("feature network, with ImageNet weights", "vgg19")
    layers: dict[str, float] = _doc("convolution -> its weight; activations before the ReLU", {"conv5_4": 1.0})
    kind: Literal["mse", "l1"] = _doc("difference of the features", "mse")
    scaling: Literal["relative", "unit", "constant"] = _doc(
        "'relative' divides each layer by its mean magnitude on the HR batch, whatever the weight file's own magnitudes; "
        "'unit' takes the ReLU and brings the features of each position to unit length (LPIPS); "
        "'constant' multiplies features by `constant`",
        "relative",
    )
    constant: float = _doc("multiplier of the features for scaling 'constant' (paper: 1/12.75)", 1 / 12.75)


@dataclass(frozen=True)
class AdversarialLoss:
    """``[stages.NAME.adversarial]``: the discriminator's judgement (paper, equation 6)."""

    weight: float = _doc("factor in the total (paper: 1e-3); 0 trains no discriminator", 0.0)
    kind: Literal["standard", "relativistic"] = _doc(
        "'standard' cross entropy, or 'relativistic' average (arXiv:1807.00734)", "standard"
    )
    rate: float = _doc("the discriminator's learning rate; 0 takes the generator's", 0.0)
    label: float = _doc("target for photographs in the discriminator's loss; 0.9 smooths one-sidedly", 1.0)


@dataclass(frozen=True)
class Stage:
    """``[stages.NAME]``: one part of the training; the next one goes on from this one's averaged weights."""

    steps: int = _doc("optimizer steps")
    batch: int = _doc("crops a step, over all devices", 16)
    accumulate: int = _doc(
        "parts that a device takes its share of the batch in, one after the other: less memory for the same gradients, except "
        "that normalisation, 'relative' scaling and relativistic losses see one part at a time",
        1,
    )
    crop: int = _doc("side of the HR crops, in pixels; a multiple of the scale", 96)
    candidates: int = _doc(
        "random positions for each crop, of which the most detailed one is taken: 1 treats all alike, more leave out sky",
        1,
    )
    optimizer: Literal["adam", "muon"] = _doc(
        "'adam' (paper), or 'muon' for the generator's hidden convolutions and Adam for all else", "adam"
    )
    rate: float = _doc("highest learning rate of Adam", 1e-4)
    tail_rate: float = _doc(
        "the last convolution's learning rate, as a share of `rate`: it sums 81 positions of all feature maps, so that a step "
        "of equal size changes the picture ten times as much as one of a 3x3 convolution",
        1.0,
    )
    vector_rate: float = _doc("learning rate of biases and slopes, as a share of `rate`", 1.0)
    matrix_rate: float = _doc("highest learning rate of Muon; falls in proportion with Adam's", 5e-4)
    decay: float = _doc("with Muon: share of a weight that a step takes away, times the learning rate", 1.0)
    final_rate: float = _doc("learning rate at the last step; equal to `rate` for a constant one", 1e-4)
    schedule: Literal["cosine", "hyperbolic", "constant", "halves"] = _doc(
        "'cosine' from rate to final_rate, 'hyperbolic' (a half after a tenth of the steps, a tenth after half of them), "
        "'constant', or 'halves' (rate, then final_rate from the middle on; paper)",
        "cosine",
    )
    warmup: int = _doc("first steps, over which the rate rises linearly from 0", 0)
    beta1: float = _doc("Adam's beta1 (paper: 0.9)", 0.9)
    beta2: float = _doc("Adam's beta2", 0.999)
    grid: float = _doc(
        "weight of the error that has a fixed place on the sub-pixels of the generator: against the fine grid that content "
        "losses bring to sub-pixel convolutions; 0 leaves it out",
        0.0,
    )
    shift: bool = _doc(
        "content and adversarial losses see each batch cut at a random offset below the scale: their strides then have no fixed "
        "place on the sub-pixels of the generator, and leave no grid of that period in its pictures",
        False,
    )
    clip: float = _doc("largest norm of the generator's gradient; 0 does not clip", 0.0)
    ema: float = _doc(
        "decay a step of the exponential moving average of the weights; 0 uses the weights as they are", 0.999
    )
    pixel: PixelLoss = field(default_factory=PixelLoss, metadata={"doc": "pixel loss"})
    content: ContentLoss = field(default_factory=ContentLoss, metadata={"doc": "content loss"})
    adversarial: AdversarialLoss = field(default_factory=AdversarialLoss, metadata={"doc": "adversarial loss"})


@dataclass(frozen=True)
class RunRecipe:
    """``[run]``: what does not change the method."""

    seed: int = _doc("seed of weights, crops and everything else that is random", 1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = _doc(
        "'bf16' and 'fp16' compute mixed; 'auto' takes bf16 where the machine is fast at it, else fp32", "auto"
    )
    replay: bool = _doc(
        "on one GPU: record the passes of the generator and of the feature network once (CUDA graphs) and replay them, which "
        "takes less time than to start their kernels one by one",
        True,
    )
    validate_every: int = _doc("steps between validations (PSNR and a picture in results/)", 1000)
    checkpoint_every: int = _doc("steps between checkpoints", 500)
    log_every: int = _doc("steps between lines in the log and points in TensorBoard", 50)
    examine_every: int = _doc(
        "steps between closer looks: each loss term's gradient on the generator, and magnitudes of features", 500
    )
    keep: int = _doc("newest checkpoints kept, beside the best", 3)


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. ``stages`` run in the order of the file; each exports a network named ``NAME-x<scale>``."""

    stages: dict[str, Stage] = field(metadata={"doc": "the stages, by name"})
    generator: NetworkRecipe = field(default_factory=NetworkRecipe, metadata={"doc": "the generator"})
    discriminator: DiscriminatorRecipe = field(
        default_factory=DiscriminatorRecipe, metadata={"doc": "the discriminator"}
    )
    data: DataRecipe = field(default_factory=DataRecipe, metadata={"doc": "the data"})
    run: RunRecipe = field(default_factory=RunRecipe, metadata={"doc": "the run"})

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, numbers and strings, in the file's structure."""
        return dataclasses.asdict(self)


def load_recipe(source: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    source : name of a recipe that comes with the package (``"srgan"``, ``"paper"``, ``"keras"``), or a TOML file
    overrides : ``"stages.srresnet.steps=200"``-like strings that replace single values

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
    for override in overrides or []:
        _override(data, override, problems)
    recipe = parse_recipe(data, problems)
    if problems or recipe is None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise RecipeError(f"recipe '{path}' has {count}: {'; '.join(problems)}")
    return recipe


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


def parse_recipe(data: Mapping[str, Any], problems: list[str]) -> Recipe | None:
    """Build a recipe from nested mappings, appending one sentence to ``problems`` for each fault found."""
    recipe: Recipe | None = _build(Recipe, data, "", problems)
    if recipe is not None:
        problems.extend(_contradictions(recipe))
    return recipe


def _folder() -> Any:
    packaged = resources.files("srgan") / "recipes"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[3] / "recipes"  # an editable install runs from the checkout


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


def _override(data: dict[str, Any], override: str, problems: list[str]) -> None:
    key, sign, value = override.partition("=")
    if not sign:
        problems.append(f"--set {override}: write KEY=VALUE, for instance run.seed=2")
        return
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a string
    *parents, last = key.strip().split(".")
    place = data
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            problems.append(f"--set {override}: {parent} is not a table")
            return
    place[last] = parsed


def _build(cls: type[Any], data: Any, where: str, problems: list[str]) -> Any:
    """Build dataclass ``cls`` from a mapping; ``where`` is its place in the file, ending in a dot unless empty."""
    if not isinstance(data, Mapping):
        problems.append(f"{where.rstrip('.')} must be a table")
        return None
    hints = typing.get_type_hints(cls)
    known = {entry.name: entry for entry in dataclasses.fields(cls)}
    for key in data:
        if key not in known:
            problems.append(f"unknown key {where}{key}{_suggestion(key, list(known))}")
    values: dict[str, Any] = {}
    complete = True
    for name, entry in known.items():
        if name in data:
            value = _convert(hints[name], data[name], f"{where}{name}", problems)
            complete &= value is not None
            values[name] = value
        elif entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
            problems.append(f"{where}{name} is missing ({entry.metadata['doc']})")
            complete = False
    return cls(**values) if complete else None


def _convert(hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value, f"{where}.", problems)
    origin = typing.get_origin(hint)
    if origin is Literal:
        if value in typing.get_args(hint):
            return value
        choices = ", ".join(repr(choice) for choice in typing.get_args(hint))
        problems.append(f"{where} must be one of {choices}, not {value!r}")
        return None
    if origin is dict:
        if not isinstance(value, Mapping):
            problems.append(f"{where} must be a table")
            return None
        inner = typing.get_args(hint)[1]
        converted = {key: _convert(inner, item, f"{where}.{key}", problems) for key, item in value.items()}
        return None if None in converted.values() else converted
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint:
        problems.append(f"{where} must be {kinds[hint]}, not {value!r}")
        return None
    return value


def _suggestion(key: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(key, known, 1)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"


def _contradictions(recipe: Recipe) -> list[str]:
    """Return what no single field shows to be wrong, and values out of range."""
    found: list[str] = []

    def need(condition: bool, message: str) -> None:
        if not condition:
            found.append(message)

    generator, scale = recipe.generator, recipe.generator.scale
    need(scale >= 2 and not scale & (scale - 1), f"generator.scale must be a power of two from 2 on, not {scale}")
    need(1 <= generator.bands <= MAX_BANDS, f"generator.bands must be from 1 to {MAX_BANDS}, not {generator.bands}")
    coloured = generator.bands in (1, 3)
    need(
        coloured or recipe.data.degradation != "photo",
        f"data.degradation 'photo' is for 1 or 3 bands, and generator.bands is {generator.bands}: take 'bicubic'",
    )
    for name in ("features", "blocks"):
        need(getattr(generator, name) >= 1, f"generator.{name} must be at least 1")
    for name in ("features", "dense"):
        need(getattr(recipe.discriminator, name) >= 1, f"discriminator.{name} must be at least 1")
    need(recipe.data.workers >= 0, "data.workers must not be negative")
    for name in ("validate_every", "checkpoint_every", "log_every", "examine_every", "keep"):
        need(getattr(recipe.run, name) >= 1, f"run.{name} must be at least 1")
    need(0 <= recipe.run.seed < 2**32, "run.seed must be from 0 to 4294967295")
    need(bool(recipe.stages), "there are no stages")
    for name, stage in recipe.stages.items():
        at = f"stages.{name}"
        need(_is_bare(name), f"{at}: a stage's name has letters from a to z, digits, - and _ only")
        need(stage.steps >= 1, f"{at}.steps must be at least 1")
        need(stage.batch >= 1, f"{at}.batch must be at least 1")
        need(
            stage.accumulate >= 1 and stage.batch % max(stage.accumulate, 1) == 0,
            f"{at}.batch ({stage.batch}) must be a multiple of accumulate ({stage.accumulate})",
        )
        need(
            stage.crop >= scale and stage.crop % max(scale, 1) == 0,
            f"{at}.crop ({stage.crop}) must be a multiple of generator.scale ({scale})",
        )
        need(0 < stage.rate <= 1, f"{at}.rate must be above 0 and at most 1")
        need(0 < stage.matrix_rate <= 1, f"{at}.matrix_rate must be above 0 and at most 1")
        need(0 < stage.tail_rate <= 1, f"{at}.tail_rate must be above 0 and at most 1")
        need(0 < stage.vector_rate <= 1, f"{at}.vector_rate must be above 0 and at most 1")
        need(1 <= stage.candidates <= 100, f"{at}.candidates must be from 1 to 100")
        need(0 <= stage.decay <= 100, f"{at}.decay must be from 0 to 100")
        need(0 <= stage.final_rate <= stage.rate, f"{at}.final_rate must be between 0 and rate")
        need(stage.warmup >= 0, f"{at}.warmup must not be negative")
        need(0 <= stage.beta1 < 1 and 0 <= stage.beta2 < 1, f"{at}: beta1 and beta2 must be from 0 to below 1")
        need(0 <= stage.ema < 1, f"{at}.ema must be from 0 to below 1")
        need(stage.grid >= 0, f"{at}.grid must not be negative")
        need(not stage.grid or stage.crop >= 5 * scale, f"{at}.crop must be at least 5 * generator.scale for grid")
        need(stage.clip >= 0, f"{at}.clip must not be negative")
        weights = {
            "pixel": stage.pixel.weight,
            "content": stage.content.weight,
            "adversarial": stage.adversarial.weight,
        }
        for term, weight in weights.items():
            need(weight >= 0, f"{at}.{term}.weight must not be negative")
        need(any(weights.values()), f"{at} has no loss: give pixel, content or adversarial a weight above 0")
        if stage.content.weight:
            need(
                coloured,
                f"{at}.content: VGG's features are of 3 bands (or 1, repeated), and generator.bands is {generator.bands}: "
                "set its weight to 0",
            )
            need(bool(stage.content.layers), f"{at}.content.layers is empty")
            for layer, weight in stage.content.layers.items():
                need(weight > 0, f"{at}.content.layers.{layer} must be above 0")
                need(
                    _is_layer(stage.content.network, layer),
                    f"{at}.content: {stage.content.network} has no layer {layer!r}",
                )
            need(stage.content.constant > 0, f"{at}.content.constant must be above 0")
        if stage.adversarial.weight:
            need(stage.crop >= 16, f"{at}.crop must be at least 16 for a discriminator")
            need(0 <= stage.adversarial.rate <= 1, f"{at}.adversarial.rate must be from 0 to 1")
            need(0.5 < stage.adversarial.label <= 1, f"{at}.adversarial.label must be above 0.5 and at most 1")
    return found


def _is_layer(network: str, layer: str) -> bool:
    depth = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}[network]
    stage, _, n = layer.removeprefix("conv").partition("_")
    return (
        layer.startswith("conv")
        and stage in "12345"
        and len(stage) == 1
        and n.isdigit()
        and 1 <= int(n) <= depth[int(stage) - 1]
    )


def to_toml(data: Mapping[str, Any]) -> str:
    """Write nested mappings of numbers, strings and truth values as TOML (the resolved recipe of a run folder)."""
    lines: list[str] = []

    def table(mapping: Mapping[str, Any], path: str) -> None:
        leaves = {key: value for key, value in mapping.items() if not isinstance(value, Mapping)}
        if path and (leaves or not mapping):
            lines.append(f"[{path}]")
        lines.extend(f"{_key(key)} = {_literal(value)}" for key, value in leaves.items())
        if leaves:
            lines.append("")
        for key, value in mapping.items():
            if isinstance(value, Mapping):
                table(value, f"{path}.{_key(key)}" if path else _key(key))

    table(data, "")
    return "\n".join(lines).rstrip() + "\n"


def _is_bare(key: str) -> bool:
    """Whether TOML takes a key without quotes."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]+", key))


def _key(key: str) -> str:
    return key if _is_bare(key) else _literal(key)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


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
                lines.append(f"  {entry.name:<16} {_default(entry):<22} {_kind(hint)}: {entry.metadata['doc']}")
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
