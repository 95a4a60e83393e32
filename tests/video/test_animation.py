"""Animated GIF, WebP and PNG, read back with Pillow."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.errors import ImageReadError, OutputExistsError, UsageError
from srgan.video.animation import upscale_animation
from support import tiny_models

TIMES = [50, 200, 100, 70]
SUFFIXES = [".gif", ".webp", ".png"]


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    """One that repeats each pixel, four times to a side."""
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4), threads=1)


def frames(alpha=False):
    made = []
    for number in range(4):
        pixels = np.full((10, 12, 4), 255, np.uint8)
        pixels[:, :, :3] = (200, 60, 20 + 60 * number)
        pixels[2:5, number * 2 : number * 2 + 4, :3] = (10, 220, 30)
        if alpha:
            pixels[6:, :4, 3] = 0
        made.append(Image.fromarray(pixels if alpha else pixels[:, :, :3].copy()))
    return made


def make(path, made, times=TIMES, **options):
    kind = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}[path.suffix]
    options |= {"lossless": True} if kind == "WEBP" else {}
    if kind == "GIF":
        options["disposal"] = 2
    made[0].save(path, kind, save_all=True, append_images=made[1:], duration=times, **options)
    return path


def read(path):
    with Image.open(path) as picture:
        found = []
        for number in range(picture.n_frames):
            picture.seek(number)
            pixels = np.asarray(picture.convert("RGBA"))
            found.append((pixels, picture.info["duration"]))
        return found, picture.info.get("loop")


@pytest.mark.parametrize("after", SUFFIXES)
@pytest.mark.parametrize("before", SUFFIXES)
def test_frames_times_and_repetitions_stay(tmp_path, upscaler, before, after):
    source = make(tmp_path / f"clip{before}", frames(), loop=3)
    target = tmp_path / f"large{after}"
    done = upscale_animation(source, target, upscaler)
    assert (done.frames, done.computed, done.after) == (4, 4, (48, 40))
    small, _ = read(source)
    large, loop = read(target)
    assert [time for _, time in large] == TIMES
    assert loop == 3
    tolerance = 70 if before == after == ".webp" else 6  # GIF has 256 colours, WebP into WebP is at quality 90
    for (pixels, _), (result, _) in zip(small, large, strict=True):
        difference = np.abs(result.astype(int) - pixels.repeat(4, 0).repeat(4, 1))
        assert np.percentile(difference, 98) <= tolerance


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_transparency_stays_and_nothing_of_the_frame_before_shows_through(tmp_path, upscaler, suffix):
    source = make(tmp_path / f"clip{suffix}", frames(alpha=True), loop=0)
    target = tmp_path / f"large{suffix}"
    upscale_animation(source, target, upscaler)
    large, _ = read(target)
    assert len(large) == 4
    for result, _ in large:
        assert (result[30:, :12, 3] < 40).all()
        assert (result[:20, :, 3] > 215).all()


def test_frames_that_repeat_are_computed_once_and_keep_their_time(tmp_path, upscaler):
    import av

    first, second, *_ = frames()
    source = tmp_path / "clip.gif"
    with av.open(str(source), "w") as out:  # Pillow would merge the copies
        stream = out.add_stream("gif", rate=25)
        stream.width, stream.height, stream.pix_fmt = 12, 10, "rgb8"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        for time, picture in zip((0, 4, 9), (first, first, second), strict=True):
            frame = av.VideoFrame.from_image(picture).reformat(format="rgb8")
            frame.pts, frame.time_base = time, stream.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    before, _ = read(source)
    assert len(before) == 3
    done = upscale_animation(source, tmp_path / "large.gif", upscaler)
    assert (done.frames, done.computed) == (3, 2)
    large, _ = read(tmp_path / "large.gif")
    assert sum(time for _, time in large) == sum(time for _, time in before)
    assert large[-1][1] == before[-1][1]


def test_a_still_picture_is_one_frame(tmp_path, upscaler):
    frames()[0].save(tmp_path / "still.png")
    done = upscale_animation(tmp_path / "still.png", tmp_path / "large.png", upscaler)
    assert (done.frames, done.after) == (1, (48, 40))


def test_what_cannot_be_done_is_said(tmp_path, upscaler, monkeypatch):
    source = make(tmp_path / "clip.gif", frames())
    (tmp_path / "taken.gif").write_text("mine")
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        upscale_animation(source, tmp_path / "taken.gif", upscaler)
    (tmp_path / "text.gif").write_text("dear diary")
    with pytest.raises(ImageReadError, match="it is no GIF, WebP or PNG"):
        upscale_animation(tmp_path / "text.gif", tmp_path / "x.gif", upscaler)
    (tmp_path / "half.gif").write_bytes(source.read_bytes()[:-300])
    with pytest.raises(ImageReadError, match="cannot read"):
        upscale_animation(tmp_path / "half.gif", tmp_path / "x.gif", upscaler)
    monkeypatch.setattr("srgan.video.animation.MAX_BYTES", 10_000)
    with pytest.raises(UsageError, match="4 frames of 48 x 40 pixels take"):
        upscale_animation(source, tmp_path / "x.gif", upscaler)
    assert not (tmp_path / "x.gif").exists()


@pytest.mark.parametrize("end", [".png", ".webp", ".gif"])
def test_a_turned_animation_becomes_upright(tmp_path, upscaler, end):
    """By its EXIF data, as browsers show it."""
    about = Image.Exif()
    about[0x0112] = 6
    frames = [Image.fromarray(np.dstack([np.full((24, 32), 60 * n, np.uint8)] * 3)) for n in (1, 2)]
    for frame in frames:
        frame.paste((255, 255, 255), (0, 0, 16, 8))  # top left: top right once it is turned
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=[50, 70], exif=about)
    done = upscale_animation(tmp_path / "a.png", tmp_path / f"b{end}", upscaler)
    assert (done.before, done.after) == ((24, 32), (24 * upscaler.scale, 32 * upscaler.scale))
    with Image.open(tmp_path / f"b{end}") as result:
        assert result.getexif().get(0x0112, 1) == 1
        for number in range(2):
            result.seek(number)
            shown = np.asarray(result.convert("L")).astype(int)
            assert shown[4, -4] > shown[4, 4] + 50
