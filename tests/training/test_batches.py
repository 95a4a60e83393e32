import multiprocessing
import os
import signal
import sys

import pytest
import torch

from srgan.errors import TrainingError
from srgan.training.batches import batches
from srgan.training.data import CropDataset
from support.prepared import prepared, save


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_resume_in_the_middle_with_the_same_crops(tmp_path, workers):
    save(tmp_path, "a.png", 64, 64)
    dataset = CropDataset(prepared(tmp_path, [tmp_path / "a.png"]), crop=16, scale=4, seed=1, flips=True)
    whole = list(batches(dataset, first_step=0, steps=6, batch=4, workers=0))
    rest = list(batches(dataset, first_step=4, steps=6, batch=4, workers=workers))
    assert len(rest) == 2
    for a, b in zip(whole[4:], rest, strict=True):
        assert torch.equal(a.hr, b.hr)
        assert torch.equal(a.lr, b.lr)


def test_devices_share_a_batch(tmp_path):
    save(tmp_path, "a.png", 64, 64)
    dataset = CropDataset(prepared(tmp_path, [tmp_path / "a.png"]), crop=16, scale=4, seed=1, flips=True)
    (whole,) = batches(dataset, first_step=3, steps=4, batch=4, workers=0)
    parts = [next(batches(dataset, first_step=3, steps=4, batch=4, workers=0, rank=r, devices=2)) for r in (0, 1)]
    assert torch.equal(torch.cat([part.hr for part in parts]), whole.hr)


@pytest.mark.parametrize("waits", [True, False])
def test_a_dead_worker_process_is_one_clear_error(tmp_path, waits):
    save(tmp_path, "a.png", 64, 64)
    dataset = CropDataset(prepared(tmp_path, [tmp_path / "a.png"]), crop=16, scale=4, seed=1, flips=True)
    before = multiprocessing.active_children()
    source = batches(dataset, first_step=0, steps=1000, batch=2, workers=1)
    next(source)
    (process,) = set(multiprocessing.active_children()) - set(before)
    os.kill(process.pid, signal.SIGKILL)
    if not waits:
        process.join()  # what the training does meanwhile is not interrupted
    with pytest.raises(TrainingError, match=r"out of memory.*data\.workers=0"):
        list(source)


class Killed(CropDataset):
    """Kills the process that prepares it, while that holds whatever lock it needs to see whether the training is over."""

    def __getitem__(self, number):
        frame = sys._getframe()
        while "done_event" not in frame.f_locals:
            frame = frame.f_back
        lock = getattr(frame.f_locals["done_event"], "_cond", None)
        if lock:
            lock.acquire()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.timeout(60)
def test_a_process_killed_at_the_worst_moment_leaves_no_lock_behind(tmp_path):
    save(tmp_path, "a.png", 64, 64)
    dataset = Killed(prepared(tmp_path, [tmp_path / "a.png"]), crop=16, scale=4, seed=1, flips=True)
    with pytest.raises(TrainingError, match=r"data\.workers=0"):
        list(batches(dataset, first_step=0, steps=10, batch=2, workers=1))
