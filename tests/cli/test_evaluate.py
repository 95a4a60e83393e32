import json
import subprocess
import sys

import numpy as np
from PIL import Image


def srgan(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "srgan", *map(str, arguments)], capture_output=True, text=True, **options
    )


def save(folder):
    folder.mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 52, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def test_prints_a_table_and_writes_json_and_figure(tmp_path):
    save(tmp_path / "Noise")
    result = srgan(
        "evaluate", "bicubic", tmp_path / "Noise", "--json", tmp_path / "r.json", "--figure", tmp_path / "f.png"
    )
    assert result.returncode == 0, result.stderr
    data = json.loads((tmp_path / "r.json").read_text())
    mean = data["sets"][0]["mean"]
    assert "Noise" in result.stdout
    assert f"{mean['psnr_y']:.2f}" in result.stdout
    assert f"{mean['ssim_y']:.4f}" in result.stdout
    assert Image.open(tmp_path / "f.png").size[0] > 500


def test_json_to_stdout_is_json_alone(tmp_path):
    save(tmp_path / "Noise")
    result = srgan("evaluate", "bicubic", tmp_path / "Noise", "--scale", 2, "--json", "-")
    assert json.loads(result.stdout)["scale"] == 2


def test_mistakes_are_one_line(tmp_path):
    save(tmp_path / "Noise")
    for arguments, code, word in (
        (["bicubic", tmp_path / "none"], 2, "none"),
        (["no-such-model", tmp_path / "Noise"], 2, "no-such-model"),
        (["bicubic", tmp_path], 1, "no pictures"),
        (["bicubic", tmp_path / "Noise", "--figure", "f.xyz"], 2, ".png"),
        (["bicubic", tmp_path / "Noise", "--precision", "fp8"], 2, "fp32"),
    ):
        result = srgan("evaluate", *arguments, cwd=tmp_path)
        assert result.returncode == code, (arguments, result.stderr)
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1, result.stderr
        assert word in lines[0]
        assert "Traceback" not in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["Noise"]


def test_perceptual_adds_the_distance_in_vgg_features(tmp_path, shared):
    save(tmp_path / "Noise")
    weights = shared / "data" / "vgg16_features.safetensors"
    result = srgan("evaluate", "bicubic", tmp_path / "Noise", "--vgg-weights", weights, "--json", tmp_path / "r.json")
    assert result.returncode == 0, result.stderr
    (entry,) = json.loads((tmp_path / "r.json").read_text())["sets"]
    values = [image["vgg_distance"] for image in entry["images"]]
    assert all(0.01 < value < 2 for value in values)
    assert entry["mean"]["vgg_distance"] == np.mean(values)
    assert f"{np.mean(values):.4f}" in result.stdout
