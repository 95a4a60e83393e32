"""What ``srgan upscale`` does: check what was asked for, run it, say what came of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.cli import folder, many_bands, pipe, video, watch
from srgan.cli.lines import say
from srgan.cli.pictures import picture_listener
from srgan.cli.wishes import Wishes
from srgan.engine.multiband import bands_of
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


def carry_out(wishes: Wishes) -> bool:
    """Do what the command was asked for; return whether nothing failed."""
    if pipe.is_asked_for(wishes.paths, wishes.output):
        return pipe.run(wishes)
    if bands_of(wishes.model) != 3:
        return many_bands.run(wishes)
    found = wishes.plan(empty=wishes.watch)
    check(found, wishes)
    chooser = wishes.open()
    if wishes.watch:
        return _watch(found, chooser, wishes)
    if wishes.dry_run:
        asked: dict[str, Any] = {"overwrite": wishes.overwrite, "quality": wishes.quality}
        print("\n".join(folder.dry_run(_folder_job(found, wishes), chooser, **asked)))
        return True
    report = Report()
    if found.pictures or found.refused or not found.clips:
        report = run(found, chooser, wishes)
        only_clips = found.clips and not found.pictures
        if not (wishes.quiet or only_clips or (found.single and found.pictures)):
            say(summary(report, found))
    alone = found.single or (len(found.clips) == 1 and not found.pictures and not found.refused)
    fine = video.run(
        found.clips, chooser.for_clips(), {"model": wishes.model, **wishes.network}, wishes.video, many=not alone
    )
    return fine and not report.failed


def check(found: Plan, wishes: Wishes) -> None:
    """Raise UsageError for options that contradict each other, or what there is to do; before the network opens."""
    given = {
        "--check": wishes.check,
        "--check-map": wishes.check_map,
        "--dry-run": wishes.dry_run,
        "--report": wishes.report,
        "--ray": wishes.ray,
        "--watch": wishes.watch,
    }
    video.check(found.clips, wishes.video, [name for name, value in given.items() if value])
    if found.folder is None and (wishes.dry_run or wishes.report is not None or wishes.ray is not None or wishes.watch):
        raise UsageError(
            "--dry-run, --report, --watch and --ray are for a folder of pictures: name one, or give many and -o FOLDER"
        )
    if wishes.ray is not None and wishes.check:
        raise UsageError("--check is not for a cluster: leave --check or --ray out")
    if wishes.ray is not None and wishes.keeping != Keeping():
        raise UsageError("--keep-date and --no-history are not for a cluster: leave them or --ray out")
    if wishes.ray is not None and wishes.watch:
        raise UsageError("--watch is not for a cluster: leave --watch or --ray out")
    places = before.Places()
    if wishes.report is not None:
        report_page.check_name(wishes.report)
        places.check(Path(wishes.report))
    if wishes.check_map is not None:
        if not (found.single and found.pictures):
            raise UsageError("--check-map draws one picture: name one, or leave it out")
        image.format_of(wishes.check_map)  # a wrong suffix is said before the work, not after it
        job = found.pictures[0]
        if os.path.realpath(wishes.check_map) in map(os.path.realpath, (job.source, job.target)):
            raise UsageError(f"{wishes.check_map} is the picture itself: give the map of --check-map another name")
        refuse_existing(Path(wishes.check_map), overwrite=wishes.overwrite)
        places.check(Path(wishes.check_map))


def run(found: Plan, chooser: ModelChooser, wishes: Wishes) -> Report:
    """Do the pictures; a single one's error is raised, others are printed and are in the report."""
    single = found.single and len(found.pictures) == 1
    asked: dict[str, Any] = {"overwrite": wishes.overwrite, "quality": wishes.quality, "keeping": wishes.keeping}
    with picture_listener(many=not single, quiet=wishes.quiet, chosen=wishes.model == AUTO) as listener:
        for failure in found.refused:
            listener.failed(failure)
        if single:
            compare = wishes.check or wishes.check_map is not None
            done = run_one(found.pictures[0], chooser, check=compare, listener=listener, **asked)
            if wishes.check_map is not None and done.check is not None:
                image.write(image.Picture(done.check.map()), wishes.check_map, overwrite=wishes.overwrite)
            return Report(written=[done])
        if found.folder is not None:
            report = folder.run(
                _folder_job(found, wishes),
                chooser,
                check=wishes.check,
                listener=listener,
                report_to=wishes.report,
                cluster=None if wishes.ray is None else folder.Cluster(wishes.ray, wishes.model, wishes.network),
                **asked,
            )
        else:
            finished = [] if wishes.overwrite else found.finished()
            todo = [job for job in found.pictures if job not in finished]
            report = run_pictures(todo, chooser, check=wishes.check, listener=listener, **asked)
            report.unchanged += finished
    report.failed[:0] = found.refused
    return report


def _watch(found: Plan, chooser: ModelChooser, wishes: Wishes) -> bool:
    if not wishes.quiet:
        say(f"watching {', '.join(wishes.paths)} (Ctrl-C ends it)")
    report = watch.run(found, lambda: wishes.plan(empty=True), lambda new: run(new, chooser, wishes))
    if not wishes.quiet:
        say(summary(report, found))
    return not report.failed


def _folder_job(found: Plan, wishes: Wishes) -> folder.FolderJob:
    assert found.folder is not None
    return folder.describe(found.pictures, found.folder, wishes.model, wishes.settings(), found.versions)


def summary(report: Report, found: Plan) -> str:
    """Return the line that ends a run: ``2 written, 0 skipped, 0 failed, 9 left out: 5 HEIC, 4 DNG``."""
    unchanged = f"{len(report.unchanged)} up to date, " if report.unchanged else ""
    line = f"{len(report.written)} written, {unchanged}{len(report.skipped)} skipped, {len(report.failed)} failed"
    if found.left_out:
        line += f", {found.left_out.total():,} left out: {counts(found.left_out)}"
    return line
