"""What a video file says about its picture: sizes are those that players show."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from srgan import Upscaler
from srgan.engine.sizes import Target
from srgan.video.clip import probe
from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from support import clips, tiny_models


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network that repeats each pixel, four times to a side."""
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


def stored(path: Path) -> tuple[int, int, Fraction | None, int]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height, container.streams.video[0].sample_aspect_ratio, frame.rotation


@pytest.mark.parametrize(
    ("rotation", "aspect", "wanted", "size", "shown"),
    [
        # 64 x 48 stored. Turned by a quarter it is shown as 48 x 64, as phones write portraits.
        (90, None, {"width": 96}, (128, 96), (96, 128)),
        (-90, None, {"height": 128}, (128, 96), (96, 128)),
        (90, None, {"fit": (96, 160)}, (128, 96), (96, 128)),
        (270, None, {"fit": (400, 128)}, (128, 96), (96, 128)),
        (180, None, {"width": 128}, (128, 96), (128, 96)),
        (90, None, {"scale": 2.0}, (128, 96), (96, 128)),
        # Anamorphic: shown as 96 x 48; turned as 48 x 96.
        (None, Fraction(3, 2), {"width": 192}, (128, 96), (192, 96)),
        (None, Fraction(3, 2), {"height": 96}, (128, 96), (192, 96)),
        (None, Fraction(3, 2), {"fit": (192, 500)}, (128, 96), (192, 96)),
        (None, Fraction(3, 2), {"fit": (500, 96)}, (128, 96), (192, 96)),
        (90, Fraction(3, 2), {"width": 96}, (128, 96), (96, 192)),
        (90, Fraction(3, 2), {"fit": (500, 192)}, (128, 96), (96, 192)),
    ],
)
def test_sizes_are_those_that_players_show(tmp_path, model, rotation, aspect, wanted, size, shown):
    source = clips.make(tmp_path / "clip.mp4", [0, 3000], rotation=rotation, aspect=aspect)
    target = tmp_path / "large.mp4"
    done = upscale_clip(source, target, Upscaler(model, threads=1, **wanted), encoding=Encoding(preset="ultrafast"))
    before, after = stored(source), stored(target)
    assert after[:2] == size
    assert after[2:] == before[2:]  # pixels keep their shape, and players turn it as before
    assert done.after == shown
    assert done.before == (shown[0] // 2, shown[1] // 2)


def test_a_box_is_never_exceeded(tmp_path):
    clip = probe(clips.make(tmp_path / "clip.mp4", [0], aspect=Fraction(16, 15)))
    for side in range(100, 140):
        height, width = clip.stored(Target(fit=(side, 1000))).of(clip.height, clip.width, 4)
        assert clip.shown(width, height)[0] <= side
