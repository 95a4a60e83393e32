"""What ``srgan upscale`` does: check what was asked for, run it, say what came of it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.cli import folder, pipe, video, watch
from srgan.cli.lines import say
from srgan.cli.pictures import picture_listener
from srgan.cli.upscale_options import CommandOptions
from srgan.errors import UsageError
from srgan.files import refuse_existing
from srgan.jobs import before, report_page
from srgan.jobs.find import counts
from srgan.jobs.job import Keeping
from srgan.jobs.plan import Plan
from srgan.jobs.reports import Report
from srgan.jobs.run import run_one, run_pictures
from srgan.models.catalogue import AUTO

if TYPE_CHECKING:
    from srgan.engine.choice import ModelChooser


def carry_out(options: CommandOptions) -> bool:
    """Do what the command was asked for; return whether nothing failed."""
    if pipe.is_asked_for(options.paths, options.output):
        return pipe.run(options)
    found = options.plan(empty=options.watch)
    check(found, options)
    only_clips = bool(found.clips) and not (found.pictures or found.refused or found.folder)
    model = options.clip_model(found.clips[0].source) if only_clips else options.model
    chooser = options.open(model)
    if options.watch:
        return _watch(found, chooser, options)
    if options.dry_run:
        asked: dict[str, Any] = {"overwrite": options.overwrite, "quality": options.quality}
        if found.folder is None:
            lines = folder.dry_run_files(found, chooser, **asked)
        else:
            lines = folder.dry_run(_folder_job(found, options), chooser, **asked)
        print("\n".join(lines))
        for failure in found.refused:
            say(str(failure.error))
        return True
    report = Report()
    if found.pictures or found.refused or not found.clips:
        report = run(found, chooser, options)
        if not (options.quiet or (found.clips and not found.pictures) or (found.single and found.pictures)):
            say(summary(report, found))
    alone = found.single or (len(found.clips) == 1 and not found.pictures and not found.refused)
    return _run_clips(found, {model: chooser}, options, many=not alone) and not report.failed


def _run_clips(found: Plan, choosers: dict[str, ModelChooser], options: CommandOptions, *, many: bool) -> bool:
    """Do the clips, each by the network for it, which is opened if it is not in ``choosers``; return whether none failed."""
    fine = True
    said = {options.model}
    for model, clips in itertools.groupby(found.clips, lambda job: options.clip_model(job.source)):
        if model not in said and not options.quiet:
            say(f"by {model}, the fast network (--model takes another one)")
        said.add(model)
        if model not in choosers:
            choosers[model] = options.open(model)
        made = {"model": model, **options.network}
        fine &= video.run(list(clips), choosers[model].for_clips(), made, options.video, many=many)
    return fine


def check(found: Plan, options: CommandOptions) -> None:
    """Raise UsageError for options that contradict each other, or what there is to do; before the network opens."""
    given = {
        "--check": options.check,
        "--check-map": options.check_map,
        "--dry-run": options.dry_run,
        "--report": options.report,
        "--ray": options.ray,
        "--watch": options.watch,
    }
    video.check(found.clips, options.video, [name for name, value in given.items() if value])
    if found.folder is None and (options.report is not None or options.ray is not None or options.watch):
        raise UsageError(
            "--report, --watch and --ray are for a folder of pictures: name one, or give many and -o FOLDER"
        )
    if options.ray is not None and options.check:
        raise UsageError("--check does not work on a cluster: leave out --check or --ray")
    if options.ray is not None and options.keeping != Keeping():
        raise UsageError("--keep-date and --no-history do not work on a cluster: leave them out, or --ray")
    if options.ray is not None and options.watch:
        raise UsageError("--watch does not work on a cluster: leave out --watch or --ray")
    places = before.Places()
    if options.report is not None:
        report_page.check_name(options.report)
        places.check(Path(options.report))
    if options.check_map is not None:
        if not (found.single and found.pictures):
            raise UsageError("--check-map draws one picture: name one, or leave it out")
        image.format_of(options.check_map)  # a wrong suffix is said before the work, not after it
        job = found.pictures[0]
        if os.path.realpath(options.check_map) in map(os.path.realpath, (job.source, job.target)):
            raise UsageError(f"{options.check_map} is the picture itself: give the map of --check-map another name")
        refuse_existing(Path(options.check_map), overwrite=options.overwrite)
        places.check(Path(options.check_map))


def run(found: Plan, chooser: ModelChooser, options: CommandOptions) -> Report:
    """Do the pictures; a single one's error is raised, others are printed and are in the report."""
    single = found.single and len(found.pictures) == 1
    asked: dict[str, Any] = {"overwrite": options.overwrite, "quality": options.quality, "keeping": options.keeping}
    with picture_listener(many=not single, quiet=options.quiet, chosen=options.model == AUTO) as listener:
        for failure in found.refused:
            listener.failed(failure)
        if single:
            compare = options.check or options.check_map is not None
            done = run_one(found.pictures[0], chooser, check=compare, listener=listener, **asked)
            if options.check_map is not None and done.check is not None:
                image.write(image.Picture(done.check.map()), options.check_map, overwrite=options.overwrite)
            return Report(written=[done])
        if found.folder is not None:
            report = folder.run(
                _folder_job(found, options),
                chooser,
                check=options.check,
                listener=listener,
                report_to=options.report,
                cluster=None if options.ray is None else folder.Cluster(options.ray, options.model, options.network),
                **asked,
            )
        else:
            finished = [] if options.overwrite else found.finished()
            known = frozenset(finished)
            todo = [job for job in found.pictures if job not in known]
            report = run_pictures(todo, chooser, check=options.check, listener=listener, **asked)
            report.unchanged += finished
    report.failed[:0] = found.refused
    return report


def _watch(found: Plan, chooser: ModelChooser, options: CommandOptions) -> bool:
    if not options.quiet:
        say(f"watching {', '.join(options.paths)} (Ctrl-C stops it)")
    report = watch.run(found, lambda: options.plan(empty=True), lambda new: run(new, chooser, options))
    if not options.quiet:
        say(summary(report, found))
    return not report.failed


def _folder_job(found: Plan, options: CommandOptions) -> folder.FolderJob:
    assert found.folder is not None
    return folder.describe(found.pictures, found.folder, options.model, options.settings(), found.versions)


def summary(report: Report, found: Plan) -> str:
    """Return the line that ends a run: ``2 written, 0 skipped, 0 failed, 9 left out: 5 HEIC, 4 DNG``."""
    unchanged = f"{len(report.unchanged)} up to date, " if report.unchanged else ""
    line = f"{len(report.written)} written, {unchanged}{len(report.skipped)} skipped, {len(report.failed)} failed"
    if found.left_out:
        line += f", {found.left_out.total():,} left out: {counts(found.left_out)}"
    return line
