import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
import tiny_models


def srgan(*arguments, cwd=None):
    command = [sys.executable, "-m", "srgan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


def test_a_video_is_written_beside_its_source(tmp_path, model):
    pytest.importorskip("av", reason="needs the extra video")
    import clips

    source = clips.make(tmp_path / "clip.mp4", clips.VARIABLE[:4], audio="aac")
    done = srgan("video", source, "--model", model, "--scale", 2, "--preset", "ultrafast")
    assert (done.returncode, done.stderr) == (0, "")
    target = tmp_path / "clip_x2.mp4"
    assert done.stdout.startswith(f"{target}  64x48 -> 128x96  4 frames, 4 computed  ")
    assert clips.shown(target) == clips.shown(source)
    again = srgan("video", source, "--model", model, "--scale", 2)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert "--overwrite" in again.stderr


def test_an_animation_needs_no_pyav(tmp_path, model):
    pictures = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[30, 40, 50], loop=0)
    # As if it were not installed: a package of that name that cannot be imported.
    (tmp_path / "av.py").write_text("raise ImportError")
    done = srgan("video", "a.gif", "-o", "b.webp", "--model", model, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "b.webp") as picture:
        assert (picture.n_frames, picture.size) == (3, (32, 24))
    (tmp_path / "c.mp4").write_bytes(b"")
    without = srgan("video", "c.mp4", "--model", model, cwd=tmp_path)
    said = "srgan: srgan video needs libraries that are not installed: run pip install 'srgan[video]'\n"
    assert (without.returncode, without.stderr) == (2, said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.mp4"], "does not exist"),
        (["a.gif", "-o", "b.mp4"], "choose one of .apng, .gif, .png, .webp"),
        (["a.gif", "--crf", 20], "--codec, --crf and --preset are for videos"),
        (["a.mp4", "--quality", 20], "--quality is for animated WebP"),
        (["a.mp4", "--scale", 2, "--width", 100], "give one of them"),
    ],
)
def test_a_wrong_call_is_one_line(tmp_path, arguments, said):
    (tmp_path / "a.gif").write_bytes(b"")
    done = srgan("video", *arguments, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr
