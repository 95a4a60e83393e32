"""A video from file to file: what must stay stays, and a run that was killed goes on."""

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from srgan import Upscaler
from srgan.errors import OutputExistsError, SrganError, UsageError, VideoError
from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from srgan.video.work import ClipListener
from support import (
    clips,
    tiny_models,
)

FAST = Encoding(preset="ultrafast")


@pytest.fixture(scope="module")
def nearest_model(tmp_path_factory):
    """A network that repeats each pixel, four times to a side."""
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


@pytest.fixture(scope="module")
def upscaler(nearest_model):
    return Upscaler(nearest_model, threads=1)


class Notes(ClipListener):
    def __init__(self):
        self.notes = []
        self.done = []
        self.resumed = None

    def started(self, _source, _total, resumed):
        self.resumed = resumed

    def frame(self, done):
        self.done.append(done)

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_timestamps_and_audio_are_those_of_the_source(tmp_path, upscaler, suffix):
    # Matroska counts milliseconds.
    times = clips.VARIABLE if suffix != ".mkv" else [90 * (t // 90) for t in clips.VARIABLE]
    source = clips.make(tmp_path / f"clip{suffix}", times, audio="aac")
    target = tmp_path / f"large{suffix}"
    # Parts of five frames: with B-frames, and where they meet.
    done = upscale_clip(source, target, upscaler, part_frames=5)
    assert (done.frames, done.computed, done.before, done.after) == (12, 12, (64, 48), (256, 192))
    assert clips.shown(target) == clips.shown(source)
    assert len(set(clips.shown(target))) == 12
    sound = clips.packets(source, "audio")
    assert len(sound) > 30
    assert clips.packets(target, "audio") == sound
    with av.open(str(target)) as container:
        assert container.metadata["title"] == "Ein Titel"
        # QuickTime's list of languages has no "deu".
        assert container.streams.audio[0].language == (None if suffix == ".mov" else "deu")
        assert container.streams.video[0].codec_context.name == "h264"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_pixels_are_the_enlarged_ones(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mp4", clips.VARIABLE[:3])
    target = tmp_path / "large.mp4"
    upscale_clip(source, target, upscaler, encoding=Encoding(crf=4))
    for before, after in zip(clips.decoded(source), clips.decoded(target), strict=True):
        difference = np.abs(after.astype(int) - before.repeat(4, 0).repeat(4, 1))
        assert np.median(difference) <= 1
        assert np.percentile(difference, 95) <= 8  # chroma at half the resolution moves edges


@pytest.mark.parametrize(("matrix", "full"), [(1, 1), (6, 1), (9, 1), (1, 2)])
def test_colours_keep_their_values_and_tags(tmp_path, upscaler, matrix, full):
    """A wrong matrix or range changes these colours by 10 levels and more."""
    flat = np.zeros((32, 48, 3), np.uint8)
    flat[:, :16], flat[:, 16:32], flat[:, 32:] = (220, 40, 30), (30, 200, 60), (40, 50, 230)
    tags = (matrix, 9 if matrix == 9 else 1, 14 if matrix == 9 else 1, full)
    source = clips.make(tmp_path / "clip.mp4", [0, 3000], frames=[flat] * 2, tags=tags)
    target = tmp_path / "large.mp4"
    upscale_clip(source, target, upscaler)
    with av.open(str(source)) as small, av.open(str(target)) as large:
        first, second = next(small.decode(video=0)), next(large.decode(video=0))
        found = [
            (int(f.colorspace), int(f.color_primaries), int(f.color_trc), int(f.color_range)) for f in (first, second)
        ]
        assert found == [tags, tags]
        # The planes themselves, so that no other conversion has a say.
        for before, after in zip(planes(first), planes(second), strict=True):
            middle = [before.shape[1] // 6 * i for i in (1, 3, 5)]
            rows = before.shape[0] // 2
            small_values = [int(before[rows, column]) for column in middle]
            large_values = [int(after[4 * rows, 4 * column]) for column in middle]
            assert np.abs(np.subtract(small_values, large_values)).max() <= 3


def planes(frame):
    height, width = frame.height, frame.width
    array = frame.to_ndarray().reshape(-1)
    sizes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
    found, at = [], 0
    for size in sizes:
        found.append(array[at : at + size[0] * size[1]].reshape(size))
        at += size[0] * size[1]
    return found


def test_an_untagged_video_says_what_players_took_it_for(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mp4", [0, 3000])
    target = tmp_path / "large.mp4"
    upscale_clip(source, target, upscaler, encoding=FAST)
    with av.open(str(target)) as container:
        assert int(container.streams.video[0].codec_context.colorspace) == 6  # BT.601, as it is below 720 lines


def test_rotation_and_pixel_shape_stay(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mp4", [0, 3000], rotation=90, aspect=Fraction(4, 3))
    target = tmp_path / "large.mp4"
    upscale_clip(source, target, upscaler, encoding=FAST)
    turned = []
    for path in (source, target):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            turned.append((frame.rotation, container.streams.video[0].sample_aspect_ratio))
    assert turned[0][0] in (90, -90)
    assert turned[1] == turned[0]
    assert turned[1][1] == Fraction(4, 3)


def test_ten_bits_stay_ten_bits(tmp_path, upscaler):
    across = np.linspace(20_000, 24_000, 64).astype(np.uint16)  # 62 levels of 10 bits, 16 of 8
    pixels = np.broadcast_to(across[None, :, None], (32, 64, 3)).copy()
    source = clips.make(
        tmp_path / "clip.mkv",
        [0, 40],
        frames=[pixels] * 2,
        pixel_format="yuv420p10le",
        unit=Fraction(1, 1000),
        options={"crf": "0"},
    )
    target = tmp_path / "large.mp4"
    upscale_clip(source, target, upscaler, encoding=Encoding(crf=0, preset="ultrafast"))
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("hevc", "yuv420p10le")
        assert stream.codec_context.codec_tag == "hvc1"
        luma = next(container.decode(video=0)).to_ndarray(format="gray16le")
    assert len(np.unique(luma >> 6)) > 40


def test_subtitles_are_copied_where_the_container_holds_them(tmp_path, upscaler):
    times = [0, 90 * 33, 90 * 66]
    source = clips.make(tmp_path / "clip.mkv", times, audio="libmp3lame", subtitles=True)
    target = tmp_path / "large.mkv"
    upscale_clip(source, target, upscaler, encoding=FAST)
    words = clips.packets(source, "subtitles")
    assert [text for _, text in words] == [b"Zeile 0", b"Zeile 1"]
    assert clips.packets(target, "subtitles") == words
    assert clips.packets(target, "audio") == clips.packets(source, "audio")
    upscale_clip(source, tmp_path / "large.mp4", upscaler, encoding=FAST)  # where they become MP4's kind of text
    assert [text for _, text in clips.packets(tmp_path / "large.mp4", "subtitles") if len(text) > 2] == [
        b"\0\x07Zeile 0",
        b"\0\x07Zeile 1",
    ]


def test_frames_that_repeat_are_computed_once(tmp_path, upscaler):
    frames = [clips.picture(number) for number in (0, 0, 0, 5, 5, 0)]
    # Without loss, so that they are the same when decoded, too.
    source = clips.make(
        tmp_path / "clip.mp4", clips.VARIABLE[:6], frames=frames, options={"crf": "0"}, pixel_format="yuv444p"
    )
    done = upscale_clip(source, tmp_path / "large.mp4", upscaler, encoding=FAST)
    assert (done.frames, done.computed) == (6, 3)
    assert clips.shown(tmp_path / "large.mp4") == clips.shown(source)


SCRIPT = """
import os, signal, sys
from pathlib import Path
from srgan import Upscaler
from srgan.video.run import upscale_clip
from srgan.video.work import ClipListener

class Deadly(ClipListener):
    def frame(self, done):
        if done == 8:
            os.kill(os.getpid(), signal.SIGKILL)

source, target, model = map(Path, sys.argv[1:])
upscale_clip(source, target, Upscaler(model, threads=1), part_frames=3, listener=Deadly())
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_file(tmp_path, upscaler, nearest_model):
    source = clips.make(tmp_path / "clip.mp4", audio="aac")
    whole = tmp_path / "whole.mp4"
    upscale_clip(source, whole, upscaler, part_frames=3)

    target = tmp_path / "large.mp4"
    killed = subprocess.run([sys.executable, "-c", SCRIPT, source, target, nearest_model], timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    folder = tmp_path / ".large.mp4.parts"
    assert sorted(path.name for path in folder.glob("[0-9]*")) == ["000000.nut", "000001.nut"]

    listener = Notes()
    done = upscale_clip(source, target, upscaler, part_frames=3, listener=listener)
    assert listener.resumed == 6
    assert listener.done == [7, 8, 9, 10, 11, 12]
    assert (done.frames, done.computed) == (12, 6)
    assert target.read_bytes() == whole.read_bytes()
    assert not folder.exists()


def test_parts_of_another_job_are_not_gone_on_from(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mp4")
    target = tmp_path / "large.mp4"

    class Stops(ClipListener):
        def frame(self, done):
            if done == 8:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upscale_clip(source, target, upscaler, part_frames=3, listener=Stops(), encoding=Encoding(crf=30))
    assert [path.name for path in tmp_path.glob("large*")] == []
    listener = Notes()
    upscale_clip(source, target, upscaler, part_frames=3, listener=listener, encoding=FAST)
    assert listener.resumed == 0
    assert clips.shown(target) == clips.shown(source)


def test_what_cannot_be_done_is_said(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mp4", [0, 3000], audio="aac")
    taken = tmp_path / "taken.mp4"
    taken.write_text("mine")
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        upscale_clip(source, taken, upscaler)
    with pytest.raises(UsageError, match="is the input"):
        upscale_clip(source, source, upscaler, overwrite=True)
    with pytest.raises(UsageError, match="does not exist"):
        upscale_clip(tmp_path / "none.mp4", tmp_path / "x.mp4", upscaler)
    (tmp_path / "text.mp4").write_text("dear diary")
    with pytest.raises(VideoError, match=r"cannot read .*text\.mp4"):
        upscale_clip(tmp_path / "text.mp4", tmp_path / "x.mp4", upscaler)
    (tmp_path / "half.mp4").write_bytes(source.read_bytes()[:-2000])
    with pytest.raises(VideoError, match=r"cannot read .*half\.mp4"):
        upscale_clip(tmp_path / "half.mp4", tmp_path / "x.mp4", upscaler)
    with pytest.raises(UsageError, match="the CRF is 99"):
        upscale_clip(source, tmp_path / "x.mp4", upscaler, encoding=Encoding(crf=99))
    with pytest.raises(UsageError, match="no preset 'quick'"):
        upscale_clip(source, tmp_path / "x.mp4", upscaler, encoding=Encoding(preset="quick"))
    with pytest.raises(UsageError, match="WebM holds no H264"):
        upscale_clip(source, tmp_path / "x.webm", upscaler, encoding=Encoding(codec="h264"))
    with pytest.raises(UsageError, match="does not hold the audio"):
        upscale_clip(source, tmp_path / "x.webm", upscaler)
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        sound = out.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    with pytest.raises(VideoError, match="has no video in it"):
        upscale_clip(tmp_path / "sound.mp4", tmp_path / "x.mp4", upscaler)
    assert taken.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.glob("x.*")) == []


def test_a_file_name_is_never_taken_for_an_address_or_a_list(tmp_path, upscaler, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips.make(tmp_path / "clip.mp4", [0, 3000])
    name = Path("concat:clip.mp4")
    os.rename("clip.mp4", name)
    upscale_clip(name, Path("large.mp4"), upscaler, encoding=FAST)
    assert len(clips.shown("large.mp4")) == 2
    Path("list.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(SrganError, match="cannot read"):
        upscale_clip(Path("list.mp4"), Path("x.mp4"), upscaler)


def test_webm_is_av1(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mkv", [0, 90 * 33, 90 * 66], audio="libopus")
    target = tmp_path / "large.webm"
    upscale_clip(source, target, upscaler, encoding=Encoding(preset="12"))
    with av.open(str(target)) as container:
        assert "av1" in container.streams.video[0].codec_context.codec.canonical_name
    assert clips.shown(target) == clips.shown(source)
    assert clips.packets(target, "audio") == clips.packets(source, "audio")
