"""What frames say beside their pixels, timecodes and the names of chapters: kept, or named before the work."""

from fractions import Fraction

import av
import pytest

from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from srgan.video.side_data import Mastering, left_out, mastering_of
from support import clips

TIMES = [3600 * n for n in range(6)]
PARAMS = "log-level=error:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"


def first_frame(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


@pytest.fixture(scope="module")
def hdr(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdr") / "a.mkv"
    options = {"x265-params": PARAMS, "preset": "ultrafast"}
    return clips.make(path, TIMES, codec="libx265", pixel_format="yuv420p10le", options=options, tags=(9, 9, 16, 1))


@pytest.mark.parametrize(
    ("name", "codec", "preset"),
    [("b.mkv", "auto", "ultrafast"), ("b.mp4", "auto", "ultrafast"), ("b.webm", "auto", "12")],
)
def test_the_brightness_of_hdr_is_kept(name, codec, preset, hdr, tmp_path, upscaler):
    said = mastering_of(first_frame(hdr))
    assert said.content == (1000, 400)
    assert said.luminance == (Fraction(1, 10_000), 1000)
    listener = clips.Notes()
    upscale_clip(hdr, tmp_path / name, upscaler, encoding=Encoding(codec, preset=preset), listener=listener)
    assert listener.notes == []
    found = mastering_of(first_frame(tmp_path / name))
    assert found.content == said.content
    for one, other in zip((*found.primaries, *found.luminance), (*said.primaries, *said.luminance), strict=True):
        assert abs(one - other) < max(other * Fraction(1, 500), Fraction(1, 2000))


def test_where_the_codec_cannot_say_it_a_line_does(hdr, tmp_path, upscaler):
    listener = clips.Notes()
    upscale_clip(hdr, tmp_path / "b.mkv", upscaler, encoding=Encoding("h264", preset="ultrafast"), listener=listener)
    assert listener.notes == ["what it says of the brightness of HDR is left out: hevc and av1 hold it"]


class _Frame:
    """A frame with side data of these names."""

    def __init__(self, *names):
        kind = type("Kind", (), {})
        self.side_data = []
        for name in names:
            data, data.type = kind(), kind()
            data.type.name = name
            self.side_data.append(data)


def test_what_no_result_has_is_named_once():
    words = left_out(_Frame("A53_CC", "SEI_UNREGISTERED", "DOVI_METADATA", "DOVI_RPU_BUFFER", "SPHERICAL"))
    assert [word.split(" ")[1] for word in words] == ["closed", "Dolby", "result"]


def test_parameters_of_encoders():
    numbers = [Fraction(n, 100) for n in (68, 32, 26, 69, 15, 6, 31, 33)]
    said = Mastering(tuple(numbers), (Fraction(1, 10_000), Fraction(1000)), (1000, 400))
    assert (
        said.x265()
        == "master-display=G(13000,34500)B(7500,3000)R(34000,16000)WP(15500,16500)L(10000000,1):max-cll=1000,400"
    )
    assert Mastering(content=(500, 100)).x265() == "max-cll=500,100"
    assert said.svt().startswith("mastering-display=G(0.26000,0.69000)B(")


def test_a_timecode_is_kept_in_matroska_and_named_elsewhere(tmp_path, upscaler):
    source = tmp_path / "a.mov"
    with av.open(str(source), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = "01:00:00:00"
        for number in range(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(clips.picture(number), format="rgb24")))
        out.mux(stream.encode(None))
    with av.open(str(source)) as made:
        assert [s.type for s in made.streams] == ["video", "data"]
    listener = clips.Notes()
    upscale_clip(source, tmp_path / "b.mov", upscaler, encoding=Encoding(preset="ultrafast"), listener=listener)
    assert listener.notes == ["its timecode (01:00:00:00) is left out: .mkv keeps it"]
    listener = clips.Notes()
    upscale_clip(source, tmp_path / "b.mkv", upscaler, encoding=Encoding(preset="ultrafast"), listener=listener)
    assert listener.notes == []
    with av.open(str(tmp_path / "b.mkv")) as made:
        said = {key.lower(): value for key, value in made.streams.video[0].metadata.items()}
    assert said["timecode"] == "01:00:00:00"
