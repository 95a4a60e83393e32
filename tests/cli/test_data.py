import json
import subprocess
import sys

import numpy as np
from PIL import Image

from support import tiny_models


def srgan(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "srgan", *map(str, arguments)], capture_output=True, text=True, timeout=180
    )


def test_check_prints_a_table_and_tells_by_its_exit_code(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (120, 130, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "fine.png")
    clean = srgan("data", "check", tmp_path)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "1 picture, 0.0 megapixels: nothing wrong" in clean.stdout

    Image.fromarray(noise[:50, :60]).save(tmp_path / "little.png")
    found = srgan("data", "check", tmp_path, "--json", tmp_path / "r.json")
    assert found.returncode == 1
    assert "little.png" in found.stdout
    assert "1 with problems (1 too small)" in found.stdout
    data = json.loads((tmp_path / "r.json").read_text())
    assert [(entry["file"], entry["kind"]) for entry in data["problems"]] == [("little.png", "too small")]
    assert srgan("data", "check", tmp_path, "--smallest", 50).returncode == 0


def test_check_knows_what_the_recipe_needs(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (120, 130, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "fine.png")
    assert srgan("data", "check", tmp_path, "--recipe", "laptop").returncode == 0
    (tmp_path / "mine.toml").write_text(
        "[generator]\nbands = 4\n[stages.a]\nsteps = 1\ncrop = 160\npixel = {weight = 1.0}\n"
    )
    found = srgan("data", "check", tmp_path, "--recipe", tmp_path / "mine.toml", "--json", "-")
    (problem,) = json.loads(found.stdout)["problems"]
    assert (found.returncode, problem["kind"]) == (1, "unusable")
    assert "3 bands, not 4" in problem["reason"]
    (problem,) = json.loads(srgan("data", "check", tmp_path, "--recipe", "srgan", "--json", "-").stdout)["problems"]
    assert problem["reason"] == "130 x 120 pixels, the shorter side is below 192"
    assert srgan("data", "check", tmp_path, "--recipe", "nothing").returncode == 2


def test_a_missing_folder_is_one_line(tmp_path):
    result = srgan("data", "check", tmp_path / "none")
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_draw_draws_what_it_says(tmp_path):
    result = srgan("data", "draw", tmp_path / "drawn", "--count", 2, "--size", "320x200", "--seed", 3)
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(file.name for file in (tmp_path / "drawn").iterdir()) == [
        "drawn_0000_text.png",
        "drawn_0001_slide.png",
    ]
    assert Image.open(tmp_path / "drawn" / "drawn_0001_slide.png").size == (320, 200)
    assert result.stdout.startswith("2 pictures, 0.1 megapixels: ")
    again = srgan("data", "draw", tmp_path / "drawn", "--count", 2, "--size", "320x200", "--seed", 3)
    assert again.returncode == 2
    assert len(again.stderr.strip().splitlines()) == 1
    assert "--overwrite" in again.stderr


def test_draw_takes_no_size_that_is_none(tmp_path):
    for size in ("320", "320x", "ax200", "-320x200", "10x10"):
        result = srgan("data", "draw", tmp_path / "drawn", "--size", size)
        assert result.returncode == 2, size
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "drawn").exists()


def test_distil_makes_pairs_and_says_what_to_do_with_them(tmp_path):
    network = tiny_models.residual(tmp_path / "mine-x4.onnx", seed=0, name="mine-x4")
    pixels = np.random.default_rng(0).integers(0, 256, (200, 230, 3), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    Image.fromarray(pixels[:50]).save(tmp_path / "photos" / "[bold].png")
    result = srgan("data", "distil", tmp_path / "photos", tmp_path / "pairs", "--model", network, "--side", 200)
    assert result.returncode == 0, result.stderr
    assert result.stderr.strip() == "left out: [bold].png: smaller than 192 pixels"
    assert [file.name for file in (tmp_path / "pairs" / "HR").iterdir()] == ["00000_a.png"]
    assert Image.open(tmp_path / "pairs" / "LRx4" / "00000_a.png").size == (50, 50)
    assert f"srgan train {tmp_path / 'pairs'} --recipe distil --init {network}" in result.stdout
    again = srgan("data", "distil", tmp_path / "photos", tmp_path / "pairs", "--model", network)
    assert again.returncode == 2
    assert len(again.stderr.strip().splitlines()) == 1
    (tmp_path / "new").mkdir()
    Image.fromarray(pixels[::-1]).save(tmp_path / "new" / "b.png")
    more = srgan(
        "data", "distil", tmp_path / "photos", tmp_path / "more", "--model", network, "--new", tmp_path / "new"
    )
    assert more.stdout.startswith("2 pairs"), more.stderr
    learned = np.asarray(Image.open(tmp_path / "more" / "HR" / "00001_b.png"))  # cut at one of three places
    assert sum(np.array_equal(learned, pixels[::-1][:, left : left + 228]) for left in range(3)) == 1
