"""A disk that has no room for a clip is found out before the first frame."""

import pytest

from srgan import Upscaler
from srgan.errors import VideoError
from srgan.video import room
from srgan.video.clip import probe
from srgan.video.encoder import Encoding, decide
from srgan.video.run import upscale_clip
from support import clips, tiny_models


def test_no_room_is_said_first(tmp_path, monkeypatch):
    source = clips.make(tmp_path / "a.mp4")
    upscaler = Upscaler(tiny_models.nearest(tmp_path / "nearest.onnx", scale=2), threads=1)
    monkeypatch.setattr("srgan.files.free_bytes", lambda _: 10)
    with pytest.raises(VideoError, match="0 MB are free there: free some space"):
        upscale_clip(source, tmp_path / "b.mp4", upscaler)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "nearest.onnx"]


@pytest.mark.parametrize(("name", "codec"), [("b.mp4", "auto"), ("b.mkv", "hevc"), ("b.mov", "prores")])
def test_it_never_asks_for_more_than_the_result_takes(name, codec, tmp_path):
    """Of the smallest that encoders make: nothing but one colour, at a poor quality."""
    import numpy as np

    frames = [np.full((128, 128, 3), 90, np.uint8)] * 60
    source = clips.make(tmp_path / "a.mp4", [3600 * n for n in range(60)], frames=frames)
    upscaler = Upscaler(tiny_models.nearest(tmp_path / "nearest.onnx", scale=2), threads=1)
    clip = probe(source)
    encoding = Encoding(codec, crf=None if codec == "prores" else 34)
    settings = decide(encoding, clip, tmp_path / name, (256, 256))
    upscale_clip(source, tmp_path / name, upscaler, encoding=encoding)
    assert room.least_bytes(clip, settings) <= 2 * (tmp_path / name).stat().st_size
