import os

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from srgan.errors import CheckpointError
from srgan.training.checkpoint import Checkpoint, load_checkpoint, read_checkpoint, save_checkpoint


def make(step, order=0, stage="one"):
    torch.manual_seed(step)
    parts = {
        "generator": {"weight": torch.rand(2, 3), "count": torch.tensor(7)},
        "optimizer": {
            "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.rand(4)}},
            "param_groups": [{"lr": 0.5, "params": [0], "betas": (0.9, 0.99), "fused": None}],
        },
    }
    return Checkpoint(stage, order, step, parts, {"seconds": 1.5, "best": float("-inf"), "curve": [[1, {"set": 2.0}]]})


def fail(text):
    raise AssertionError(text)


def test_everything_comes_back(tmp_path):
    saved = make(5)
    save_checkpoint(saved, tmp_path, keep=3)
    loaded = load_checkpoint(tmp_path, fail)
    assert (loaded.stage, loaded.order, loaded.step, loaded.facts) == ("one", 0, 5, saved.facts)
    assert torch.equal(loaded.parts["generator"]["weight"], saved.parts["generator"]["weight"])
    assert loaded.parts["generator"]["count"].dtype == torch.int64
    assert loaded.parts["generator"]["count"].shape == ()
    state = loaded.parts["optimizer"]["state"]
    assert list(state) == [0]  # an integer, as the optimizer needs
    assert torch.equal(state[0]["exp_avg"], saved.parts["optimizer"]["state"][0]["exp_avg"])
    assert loaded.parts["optimizer"]["param_groups"] == [
        {"lr": 0.5, "params": [0], "betas": [0.9, 0.99], "fused": None}
    ]


def test_the_newest_are_kept_and_the_best_beside_them(tmp_path):
    for step in (10, 20, 9999, 100000000 - 1):
        save_checkpoint(make(step), tmp_path, keep=2, best=step == 10)
    save_checkpoint(make(5, order=1, stage="two"), tmp_path, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "0-one-99999999.safetensors",
        "1-two-00000005.safetensors",
        "best.safetensors",
    ]
    assert load_checkpoint(tmp_path, fail).stage == "two"
    assert read_checkpoint(tmp_path / "best.safetensors").step == 10


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text"])
def test_a_damaged_newest_one_is_named_and_the_one_before_used(tmp_path, damage):
    save_checkpoint(make(1), tmp_path, keep=3)
    newest = save_checkpoint(make(2), tmp_path, keep=3)
    data = bytearray(newest.read_bytes())
    if damage == "truncated":
        data = data[: len(data) // 2]
    elif damage == "empty":
        data = bytearray()
    elif damage == "flipped":
        data[-3] ^= 0x10  # a bit of a weight: the file still parses
    else:
        data = bytearray(b"hello")
    newest.write_bytes(data)
    warnings = []
    assert load_checkpoint(tmp_path, warnings.append).step == 1
    assert len(warnings) == 1
    assert newest.name in warnings[0]


def test_a_run_without_checkpoints_has_none(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoints", fail) is None


def test_no_usable_checkpoint_is_an_error(tmp_path):
    save_checkpoint(make(1), tmp_path, keep=3).write_bytes(b"x")
    with pytest.raises(CheckpointError, match="every checkpoint"):
        load_checkpoint(tmp_path, lambda _: None)


def test_the_best_one_is_the_last_resort(tmp_path):
    save_checkpoint(make(1), tmp_path, keep=1, best=True)
    save_checkpoint(make(2), tmp_path, keep=1).write_bytes(b"x")
    assert load_checkpoint(tmp_path, lambda _: None).step == 1


def test_a_flipped_byte_anywhere_is_found(tmp_path):
    file = save_checkpoint(make(2), tmp_path, keep=1)
    whole = file.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    assert header < len(whole)
    random = np.random.default_rng(0)
    places = [*random.choice(len(whole[:header].rstrip()), 150, replace=False), *range(header, len(whole), 7)]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << int(random.integers(7))
        file.write_bytes(data)
        said = None
        try:
            read = read_checkpoint(file)
        except CheckpointError as error:
            said = str(error)
        if said is None:
            # The name of a digest is the only thing whose damage does no harm.
            assert whole.rindex(b'"digest":"') <= place < whole.rindex(b'"digest":"') + 9
            assert (read.stage, read.order, read.step, read.facts) == ("one", 0, 2, make(2).facts)
        else:
            assert file.name in said
            assert "\n" not in said


def test_checkpoints_without_a_digest_of_their_state_are_read(tmp_path):
    file = save_checkpoint(make(2), tmp_path, keep=1)
    with safe_open(file, framework="pt") as source:
        metadata = source.metadata()
    del metadata["digest"]
    save_file(load_file(file), file, metadata=metadata)
    assert read_checkpoint(file).step == 2


def test_after_going_back_the_later_damaged_ones_are_removed(tmp_path):
    for step in (1, 2, 3):
        newest = save_checkpoint(make(step), tmp_path, keep=3)
    newest.write_bytes(b"x")
    (tmp_path / "0-one-00000004.part").write_bytes(b"half")
    assert load_checkpoint(tmp_path, lambda _: None).step == 2
    again = make(2)
    again.step = 2
    save_checkpoint(again, tmp_path, keep=1)  # must not be removed itself in favour of the damaged one
    assert [file.name for file in tmp_path.iterdir()] == ["0-one-00000002.safetensors"]


def test_another_programs_file_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        read_checkpoint(tmp_path / "other.safetensors")


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path):
    resource = pytest.importorskip("resource")
    save_checkpoint(make(1), tmp_path, keep=1)
    big = make(2)
    big.parts["generator"]["weight"] = torch.rand(1 << 20)
    # The limit on a file's size fails a write as a full disk does; it lasts for a child process alone.
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        try:
            save_checkpoint(big, tmp_path, keep=1)
        except CheckpointError as error:
            os._exit(0 if "--resume" in str(error) and "\n" not in str(error) else 2)
        finally:
            os._exit(1)  # another error, too: the child may not go on with the tests that follow
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["0-one-00000001.safetensors"]
    assert load_checkpoint(tmp_path, fail).step == 1
