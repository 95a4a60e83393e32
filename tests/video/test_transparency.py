"""Transparent videos, and animations that become videos or are made of them."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from srgan.errors import UsageError
from srgan.video.animation import upscale_animation
from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from support import clips

DURATIONS = [50, 100, 30, 70, 200, 60]
SAMPLES = [(4, 4), (4, 40), (20, 4), (20, 40)]
"""Points of frames that are enlarged twice: alpha 0, 255, 128, 255."""


def pixels(number, half=128):
    made = np.empty((16, 32, 4), np.uint8)
    made[:, :, :3] = (200, 30 * number, 60)
    made[:, :16, 3] = half
    made[:8, :16, 3] = 0
    made[:, 16:, 3] = 255
    return made


def transparent(path, codec, pixel_format, **options):
    """Write four frames, 1/25 s apart."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pixel_format
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(pixels(number), format="rgba").reformat(format=pixel_format)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def shown(path):
    """Return the last frame as RGBA, by the decoder that knows VP9's alpha, and the stream's codec and times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        name = stream.codec_context.name
        decoder = av.CodecContext.create("libvpx-vp9", "r") if name == "vp9" else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        times = [frame.pts * stream.time_base for frame in frames]
        return frames[-1].to_ndarray(format="rgba"), name, times


SOURCES = {
    "qtrle": (".mov", "argb", {}),
    "png": (".mov", "rgba", {}),
    "prores_ks": (".mov", "yuva444p10le", {"profile": "4444"}),
    "libvpx-vp9": (".webm", "yuva420p", {"auto-alt-ref": "0", "crf": "4"}),
    "ffv1": (".mkv", "yuva420p", {}),
}


@pytest.mark.parametrize(("end", "codec"), [(".webm", "vp9"), (".mkv", "vp9"), (".mov", "prores")])
@pytest.mark.parametrize("source", SOURCES)
def test_transparency_is_kept_where_the_container_holds_it(tmp_path, upscaler, source, end, codec):
    suffix, pixel_format, options = SOURCES[source]
    clip = transparent(tmp_path / f"clip{suffix}", source, pixel_format, **options)
    target = tmp_path / f"large{end}"
    listener = clips.Notes()
    upscale_clip(clip, target, upscaler, listener=listener, part_frames=3)
    frame, name, times = shown(target)
    assert (name, times) == (codec, [Fraction(n, 25) for n in range(4)])
    assert frame.shape == (32, 64, 4)
    assert [abs(int(frame[at][3]) - alpha) <= 4 for at, alpha in zip(SAMPLES, (0, 255, 128, 255), strict=True)] == [
        True
    ] * 4
    assert np.abs(frame[20, 40, :3].astype(int) - (200, 90, 60)).max() <= 12
    assert not any("transparency" in note for note in listener.notes)


@pytest.mark.parametrize(("end", "encoding"), [(".mp4", Encoding()), (".webm", Encoding("av1", preset="12"))])
def test_where_it_cannot_be_kept_a_line_says_so(tmp_path, upscaler, end, encoding):
    clip = transparent(tmp_path / "clip.mov", "qtrle", "argb")
    listener = clips.Notes()
    upscale_clip(clip, tmp_path / f"large{end}", upscaler, encoding=encoding, listener=listener)
    [note] = listener.notes
    assert note.startswith("its transparency is laid on white")
    frame, _, _ = shown(tmp_path / f"large{end}")
    assert frame[4, 4, :3].min() > 240  # what was not there does not come up


@pytest.mark.parametrize("end", [".gif", ".webp", ".png"])
def test_an_animation_is_made_of_a_transparent_video(tmp_path, upscaler, end):
    clip = transparent(tmp_path / "clip.webm", "libvpx-vp9", "yuva420p", **{"auto-alt-ref": "0", "crf": "4"})
    done = upscale_animation(clip, tmp_path / f"large{end}", upscaler)
    assert (done.frames, done.after) == (4, (64, 32))
    with Image.open(tmp_path / f"large{end}") as picture:
        assert picture.n_frames == 4
        assert picture.info["loop"] == 0
        durations = []
        for number in range(4):
            picture.seek(number)
            frame = np.asarray(picture.convert("RGBA"))
            durations.append(picture.info["duration"])
    assert durations == [40] * 4
    assert [int(frame[at][3]) // 250 for at in ((4, 4), (4, 40), (20, 40))] == [0, 1, 1]


def animation(path, *, alpha, **options):
    made = [Image.fromarray(pixels(number, 255) if alpha else pixels(number)[:, :, :3].copy()) for number in range(6)]
    made[0].save(path, save_all=True, append_images=made[1:], duration=DURATIONS, disposal=2, **options)
    return path


def test_a_gif_becomes_a_video_with_its_times(tmp_path, upscaler):
    source = animation(tmp_path / "clip.gif", alpha=False, loop=0)
    listener = clips.Notes()
    done = upscale_clip(source, tmp_path / "large.mp4", upscaler, encoding=Encoding(crf=4), listener=listener)
    assert (done.frames, done.before, done.after) == (6, (32, 16), (64, 32))
    assert listener.notes == ["it repeats, which videos cannot say: the result is shown once"]
    frame, name, times = shown(tmp_path / "large.mp4")
    assert name == "h264"
    assert times == [Fraction(sum(DURATIONS[:n]), 1000) for n in range(6)]
    assert np.abs(frame[20, 20, :3].astype(int) - (200, 150, 60)).max() <= 12
    with av.open(str(tmp_path / "large.mp4")) as container:
        assert container.duration == pytest.approx(sum(DURATIONS) * 1000, abs=1000)  # the last frame lasts as well


def test_what_a_video_of_an_animation_cannot_have_is_named(tmp_path, upscaler):
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = animation(tmp_path / "clip.webp", alpha=False, loop=1, icc_profile=profile, exif=exif)
    listener = clips.Notes()
    upscale_clip(source, tmp_path / "large.mp4", upscaler, listener=listener)
    assert [note.split(" is left out")[0] for note in listener.notes] == ["its colour profile", "its EXIF data"]


@pytest.mark.parametrize("end", ["webp", "png", "gif"])
def test_a_transparent_animation_becomes_a_transparent_video(tmp_path, upscaler, end):
    source = animation(tmp_path / f"clip.{end}", alpha=True)
    upscale_clip(source, tmp_path / "large.webm", upscaler)
    frame, name, times = shown(tmp_path / "large.webm")
    assert (name, len(times)) == ("vp9", 6)
    assert [int(frame[at][3]) // 250 for at in SAMPLES] == [0, 1, 1, 1]


def test_frames_without_a_duration_last_as_long_as_browsers_show_them(tmp_path, upscaler):
    made = [Image.fromarray(pixels(number)[:, :, :3].copy()) for number in range(3)]
    made[0].save(tmp_path / "clip.gif", save_all=True, append_images=made[1:], duration=0)
    upscale_clip(tmp_path / "clip.gif", tmp_path / "large.mp4", upscaler)
    assert shown(tmp_path / "large.mp4")[2] == [0, Fraction(1, 10), Fraction(2, 10)]


def test_an_animation_of_a_video_stands_upright_with_square_pixels(tmp_path, upscaler):
    frames = [np.zeros((32, 48, 3), np.uint8)] * 2
    frames[0][:, :12] = 255  # the left quarter
    for rotation, bright in ((90, (-1, 0)), (-90, (0, 0))):  # it stands at the bottom, or at the top
        source = clips.make(
            tmp_path / f"{rotation}.mp4", [0, 3600], frames=frames, rotation=rotation, aspect=Fraction(2), audio="aac"
        )
        listener = clips.Notes()
        target = tmp_path / f"{rotation}.png"
        done = upscale_animation(source, target, upscaler.sized(type(upscaler.target)(width=64)), listener=listener)
        assert (done.before, done.after) == ((32, 96), (64, 192))
        assert listener.notes == ["its sound is left out, as animations have none"]
        with Image.open(target) as picture:
            assert picture.size == (64, 192)
            values = np.asarray(picture.convert("L"))
        assert values[bright] > 200
        assert values[-1 - bright[0] if bright[0] else -1, 0] < 60


def test_a_gif_of_sixty_frames_a_second_keeps_its_speed(tmp_path, upscaler):
    """Browsers show frames of less than 0.02 s five times too long."""
    source = clips.make(tmp_path / "clip.mp4", [1500 * n for n in range(12)], rate=60)
    listener = clips.Notes()
    upscale_animation(source, tmp_path / "large.gif", upscaler, listener=listener)
    assert listener.notes == ["6 of its frames are shorter than GIF can show, and were left out"]
    with Image.open(tmp_path / "large.gif") as picture:
        durations = []
        for number in range(picture.n_frames):
            picture.seek(number)
            durations.append(picture.info["duration"])
    assert min(durations) >= 20
    assert sum(durations) == 200


def test_prores_has_no_crf(tmp_path, upscaler):
    clip = transparent(tmp_path / "clip.mov", "qtrle", "argb")
    with pytest.raises(UsageError, match="neither CRF nor presets"):
        upscale_clip(clip, tmp_path / "large.mov", upscaler, encoding=Encoding(crf=20))
    with pytest.raises(UsageError, match="MP4 holds no ProRes"):
        upscale_clip(clip, tmp_path / "large.mp4", upscaler, encoding=Encoding("prores"))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mov"]
