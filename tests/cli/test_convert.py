import os
import pickle
import subprocess
import sys

import numpy as np
import torch
from PIL import Image

from srgan.interop.torch_pth import MSRResNet


def srgan(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "srgan", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


class Attack:
    def __reduce__(self):
        return os.system, ("touch proof",)


def test_from_weights_to_an_enlarged_picture(tmp_path):
    torch.manual_seed(0)
    torch.save({"params": MSRResNet(8, 2, 4).state_dict()}, tmp_path / "net.pth")
    done = srgan("convert", tmp_path / "net.pth", "-o", tmp_path / "model.onnx", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "MSRResNet" in done.stdout
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    result = srgan("upscale", tmp_path / "a.png", "-o", tmp_path / "b.png", "--model", tmp_path / "model.onnx")
    assert result.returncode == 0, result.stderr
    assert Image.open(tmp_path / "b.png").size == (120, 80)
    assert srgan("convert", tmp_path / "net.pth", "-o", tmp_path / "model.onnx").returncode == 2  # it exists


def test_a_blend_becomes_a_network_of_its_own(tmp_path):
    done = srgan("convert", "photo-x4", "--fidelity", "0.25", "-o", tmp_path / "soft.onnx")
    assert done.returncode == 0, done.stderr
    assert "photo-x4 with 0.25 of photo-psnr-x4" in done.stdout
    assert "blended" in srgan("models", tmp_path / "soft.onnx").stdout
    for more, word in (
        (["-o", "a.png"], "ends in .onnx"),
        (["--fp16", "-o", "a.onnx"], "leave out --to"),
        ([], "--output"),
    ):
        wrong = srgan("convert", "photo-x4", "--fidelity", "0.25", *more)
        assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
        assert word in wrong.stderr


def test_mistakes_are_one_line(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"a": Attack()}, protocol=2))
    (tmp_path / "bad.h5").write_bytes(b"no")
    for arguments, code, word in (
        (["none.pth"], 2, "no file"),
        ([tmp_path / "evil.pth"], 1, "was not run"),
        ([tmp_path / "bad.h5"], 1, "HDF5"),
        ([tmp_path / "evil.pth", "-o", "x.png"], 2, ".onnx"),
    ):
        result = srgan("convert", *arguments)
        assert result.returncode == code, result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert word in result.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.h5", "evil.pth"]
