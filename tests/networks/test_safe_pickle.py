import os
import pickle
import zipfile

import pytest
import torch

from srgan.errors import ModelError, UsageError
from srgan.interop.convert import read_foreign
from srgan.networks import safe_pickle
from srgan.networks.safe_pickle import load_tensors


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


def refused(path, *words, kind=ModelError):
    with pytest.raises(kind) as caught:
        read_foreign(path)
    assert "\n" not in str(caught.value)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_the_attack_works_where_nothing_guards(tmp_path):
    pickle.loads(pickle.dumps(Attack(tmp_path / "proof")))
    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize("form", ["zip", "old", "bare"])
def test_code_in_a_pickle_is_not_run(tmp_path, form):
    content = {"conv_first.weight": torch.zeros(2), "extra": Attack(tmp_path / "proof")}
    file = tmp_path / "evil.pth"
    if form == "bare":
        file.write_bytes(pickle.dumps({"extra": Attack(tmp_path / "proof")}, protocol=2))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=form == "zip")
    refused(file, "system", "was not run")
    assert not (tmp_path / "proof").exists()


def test_objects_of_the_training_script_are_refused_by_name(tmp_path):
    import argparse

    torch.save({"state_dict": {"a": torch.zeros(1)}, "args": argparse.Namespace(lr=1)}, tmp_path / "c.pth")
    refused(tmp_path / "c.pth", "argparse.Namespace")


def test_damaged_files_are_refused(tmp_path):
    file = tmp_path / "g.pth"
    torch.save({f"layer{n}.weight": torch.randn(50, 50) for n in range(4)}, file)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    refused(file)
    file.write_bytes(b"\x80\x02" + os.urandom(100))
    refused(file)
    file.write_bytes(b"<!DOCTYPE html><html>not found</html>")
    refused(file)
    file.write_bytes(b"")
    refused(file, "empty")
    (tmp_path / "g.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    refused(tmp_path / "g.safetensors", "damaged")
    refused(tmp_path / "none.pth", "no file", kind=UsageError)


def test_no_state_dict_is_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "t.pth")
    refused(tmp_path / "t.pth", "no weights")
    torch.save({"epoch": 3, "state_dict": {}}, tmp_path / "t.pth")
    refused(tmp_path / "t.pth", "no weights")


def test_tensors_that_claim_more_than_there_is_are_refused(tmp_path):
    # One number, shown by strides of zero as 2^40.
    torch.save({"conv.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, tmp_path / "t.pth")
    assert (tmp_path / "t.pth").stat().st_size < 10_000
    refused(tmp_path / "t.pth", "million weights")


def test_archives_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_pickle, "MAX_BYTES", 1 << 20)  # so that the test does not write gigabytes
    torch.save({"a.weight": torch.zeros(4)}, tmp_path / "t.pth")
    with zipfile.ZipFile(tmp_path / "t.pth", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/bomb", bytes(2 << 20))
    assert (tmp_path / "t.pth").stat().st_size < 1 << 20
    refused(tmp_path / "t.pth", "unpacks to 2 MiB")


def test_names_are_unwrapped(tmp_path):
    weights = {"module._orig_mod.a.weight": torch.ones(2, dtype=torch.float16), "n": torch.tensor(3)}
    torch.save({"params": {"a.weight": torch.zeros(2)}, "params_ema": weights}, tmp_path / "t.pth")
    found = load_tensors(tmp_path / "t.pth")
    assert found.keys() == {"a.weight", "n"}
    assert found["a.weight"].dtype == torch.float32
    assert found["a.weight"].tolist() == [1, 1]
    assert found["n"].dtype == torch.int64
