"""The folder job on a Ray cluster: an open network in each actor, pictures streamed to whichever is free.

The machine that starts the job keeps the journal; the actors read and write the files themselves, so all machines must
see them: behind URLs, or on a shared disk under one path. A picture is noted as begun before it is handed out. When a
machine is lost, Ray hands its pictures out again; whoever gets one again looks first whether its result was finished.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, cast

from srgan import image, storage
from srgan.errors import MissingExtraError, ModelError, OutputExistsError, SrganError, UsageError, option
from srgan.files import remove_leftovers
from srgan.jobs.access import RemoteAccess
from srgan.jobs.folder import Versions, Watched, Work, look, model_hash, survey, target_name
from srgan.jobs.job import Job
from srgan.jobs.journal import Journal, as_text
from srgan.jobs.reports import Done, Failure, Listener, Report
from srgan.jobs.run import run_pictures
from srgan.runtime.devices import AUTO, CPU
from srgan.storage import Remote

WAVE = 20_000
"""Pictures that are begun and handed to Ray together: what the machine that starts the job holds is bounded by it."""

BATCH = 8
"""Pictures that an actor gets at once, at most: within them reading and writing overlap with computing."""

TRIES = 3
"""A picture whose process died this often while it was worked on is not tried again: it may be what kills it."""

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_LOG_LEVEL": "ERROR", "RAY_BACKEND_LOG_LEVEL": "fatal"}
"""Ray's own switches, where the user has not set them: it tells nobody of its use, and prints nothing that is no error."""


@dataclass(frozen=True)
class WorkerConfig:
    """How results are made, for the actors to open the same network."""

    options: Mapping[str, Any]
    """Arguments of :class:`srgan.Upscaler`; the model is a shipped network's name or an absolute path."""
    quality: int | None = None


def run(
    work: Sequence[Job],
    making: WorkerConfig,
    journal: Journal,
    folder: PurePath,
    *,
    address: str,
    overwrite: bool = False,
    listener: Listener | None = None,
    versions: Versions | None = None,
) -> Report:
    """Do a folder job on a cluster; like :func:`srgan.jobs.folder.run_folder`, with the same journal.

    Parameters
    ----------
    address : ``"local"`` for a cluster of this machine's processors, ``"auto"`` for the one that this machine belongs
        to, or ``HOST:PORT`` of its head. Where this process is connected to one already, it is that one

    Raises
    ------
    MissingExtraError
        if Ray is not installed
    UsageError
        if the cluster cannot be reached, or no machine of it has so many processors as threads are asked for
    SrganError
        if the cluster gives up; and as :func:`srgan.jobs.folder.run_folder`
    """
    listener = listener or Listener()
    with _connected(address) as ray:
        found = survey(work, journal, folder, overwrite=overwrite, versions=versions)
        report = Report(skipped=found.taken, unchanged=found.unchanged)
        for job in found.taken:
            listener.skipped(job)
        total = len(found.todo)
        for start in range(0, total, WAVE):
            wave = dict(enumerate(found.todo[start : start + WAVE], start + 1))
            rows = [_begin(number, job, found, journal, folder, versions) for number, job in wave.items()]
            left = dict(wave)
            try:
                for result in _stream(ray, rows, making, journal.model):
                    job = left.pop(result["number"])
                    listener.started(job, len(report.written) + len(report.failed) + 1, total)
                    _settle(job, result, journal, folder, report, listener)
            except ray.exceptions.RayError as error:
                reason = _reason(error)
                raise SrganError(
                    f"the cluster gave up ({reason}): start the command again, it goes on from here"
                ) from None
            if left:
                raise SrganError(f"the cluster lost {len(left)} pictures: start the command again, it does them")
            if not isinstance(folder, Remote):
                remove_leftovers(job.target for job in wave.values())  # of machines that were lost
    return report


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Give the module ``ray``, connected."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("--ray", "cluster") from None
    connect = not ray.is_initialized()
    if connect:
        address = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
        dashboard = False if address == "local" else None
        try:
            _knock(address)
            ray.init(address, include_dashboard=dashboard, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise UsageError(
                f"cannot reach a Ray cluster at {address} ({_reason(error)}): "
                "check 'ray status' there, or take --ray local"
            ) from None
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        yield ray
    finally:
        context.enable_progress_bars = shown
        if connect:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at ``HOST:PORT``: Ray would go on trying for many minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _begin(
    number: int, job: Job, found: Work, journal: Journal, folder: PurePath, versions: Versions | None
) -> dict[str, Any]:
    """Note a picture as begun, and return what an actor needs to know of it."""
    source, before = (look(where, versions) for where in (job.source, job.target))
    name = target_name(job, folder)
    journal.begin(name, source=str(job.source), source_version=source, content=None, output_before=before)
    return {
        "number": number,
        # Bytes: a name need not be text.
        "source": os.fsencode(_absolute(job.source)),
        "target": os.fsencode(_absolute(job.target)),
        "before": before or "",
        "replace": job in found.replace,
    }


def _absolute(where: PurePath) -> str:
    return str(where) if isinstance(where, Remote) else os.path.abspath(where)


def _stream(ray: Any, rows: list[dict[str, Any]], making: WorkerConfig, model: str) -> Iterator[dict[str, Any]]:
    """Yield a result for each row, in the order in which they are finished."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    processors = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    processors = [count for count in processors if count > 0]
    threads = making.options.get("threads") or min(processors, default=1)
    cards = gpus_of_an_actor(making.options.get("device", AUTO), ray.nodes())
    if cards:
        threads = making.options.get("threads") or 1
    actors = sum(count // threads for count in processors)
    if not actors:
        raise UsageError(f"no machine of the cluster has {threads} processors: lower --threads, or leave it out")
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    tries = ray.remote(num_cpus=0, scheduling_strategy=here)(Tries).remote()
    # Small enough that all are busy until the end.
    size = min(max(len(rows) // (4 * actors), 1), BATCH)
    data = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // size))
    options = {**making.options, "threads": threads, "device": "gpu" if cards else CPU}
    results = data.map_batches(
        Worker,
        fn_constructor_args=(
            options,
            making.quality,
            model,
            tries,
        ),
        batch_size=None,  # a block
        num_cpus=threads,
        num_gpus=cards,
        # As many as there is room for, also on machines that come later. Ray starts one again that was lost, and
        # lets no more than two batches wait at each.
        compute=ray.data.ActorPoolStrategy(min_size=1),
    )
    yield from results.iter_rows()


def gpus_of_an_actor(device: str, nodes: Sequence[Mapping[str, Any]]) -> int:
    """Return how many graphics cards Ray is to give each actor: one where they compute, else none.

    ``"auto"`` takes them where all machines have one, as those without would have nothing to do.

    Raises
    ------
    UsageError
        if one is asked for by its number, which Ray gives out itself, or there is none
    """
    if device == CPU:
        return 0
    cards = [node["Resources"].get("GPU", 0) for node in nodes if node["Alive"]]
    if device == AUTO:
        return int(bool(cards) and min(cards) >= 1)
    if device != "gpu":
        raise UsageError(f"{option('device', device)} is one machine's: on a cluster say gpu, cpu or auto")
    if not any(count >= 1 for count in cards):
        raise UsageError(f"no machine of the cluster has a GPU: use {option('device', 'cpu')}")
    return 1


def _settle(
    job: Job, result: dict[str, Any], journal: Journal, folder: PurePath, report: Report, listener: Listener
) -> None:
    name = target_name(job, folder)
    if result["reason"]:
        failure = Failure(job, SrganError(result["reason"]))
        journal.fail(name, source=str(job.source), reason=result["reason"])
        report.failed.append(failure)
        listener.failed(failure)
        return
    before, after = (result["width"], result["height"]), (result["out_width"], result["out_height"])
    done = Done(
        job,
        before,
        after,
        result["seconds"],
        pages=result["pages"],
        enlarged=result["enlarged"],
        network=result["network"],
        alike=result["alike"],
        notes=tuple(result["notes"].splitlines()),
        seen=result["seen"],
    )
    journal.done(
        name,
        output=result["output"],
        before=before,
        after=after,
        seconds=done.seconds,
        content=result["content"] or None,
    )
    report.written.append(done)
    if done.notes:
        listener.leaves_out(job, done.notes)
    listener.written(done)


def _reason(error: BaseException) -> str:
    """Return the line that says most of the many that Ray raises: the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


class Tries:
    """How often each picture was begun, told to all actors."""

    def __init__(self) -> None:
        self._begun: Counter[int] = Counter()

    def begun(self, numbers: Iterable[int]) -> list[int]:
        """Return how often these were."""
        return [self._begun[number] for number in numbers]

    def begin(self, numbers: Iterable[int]) -> None:
        """Count them once more."""
        self._begun.update(numbers)


@dataclass(frozen=True)
class _Row:
    number: int
    job: Job
    before: str
    """Version of the file in the result's place when the picture was handed out; empty for none."""
    replace: bool
    """Whether that file may be replaced."""


class Worker:
    """What an actor holds: an open network. Called with batches of rows, as Ray Data hands them out."""

    def __init__(self, options: Mapping[str, Any], quality: int | None, model: str, tries: Any) -> None:
        from srgan.engine.choice import ModelChooser

        known_by = model_hash(
            options["model"], options.get("fidelity"), options.get("precision", "auto"), options.get("denoise")
        )
        if known_by != model:
            raise ModelError(
                f"{socket.gethostname()} has another file of the network {options['model']}: install the same srgan, "
                "and put the same model file, on all machines"
            )
        self._chooser = ModelChooser(**options)
        self._quality = quality
        self._tries = tries

    def __call__(self, rows: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Do some pictures; a picture's own failure is a result, any other is raised."""
        batch_rows = [
            _Row(int(number), Job(_path(source), _path(target)), str(before), bool(replace))
            for number, source, target, before, replace in zip(
                rows["number"], rows["source"], rows["target"], rows["before"], rows["replace"], strict=True
            )
        ]
        begun = self._begun(batch_rows)
        fresh = [row for row, count in zip(batch_rows, begun, strict=True) if not count]
        results = self._do(fresh) if fresh else []
        # The process that had the others died. One by one, so that the one that may have killed it is known.
        results += [self._again(row) for row, count in zip(batch_rows, begun, strict=True) if count]
        return {name: [result[name] for result in results] for name in results[0]}

    def _begun(self, rows: Sequence[_Row]) -> list[int]:
        import ray

        counts: list[int] = ray.get(self._tries.begun.remote([row.number for row in rows]))
        return counts

    def _do(self, rows: Sequence[_Row]) -> list[dict[str, Any]]:
        import ray

        ray.get(self._tries.begin.remote([row.number for row in rows]))
        numbers = {row.job: row.number for row in rows}
        replace = {row.job for row in rows if row.replace}
        with RemoteAccess() as access:
            watched = Watched(access)
            report = run_pictures(list(numbers), self._chooser, replace=replace, quality=self._quality, access=watched)
        results = [_written(numbers[done.job], done, watched.seen[done.job][1]) for done in report.written]
        results += [_failed(numbers[failure.job], failure.error) for failure in report.failed]
        return results

    def _again(self, row: _Row) -> dict[str, Any]:
        there = storage.version(row.job.target)
        if there is not None and there != row.before:
            return self._found(row)
        (count,) = self._begun([row])
        if count >= TRIES:
            return _failed(row.number, SrganError(f"{row.job.source}: the process that did it died {count} times"))
        (result,) = self._do([row])
        if result["exists"]:  # a machine that only seemed lost has finished it meanwhile
            return self._found(row)
        return result

    def _found(self, row: _Row) -> dict[str, Any]:
        """Return the result for a picture that was finished, but not reported, by a machine that was lost."""
        began = time.perf_counter()
        try:
            with RemoteAccess() as access, access.source(row.job) as path:
                header = image.probe(path)
        except SrganError as error:
            return _failed(row.number, error)
        height, width = self._chooser.size_of(header.height, header.width)
        done = Done(row.job, (header.width, header.height), (width, height), time.perf_counter() - began)
        return _written(row.number, done, None)


def _path(name: bytes) -> Path:
    return cast(Path, storage.place(os.fsdecode(name)))


def _written(number: int, done: Done, content: str | None) -> dict[str, Any]:
    return {
        "number": number,
        "reason": "",
        "exists": False,
        "output": storage.version(done.job.target) or "",
        "content": content or "",
        "seconds": done.seconds,
        "pages": done.pages,
        "enlarged": done.enlarged,
        "network": done.network,
        "alike": done.alike,
        "notes": "\n".join(done.notes),
        "seen": done.seen,
        "width": done.before[0],
        "height": done.before[1],
        "out_width": done.after[0],
        "out_height": done.after[1],
    }


def _failed(number: int, error: SrganError) -> dict[str, Any]:
    sizes = dict.fromkeys(("width", "height", "out_width", "out_height"), 0)
    facts = {"number": number, "reason": as_text(str(error)), "exists": isinstance(error, OutputExistsError)}
    return {
        **facts,
        "output": "",
        "content": "",
        "seconds": 0.0,
        "pages": 1,
        "enlarged": 1,
        "network": "",
        "alike": True,
        "notes": "",
        "seen": "",
        **sizes,
    }
