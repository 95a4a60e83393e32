"""Videos and animations through ``srgan upscale``, as a process."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from srgan.cli import video
from srgan.engine.sizes import Target
from srgan.models.catalogue import CLIPS, for_twice
from support import tiny_models


def upscale(*arguments, cwd=None):
    command = [sys.executable, "-m", "srgan", "upscale", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)


def animate(path, colours=("red", "lime", "blue")):
    pictures = [Image.new("RGB", (8, 6), colour) for colour in colours]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[30, 40, 50], loop=0)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


@pytest.fixture
def clips():
    from support import clips

    return clips


def test_a_video_is_written_beside_its_source(tmp_path, model, clips):
    source = clips.make(tmp_path / "clip.mp4", clips.VARIABLE[:4], audio="aac")
    done = upscale(source, "--model", model, "--scale", 2, "--preset", "ultrafast")
    assert (done.returncode, done.stderr) == (0, "")
    target = tmp_path / "clip_x2.mp4"
    assert done.stdout.startswith(f"{target}  64x48 -> 128x96  4 frames, 4 computed  ")
    assert clips.shown(target) == clips.shown(source)
    assert clips.packets(target, "audio") == clips.packets(source, "audio")
    again = upscale(source, "--model", model, "--scale", 2)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert "--overwrite" in again.stderr


@pytest.mark.parametrize("arguments", [["-o", "q.webm", "--preset", 12], ["--codec", "hevc"], ["--codec", "h264"]])
def test_quiet_means_not_a_word(tmp_path, model, clips, arguments):
    clips.make(tmp_path / "clip.mp4", clips.VARIABLE[:3])
    done = upscale("clip.mp4", "-m", model, "-q", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_clips_go_through_the_fast_network_unless_another_is_named(tmp_path):
    animate(tmp_path / "anim.gif")
    done = upscale("anim.gif", "-o", "fast.webp", cwd=tmp_path)
    assert done.stderr == f"srgan: by {CLIPS}, the fast network (--model takes another one)\n"
    named = upscale("anim.gif", "-o", "named.webp", "--model", CLIPS, cwd=tmp_path)
    assert (named.returncode, named.stderr) == (0, "")
    assert (tmp_path / "fast.webp").read_bytes() == (tmp_path / "named.webp").read_bytes()
    # Of a picture and a clip, each goes through its own.
    Image.effect_noise((16, 12), 60).convert("RGB").save(tmp_path / "still.png")
    both = upscale("anim.gif", "still.png", "-o", "large", "--format", "webp", "--quality", "90", cwd=tmp_path)
    assert both.returncode == 0, both.stderr
    assert re.search(rf"^srgan: by {CLIPS}", both.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("size", "within"),
    [
        (Target(), "nnn"), (Target(scale=2.0), "yyy"), (Target(scale=2.1), "nnn"), (Target(width=16), "yyn"),
        (Target(width=17), "nyn"), (Target(width=96), "nyn"), (Target(width=97), "nnn"), (Target(height=128), "nyn"),
        (Target(fit=(16, 999)), "yyn"), (Target(fit=(999, 129)), "nnn"),
    ],
    ids=str,
)  # fmt: skip
def test_whether_a_clip_becomes_twice_as_large_goes_by_the_size_that_is_shown(tmp_path, clips, size, within):
    animate(tmp_path / "a.gif")  # 8 x 6
    clips.make(tmp_path / "b.mp4", clips.VARIABLE[:2], rotation=90)  # 64 x 48, shown as 48 x 64
    (tmp_path / "c.mp4").write_bytes(b"no video")
    found = [video.is_within(2, tmp_path / name, size) for name in ("a.gif", "b.mp4", "c.mp4")]
    assert found == [letter == "y" for letter in within]


def test_an_animation_that_exif_turns_is_as_large_as_it_is_shown(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    pictures = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime")]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:], duration=40, exif=turned)
    assert video.is_within(2, tmp_path / "a.webp", Target(width=12))  # 6 x 8
    assert not video.is_within(2, tmp_path / "a.webp", Target(width=13))


def test_each_clip_goes_through_the_network_for_its_size(tmp_path):
    for name, size in (("a", (8, 6)), ("b", (16, 12)), ("c", (9, 6))):
        pictures = [Image.new("RGB", size, colour) for colour in ("red", "lime")]
        pictures[0].save(tmp_path / f"{name}.gif", save_all=True, append_images=pictures[1:], duration=40)
    done = upscale("a.gif", "b.gif", "c.gif", "-o", "large", "--width", 18, cwd=tmp_path)
    said = [f"srgan: by {name}, the fast network (--model takes another one)" for name in (CLIPS, for_twice(CLIPS))]
    assert (done.returncode, done.stderr.splitlines()) == (0, said)
    for name, network in (("a", CLIPS), ("b", for_twice(CLIPS)), ("c", for_twice(CLIPS))):
        upscale(f"{name}.gif", "-o", "named.gif", "--overwrite", "--width", 18, "--model", network, cwd=tmp_path)
        assert (tmp_path / "large" / f"{name}_w18.gif").read_bytes() == (tmp_path / "named.gif").read_bytes()


def test_a_killed_command_goes_on_where_it_was(tmp_path, model, clips):
    frames = [clips.picture(number % 50, 32, 32) for number in range(800)]
    source = clips.make(tmp_path / "clip.mp4", [3000 * n for n in range(800)], frames=frames)
    command = [sys.executable, "-m", "srgan", "upscale", str(source), "-m", str(model), "--preset", "ultrafast"]
    first_part = tmp_path / ".clip_x4.mp4.parts" / "000000.nut"
    with subprocess.Popen(command) as process:
        while not first_part.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL  # or it had ended before
    assert not (tmp_path / "clip_x4.mp4").exists()
    done = upscale(source, "-m", model, "--preset", "ultrafast")
    assert done.returncode == 0
    resumed = int(re.fullmatch(r"srgan: .*: (\d+) of about 800 frames are done already\n", done.stderr)[1])
    assert resumed % 96 == 0
    computed = int(re.search(r"  800 frames, (\d+) computed  ", done.stdout)[1])
    assert 0 < computed <= 800 - resumed  # in a still stretch frames repeat
    assert clips.shown(tmp_path / "clip_x4.mp4") == clips.shown(source)


def test_an_output_says_name_and_container(tmp_path, model, clips):
    source = clips.make(tmp_path / "clip.mp4", clips.VARIABLE[:4], audio="aac")
    done = upscale("clip.mp4", "-o", "out.mkv", "-m", model, "--codec", "hevc", "--preset", "ultrafast", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    import av

    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert container.streams.video[0].width == 256
    before, after = (clips.packets(path, "audio") for path in (source, tmp_path / "out.mkv"))
    assert [data for _, data in after] == [data for _, data in before]
    # Matroska begins at 0, in milliseconds: picture and sound are moved alike.
    moved = after[0][0] - before[0][0]
    pairs = zip(clips.shown(tmp_path / "out.mkv"), clips.shown(source), strict=True)
    assert all(abs(late - early - moved) <= 0.001 for late, early in pairs)


def test_videos_animations_and_pictures_in_one_call(tmp_path, model, clips):
    for name in ("a.mp4", "b.mov"):
        clips.make(tmp_path / name, clips.VARIABLE[:3])
    (tmp_path / "broken.mp4").write_text("dear diary")
    animate(tmp_path / "anim.gif")
    Image.new("RGB", (8, 6), "red").save(tmp_path / "still.gif")
    names = ["a.mp4", "still.gif", "broken.mp4", "anim.gif", "b.mov"]
    done = upscale(*names, "-o", "large", "-m", model, "--preset", "ultrafast", cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(r"^srgan: cannot read .*broken\.mp4", done.stderr, re.MULTILINE)
    assert "frames: the first one" not in done.stderr
    made = sorted(path.name for path in (tmp_path / "large").iterdir() if not path.name.startswith("."))
    assert made == ["a_x4.mp4", "anim_x4.gif", "b_x4.mov", "still_x4.gif"]
    with Image.open(tmp_path / "large" / "anim_x4.gif") as picture:
        assert (picture.n_frames, picture.size) == (3, (32, 24))
    # Again: what is there is left alone, and said.
    again = upscale("a.mp4", "b.mov", "-o", "large", "-m", model, cwd=tmp_path)
    assert again.returncode == 0
    assert again.stderr.count("exists, skipped") == 2


def test_an_animation_needs_no_pyav(tmp_path, model):
    animate(tmp_path / "a.gif")
    # As if it were not installed: a package of that name that cannot be imported.
    (tmp_path / "av.py").write_text("raise ImportError")
    done = upscale("a.gif", "-o", "b.webp", "--model", model, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "b.webp") as picture:
        assert (picture.n_frames, picture.size) == (3, (32, 24))
    (tmp_path / "c.mp4").write_bytes(b"")
    without = upscale("c.mp4", "--model", model, cwd=tmp_path)
    said = "srgan: enlarging a video needs libraries that are not installed: run pip install 'srgan[video]'\n"
    assert (without.returncode, without.stderr) == (2, said)


@pytest.mark.parametrize("end", ["gif", "webp", "png"])
def test_every_frame_of_an_animation_is_enlarged_unless_the_result_holds_one(tmp_path, model, end):
    animate(tmp_path / f"a.{end}")
    done = upscale(f"a.{end}", "--model", model, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"a_x4.{end}  8x6 -> 32x24  3 frames, 3 computed" in done.stdout
    with Image.open(tmp_path / f"a_x4.{end}") as picture:
        assert (picture.n_frames, picture.size) == (3, (32, 24))
    for output in (["-o", "b.jpg"], ["--format", "jpg"]):
        still = upscale(f"a.{end}", *output, "--model", model, cwd=tmp_path)
        assert still.returncode == 0
        assert still.stderr == f"srgan: a.{end} has 3 pages or frames: the first one was enlarged\n"


def test_whoever_watches_sees_frames_and_speed(tmp_path, model, clips):
    clips.make(tmp_path / "clip.mp4")
    main, side = pty.openpty()
    command = [sys.executable, "-m", "srgan", "upscale", "clip.mp4", "-m", str(model)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=side, cwd=tmp_path, env=environment) as process:
        os.close(side)
        shown = b""
        try:
            while piece := os.read(main, 4096):
                shown += piece
        except OSError:  # how Linux says that the other side is closed
            pass
        assert process.wait(300) == 0
    os.close(main)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"clip\.mp4 .*12/12.* (frames/s|s a frame)", text), text


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (["--no-audio"], ["video", "subtitle"]),
        (["--no-subtitles"], ["video", "audio"]),
        (["--only", "video"], ["video"]),
        (["--only", "audio,video"], ["video", "audio"]),
        (["--only", "subtitles"], ["video", "subtitle"]),
    ],
)
def test_streams_may_be_left_out(tmp_path, model, clips, arguments, kinds):
    clips.make(tmp_path / "clip.mkv", clips.VARIABLE[:3], audio="aac", subtitles=True)
    done = upscale("clip.mkv", "-m", model, "--preset", "ultrafast", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    import av

    with av.open(str(tmp_path / "clip_x4.mkv")) as container:
        assert [stream.type for stream in container.streams] == kinds


@pytest.mark.usefixtures("clips")
def test_the_name_of_the_output_makes_videos_of_animations_and_back(tmp_path, model):
    animate(tmp_path / "a.gif")
    video = upscale("a.gif", "-o", "b.mp4", "-m", model, "--crf", 10, cwd=tmp_path)
    assert video.returncode == 0
    assert video.stderr == "srgan: a.gif: it repeats, which videos cannot say: the result is shown once\n"
    back = upscale("b.mp4", "--format", "gif", "-m", model, "-o", "c.gif", cwd=tmp_path)
    assert (back.returncode, back.stderr) == (0, "")
    with Image.open(tmp_path / "c.gif") as picture:
        assert (picture.n_frames, picture.size) == (3, (128, 96))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.mp4"], "does not exist"),
        (["a.gif", "-o", "b.avi"], "choose one of .apng, .gif, .m4v, .mkv, .mov, .mp4, .png, .webm, .webp"),
        (["a.mp4", "-o", "b.jpg"], "choose one of .apng, .gif, .m4v, .mkv, .mov, .mp4, .png, .webm, .webp"),
        (["a.gif", "-o", "b.mp4", "--quality", 20], "--quality is for pictures and animated WebP"),
        (["a.mp4", "-o", "b.gif", "--crf", 20], "--codec, --crf and --preset are for videos"),
        (["a.gif", "--no-audio"], "--no-audio, --no-subtitles and --only are for videos"),
        (["a.mp4", "--only", "video", "--no-audio"], "--only says what is kept"),
        (["a.mp4", "--only", "sound"], "choose from video, audio and subtitles"),
        (["a.mp4", "-o", "b.mkv", "--format", "mp4"], "is not mp4"),
        (["a.gif", "--crf", 20], "--codec, --crf and --preset are for videos"),
        (["still.png", "--codec", "av1"], "--codec, --crf and --preset are for videos"),
        (["a.mp4", "--quality", 20], "--quality is for pictures and animated WebP"),
        (["a.mp4", "--check"], "--check is not for videos"),
        (["a.mp4", "--dry-run"], "--dry-run is not for videos"),
        (["a.mp4", "--scale", 2, "--width", 100], "give one of them"),
        (["s3://films/a.mp4", "-o", "large"], "fetch it first"),
        (["a.mp4", "-o", "s3://films"], "name a folder"),
        (["a.mp4", "sub/a.mp4", "-o", "large"], "would both become"),
    ],
)
def test_a_wrong_call_is_one_line(tmp_path, model, arguments, said):
    animate(tmp_path / "a.gif")
    (tmp_path / "sub").mkdir()
    for name in ("a.mp4", "sub/a.mp4"):
        (tmp_path / name).write_bytes(b"")
    Image.new("RGB", (8, 6)).save(tmp_path / "still.png")
    done = upscale(*arguments, "-m", model, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr
    assert not (tmp_path / "large").exists()
