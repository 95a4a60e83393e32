"""What a run trains and validates on: finds it, decodes it into the run folder, and names what was left out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from srgan.data.shards import Shards, open_shards
from srgan.data.words import counted
from srgan.errors import DataError, UsageError
from srgan.image import list_pictures
from srgan.storage import Remote
from srgan.training.pictures import Pictures, Sharpening, prepare
from srgan.training.processes import Processes
from srgan.training.recipe import Recipe
from srgan.training.report import Reporter
from srgan.training.sources import Files, find_files, has_pairs, held_out_pictures, hold_out, prepare_shards
from srgan.training.validation import ValidationSet, find_validation, load_validation

_NONE_KEPT = "fewer than ten pictures: none is held out for validation; give some with --val"


def for_data(recipe: Recipe, photos: PurePath, lr: Path | None, out: Path) -> Recipe:
    """Check what is to be trained on before any work; return the recipe adapted to it."""
    if open_shards(photos) is not None:
        if lr is not None:
            raise UsageError("--lr is for a folder of pictures, and shards hold tiles of HR alone: leave it out")
        return recipe
    if isinstance(photos, Remote):
        raise UsageError(f"there are no shards in '{photos}': make some with srgan data prepare FOLDER {photos}")
    photos = Path(photos)
    if not photos.is_dir():
        raise UsageError(f"'{photos}' is not a folder: give one with pictures in it")
    if lr or has_pairs(photos, recipe.generator.scale):
        recipe = replace(recipe, data=replace(recipe.data, degradation="given"))
    _files(recipe, photos, lr, out)
    return recipe


def load_data(
    recipe: Recipe,
    photos: PurePath,
    lr: Path | None,
    validation: Sequence[Path],
    out: Path,
    reporter: Reporter,
    processes: Processes,
) -> tuple[Pictures, Sequence[ValidationSet]]:
    """Decode the training pictures into the run folder, name what was left out; return them and the validation sets.

    Parameters
    ----------
    recipe : as :func:`for_data` has returned it
    photos, lr : see :class:`srgan.training.request.Request`
    validation : folders; empty keeps some pictures aside
    out : the run folder

    Raises
    ------
    DataError, ImageReadError, UsageError
        when no usable picture is left, or a validation picture cannot be used
    """
    common: dict[str, Any] = {
        "scale": recipe.generator.scale,
        "bands": recipe.generator.bands,
        "degradation": recipe.data.degradation,
    }
    smallest = max(stage.crop for stage in recipe.stages.values())
    if (shards := open_shards(photos)) is not None:
        return _load_shards(recipe, shards, validation, out, reporter, processes, smallest)
    files = _files(recipe, Path(photos), lr, out)
    lost, kept = files.lost, files.part([])
    if not validation:
        files, kept = hold_out(files, smallest=smallest, scale=common["scale"], bands=common["bands"])

    def prepared() -> Pictures:
        return prepare(
            files.hr, out / "cache", partners=files.lr, smallest=smallest, sharpening=_sharpening(recipe), **common
        )

    if processes.is_first:
        what = "picture" if files.lr is None else "pair"
        reporter.say(f"decoding {counted(len(files), what)} of '{photos}'")
        prepared()
    processes.wait()
    pictures = prepared()
    _report(pictures, lost, reporter)
    if validation:
        return pictures, find_validation(validation, **common)
    if len(kept):
        reporter.say(
            f"validating on {counted(len(kept), 'picture')} held out from training: "
            + ", ".join(file.name for file in kept.hr)
        )
        if processes.is_first:
            _copy_kept(kept, out / "validation", common["scale"])
        processes.wait()
        return pictures, [load_validation("validation", kept.hr, partners=kept.lr, **common)]
    reporter.say(_NONE_KEPT)
    return pictures, []


def _sharpening(recipe: Recipe) -> Sharpening:
    return Sharpening(recipe.data.sharpen, any(stage.wants_plain for stage in recipe.stages.values()))


def _report(pictures: Pictures, lost: tuple[tuple[str, str], ...], reporter: Reporter) -> None:
    for name, reason in (*lost, *pictures.rejected):
        reporter.say(f"left out: {name}: {reason}" if name not in reason else f"left out: {reason}")
    reporter.say(f"training on {counted(len(pictures.names), 'picture')}, {pictures.megapixels:.1f} megapixels")


def _load_shards(
    recipe: Recipe,
    shards: Shards,
    validation: Sequence[Path],
    out: Path,
    reporter: Reporter,
    processes: Processes,
    smallest: int,
) -> tuple[Pictures, Sequence[ValidationSet]]:
    bands, scale, degradation = recipe.generator.bands, recipe.generator.scale, recipe.data.degradation
    if shards.bands != bands:
        raise DataError(
            f"the shards in '{shards.place}' have {shards.bands} bands and generator.bands is {bands}: "
            "set it to that, or prepare them anew with --bands"
        )
    if degradation == "given":
        raise UsageError("shards hold tiles of HR alone: take another data.degradation than 'given'")
    kept = () if validation else held_out_pictures(shards)
    folder = out / "validation" / "HR"

    def prepared() -> Pictures:
        return prepare_shards(
            shards,
            out / "cache",
            kept=kept,
            keep_in=folder,
            scale=scale,
            smallest=smallest,
            degradation=degradation,
            sharpening=_sharpening(recipe),
        )

    if processes.is_first:
        reporter.say(f"decoding {counted(shards.tiles, 'tile')} of '{shards.place}'")
        prepared()
    processes.wait()
    pictures = prepared()
    _report(pictures, (), reporter)
    common: dict[str, Any] = {"scale": scale, "bands": bands, "degradation": degradation}
    if validation:
        return pictures, find_validation(validation, **common)
    if kept:
        reporter.say(f"validating on a tile of each of {counted(len(kept), 'picture')} held out from training")
        return pictures, [load_validation("validation", list_pictures(folder), **common)]
    reporter.say(_NONE_KEPT)
    return pictures, []


def _files(recipe: Recipe, photos: Path, lr: Path | None, out: Path) -> Files:
    paired = recipe.data.degradation == "given"
    return find_files(photos, lr, scale=recipe.generator.scale, paired=paired, out=out)


def _copy_kept(kept: Files, folder: Path, scale: int) -> None:
    """Copy the held-out pictures into a folder laid out as benchmarks are."""
    for number, file in enumerate(kept.hr):
        # By their path, as two folders may have pictures of one name; LR under the name of its HR.
        name = "-".join(file.relative_to(kept.root).parts)
        for part, source in (("HR", file), (f"LRx{scale}", kept.lr[number] if kept.lr else None)):
            if source is not None:
                (folder / part).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, (folder / part / name).with_suffix(source.suffix))
