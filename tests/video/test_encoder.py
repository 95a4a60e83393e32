import pytest

from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from support import clips


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv"])
@pytest.mark.parametrize("count", [1, 2])
def test_x265_encodes_a_clip_of_a_frame_or_two(tmp_path, upscaler, name, count):
    """Its decoding times are uninitialised memory then: refused by the muxer now and then."""
    times = [3600 * number for number in range(count)]
    source = clips.make(tmp_path / "a.mkv", times)
    hevc = Encoding("hevc", preset="ultrafast")
    for _ in range(8):
        upscale_clip(source, tmp_path / name, upscaler, encoding=hevc, overwrite=True)
        assert clips.shown(tmp_path / name) == clips.shown(source)
