"""Animated PNG of 16 bits stays that, or says that it does not; what belongs to an animation goes along."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from srgan import Upscaler, image
from srgan.image import apng, png
from srgan.video.animation import upscale_animation
from srgan.video.work import ClipListener
from support import tiny_models

TIMES = [Fraction(1, 24), Fraction(1, 7), Fraction(3)]


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    """One that repeats each pixel, four times to a side."""
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4), threads=1)


class Notes(ClipListener):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def deep(path, channels):
    chance = np.random.default_rng(0)
    frames = [chance.integers(0, 65536, (10, 12, channels)).astype(np.uint16) for _ in TIMES]
    with path.open("wb") as out:
        writer = apng.Writer(out, len(frames), 2, png.Beginning([png.Chunk(b"tEXt", b"Author\0Jane")]))
        for frame, time in zip(frames, TIMES, strict=True):
            writer.add(frame, time)
        writer.finish()
    return frames


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_stay_through_an_animation(tmp_path, upscaler, channels):
    frames = deep(tmp_path / "a.png", channels)
    notes = Notes()
    done = upscale_animation(tmp_path / "a.png", tmp_path / "b.png", upscaler, listener=notes)
    assert (done.frames, done.before, done.after, notes.notes) == (3, (12, 10), (48, 40), [])
    with (tmp_path / "b.png").open("rb") as file:
        found = apng.open_file(file)
    assert (found.depth, found.channels, found.plays) == (16, channels, 2)
    assert [frame.seconds for frame in found.frames] == TIMES
    for shown, wanted in zip(found.pictures(), frames, strict=True):
        opaque = wanted[:, :, 3:] > 0 if channels == 4 else np.ones((10, 12, 1), bool)
        large = wanted.repeat(4, axis=0).repeat(4, axis=1).astype(int)
        colours = 3 if channels == 4 else channels
        difference = abs(shown.astype(int) - large)[:, :, :colours] * opaque.repeat(4, axis=0).repeat(4, axis=1)
        assert difference.max() <= 1
    assert [text.text for text in image.read(tmp_path / "b.png").texts] == ["Jane"]


@pytest.mark.parametrize("end", ["gif", "webp"])
def test_16_bits_that_become_8_are_said_and_no_frame_is_lost(tmp_path, upscaler, end):
    deep(tmp_path / "a.png", 1)
    notes = Notes()
    upscale_animation(tmp_path / "a.png", tmp_path / f"b.{end}", upscaler, listener=notes)
    assert any("its 16 bits a channel become 8" in note for note in notes.notes)
    with Image.open(tmp_path / f"b.{end}") as made:
        assert made.n_frames == 3
        made.seek(1)
        assert 60 < np.asarray(made.convert("L")).mean() < 190


def animated(path, **options):
    frames = [Image.new("RGB", (12, 10), colour) for colour in ("red", "lime", "blue")]
    kind = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}[path.suffix]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100, **options)


@pytest.mark.parametrize("end", ["png", "gif", "webp"])
def test_what_belongs_to_an_animation_goes_along(tmp_path, upscaler, end):
    about = PngImagePlugin.PngInfo()
    about.add_text("Author", "Jane")
    exif = Image.Exif()
    exif[0x010F], exif[0x0100] = "Maker", 12
    animated(tmp_path / "a.png", pnginfo=about, exif=exif)
    notes = Notes()
    upscale_animation(tmp_path / "a.png", tmp_path / f"b.{end}", upscaler, listener=notes)
    found = image.read(tmp_path / f"b.{end}")
    assert found.pages == 3
    if end == "webp":
        assert b"<rdf:li>Jane</rdf:li>" in found.xmp
    else:
        assert [text.text.removeprefix("Author: ") for text in found.texts] == ["Jane"]
    if end == "gif":
        assert any("EXIF" in note for note in notes.notes)
    else:
        tags = Image.Exif()
        tags.load(found.exif)
        assert (tags[0x010F], tags[0x0100]) == ("Maker", 48)
    with Image.open(tmp_path / f"b.{end}") as made:
        made.seek(2)
        assert abs(np.asarray(made.convert("RGB")).reshape(-1, 3).mean(axis=0) - (0, 0, 255)).max() < 5
