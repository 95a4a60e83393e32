"""The part of ``srgan upscale`` that does videos and animated pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan import image
from srgan.cli.lines import printable, say
from srgan.cli.options import MACHINE, CodecOption
from srgan.engine.sizes import Target
from srgan.errors import MissingExtraError, OutputExistsError, SrganError, UsageError
from srgan.jobs.access import Access
from srgan.jobs.folder import model_hash
from srgan.jobs.job import KEEPING, Job, Keeping
from srgan.jobs.kinds import is_animation, is_video
from srgan.video.work import Selection

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
    streams: Selection = field(default_factory=Selection)
    """Which of a video's other streams come into the result."""
    keeping: Keeping = KEEPING
    """The input's date, and for animations the line of history."""

    @property
    def encoding(self) -> bool:
        """Whether one of the options is given that only videos have."""
        return self.codec is not CodecOption.auto or self.crf is not None or self.preset is not None


def selection(only: str | None, *, no_audio: bool, no_subtitles: bool) -> Selection:
    """Return which of a video's other streams are wanted.

    Parameters
    ----------
    only : kinds of streams with commas between them; the picture is always one of them

    Raises
    ------
    UsageError
        if a kind is unknown, or ``only`` and one of the others are given
    """
    if only is None:
        return Selection(audio=not no_audio, subtitles=not no_subtitles)
    if no_audio or no_subtitles:
        raise UsageError("--only says what is kept: leave out --no-audio and --no-subtitles")
    kinds = {kind.strip().lower() for kind in only.split(",")}
    if unknown := kinds - {"video", "audio", "subtitles"}:
        raise UsageError(f"--only {min(unknown)!r}: choose from video, audio and subtitles, separated by commas")
    return Selection(audio="audio" in kinds, subtitles="subtitles" in kinds)


def check(clips: Sequence[Job], options: VideoOptions, misplaced: Sequence[str]) -> None:
    """Say what cannot be before the network opens.

    Parameters
    ----------
    misplaced : options that were given and that only pictures have

    Raises
    ------
    UsageError
        for options that none of the clips or results has
    MissingExtraError
        if a video is read or written, and the libraries for it are not installed
    """
    if misplaced and clips:
        raise UsageError(f"{misplaced[0]} is not for videos and animations such as {clips[0].source}: leave it out")
    results = [is_video(job.target) for job in clips]
    sources = [is_video(job.source) for job in clips]
    if options.encoding and not any(results):
        raise UsageError("--codec, --crf and --preset are for videos: leave them out")
    if options.quality is not None and any(results):
        raise UsageError("--quality is for pictures and animated WebP: use --crf for a video")
    if options.streams != Selection() and not any(sources):
        raise UsageError("--no-audio, --no-subtitles and --only are for videos: leave them out")
    if any(sources) or any(results):
        try:
            import av  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("enlarging a video", "video") from error


def is_within(factor: float, clip: Path, target: Target) -> bool:
    """Return whether a clip becomes at most ``factor`` times as large; False for one that cannot be read, as :func:`run` says."""
    if target.scale is not None:
        return target.scale <= factor
    if target == Target():
        return False
    try:
        if is_video(clip):
            from srgan.video.clip import glance

            film = glance(clip)
            width, height = film.shown(film.width, film.height)
        else:
            header = image.probe(clip)
            width, height = header.width, header.height
    except (ImportError, SrganError):
        return False
    return target.is_within(factor, (height, width), 1)


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
            if options.keeping.date:
                Access().keep_date(job)
            if not options.quiet:
                before, after = ("x".join(map(str, pair)) for pair in (done.before, done.after))
                counts = f"{done.frames} frames, {done.computed} computed"
                print(f"{printable(str(done.target))}  {before} -> {after}  {counts}  {done.seconds:.1f} s", flush=True)
    return fine


def _enlarge(
    job: Job, upscaler: Upscaler, made: Mapping[str, Any], options: VideoOptions, listener: ClipListener
) -> ClipDone:
    if is_animation(job.target):
        from srgan.video.animation import upscale_animation

        return upscale_animation(
            job.source,
            job.target,
            upscaler,
            overwrite=options.overwrite,
            quality=options.quality,
            streams=options.streams,
            history=options.keeping.history,
            listener=listener,
        )
    from srgan.video.encoder import Encoding
    from srgan.video.run import upscale_clip

    facts = {name: value for name, value in made.items() if name not in MACHINE}
    # Another model may have come under this name.
    facts["model"] = model_hash(made["model"], made["fidelity"], made["precision"], made.get("denoise"))
    try:
        return upscale_clip(
            job.source,
            job.target,
            upscaler,
            encoding=Encoding(options.codec.value, options.crf, options.preset),
            options=facts,
            streams=options.streams,
            overwrite=options.overwrite,
            listener=listener,
        )
    except KeyboardInterrupt:
        say("run the same command again to resume")
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
