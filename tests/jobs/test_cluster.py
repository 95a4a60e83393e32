"""The folder job on a real Ray cluster of three node processes on this machine, one of which is killed in the middle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ray
from PIL import Image
from ray.cluster_utils import Cluster

from srgan import Upscaler, storage
from srgan.engine.choice import ModelChooser
from srgan.errors import MissingExtraError, SrganError, UsageError
from srgan.image.multiband import read_bands
from srgan.jobs import cluster
from srgan.jobs.folder import model_hash, open_journal
from srgan.jobs.job import Job
from srgan.jobs.journal import NAME, State, content_of
from srgan.jobs.plan import plan
from srgan.jobs.reports import Done, Listener, Report
from support import tiny_models
from support.bands import random, save, save_network
from support.tiny_runs import call

COUNT = int(os.environ.get("SRGAN_CLUSTER_PICTURES", "60"))
"""Pictures of the job in which a node is killed; 500 for the long version."""

STORE = 80 << 20
"""Bytes of shared memory for each node's objects, which are small here."""

# A node whose process is gone is noticed after five seconds, one that does not answer after ten.
HEALTH = {"health_check_period_ms": 500, "health_check_failure_threshold": 10, "health_check_timeout_ms": 10_000}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """A cluster of three nodes of one processor each."""
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE, "_system_config": HEALTH}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            made.add_node(num_cpus=1, object_store_memory=STORE)
        made.wait_for_nodes()
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory) -> cluster.WorkerConfig:
    model = tiny_models.residual(tmp_path_factory.mktemp("models") / "tiny.onnx", blocks=1)
    return cluster.WorkerConfig({"model": str(model), "precision": "fp32", "threads": 1})


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


class Said(Listener):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.numbers: list[tuple[int, int]] = []

    def started(self, _: Job, number: int, total: int) -> None:
        self.numbers.append((number, total))

    def written(self, done: Done) -> None:
        self.lines.append(done.job.target.name)


class Killer(Said):
    """Lets a machine vanish, its processes all in one moment, when a third of the pictures is written."""

    def __init__(self, nodes: Cluster) -> None:
        super().__init__()
        self._nodes = nodes
        self.killed = 0

    def written(self, done: Done) -> None:
        super().written(done)
        if len(self.lines) == COUNT // 3:
            # As all three are on this machine, this process may be connected by way of any of them.
            here = ray.get_runtime_context().get_node_id()
            node = next(node for node in self._nodes.worker_nodes if node.node_id != here)
            raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
            raylet.suspend()
            for child in raylet.children(recursive=True):
                self.killed += "MapWorker" in " ".join(child.cmdline())
                child.kill()
            self._nodes.remove_node(node, allow_graceful=False)


def patient(markers: Path) -> type[cluster.Worker]:
    """Workers that begin when three of them are there: else the first might do all before the last has started."""
    markers.mkdir()

    class Patient(cluster.Worker):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            (markers / str(os.getpid())).touch()

        def __call__(self, rows: Mapping[str, Any]) -> dict[str, list[Any]]:
            while len(list(markers.iterdir())) < 3:
                time.sleep(0.05)
            return super().__call__(rows)

    return Patient


def run(
    making: cluster.WorkerConfig,
    photos: Path,
    out: Path,
    address: str,
    listener: Listener | None = None,
    **options: Any,
) -> Report:
    out.mkdir(exist_ok=True)
    work = plan([photos], out, scale="x4").pictures
    with open_journal(out, settings="", model=model_hash(making.options["model"])) as journal:
        return cluster.run(work, making, journal, out, address=address, listener=listener, **options)


def contents(folder: Path) -> dict[str, Any]:
    return {path.name: np.asarray(Image.open(path)) for path in folder.glob("*.png")}


def test_with_a_node_killed_every_result_is_there_and_is_that_of_one_machine(
    nodes: Cluster, making: cluster.WorkerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = pictures(tmp_path / "photos", COUNT - 1), tmp_path / "out"
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a node cannot import the tests
    monkeypatch.setattr(cluster, "Worker", patient(tmp_path / "markers"))
    (photos / "bad.png").write_bytes(b"nothing")
    os.rename(photos / "000.png", os.fsencode(photos) + b"/no text \xff.png")
    Image.new("RGB", (24, 16)).save(photos / "deeper.png")
    out.mkdir()
    (out / ".020_x4.01234567.part.png").write_bytes(b"half")  # as of a machine that vanished while it wrote
    killer = Killer(nodes)
    report = run(making, photos, out, nodes.address, killer)
    assert killer.killed == 1  # it had an open network
    assert killer.numbers == [(number, COUNT + 1) for number in range(1, COUNT + 2)]
    assert [failure.job.source.name for failure in report.failed] == ["bad.png"]
    assert "bad.png" in str(report.failed[0].error)
    assert len(report.written) == len(set(killer.lines)) == COUNT
    assert [path.name for path in out.glob(".*")] == [NAME]  # the machine that vanished left nothing half-written
    with open_journal(out, settings="", model="") as journal:
        assert (journal.count(State.DONE), journal.count(State.FAILED), journal.count(State.BEGUN)) == (COUNT, 1, 0)
        entry = journal.entry("010_x4.png")
        assert entry is not None
        assert (entry.width, entry.height, entry.out_width, entry.out_height) == (32, 24, 128, 96)
        assert entry.output == storage.version(out / "010_x4.png")
        assert entry.content == content_of(photos / "010.png")

    alone = Upscaler(**making.options)
    (photos / "bad.png").unlink()
    expected = {f"{Path(name).stem}_x4.png": alone(pixels) for name, pixels in contents(photos).items()}
    made = contents(out)
    assert made.keys() == expected.keys()
    for name, pixels in expected.items():
        np.testing.assert_array_equal(made[name], pixels)

    # The next run, on the machines that are left, does what changed and no more.
    Image.new("RGB", (24, 16), "red").save(photos / "001.png")
    os.utime(photos / "002.png", (1, 1))
    again = run(making, photos, out, nodes.address)
    assert [done.job.source.name for done in again.written] == ["001.png"]
    assert (len(again.unchanged), again.skipped, again.failed) == (COUNT - 1, [], [])
    np.testing.assert_array_equal(contents(out)["001_x4.png"], alone(contents(photos)["001.png"]))


class Fatal(Upscaler):
    """The process dies of one picture, known by its size."""

    def __call__(self, image: Any, **options: Any) -> Any:
        if image.shape[:2] == (5, 7):
            os._exit(1)
        return super().__call__(image, **options)


class Deadly(cluster.Worker):
    def __init__(self, options: Mapping[str, Any], *others: Any) -> None:
        super().__init__(options, *others)
        self._chooser = ModelChooser.among({"fatal": Fatal(**options)})


def test_a_picture_of_which_the_process_dies_is_recorded_and_the_rest_goes_on(
    nodes: Cluster, making: cluster.WorkerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a node cannot import the tests
    monkeypatch.setattr(cluster, "Worker", Deadly)
    monkeypatch.setattr(cluster, "WAVE", 7)  # and so there are two
    photos, said = pictures(tmp_path / "photos", 10), Said()
    Image.new("RGB", (7, 5)).save(photos / "002.png")
    report = run(making, photos, tmp_path / "out", nodes.address, said)
    assert [failure.job.source.name for failure in report.failed] == ["002.png"]
    assert str(report.failed[0].error).endswith("002.png: the process that did it died 3 times")
    assert len(contents(tmp_path / "out")) == len(report.written) == 9
    assert said.numbers == [(number, 10) for number in range(1, 11)]


class Counted(cluster.Worker):
    """Counts what it really does."""

    def _do(self, rows: Sequence[cluster._Row]) -> list[dict[str, Any]]:
        self.done = [*getattr(self, "done", []), *(row.job.source.name for row in rows)]
        return super()._do(rows)


def test_what_a_lost_machine_had_finished_is_not_done_again(
    nodes: Cluster, making: cluster.WorkerConfig, tmp_path: Path
) -> None:
    photos = pictures(tmp_path / "photos", 4)
    for name in ("000", "001", "003"):
        (tmp_path / f"{name}_x4.png").write_bytes(b"there")
    before = storage.version(tmp_path / "001_x4.png")
    # 000 was finished, 001 has a result of an earlier run that may be replaced; 002 has none, and 003 somebody else's.
    rows = {
        "number": [0, 1, 2, 3],
        "source": [os.fsencode(photos / f"00{number}.png") for number in range(4)],
        "target": [os.fsencode(tmp_path / f"00{number}_x4.png") for number in range(4)],
        "before": ["", before, "", ""],
        "replace": [False, True, False, False],
    }
    with cluster._connected(nodes.address):
        tries = ray.remote(num_cpus=0)(cluster.Tries).remote()
        ray.get(tries.begin.remote([0, 1, 2]))
        worker = Counted(making.options, None, model_hash(making.options["model"]), tries)
        made = worker(rows)
        results = {number: {name: made[name][place] for name in made} for place, number in enumerate(made["number"])}
    assert sorted(worker.done) == ["001.png", "002.png", "003.png"]
    assert (results[0]["reason"], results[0]["out_width"], results[0]["content"]) == ("", 128, "")
    assert (tmp_path / "000_x4.png").read_bytes() == b"there"
    assert results[1]["output"] == storage.version(tmp_path / "001_x4.png") != before
    assert results[2]["content"] == content_of(photos / "002.png")
    assert "exists" in results[3]["reason"]
    assert (tmp_path / "003_x4.png").read_bytes() == b"there"


def upscale(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "srgan", "upscale", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def test_the_command_computes_there_and_goes_on(nodes: Cluster, making: cluster.WorkerConfig, tmp_path: Path) -> None:
    photos, model = pictures(tmp_path / "photos", 3), making.options["model"]
    arguments = photos, "-o", tmp_path / "out", "-m", model, "--precision", "fp32", "--ray", nodes.address
    report = tmp_path / "report.html"
    first = upscale(*arguments, "--report", report)
    assert first.returncode == 0
    assert first.stderr.splitlines()[-1] == "srgan: 3 written, 0 skipped, 0 failed"
    assert len(first.stdout.splitlines()) == 3
    assert "000_x4.png" in report.read_text()
    # Here, without the cluster, there is nothing left to do.
    second = upscale(*arguments[:-2])
    assert second.stderr == "srgan: 0 written, 3 up to date, 0 skipped, 0 failed\n"
    np.testing.assert_array_equal(
        contents(tmp_path / "out")["002_x4.png"], Upscaler(**making.options)(contents(photos)["002.png"])
    )


def test_pictures_of_other_bands_give_what_they_give_here(nodes: Cluster, tmp_path: Path) -> None:
    model = save_network(tmp_path / "net.onnx", 6)
    for name in "ab":
        save(tmp_path / "photos" / f"{name}.tif", random((20, 30, 6), np.uint16))
    Image.new("L", (30, 20)).save(tmp_path / "photos" / "c.png")
    arguments = "upscale", tmp_path / "photos", "-m", model, "--threads", 1, "-o"
    there = call(*arguments, tmp_path / "there", "--ray", nodes.address)
    assert there.code == 1
    assert "it has 1 band, not 6" in there.err
    assert call(*arguments, tmp_path / "here").code == 1
    for name in ("a_x2.tif", "b_x2.tif"):
        np.testing.assert_array_equal(*(read_bands(tmp_path / place / name, 6) for place in ("there", "here")))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"threads": 64}, UsageError, "no machine of the cluster has 64 processors: lower --threads"),
        ({"model": "srresnet-x4"}, SrganError, "has another file of the network srresnet-x4: install the same srgan"),
    ],
)
def test_what_the_cluster_cannot_do_is_one_line(
    nodes: Cluster, making: cluster.WorkerConfig, tmp_path: Path, options: Mapping[str, Any], error: type, says: str
) -> None:
    other = cluster.WorkerConfig({**making.options, **options})
    work = plan([pictures(tmp_path / "photos", 1)], tmp_path, scale="x4").pictures
    with (
        open_journal(tmp_path, settings="", model=model_hash(making.options["model"])) as journal,
        pytest.raises(error, match=says) as caught,
    ):
        cluster.run(work, other, journal, tmp_path, address=nodes.address)
    assert "\n" not in str(caught.value)


def test_a_cluster_that_is_not_there_is_one_line(making: cluster.WorkerConfig, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UsageError, match=f"cannot reach a Ray cluster at 127.0.0.1:{port} .*: check 'ray status'"):
        run(making, pictures(tmp_path / "photos", 1), tmp_path / "out", f"127.0.0.1:{port}")


def test_a_cluster_is_for_folders_and_without_check(tmp_path: Path) -> None:
    photos = pictures(tmp_path / "photos", 1)
    single = upscale(photos / "000.png", "--ray", "local")
    assert (single.returncode, "--ray are for a folder" in single.stderr) == (2, True)
    checked = upscale(photos, "-o", tmp_path / "out", "--ray", "local", "--check")
    assert (checked.returncode, checked.stderr) == (
        2,
        "srgan: --check does not work on a cluster: leave out --check or --ray\n",
    )


def test_without_ray_the_extra_is_named(
    making: cluster.WorkerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'srgan\[cluster\]'"):
        run(making, pictures(tmp_path / "photos", 1), tmp_path / "out", "local")
