"""Two processes train what one with the whole batch trains: networks, optimizers, BatchNorm, validation figures."""

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import torch

from srgan.training import processes as module
from srgan.training.checkpoint import read_checkpoint
from srgan.training.processes import is_loss_of_a_process
from support.tiny_runs import RECIPE, call, run, save_photos, save_vgg
from support.two_processes import in_two_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are started from a server of forks")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    save_photos(folder / "photos", 30)  # of which three are validated on: two by the first process, one by the second
    save_vgg(folder / "vgg.safetensors")
    (folder / "my.toml").write_text(RECIPE)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def torchrun(rank, port):
    """Return what torchrun tells the second of two processes, for instance, through its environment."""
    return {
        "TORCHELASTIC_RUN_ID": "none",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
    }


def slurm(rank, port):
    return {
        "SLURM_JOB_ID": "1",
        "SLURM_JOB_NAME": "training",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1",
        "SLURM_NODELIST": "localhost",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_NODEID": "0",
        "MASTER_PORT": str(port),
    }


def train(material, out, *more):
    paths = ["--recipe", material / "my.toml", "--vgg-weights", material / "vgg.safetensors", "--out", out]
    short = ["--set", "stages.pixels.steps=6", "--set", "stages.gan.steps=6"]
    return ["train", material / "photos", "--device", "cpu", *paths, *short, *more]


def pair(folder, environment, arguments):
    """Run both processes as another program starts them; return what each left."""
    port = free_port()
    with ThreadPoolExecutor(2) as threads:
        started = [
            threads.submit(run, folder / f"rank{rank}", *arguments, environment=environment(rank, port))
            for rank in range(2)
        ]
        return [future.result() for future in started]


def tensors(value, path=""):
    if isinstance(value, torch.Tensor):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {name: found for key, item in items for name, found in tensors(item, f"{path}/{key}").items()}


ACCUMULATED = [
    f"stages.{name}" for name in ("pixels.batch=4", "gan.batch=4", "pixels.accumulate=2", "gan.accumulate=2")
]
ACCUMULATED += [
    "stages.gan.content.scaling=constant",
    "stages.gan.content.constant=0.1",
]  # not that of each part


# Muon, Adam, BatchNorm in both networks, content scaled by the batch's own magnitude, and both adversarial losses.
@pytest.mark.parametrize(
    ("environment", "changes"),
    [
        (torchrun, ["generator.norm=batch"]),
        (slurm, ["stages.gan.adversarial.kind=standard", "discriminator.norm=none", *ACCUMULATED]),
    ],
)
def test_two_processes_end_where_one_does(material, tmp_path, environment, changes):
    changes = [word for change in changes for word in ("--set", change)]
    one = call(*train(material, tmp_path / "one", *changes))
    assert one.code == 0, one.err
    devices = ["--devices", "2"] if environment is slurm else []  # torchrun says how many there are
    first, second = pair(tmp_path, environment, train(material, tmp_path / "two", *changes, *devices))
    assert first.code == second.code == 0, first.err + second.err
    assert "gan-x2.onnx" in first.out
    assert (second.out, second.err) == ("", "")
    for name in ("0-pixels-00000006.safetensors", "1-gan-00000006.safetensors"):
        a, b = (read_checkpoint(tmp_path / out / "checkpoints" / name) for out in ("one", "two"))
        assert len(a.facts["curve"]) == 1
        for (_, psnr), (_, other) in zip(a.facts["curve"], b.facts["curve"], strict=True):
            assert psnr["validation"] == pytest.approx(other["validation"], abs=1e-3)
        a, b = tensors(a.parts), tensors(b.parts)
        assert a.keys() == b.keys()
        for key, value in a.items():
            if "_optimizer" in key or ("/discriminator/" in key and key.endswith(".bias")):
                continue  # where the exact gradient is 0, Adam makes steps of full size from what rounding leaves
            largest = value.double().abs().max()
            assert torch.allclose(value.double(), b[key].double(), rtol=0, atol=1e-4 * float(largest)), key


def test_torchrun_decides_how_many_there_are(material, tmp_path):
    arguments = [*train(material, tmp_path / "two"), "--devices", "3"]
    first, second = pair(tmp_path, torchrun, arguments)
    assert first.code == second.code == 2
    assert first.err == "srgan: torchrun has started 2 where --devices says 3: leave --devices out\n"
    assert second.err == ""
    assert not (tmp_path / "two").exists()


class _Launched:
    """As much of Fabric as :class:`Processes` looks at."""

    def __init__(self, rank):
        self.global_rank, self.world_size = rank, 2


def _stuck(rank, folder):
    module._STEP_PATIENCE = timedelta(seconds=1)
    processes = module.Processes(_Launched(rank))
    assert processes.highest(rank) == 1
    if rank:
        time.sleep(3)  # as long as the other needs to give up; it may be decoding, which is not waited for like that
        processes.wait()
        return
    with pytest.raises(RuntimeError) as caught:
        processes.gather("here")
    assert is_loss_of_a_process(caught.value)
    assert "has not answered for 0 minutes" in module.loss_of_a_process(caught.value)
    processes.wait()
    (folder / "given up").touch()


def test_a_process_that_is_stuck_is_given_up(tmp_path):
    in_two_processes(_stuck, tmp_path)
    assert (tmp_path / "given up").exists()


def test_what_is_a_loss_of_a_process():
    assert is_loss_of_a_process(RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:538] Connection closed"))
    assert not is_loss_of_a_process(RuntimeError("size mismatch"))
    assert not is_loss_of_a_process(ValueError("gloo"))
