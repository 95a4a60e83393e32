"""The part of ``srgan upscale`` that does videos and animated pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import storage
from srgan.cli.lines import printable, say
from srgan.cli.options import CodecOption
from srgan.errors import MissingExtraError, OutputExistsError, SrganError, UsageError
from srgan.files import why_not_written
from srgan.jobs.folder import model_hash
from srgan.jobs.job import Job
from srgan.jobs.plan import check_source
from srgan.video import names

if TYPE_CHECKING:
    from srgan.engine.upscaler import Upscaler
    from srgan.video.work import ClipDone, ClipListener


@dataclass(frozen=True)
class VideoOptions:
    """How results are encoded and written: the command's options."""

    codec: CodecOption
    crf: int | None
    preset: str | None
    quality: int | None
    overwrite: bool
    quiet: bool

    @property
    def encoding(self) -> bool:
        """Whether one of the options is given that only videos have."""
        return self.codec is not CodecOption.auto or self.crf is not None or self.preset is not None


def split(paths: Sequence[str], output: str | None, format: str | None) -> tuple[list[Path], list[str]]:
    """Return those of the paths whose frames are all to be enlarged, and the others, pictures and folders.

    Raises
    ------
    UsageError
        if a path is missing, or a video or its result is behind a URL
    """
    wanted = None if format is None else "." + format.lower().lstrip(".")
    if wanted is None and output is not None and len(paths) == 1 and not os.path.isdir(output):
        wanted = Path(output).suffix.lower()
    clips, others = [], []
    for path in paths:
        if storage.is_url(path) and names.is_video(path):
            raise UsageError(f"{path} is a video, and those are enlarged on disks only: fetch it first")
        if not storage.is_url(path) and names.moves(path, wanted):
            check_source(path)
            clips.append(Path(path))
        else:
            others.append(path)
    if clips and output is not None and storage.is_url(output):
        raise UsageError(f"{clips[0]} is a video or an animation, which is not written to a URL: name a folder")
    return clips, others


def check(clips: Sequence[Path], options: VideoOptions, misplaced: Sequence[str]) -> None:
    """Say what cannot be before the network opens.

    Parameters
    ----------
    misplaced : options that were given and that only pictures have

    Raises
    ------
    UsageError
        for options that none of the clips has
    MissingExtraError
        if there is a video, and the libraries for it are not installed
    """
    videos = [clip for clip in clips if names.is_video(clip)]
    if misplaced and clips:
        raise UsageError(f"{misplaced[0]} is not for videos and animations, as {clips[0]} is one: leave it out")
    if options.encoding and not videos:
        raise UsageError("--codec, --crf and --preset are for videos: leave them out")
    if options.quality is not None and videos:
        raise UsageError("--quality is for pictures and animated WebP: say --crf for a video")
    if videos:
        try:
            import av  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("enlarging a video", "video") from error


def run(jobs: Sequence[Job], upscaler: Upscaler, made: Mapping[str, Any], options: VideoOptions, *, many: bool) -> bool:
    """Enlarge clips one after the other and print a line for each; return whether none failed.

    Parameters
    ----------
    made : what the upscaler was made with, its model's name included
    many : whether there is more than this to do: then an error is printed, and the others are done
    """
    if not jobs:
        return True
    fine = True
    with _listener(quiet=options.quiet) as listener:
        for job in jobs:
            try:
                done = _enlarge(job, upscaler, made, options, listener)
            except OutputExistsError:
                if not many:
                    raise
                if not options.quiet:
                    say(f"{job.target} exists, skipped (--overwrite replaces it)")
                continue
            except SrganError as error:
                if not many:
                    raise
                say(str(error))
                fine = False
                continue
            if not options.quiet:
                before, after = ("x".join(map(str, pair)) for pair in (done.before, done.after))
                counts = f"{done.frames} frames, {done.computed} computed"
                print(f"{printable(str(done.target))}  {before} -> {after}  {counts}  {done.seconds:.1f} s", flush=True)
    return fine


def _enlarge(
    job: Job, upscaler: Upscaler, made: Mapping[str, Any], options: VideoOptions, listener: ClipListener
) -> ClipDone:
    from srgan.video.work import refuse

    refuse(job.source, job.target, overwrite=options.overwrite)
    try:
        os.makedirs(job.target.parent, exist_ok=True)
    except OSError as error:
        raise SrganError(f"cannot make the folder {job.target.parent}: {why_not_written(error)}") from None
    if names.is_animation(job.source):
        from srgan.video.animation import upscale_animation

        return upscale_animation(
            job.source, job.target, upscaler, overwrite=options.overwrite, quality=options.quality, listener=listener
        )
    from srgan.video.encoder import Encoding
    from srgan.video.run import upscale_clip

    facts = {name: value for name, value in made.items() if name not in ("memory", "threads")}
    # Another model may have come under this name.
    facts["model"] = model_hash(made["model"], made["fidelity"], made["precision"])
    try:
        return upscale_clip(
            job.source,
            job.target,
            upscaler,
            encoding=Encoding(options.codec.value, options.crf, options.preset),
            options=facts,
            overwrite=options.overwrite,
            listener=listener,
        )
    except KeyboardInterrupt:
        say("give the same command again to resume")
        raise


def _listener(*, quiet: bool) -> AbstractContextManager[ClipListener]:
    """Return what prints notes, with a progress bar if a person is watching."""
    from srgan.video.work import ClipListener

    class Notes(ClipListener):
        def started(self, source: Path, total: int, resumed: int) -> None:
            if resumed and not quiet:
                of = f" of about {total}" if total else ""
                say(f"{source}: {resumed}{of} frames are done already")

        def note(self, text: str) -> None:
            if not quiet:
                say(text)

    if quiet or not sys.stderr.isatty():
        return nullcontext(Notes())

    from srgan.cli.frames import FrameBar

    return FrameBar(Notes())
