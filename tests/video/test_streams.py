"""What becomes of a video's other streams: what a container holds is copied, the rest converted, named or refused."""

from fractions import Fraction

import av
import pytest

from srgan.errors import UsageError
from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from srgan.video.work import Selection
from support import clips

FAST = Encoding(preset="ultrafast")


class Notes(clips.Notes):
    def __init__(self):
        super().__init__()
        self.done = []

    def frame(self, done):
        self.done.append(done)


def sound(path):
    with av.open(str(path)) as container:
        return [stream.codec_context.name for stream in container.streams.audio]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        # Matroska has no names of its own for these, and takes them by those of Windows.
        (".avi", "wmav2"),
        (".avi", "adpcm_ima_wav"),
        (".avi", "adpcm_ms"),
        (".avi", "pcm_mulaw"),
        (".avi", "pcm_alaw"),
        (".mov", "pcm_s16be"),
        (".mkv", "flac"),
    ],
)
def test_sound_that_matroska_holds_is_copied(tmp_path, upscaler, suffix, codec):
    source = clips.make(tmp_path / f"clip{suffix}", [0, 1, 2], audio=codec, rate=25, unit=Fraction(1, 25))
    target = tmp_path / "a [name|with] 'marks' \\.mkv"
    listener = Notes()
    upscale_clip(source, target, upscaler, encoding=FAST, listener=listener)
    assert listener.notes == []
    assert sound(target) == [codec]
    assert [data for _, data in clips.packets(target, "audio")] == [data for _, data in clips.packets(source, "audio")]
    with av.open(str(target)) as container:
        assert container.metadata["title"] == "Ein Titel"
        assert len(list(container.decode(video=0))) == 3


@pytest.mark.parametrize(
    ("suffix", "codec", "end", "stored"),
    [
        (".m2ts", "pcm_bluray", ".mkv", "pcm_s16le"),
        (".avi", "pcm_mulaw", ".mp4", "pcm_s16le"),
        (".mkv", "pcm_f32le", ".mkv", "pcm_f32le"),
    ],
)
def test_uncompressed_sound_stays_sample_for_sample(tmp_path, upscaler, suffix, codec, end, stored):
    source = clips.make(tmp_path / f"clip{suffix}", [0, 1, 2], audio=codec, rate=25, unit=Fraction(1, 25))
    target = tmp_path / f"large{end}"
    listener = Notes()
    upscale_clip(source, target, upscaler, encoding=FAST, listener=listener)
    assert sound(target) == [stored]
    assert [f"becomes {stored}" in note for note in listener.notes] == ([True] if codec != stored else [])
    assert samples(target) == samples(source)


def samples(path):
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", 48_000)
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        return b"".join(piece.to_ndarray().tobytes() for piece in pieces)


def test_what_only_another_container_holds_is_refused_and_that_one_named(tmp_path, upscaler):
    listener = Notes()
    wma = clips.make(tmp_path / "wma.avi", [0, 1], audio="wmav2", rate=25, unit=Fraction(1, 25))
    with pytest.raises(UsageError, match=r"\.webm does not hold the audio .*wmav2.*write \.mkv, .*--no-audio"):
        upscale_clip(wma, tmp_path / "large.webm", upscaler, listener=listener)
    assert listener.done == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wma.avi"]  # no folder of parts either


def mov_text(path):
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        words = out.add_mux_stream("mov_text")
        out.mux(video.encode(av.VideoFrame(32, 32, "yuv420p")))
        out.mux(video.encode(None))
        packet = av.Packet(b"\0\2hi")
        packet.stream, packet.pts, packet.dts, packet.duration = words, 0, 0, 10
        out.mux(packet)
    return path


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (Selection(), ["video", "audio", "subtitle"]),
        (Selection(audio=False), ["video", "subtitle"]),
        (Selection(subtitles=False), ["video", "audio"]),
        (Selection(audio=False, subtitles=False), ["video"]),
    ],
)
def test_streams_that_are_not_wanted_stay_out(tmp_path, upscaler, wanted, kinds):
    source = clips.make(tmp_path / "clip.mkv", [0, 3600], audio="libmp3lame", subtitles=True)
    target = tmp_path / "large.mkv"
    listener = Notes()
    upscale_clip(source, target, upscaler, encoding=FAST, streams=wanted, listener=listener)
    with av.open(str(target)) as container:
        assert [stream.type for stream in container.streams] == kinds
    assert listener.notes == []


def test_what_is_not_wanted_need_not_fit(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.mkv", [0, 3600], audio="libmp3lame", subtitles=True)
    upscale_clip(source, tmp_path / "large.mp4", upscaler, encoding=FAST, streams=Selection(subtitles=False))
    assert sound(tmp_path / "large.mp4") == ["mp3float"] or sound(tmp_path / "large.mp4") == ["mp3"]
